/* bench-ledger.c - what a request costs the writer: CPU µs by batch, bytes on disk. Usage: bench-ledger [folder] */
#include "base/digest.h"
#include "base/id.h"
#include "store/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS 20000
#define SESSIONS 100000

static const char body[] =
        "{\"seq\":0,\"at\":1795500000000,\"id\":\"d_01jd0000000000000000000000\",\"zone\":\"dev\",\"kind\":\"exchange\",\"step\":\"record\",\"outcome\":\"allowed\","
        "\"user\":\"sara\",\"application\":\"churn\",\"client_id\":\"http://localhost:8001/mcp\",\"chain\":[\"cowork\",\"churn\"],\"resource\":\"analytics\","
        "\"scopes\":[\"query\"],\"classes\":[\"read\"],\"session\":\"s_01jd0000000000000000000000\",\"authorization\":\"a_01jd0000000000000000000000\","
        "\"hop\":\"h_01jd0000000000000000000000\",\"action\":\"exchange\",\"policies\":[{\"id\":\"managed-user\",\"file\":\"managed.cedar\",\"line\":1},"
        "{\"id\":\"managed-delegation\",\"file\":\"managed.cedar\",\"line\":5}],\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"cutoff\":\"feed\",\"expires_at\":1795500300}";

typedef struct Bench {
        Ledger *ledger;
        Arena *arena;
        int64_t at;
        uint64_t random;
        size_t failed;
} Bench;

static void done(void *arg, uint64_t tag, const Commit *commit) {
        (void)tag;
        ((Bench *)arg)->failed += commit->end != COMMIT_OK;
}

static Text id(Bench *b, char kind) {
        uint8_t random[ID_RANDOM];
        for (size_t i = 0; i < sizeof random; i++) {
                b->random = b->random * 6364136223846793005u + 1442695040888963407u;
                random[i] = (uint8_t)(b->random >> 56);
        }
        return id_make(b->arena, kind, b->at++, random);
}

#define ADD(statement, ...)                                                                                            \
        do {                                                                                                           \
                const Value list_[] = {value_text(TEXT("dev")), __VA_ARGS__};                                          \
                batch->writes[batch->n++] = (Write){statement, arena_copy(b->arena, list_, sizeof list_), ARRAY_LEN(list_), 1}; \
        } while (0)
#define TXT(s) value_text(TEXT(s))

static void add_event(Bench *b, Batch *batch) {
        Text session = id(b, 's');
        Text guard = text_print(b->arena, "{\"ids\":[\"%.*s\",\"%.*s\",\"%.*s\"],\"parties\":[\"user:sara\",\"application:cowork\",\"application:churn\",\"resource:analytics\"]}",
                                TEXT_ARG(session), TEXT_ARG(id(b, 'a')), TEXT_ARG(id(b, 'h')));
        ADD(WRITE_event_append, value_int(b->at), value_text(id(b, 'd')), value_text(session), TXT(body), value_text(guard), value_int(b->at / 1000));
}

static void add_hop(Bench *b, Batch *batch) {
        ADD(WRITE_hop_add, value_text(id(b, 'h')), value_text(id(b, 's')), value_text(id(b, 'a')), TXT(""), TXT("churn"), TXT("http://localhost:8001/mcp"),
            TXT("analytics"), TXT("query"), value_int(1), TXT("exchange"), TXT("cowork none churn key"), value_int(1), TXT("churn"), value_null(), value_int(1),
            value_int(b->at / 1000), value_int(3));
}

static void add_jti(Bench *b, Batch *batch) {
        ADD(WRITE_jti_add, TXT("http://localhost:8001/mcp"), value_text(digest_hex(b->arena, id(b, 'j'))), value_int(b->at / 1000 + 60));
}

static void add_session(Bench *b, Batch *batch) {
        Text s = id(b, 's'), a = id(b, 'a');
        int64_t now = b->at / 1000;
        Text user = text_print(b->arena, "user-%d", (int)(b->random >> 50)), digest = digest_bytes(b->arena, s);
        ADD(WRITE_session_add, value_text(s), value_null(), value_text(s), value_int(0), value_text(user), TXT("cowork"),
            TXT("https://localhost:9443/cowork.json"), value_text(digest_hex(b->arena, user)), value_int(now), value_int(3600), value_int(now + 43200),
            value_int(now), value_int(0));
        ADD(WRITE_authorization_add, value_text(a), value_text(s), value_text(user), TXT("cowork"), TXT("https://localhost:9443/cowork.json"),
            TXT("[[\"cowork\",\"churn\",\"run\",1],[\"churn\",\"analytics\",\"query\",1],[\"churn\",\"health\",\"read\",1],[\"product-analytics\",\"snowflake\",\"session:role:ANALYST\",1]]"),
            TXT("[{\"resource\":\"churn\",\"scopes\":[\"run\"]}]"), value_text(digest_hex(b->arena, a)), value_int(now), value_int(now + 43200));
        ADD(WRITE_code_add, value_blob(digest), value_text(a), TXT("https://localhost:9443/cowork.json"), TXT("http://127.0.0.1:33418/callback"),
            value_text(digest_hex(b->arena, a)), TXT("churn"), value_text(id(b, 'd')), value_int(now), value_int(now + 60));
}

static void shape_event(Bench *b, Batch *batch) { add_event(b, batch); }
static void shape_hop(Bench *b, Batch *batch) { add_hop(b, batch), add_event(b, batch); }
static void shape_jti(Bench *b, Batch *batch) { add_jti(b, batch), add_event(b, batch); }
static void shape_session(Bench *b, Batch *batch) { add_session(b, batch), add_event(b, batch); }

static double cpu_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double run(Bench *b, size_t requests, size_t at_once, void (*shape)(Bench *b, Batch *batch)) {
        double spent = 0;
        for (size_t i = 0; i < requests; i += at_once) {
                for (size_t k = 0; k < at_once; k++) {
                        b->arena = arena_new(1 << 20);
                        Batch batch = {0};
                        shape(b, &batch);
                        b->failed += !outcome_ok(ledger_commit(b->ledger, &(LedgerAsk){.batch = &batch, .done = done, .arg = b}));
                        arena_free(b->arena);
                }
                double from = cpu_us();
                ledger_step(b->ledger, at_once);
                spent += cpu_us() - from;
        }
        return spent / (double)requests;
}

static long long size_of(const char *file) {
        struct stat st;
        return stat(file, &st) == 0 ? (long long)st.st_size : 0;
}

int main(int argc, char **argv) {
        static const struct { const char *name; void (*shape)(Bench *b, Batch *batch); } shapes[] = {
                {"event", shape_event}, {"event + hop", shape_hop}, {"event + jti", shape_jti}, {"event + session + authorization + code", shape_session}};
        char file[4096], command[5000];
        snprintf(file, sizeof file, "%s/carnet-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
        if (!mkdtemp(file))
                return 1;
        snprintf(command, sizeof command, "rm -rf '%s'", file);
        strcat(file, "/ledger");
        Bench b = {.at = 1795500000000, .random = 1};
        if (!outcome_ok(ledger_open(&(LedgerOptions){.file = file}, &b.ledger)))
                return 1;
        run(&b, SESSIONS, 200, shape_session);
        printf("on top of %d sessions; events of %zu bytes; %lld bytes a session with authorization, code and event\n", SESSIONS, sizeof body - 1,
               size_of(file) / SESSIONS);
        for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
                for (size_t at_once = 1; at_once <= 64; at_once *= at_once < 8 ? 8 : 2) {
                        long long before = size_of(file);
                        double us = run(&b, REQUESTS, at_once, shapes[s].shape);
                        printf("%-40s batch %2zu: %5.1f us CPU, %lld bytes\n", shapes[s].name, at_once, us, (size_of(file) - before) / REQUESTS);
                }
        if (b.failed)
                printf("%zu commits failed\n", b.failed);
        ledger_close(b.ledger);
        return system(command) != 0 || b.failed;
}
