/* test-help.h - batches in one line, a ledger in a folder of its own. */
#ifndef CARNET_STORE_TEST_HELP_H
#define CARNET_STORE_TEST_HELP_H
#include "store/ledger.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define T(s) value_text(TEXT(s))
#define S(s) value_text(text_of(s))
#define B(s) value_blob(text_of(s))
#define I(n) value_int(n)
#define NIL value_null()
#define VALUES(...) (const Value[]){__VA_ARGS__}, sizeof((Value[]){__VA_ARGS__}) / sizeof(Value)
#define good(expr) assert_true(outcome_ok(expr))

static inline void put(Batch *batch, Statement s, const Value *params, size_t n) {
        Value *copy = malloc(n * sizeof *copy); /* as long as the test: freed by batch_clear() */
        memcpy(copy, params, n * sizeof *copy);
        batch->writes[batch->n++] = (Write){.statement = s, .params = copy, .n = n, .refusal = 1};
}

static inline void batch_clear(Batch *batch) {
        for (size_t i = 0; i < batch->n; i++)
                free((void *)batch->writes[i].params);
        *batch = (Batch){0};
}

static inline void put_event(Batch *batch, const char *zone, int64_t at_ms, const char *root, const char *guard, int64_t began) {
        put(batch, WRITE_event_append, VALUES(S(zone), I(at_ms), T("d_1"), S(root), T("{\"kind\":\"token\"}"), S(guard), I(began)));
}

static inline void put_session(Batch *batch, const char *id, const char *parent, const char *root, const char *user, int64_t opened) {
        put(batch, WRITE_session_add, VALUES(T("dev"), S(id), parent ? S(parent) : NIL, S(root), I(parent ? 1 : 0), S(user), T("cowork"), T("c"), T("b"),
                                             I(opened), I(3600), I(opened + 43200), I(opened), I(0)));
}

static inline void put_code(Batch *batch, const char *digest, int64_t ends) {
        put(batch, WRITE_code_add, VALUES(T("dev"), B(digest), T("a_1"), T("c"), T("http://127.0.0.1/cb"), T("x"), T("churn"), T("d_1"), I(ends - 60), I(ends)));
}

static inline void keep(void *arg, uint64_t tag, const Commit *commit) {
        (void)tag;
        *(Commit *)arg = *commit;
}

/* Without threads: at once. Clears the batch. */
static inline Commit run(Ledger *ledger, Batch *batch) {
        Commit commit = {0};
        good(ledger_commit(ledger, &(LedgerAsk){.batch = batch, .done = keep, .arg = &commit}));
        batch_clear(batch);
        return commit;
}

static inline char *folder_new(void) {
        char *folder = strdup("/tmp/carnet-store-XXXXXX");
        assert_non_null(mkdtemp(folder));
        return folder;
}

static inline void folder_end(char *folder) {
        char command[256];
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        assert_int_equal(system(command), 0);
        free(folder);
}

static inline char *file_in(const char *folder, const char *name) {
        char *file = malloc(256);
        snprintf(file, 256, "%s/%s", folder, name);
        return file;
}
#endif
