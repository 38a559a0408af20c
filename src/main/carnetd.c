/* carnetd.c - the zone server: reads its configuration, makes its parts, runs the loops, stops in order. */
#include "core/request.h"
#include "listeners/http/listener.h"
#include "main/locks.h"
#include "main/publish.h"
#include "main/runkeys.h"
#include "main/sweep.h"
#include "main/world.h"
#include "runtime/http_server.h"
#include "runtime/listen.h"
#include "runtime/sandbox.h"
#include "runtime/tls.h"
#include "runtime/tries.h"
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 5000
#define WORKERS 2 /* argon2 takes 64 MB: two at a time */
#define WORK_QUEUE 64
#define LOOPS_MAX 64

/* One loop's share of the process. */
typedef struct Lane {
        ListenerHost host; /* first */
        Server *server;
        RealWorld *world;
        unsigned index;
} Lane;

typedef struct Process {
        Server server;
        Config config;
        Arena *arena;
        Lane lanes[LOOPS_MAX];
        struct Tls *tls;
        Sweep *sweep;
} Process;

enum { METRIC_REQUESTS, METRIC_TIME, METRIC_UP, METRIC_BATCHES, METRIC_COMMITS };
static const char *const outcomes[] = {"allowed", "refused", "fault", NULL};
static const MetricRow metric_rows[] = {
        [METRIC_REQUESTS] = {"carnet_requests_total", "Requests that reached a zone, by how they ended", METRIC_COUNTER, "outcome", outcomes},
        [METRIC_TIME] = {"carnet_request_seconds", "From the whole request read to its answer made", METRIC_SECONDS, NULL, NULL},
        [METRIC_UP] = {"carnet_start_time_seconds", "When the process started", METRIC_GAUGE, NULL, NULL},
        [METRIC_BATCHES] = {"carnet_ledger_batches_total", "Transactions of the ledger's writer", METRIC_COUNTER, NULL, NULL},
        [METRIC_COMMITS] = {"carnet_ledger_commits_total", "Requests that these committed", METRIC_COUNTER, NULL, NULL},
};

static int64_t unix_ms(void) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The ledger's answers to whoever waits for them (server_commit): on the writer's own thread. */
static void post_now(void *ctx, void (*fn)(void *arg), void *arg) {
        (void)ctx;
        fn(arg);
}

/* --- what listeners are offered ----------------------------------------------------------------------------------- */

static const Snapshot *host_hold(ListenerHost *host) { return publisher_hold(((Lane *)host)->server->publisher); }
static void host_release(ListenerHost *host, const Snapshot *snapshot) { publisher_release(((Lane *)host)->server->publisher, snapshot); }

static Outcome host_read(ListenerHost *host, Statement s, const Value *params, size_t n, Arena *arena, Rows *out) {
        return real_world_read(((Lane *)host)->world, s, params, n, arena, out);
}

static bool host_ready(ListenerHost *host) {
        Server *server = ((Lane *)host)->server;
        return !ledger_dead(server->ledger) && !loop_stopping(host->loop);
}

static Text host_metrics(ListenerHost *host, Arena *arena) {
        Server *server = ((Lane *)host)->server;
        uint64_t batches, commits;
        ledger_counted(server->ledger, &batches, &commits);
        metrics_set(server->metrics, 0, METRIC_BATCHES, 0, batches);
        metrics_set(server->metrics, 0, METRIC_COMMITS, 0, commits);
        Buf buf = buf_new(arena, 8192);
        metrics_print(server->metrics, &buf);
        metrics_print(server->http_metrics, &buf);
        return buf_done(&buf);
}

static void host_seen(ListenerHost *host, const Request *r, int64_t began_us) {
        Lane *lane = (Lane *)host;
        bool fault = r->ended.end != OUTCOME_OK && r->ended.end != OUTCOME_REFUSED;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - began_us;
        metrics_add(lane->server->metrics, lane->index, METRIC_REQUESTS, fault ? 2 : outcome_ok(r->ended) ? 0 : 1, 1);
        metrics_observe(lane->server->metrics, lane->index, METRIC_TIME, 0, us > 0 ? (uint64_t)us : 0);
        if (fault)
                log_say(host->log, LOG_ERROR, "fault", LOG_STR("flow", r->flow->name), LOG_STR("step", r->stopped_at ? r->stopped_at : "record"),
                        LOG_STR("where", r->ended.where), LOG_STR("why", r->ended.why), LOG_TEXT("decision", r->event.id));
        else
                log_say(host->log, LOG_DEBUG, "request", LOG_STR("flow", r->flow->name), LOG_STR("outcome", outcome_ok(r->ended) ? "allowed" : "refused"),
                        LOG_TEXT("decision", r->event.id), LOG_INT("us", us));
}

/* Which run keys end with a connection. */
typedef struct Closing {
        RunKeys *keys;
        uint64_t connection;
} Closing;

static void connection_closed(void *arg) {
        Closing *closing = arg;
        run_keys_end(closing->keys, closing->connection);
        free(closing);
}

static void management(void *arg, HttpExchange *x) {
        Lane *lane = arg;
        bool brings_key = text_ends(http_request(x)->path, TEXT("/keys")) && text_is(http_request(x)->method, "POST");
        Closing *closing = brings_key ? malloc(sizeof *closing) : NULL;
        if (closing)
                *closing = (Closing){lane->server->run_keys, http_connection_id(x)};
        if (brings_key && (!closing || !http_on_close(x, connection_closed, closing))) {
                free(closing); /* a key that would not end with its connection is not taken */
                http_answer_text(x, 503, TEXT("too many keys on this connection\n"));
                return;
        }
        listener_management(arg, x);
}

/* --- set-up ----------------------------------------------------------------------------------------------------- */

static void ledger_fatal(void *ctx, const char *why) {
        Process *p = ctx;
        log_say(p->server.log, LOG_ERROR, "ledger-fatal", LOG_STR("why", why));
        loops_stop(p->server.loops, 0);
}

static void ledger_trouble(void *ctx, const char *why) { log_say(((Process *)ctx)->server.log, LOG_WARN, "ledger-trouble", LOG_STR("why", why)); }

static Outcome listen_at(Loop *loop, HttpHandler *handler, Lane *lane, Text address, struct Tls *tls, bool unix_socket) {
        HttpServer *http;
        int fd;
        HttpServerConfig config = {.handler = handler, .arg = lane, .limits = http_limits(), .tls = tls, .trusted_proxies = lane->server->config->trusted_proxies,
                                   .metrics = lane->server->http_metrics};
        if (handler == management)
                config.limits.body = 2 << 20; /* zone files with their policies */
        TRY(http_server_new(loop, &config, &http));
        TRY(unix_socket ? listen_unix(address, 0666, &fd) : listen_tcp(address, lane->server->config->loops > 1, &fd));
        return http_server_listen(http, fd);
}

static Outcome lane_set_up(Process *p, unsigned i) {
        Lane *lane = &p->lanes[i];
        Loop *loop = loops_at(p->server.loops, i);
        const Config *c = &p->config;
        lane->server = &p->server;
        lane->index = i;
        TRY(real_world_new(&p->server, loop, &lane->world));
        lane->host = (ListenerHost){.world = real_world_core(lane->world), .loop = loop, .log = p->server.log, .hold = host_hold, .release = host_release,
                                    .read = host_read, .ready = host_ready, .metrics = host_metrics, .seen = host_seen};
        TRY(listen_at(loop, listener_public, lane, c->listen, p->tls, false));
        if (i > 0)
                return outcome_good();
        if (c->management.len)
                TRY(listen_at(loop, management, lane, c->management, NULL, false));
        if (c->metrics.len)
                TRY(listen_at(loop, listener_metrics, lane, c->metrics, NULL, false));
        return listen_at(loop, management, lane, text_print(p->arena, "%.*s/carnet.sock", TEXT_ARG(c->state)), NULL, true);
}

/* Does the ledger hold signing keys, which only its own master key opens? */
static Outcome ledger_has_keys(Process *p, bool *sealed) {
        LedgerReader *reader;
        Rows zones, keys;
        const Value any[] = {value_text(TEXT(""))};
        TRY(ledger_reader(p->server.ledger, &reader));
        Outcome end = ledger_read(reader, READ_zones_all, any, 1, p->arena, &zones);
        *sealed = false;
        for (size_t i = 0; outcome_ok(end) && i < zones.n; i++) {
                const Value zone[] = {value_text(rows_text(&zones, i, 0))};
                end = ledger_read(reader, READ_keys_all, zone, 1, p->arena, &keys);
                *sealed |= outcome_ok(end) && keys.n > 0;
        }
        ledger_reader_close(reader);
        return end;
}

static Outcome ledger_set_up(Process *p, bool *sealed) {
        Server *s = &p->server;
        Text file = text_print(p->arena, "%.*s/ledger.db", TEXT_ARG(p->config.state));
        const LedgerOptions options = {.file = file.at, .threads = true, .on_fatal = ledger_fatal, .on_trouble = ledger_trouble, .ctx = p};
        TRY(ledger_open(&options, &s->ledger));
        s->sync_loop = ledger_loop(s->ledger, post_now, NULL);
        return ledger_has_keys(p, sealed);
}

static Outcome server_set_up(Process *p) {
        Server *s = &p->server;
        bool sealed;
        LogLevel level = LOG_INFO;
        ENSURE(log_level_read(p->config.log_level, &level), outcome_malformed("log_level is debug, info, warn or error"));
        s->config = &p->config;
        s->log = log_new(STDERR_FILENO, level, p->config.log_json);
        s->run_keys = run_keys_new();
        s->locks = locks_new();
        uint64_t seed;
        hash_random(&seed, sizeof seed);
        s->tries = tries_new(seed);
        unsigned loops = (unsigned)p->config.loops;
        s->metrics = metrics_new(metric_rows, ARRAY_LEN(metric_rows), loops);
        s->http_metrics = metrics_new(http_metric_rows, http_metric_row_count, loops);
        ENSURE(s->log && s->run_keys && s->locks && s->tries && s->metrics && s->http_metrics, outcome_fault("memory"));
        metrics_set(s->metrics, 0, METRIC_UP, 0, (uint64_t)time(NULL));
        TRY(loops_new(loops, &s->loops));
        TRY(ledger_set_up(p, &sealed));
        TRY(keeper_open(p->arena, p->config.state, sealed, &s->keeper));
        TRY(fetcher_new(&s->fetcher));
        TRY(workers_new(WORKERS, WORK_QUEUE, &s->workers));
        if (p->config.tls_certificate.len)
                TRY(tls_new(p->config.tls_certificate, p->config.tls_key, &p->tls));
        for (unsigned i = 0; i < loops; i++)
                TRY(lane_set_up(p, i));
        TRY(publisher_new(s, &s->publisher));
        TRY(ledger_start(s->ledger));
        TRY(publisher_start(s->publisher));
        return sweep_new(s, loops_at(s->loops, 0), p->lanes[0].world, &p->sweep);
}

static void stop_signal(void *arg) {
        Process *p = arg;
        log_say(p->server.log, LOG_INFO, "stopping");
        loops_stop(p->server.loops, GRACE_MS);
}

static Outcome run(Process *p, int64_t began_ms) {
        Loop *first = loops_at(p->server.loops, 0);
        TRY(loop_on_signal(first, SIGTERM, stop_signal, p));
        TRY(loop_on_signal(first, SIGINT, stop_signal, p));
        TRY(sandbox_syscalls());
        log_say(p->server.log, LOG_INFO, "ready", LOG_TEXT("issuer", text_print(p->arena, "%.*s/z/%.*s", TEXT_ARG(p->config.public_url), TEXT_ARG(p->config.zone))),
                LOG_TEXT("listen", p->config.listen), LOG_INT("ms", unix_ms() - began_ms));
        return loops_run(p->server.loops);
}

static void tear_down(Process *p) {
        Server *s = &p->server;
        if (s->ledger)
                ledger_stop(s->ledger);
        workers_free(s->workers);
        fetcher_free(s->fetcher);
        sweep_free(p->sweep);
        publisher_free(s->publisher);
        for (unsigned i = 0; i < LOOPS_MAX; i++)
                real_world_free(p->lanes[i].world);
        loops_free(s->loops);
        ledger_close(s->ledger);
        keeper_close(s->keeper);
        locks_free(s->locks);
        tries_free(s->tries);
        run_keys_free(s->run_keys);
        tls_free(p->tls);
        metrics_free(s->metrics);
        metrics_free(s->http_metrics);
        log_free(s->log);
}

int main(int argc, char **argv) {
        static Process p;
        bool exit_now;
        int64_t began_ms = unix_ms();
        /* Fast bins are merged at every larger request of memory, and heaps trimmed and grown again: a tenth of a request. */
        mallopt(M_MXFAST, 0);
        mallopt(M_TRIM_THRESHOLD, 4 << 20);
        p.arena = arena_new(1 << 20);
        Outcome end = p.arena ? config_read(p.arena, argc, argv, &p.config, &exit_now) : outcome_fault("memory");
        if (outcome_ok(end) && exit_now)
                return 0;
        signal(SIGPIPE, SIG_IGN);
        umask(077);
        if (outcome_ok(end) && mkdir(text_copy(p.arena, p.config.state).at, 0711) == 0)
                chmod(text_copy(p.arena, p.config.state).at, 0711); /* others may reach the socket, and nothing else */
        if (outcome_ok(end))
                end = sandbox_basics();
        if (outcome_ok(end))
                end = server_set_up(&p);
        if (outcome_ok(end))
                end = run(&p, began_ms);
        if (!outcome_ok(end))
                fprintf(stderr, "carnetd: %s\n", end.why ? end.why : "failed");
        bool dead = p.server.ledger && ledger_dead(p.server.ledger);
        tear_down(&p);
        arena_free(p.arena);
        return outcome_ok(end) && !dead ? 0 : 1;
}
