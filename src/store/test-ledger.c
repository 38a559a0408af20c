#include "store/test-help.h"
#include "store/memo.h"
#include "store/statements.h"
#include <fcntl.h>
#include <sqlite3.h>

typedef struct Fixture {
        Ledger *ledger;
        LedgerReader *reader;
        Arena *arena;
        int64_t monotonic, unix_ms;
        int troubles, fatals;
} Fixture;

static int64_t fixture_monotonic(void *ctx) { return ((Fixture *)ctx)->monotonic; }
static int64_t fixture_unix(void *ctx) { return ((Fixture *)ctx)->unix_ms; }
static void fixture_trouble(void *ctx, const char *why) { (void)why, ((Fixture *)ctx)->troubles++; }
static void fixture_fatal(void *ctx, const char *why) { (void)why, ((Fixture *)ctx)->fatals++; }

static LedgerOptions options_of(Fixture *f, const char *file) {
        return (LedgerOptions){.file = file, .immediate = true, .monotonic_ms = fixture_monotonic, .unix_ms = fixture_unix,
                               .on_trouble = fixture_trouble, .on_fatal = fixture_fatal, .ctx = f};
}

static void begin_with(Fixture *f, const LedgerOptions *options) {
        good(ledger_open(options, &f->ledger));
        good(ledger_start(f->ledger));
        good(ledger_reader(f->ledger, &f->reader));
        f->arena = arena_new(64 << 20);
}

static void begin(Fixture *f, const char *file) {
        *f = (Fixture){.monotonic = 1000, .unix_ms = 1000000};
        LedgerOptions options = options_of(f, file);
        begin_with(f, &options);
}

static void end(Fixture *f) {
        ledger_reader_close(f->reader);
        ledger_close(f->ledger);
        arena_free(f->arena);
}

static Rows look(Fixture *f, Statement s, const Value *params, size_t n) {
        Rows rows;
        good(ledger_read(f->reader, s, params, n, f->arena, &rows));
        return rows;
}

static void single_use_stays_single(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        put_code(&b, "digest", 500);
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        for (int i = 0; i < 3; i++) {
                put_event(&b, "dev", 1, "s_1", "", 0);
                put(&b, WRITE_code_use, VALUES(T("dev"), B("digest"), I(7)));
                Commit c = run(f.ledger, &b);
                assert_int_equal(c.end, i == 0 ? COMMIT_OK : COMMIT_CONDITION);
                if (i)
                        assert_int_equal(c.failed, 1);
        }
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), T("j"), I(500)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), T("j"), I(500)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_CONDITION);
        put(&b, WRITE_jti_add, VALUES(T("other"), T("c"), T("j"), I(500)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        /* What failed left no event behind, on the disk or in the chain. */
        Rows rows = look(&f, READ_event_range, VALUES(T("dev")));
        assert_int_equal(rows_int(&rows, 0, 1), 1);
        put_event(&b, "dev", 1, "s_1", "", 0);
        assert_int_equal(run(f.ledger, &b).seq, 2);
        end(&f);
}

static Commit guarded(Fixture *f, const char *guard, int64_t began) {
        Batch b = {0};
        put(&b, WRITE_client_use, VALUES(T("dev"), T("nobody"), I(1)));
        put_event(&b, "dev", 2000, "s_1", guard, began);
        return run(f->ledger, &b);
}

static void cut(Fixture *f, const char *kind, const char *id, int64_t at) {
        Batch b = {0};
        put(&b, WRITE_cut_add, VALUES(T("dev"), S(kind), S(id), I(at), T("sara@acme.example")));
        assert_int_equal(run(f->ledger, &b).end, COMMIT_OK);
}

/* Every refusal has a twin that passes. */
static void guard_knows_cuts(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        const char *guard = "{\"ids\":[\"a_1\",\"s_1\"],\"parties\":[\"user:sara\",\"application:churn\"]}";
        assert_int_equal(guarded(&f, guard, 100).seq, 1);
        cut(&f, "session", "s_2", 90);
        cut(&f, "user", "bob", 500);
        cut(&f, "user", "sara", 99);
        assert_int_equal(guarded(&f, guard, 100).end, COMMIT_OK);
        assert_int_equal(guarded(&f, guard, 99).end, COMMIT_CONDITION);
        cut(&f, "user", "sara", 100); /* "began before, or at" */
        Commit c = guarded(&f, guard, 100);
        assert_int_equal(c.end, COMMIT_CONDITION);
        assert_int_equal(c.failed, 1);
        assert_int_equal(guarded(&f, guard, 101).end, COMMIT_OK);
        assert_int_equal(guarded(&f, "", 0).end, COMMIT_OK);
        cut(&f, "authorization", "a_1", 1);
        assert_int_equal(guarded(&f, guard, 101).end, COMMIT_CONDITION);
        /* A guard with a list missing refuses; one that is no JSON is a bug that commits nothing. */
        assert_int_equal(guarded(&f, "{\"ids\":[]}", 101).end, COMMIT_CONDITION);
        assert_int_equal(guarded(&f, "{\"ids\":[],\"parties\":[]}", 101).end, COMMIT_OK);
        assert_int_equal(guarded(&f, "{", 101).end, COMMIT_BUSY);
        assert_int_equal(f.troubles, 1);
        Rows rows = look(&f, READ_cuts_among, VALUES(T("dev"), T("[\"s_1\",\"a_1\"]"), T("[\"user:sara\"]"), I(101)));
        assert_int_equal(rows.n, 1);
        assert_true(text_is(rows_text(&rows, 0, 0), "authorization"));
        rows = look(&f, READ_cuts_among, VALUES(T("dev"), T("[\"s_1\"]"), T("[\"user:sara\"]"), I(100)));
        assert_true(rows.n == 1 && text_is(rows_text(&rows, 0, 1), "sara"));
        rows = look(&f, READ_cuts_among, VALUES(T("other"), T("[\"a_1\"]"), T("[\"user:sara\"]"), I(0)));
        assert_int_equal(rows.n, 0);
        end(&f);
}

static void cuts_are_a_feed(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        cut(&f, "session", "s_1", 100);
        cut(&f, "session", "s_1", 200); /* cut already: no second row */
        cut(&f, "user", "sara", 200);
        Rows rows = look(&f, READ_cuts_after, VALUES(T("dev"), I(0), I(10)));
        assert_int_equal(rows.n, 2);
        assert_true(text_is(rows_text(&rows, 1, 2), "sara"));
        assert_int_equal(rows_int(&rows, 1, 0), 2);
        rows = look(&f, READ_cuts_since, VALUES(T("dev"), I(150)));
        assert_int_equal(rows_int(&rows, 0, 0), 1);
        rows = look(&f, READ_cuts_since, VALUES(T("dev"), I(900)));
        assert_int_equal(rows_int(&rows, 0, 0), 2);
        rows = look(&f, READ_cut_range, VALUES(T("dev")));
        assert_true(rows_int(&rows, 0, 0) == 1 && rows_int(&rows, 0, 1) == 2);
        rows = look(&f, READ_cut_range, VALUES(T("nowhere")));
        assert_true(rows_int(&rows, 0, 0) == 0 && rows_int(&rows, 0, 1) == 0);
        /* A clock that went back cannot make a cut older than what it cuts. */
        Batch b = {0};
        put_event(&b, "dev", 500000, "s_9", "", 0);
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        cut(&f, "user", "bob", 300);
        rows = look(&f, READ_cuts_after, VALUES(T("dev"), I(2), I(10)));
        assert_int_equal(rows_int(&rows, 0, 3), 500);
        end(&f);
}

static void sessions_are_found(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        put_session(&b, "s_1", NULL, "s_1", "sara", 100);
        put_session(&b, "s_2", "s_1", "s_1", "sara", 110);
        put_session(&b, "s_3", NULL, "s_3", "sara", 120);
        put_session(&b, "s_4", NULL, "s_4", "bob", 130);
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        Rows rows = look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("b"), I(0), I(200)));
        assert_true(rows.n == 1 && text_is(rows_text(&rows, 0, 0), "s_3"));
        rows = look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("another"), I(0), I(200)));
        assert_int_equal(rows.n, 0);
        rows = look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("b"), I(0), I(4000)));
        assert_int_equal(rows.n, 0); /* idle */
        put(&b, WRITE_session_use, VALUES(T("dev"), T("s_1"), I(3000)));
        put(&b, WRITE_session_use, VALUES(T("dev"), T("gone"), I(3000)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        rows = look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("b"), I(0), I(4000)));
        assert_true(rows.n == 1 && text_is(rows_text(&rows, 0, 0), "s_1"));
        cut(&f, "session", "s_1", 777);
        rows = look(&f, READ_sessions_of_user, VALUES(T("dev"), T("sara"), T(""), I(10)));
        assert_int_equal(rows.n, 3);
        assert_int_equal(rows_int(&rows, 1, 13), 777); /* the child dies with it */
        assert_int_equal(rows_at(&rows, 2, 13)->type, VALUE_NULL);
        rows = look(&f, READ_sessions_of_user, VALUES(T("dev"), T(""), T("s_2"), I(10)));
        assert_int_equal(rows.n, 2);
        rows = look(&f, READ_session_children, VALUES(T("dev"), T("s_1")));
        assert_int_equal(rows_int(&rows, 0, 0), 1);
        end(&f);
}

static void hops_and_grants(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        for (int snapshot = 1; snapshot <= 2; snapshot++)
                put(&b, WRITE_hop_add, VALUES(T("dev"), T("h_1"), T("s_1"), T("a_1"), T(""), T("churn"), T("c"), T("analytics"), T("query"), I(1),
                                              T("exchange"), T("cowork none"), I(1), T("churn"), NIL, I(snapshot), I(5), I(3)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        Rows rows = look(&f, READ_hop_get, VALUES(T("dev"), T("h_1")));
        assert_true(rows.n == 1 && rows_int(&rows, 0, 14) == 2 && rows_at(&rows, 0, 13)->type == VALUE_NULL);
        rows = look(&f, READ_hop_children, VALUES(T("dev"), T("s_1"), T("")));
        assert_true(rows_int(&rows, 0, 0) == 1 && rows_int(&rows, 0, 1) == 1);
        for (int i = 0; i < 2; i++) {
                put(&b, WRITE_grant_set, VALUES(T("dev"), T("g_1"), T("sara"), T("hubspot"), T("acct"), T("contacts"), T("active"), B("r"), NIL, I(9), I(10)));
                assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        }
        for (int i = 0; i < 2; i++) {
                put(&b, WRITE_grant_refresh, VALUES(T("dev"), T("sara"), T("hubspot"), T("active"), B("r2"), B("x"), I(9), I(2), I(11)));
                assert_int_equal(run(f.ledger, &b).end, i == 0 ? COMMIT_OK : COMMIT_CONDITION);
        }
        for (int version = 1; version <= 3; version += 2) {
                put(&b, WRITE_zone_version_add, VALUES(T("dev"), I(version), T("{}"), I(1)));
                assert_int_equal(run(f.ledger, &b).end, version == 1 ? COMMIT_OK : COMMIT_CONDITION);
        }
        rows = look(&f, READ_zones_all, VALUES(T("")));
        assert_true(rows.n == 1 && rows_int(&rows, 0, 1) == 1);
        end(&f);
}

static void malformed_batches_are_faults(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        Commit c;
        LedgerAsk ask = {.batch = &b, .done = keep, .arg = &c};
        put(&b, WRITE_code_use, VALUES(T("dev"), T("text, not a blob"), I(1)));
        assert_int_equal(ledger_commit(f.ledger, &ask).end, OUTCOME_FAULT);
        batch_clear(&b);
        put(&b, WRITE_code_use, VALUES(T("dev"), B("x")));
        assert_int_equal(ledger_commit(f.ledger, &ask).end, OUTCOME_FAULT);
        batch_clear(&b);
        put(&b, READ_session_get, VALUES(T("dev"), T("x")));
        assert_int_equal(ledger_commit(f.ledger, &ask).end, OUTCOME_FAULT);
        batch_clear(&b);
        Rows rows;
        assert_int_equal(ledger_read(f.reader, READ_session_get, VALUES(T("dev")), f.arena, &rows).end, OUTCOME_FAULT);
        assert_int_equal(ledger_read(f.reader, WRITE_code_use, VALUES(T("dev"), B("x"), I(1)), f.arena, &rows).end, OUTCOME_FAULT);
        end(&f);
}

static void deadlines_and_a_full_queue(void **state) {
        (void)state;
        Fixture f = {.monotonic = 1000, .unix_ms = 1000000};
        LedgerOptions options = options_of(&f, ":memory:");
        options.immediate = false;
        options.queue = 2;
        begin_with(&f, &options);
        Batch b = {0};
        put_event(&b, "dev", 1, "s_1", "", 0);
        Commit late, timely;
        good(ledger_commit(f.ledger, &(LedgerAsk){.batch = &b, .deadline_ms = 1500, .done = keep, .arg = &late}));
        good(ledger_commit(f.ledger, &(LedgerAsk){.batch = &b, .deadline_ms = 2500, .done = keep, .arg = &timely}));
        assert_int_equal(ledger_commit(f.ledger, &(LedgerAsk){.batch = &b, .done = keep, .arg = &late}).end, OUTCOME_REFUSED);
        batch_clear(&b);
        f.monotonic = 2000;
        assert_int_equal(ledger_step(f.ledger, 100), 2);
        assert_int_equal(late.end, COMMIT_BUSY);
        assert_int_equal(timely.end, COMMIT_OK);
        assert_int_equal(timely.seq, 1);
        assert_int_equal(ledger_queued(f.ledger), 0);
        end(&f);
}

static void counts_are_summed(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger");
        Fixture f;
        begin(&f, file);
        Batch b = {0};
        for (int i = 0; i < 1000; i++) {
                char source[32];
                snprintf(source, sizeof source, "10.0.%d.%d", i / 250, i % 250);
                put(&b, WRITE_count_add, VALUES(T("dev"), T("client"), value_text(text_of(source)), I(5), I(2)));
                assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        }
        ledger_idle(f.ledger);
        sqlite3 *db;
        sqlite3_stmt *st;
        assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*), sum(n) FROM refused_count", -1, &st, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(st, 0), 257); /* bounded; the rest is under "*" */
        assert_int_equal(sqlite3_column_int(st, 1), 2000);
        sqlite3_finalize(st);
        sqlite3_close(db);
        end(&f);
        free(file);
        folder_end(folder);
}

static void expired_rows_go(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), T("j"), I(1060)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        f.unix_ms += 3600000; /* the wall clock leaps alone: nothing goes, for it may leap back */
        ledger_idle(f.ledger);
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), T("j"), I(1060)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_CONDITION);
        f.monotonic += 3600000;
        ledger_idle(f.ledger);
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), T("j"), I(9999)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        end(&f);
}

static void a_session_s_events_are_found_by_time(void **state) {
        (void)state;
        Fixture f;
        begin(&f, ":memory:");
        Batch b = {0};
        for (int i = 0; i < 500; i++) {
                put_event(&b, "dev", 1000000 + i * 1000, i % 10 ? "s_other" : "s_1", "", 0);
                if (i % 2)
                        put_event(&b, "elsewhere", 5, "s_1", "", 0);
                assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        }
        put_session(&b, "s_1", NULL, "s_1", "sara", 1300);
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        Rows rows = look(&f, READ_events_of_session, VALUES(T("dev"), T("s_1"), I(0), I(100)));
        assert_int_equal(rows.n, 26); /* 240 s to 499 s: a minute before the opening, against disorder */
        assert_int_equal(rows_int(&rows, 0, 0), 241);
        rows = look(&f, READ_events_of_session, VALUES(T("dev"), T("s_1"), I(471), I(100)));
        assert_int_equal(rows.n, 2);
        rows = look(&f, READ_events_after, VALUES(T("elsewhere"), I(248), I(100)));
        assert_true(rows.n == 2 && rows_int(&rows, 1, 0) == 250);
        rows = look(&f, READ_event_at, VALUES(T("dev"), I(17)));
        assert_true(rows.n == 1 && rows_int(&rows, 0, 0) == 17 && rows_text(&rows, 0, 5).len == LEDGER_HASH);
        rows = look(&f, READ_event_range, VALUES(T("dev")));
        assert_true(rows_int(&rows, 0, 0) == 1 && rows_int(&rows, 0, 1) == 500);
        end(&f);
}

/* --- files ---------------------------------------------------------------------------------------------------- */

/* A kept answer ends with the commit that could change it; twins that nothing changes stay. */
static void kept_answers_end(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger");
        Fixture f;
        Batch b = {0};
        begin(&f, file);
        put_session(&b, "s_1", NULL, "s_1", "sara", 500);
        put(&b, WRITE_secret_set, VALUES(T("dev"), T("churn"), B("old"), I(500)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        for (int i = 0; i < 3; i++) {
                Rows secret = look(&f, READ_secret_get, VALUES(T("dev"), T("churn"))), none = look(&f, READ_secret_get, VALUES(T("dev"), T("other")));
                assert_true(text_is(rows_text(&secret, 0, 0), "old") && none.n == 0);
                assert_int_equal(look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("b"), I(0), I(600))).n, 1);
                assert_int_equal(look(&f, READ_cuts_among, VALUES(T("dev"), T("[\"s_1\"]"), T("[]"), I(0))).n, 0);
        }
        put(&b, WRITE_secret_set, VALUES(T("dev"), T("churn"), B("new"), I(501)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        put(&b, WRITE_session_use, VALUES(T("dev"), T("s_1"), I(560)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_OK);
        Rows secret = look(&f, READ_secret_get, VALUES(T("dev"), T("churn"))), session = look(&f, READ_session_get, VALUES(T("dev"), T("s_1")));
        assert_true(text_is(rows_text(&secret, 0, 0), "new") && rows_int(&session, 0, 11) == 560);
        cut(&f, "session", "s_1", 600);
        assert_int_equal(look(&f, READ_cuts_among, VALUES(T("dev"), T("[\"s_1\"]"), T("[]"), I(0))).n, 1);
        assert_int_equal(look(&f, READ_session_open_root, VALUES(T("dev"), T("sara"), T("cowork"), T("b"), I(0), I(600))).n, 0);
        end(&f);
        free(file);
        folder_end(folder);
}

/* Whoever adds a write to a table whose rows are kept must say so in memo.c. */
static void every_write_ends_what_it_changes(void **state) {
        static const struct {
                const char *table;
                unsigned group;
        } tables[] = {{"client_secret ", MEMO_SECRET}, {"session ", MEMO_SESSION}, {"authorization_ ", MEMO_AUTHORIZATION}, {"hop ", MEMO_HOP}, {"cut ", MEMO_CUT}};
        static const char *const verbs[] = {"INSERT INTO ", "UPDATE ", "DELETE FROM "};
        size_t found = 0;
        (void)state;
        for (Statement s = STATEMENT_NONE + 1; s < STATEMENT_COUNT; s++)
                for (size_t t = 0; t < ARRAY_LEN(tables); t++)
                        for (size_t v = 0; v < ARRAY_LEN(verbs); v++) {
                                char words[64];
                                snprintf(words, sizeof words, "%s%s", verbs[v], tables[t].table);
                                if (!strstr(statement_sql[s].text, words))
                                        continue;
                                assert_true(memo_changed(s) & tables[t].group);
                                found++;
                        }
        assert_true(found >= 7);
}

static void append(Fixture *f, int n) {
        Batch b = {0};
        for (int i = 0; i < n; i++) {
                put_event(&b, "dev", 1000 + i, "s_1", "", 0);
                assert_int_equal(run(f->ledger, &b).end, COMMIT_OK);
        }
}

static void disturb(const char *file, const char *sql) {
        sqlite3 *db;
        assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

static void copy(const char *from, const char *to) {
        char command[600];
        snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
        assert_int_equal(system(command), 0);
}

static void verify_sees_tampering(void **state) {
        (void)state;
        static const char *const harm[] = {
                "UPDATE event SET body = '{}' WHERE key = 7", "UPDATE event SET at_ms = at_ms + 1 WHERE key = 3",
                "DELETE FROM event WHERE key = 5", "DELETE FROM event WHERE key = 10", "DELETE FROM event WHERE key = 1",
                "UPDATE event SET hash = zeroblob(32) WHERE key = 10",
                "UPDATE event SET key = 99 WHERE key = 10", "UPDATE zone_number SET slug = 'prod'",
        };
        for (size_t i = 0; i < ARRAY_LEN(harm); i++) {
                char *folder = folder_new(), *file = file_in(folder, "ledger");
                Fixture f;
                begin(&f, file);
                append(&f, 10);
                LedgerVerdict verdict;
                good(ledger_verify(file, &verdict)); /* while the server runs */
                assert_string_equal(verdict.broken, "");
                assert_int_equal(verdict.events, 10);
                end(&f);
                disturb(file, harm[i]);
                good(ledger_verify(file, &verdict));
                assert_string_not_equal(verdict.broken, "");
                free(file);
                folder_end(folder);
        }
}

static void an_older_copy_is_refused(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger"), *old = file_in(folder, "old");
        Fixture f;
        begin(&f, file);
        append(&f, 3);
        end(&f);
        copy(file, old);
        begin(&f, file); /* the same file again is no older copy */
        append(&f, 1);
        LedgerOptions options = options_of(&f, file);
        Ledger *second;
        Outcome held = ledger_open(&options, &second);
        assert_string_equal(held.why, "another process holds the ledger");
        end(&f);
        copy(old, file);
        Outcome refused = ledger_open(&options, &second);
        assert_int_equal(refused.end, OUTCOME_FAULT);
        assert_non_null(strstr(refused.why, "older copy"));
        int64_t epoch;
        good(ledger_raise_epoch(file, &epoch));
        assert_int_equal(epoch, 1);
        begin(&f, file);
        append(&f, 1);
        end(&f);
        copy(old, file); /* and the copy of the old epoch stays refused */
        assert_int_equal(ledger_open(&options, &second).end, OUTCOME_FAULT);
        free(file), free(old);
        folder_end(folder);
}

static void foreign_files_are_refused(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger");
        Fixture f = {0};
        LedgerOptions options = options_of(&f, file);
        Ledger *ledger;
        disturb(file, "CREATE TABLE other (x)");
        assert_int_equal(ledger_open(&options, &ledger).end, OUTCOME_FAULT);
        disturb(file, "DROP TABLE other; PRAGMA application_id = 1131572852; PRAGMA user_version = 9999");
        assert_string_equal(ledger_open(&options, &ledger).why, "the ledger was written by a newer carnetd");
        options.file = "/nowhere/at/all";
        assert_int_equal(ledger_open(&options, &ledger).end, OUTCOME_FAULT);
        free(file);
        folder_end(folder);
}

static void a_full_disk_refuses_and_recovers(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger");
        Fixture f = {.monotonic = 1000, .unix_ms = 1000000};
        LedgerOptions options = options_of(&f, file);
        options.max_pages = 90;
        begin_with(&f, &options);
        Batch b = {0};
        Commit c = {0};
        int64_t last = 0;
        static char body[3000];
        memset(body, 'x', sizeof body - 1);
        do {
                put(&b, WRITE_event_append, VALUES(T("dev"), I(1), T("d_1"), T("s_1"), value_text(text_of(body)), T(""), I(0)));
                c = run(f.ledger, &b);
                last = c.seq ? c.seq : last;
        } while (c.end == COMMIT_OK && last < 1000);
        assert_int_equal(c.end, COMMIT_BUSY);
        assert_true(f.troubles == 1 && f.fatals == 0 && last > 10);
        Rows rows = look(&f, READ_event_range, VALUES(T("dev")));
        assert_int_equal(rows_int(&rows, 0, 1), last);
        put_event(&b, "dev", 1, "s_1", "", 0);
        put(&b, WRITE_event_append, VALUES(T("dev"), I(1), T("d_1"), T("s_1"), value_text(text_of(body)), T(""), I(0)));
        assert_int_equal(run(f.ledger, &b).end, COMMIT_BUSY);
        put_event(&b, "dev", 1, "s_1", "", 0); /* a small one still fits: the chain goes on where it stood */
        assert_int_equal(run(f.ledger, &b).seq, ++last);
        ledger_reader_close(f.reader);
        ledger_close(f.ledger);
        options.max_pages = 0; /* space returned */
        good(ledger_open(&options, &f.ledger));
        good(ledger_reader(f.ledger, &f.reader));
        put_event(&b, "dev", 1, "s_1", "", 0);
        assert_int_equal(run(f.ledger, &b).seq, last + 1);
        LedgerVerdict verdict;
        good(ledger_verify(file, &verdict));
        assert_string_equal(verdict.broken, "");
        end(&f);
        free(file);
        folder_end(folder);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(single_use_stays_single), cmocka_unit_test(guard_knows_cuts), cmocka_unit_test(cuts_are_a_feed),
                cmocka_unit_test(sessions_are_found), cmocka_unit_test(hops_and_grants), cmocka_unit_test(malformed_batches_are_faults),
                cmocka_unit_test(deadlines_and_a_full_queue), cmocka_unit_test(counts_are_summed), cmocka_unit_test(expired_rows_go),
                cmocka_unit_test(a_session_s_events_are_found_by_time), cmocka_unit_test(verify_sees_tampering),
                cmocka_unit_test(an_older_copy_is_refused), cmocka_unit_test(foreign_files_are_refused),
                cmocka_unit_test(a_full_disk_refuses_and_recovers), cmocka_unit_test(kept_answers_end),
                cmocka_unit_test(every_write_ends_what_it_changes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
