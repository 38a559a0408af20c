/* test-batches.c - the writer's thread, loops, barriers, and a disk that fails. */
#include "store/test-help.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <time.h>

/* --- a loop: a thread with an inbox --------------------------------------------------------------------------- */

typedef struct Mail {
        struct Mail *next;
        void (*fn)(void *arg);
        void *arg;
} Mail;

typedef struct Loop {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        Mail *first, **last;
        bool ending;
        int slow_us;
        unsigned number;
} Loop;

static void loop_post(void *ctx, void (*fn)(void *arg), void *arg) {
        Loop *loop = ctx;
        Mail *mail = malloc(sizeof *mail);
        *mail = (Mail){.fn = fn, .arg = arg};
        pthread_mutex_lock(&loop->lock);
        *loop->last = mail;
        loop->last = &mail->next;
        pthread_cond_signal(&loop->wake);
        pthread_mutex_unlock(&loop->lock);
}

static Mail *loop_next(Loop *loop) {
        pthread_mutex_lock(&loop->lock);
        while (!loop->first && !loop->ending)
                pthread_cond_wait(&loop->wake, &loop->lock);
        Mail *mail = loop->first;
        if (mail && !(loop->first = mail->next))
                loop->last = &loop->first;
        pthread_mutex_unlock(&loop->lock);
        return mail;
}

static void *loop_main(void *arg) {
        Loop *loop = arg;
        for (Mail *mail; (mail = loop_next(loop)); free(mail)) {
                if (loop->slow_us)
                        nanosleep(&(struct timespec){.tv_nsec = loop->slow_us * 1000}, NULL);
                mail->fn(mail->arg);
        }
        return NULL;
}

static void loop_begin(Loop *loop, Ledger *ledger, int slow_us) {
        *loop = (Loop){.slow_us = slow_us};
        pthread_mutex_init(&loop->lock, NULL);
        pthread_cond_init(&loop->wake, NULL);
        loop->last = &loop->first;
        loop->number = ledger_loop(ledger, loop_post, loop);
        pthread_create(&loop->thread, NULL, loop_main, loop);
}

static void loop_end(Loop *loop) {
        pthread_mutex_lock(&loop->lock);
        loop->ending = true;
        pthread_cond_signal(&loop->wake);
        pthread_mutex_unlock(&loop->lock);
        pthread_join(loop->thread, NULL);
        pthread_mutex_destroy(&loop->lock);
        pthread_cond_destroy(&loop->wake);
}

typedef struct World {
        char *folder, *file;
        Ledger *ledger;
        Loop loops[2];
        atomic_int fatals, ok, condition, busy, unknown, out_of_order;
        int64_t last_seq[2];
        atomic_int open_answers;    /* answers of a session's exchanges still unsent */
        atomic_int early;           /* closes answered before them */
} World;

static void on_fatal(void *ctx, const char *why) { (void)why, atomic_fetch_add(&((World *)ctx)->fatals, 1); }

static void world_begin(World *w, int slow_us) {
        memset(w, 0, sizeof *w);
        w->folder = folder_new();
        w->file = file_in(w->folder, "ledger");
        good(ledger_open(&(LedgerOptions){.file = w->file, .threads = true, .on_fatal = on_fatal, .ctx = w}, &w->ledger));
        loop_begin(&w->loops[0], w->ledger, 0);
        loop_begin(&w->loops[1], w->ledger, slow_us);
        good(ledger_start(w->ledger));
}

static void world_stop(World *w) {
        ledger_stop(w->ledger);
        while (ledger_pending(w->ledger))
                nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        loop_end(&w->loops[0]);
        loop_end(&w->loops[1]);
        ledger_close(w->ledger);
}

static void world_end(World *w) {
        free(w->file);
        folder_end(w->folder);
}

static void count_answer(void *arg, uint64_t tag, const Commit *commit) {
        World *w = arg;
        atomic_int *const ends[] = {[COMMIT_UNKNOWN] = &w->unknown, [COMMIT_OK] = &w->ok, [COMMIT_CONDITION] = &w->condition, [COMMIT_BUSY] = &w->busy};
        atomic_fetch_add(ends[commit->end], 1);
        if (commit->end == COMMIT_OK && commit->seq) {
                atomic_fetch_add(&w->out_of_order, commit->seq <= w->last_seq[tag]);
                w->last_seq[tag] = commit->seq;
        }
}

static void submit(World *w, Batch *batch, unsigned loop, bool barrier, void (*done)(void *, uint64_t, const Commit *)) {
        good(ledger_commit(w->ledger, &(LedgerAsk){.batch = batch, .loop = loop, .barrier = barrier, .done = done, .arg = w, .tag = loop}));
        batch_clear(batch);
}

/* Two loops' threads redeem the same codes at once: 200 commits, 100 codes, each redeemed once. */
typedef struct Redeemer {
        World *world;
        unsigned loop;
} Redeemer;

static void *redeem(void *arg) {
        Redeemer *r = arg;
        for (int i = 0; i < 100; i++) {
                Batch b = {0};
                char digest[32];
                snprintf(digest, sizeof digest, "code-%d", i);
                put_event(&b, "dev", 1, "s_1", "{\"ids\":[\"s_1\"],\"parties\":[]}", 0);
                put(&b, WRITE_code_use, VALUES(T("dev"), value_blob(text_of(digest)), I(1)));
                submit(r->world, &b, r->loop, false, count_answer);
        }
        return NULL;
}

static void two_hundred_interleaved(void **state) {
        (void)state;
        static World w;
        world_begin(&w, 0);
        for (int i = 0; i < 100; i++) {
                Batch b = {0};
                char digest[32];
                snprintf(digest, sizeof digest, "code-%d", i);
                put_code(&b, digest, 1000);
                submit(&w, &b, 0, false, count_answer);
        }
        pthread_t threads[2];
        Redeemer redeemers[2] = {{&w, w.loops[0].number}, {&w, w.loops[1].number}};
        for (int i = 0; i < 2; i++)
                pthread_create(&threads[i], NULL, redeem, &redeemers[i]);
        for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        LedgerReader *reader; /* reads beside the writer */
        good(ledger_reader(w.ledger, &reader));
        Arena *arena = arena_new(1 << 20);
        Rows rows;
        good(ledger_read(reader, READ_event_range, VALUES(T("dev")), arena, &rows));
        arena_free(arena);
        ledger_reader_close(reader);
        world_stop(&w);
        LedgerVerdict verdict;
        good(ledger_verify(w.file, &verdict));
        assert_string_equal(verdict.broken, "");
        assert_int_equal(verdict.events, 100);
        assert_int_equal(w.ok, 200);
        assert_int_equal(w.condition, 100);
        assert_int_equal(w.out_of_order, 0);
        world_end(&w);
}

/* A close on the quick loop, while the slow one has exchanges of its session unsent. */
static void exchange_answered(void *arg, uint64_t tag, const Commit *commit) {
        World *w = arg;
        count_answer(w, tag, commit);
        atomic_fetch_sub(&w->open_answers, 1);
}

static void close_answered(void *arg, uint64_t tag, const Commit *commit) {
        World *w = arg;
        (void)tag, (void)commit;
        if (atomic_load(&w->open_answers) != 0)
                atomic_fetch_add(&w->early, 1);
}

static void a_close_waits_for_all_earlier_answers(void **state) {
        (void)state;
        static World w;
        world_begin(&w, 300);
        for (int i = 0; i < 50; i++) {
                Batch b = {0};
                atomic_fetch_add(&w.open_answers, 1);
                put_event(&b, "dev", 1, "s_1", "{\"ids\":[\"s_1\"],\"parties\":[]}", 0);
                submit(&w, &b, w.loops[1].number, false, exchange_answered);
        }
        Batch b = {0};
        put(&b, WRITE_cut_add, VALUES(T("dev"), T("session"), T("s_1"), I(1), T("")));
        put_event(&b, "dev", 1, "s_1", "", 0);
        submit(&w, &b, w.loops[0].number, true, close_answered);
        good(ledger_barrier(w.ledger, w.loops[0].number, close_answered, &w));
        put_event(&b, "dev", 1, "s_1", "{\"ids\":[\"s_1\"],\"parties\":[]}", 0);
        submit(&w, &b, w.loops[0].number, false, count_answer);
        world_stop(&w);
        world_end(&w);
        assert_int_equal(w.ok, 50);
        assert_int_equal(w.condition, 1);
        assert_int_equal(w.early, 0);
}

/* --- a disk whose fsync fails once (F5) ------------------------------------------------------------------------ */

static atomic_int sync_fails;

typedef struct FaultFile {
        sqlite3_file base;
        sqlite3_file *real;
} FaultFile;

#define REAL(f) (((FaultFile *)(f))->real)
static int ff_close(sqlite3_file *f) { return REAL(f)->pMethods->xClose(REAL(f)); }
static int ff_read(sqlite3_file *f, void *b, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), b, n, at); }
static int ff_write(sqlite3_file *f, const void *b, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xWrite(REAL(f), b, n, at); }
static int ff_truncate(sqlite3_file *f, sqlite3_int64 n) { return REAL(f)->pMethods->xTruncate(REAL(f), n); }
static int ff_sync(sqlite3_file *f, int flags) {
        if (atomic_exchange(&sync_fails, 0))
                return SQLITE_IOERR_FSYNC;
        return REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int ff_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int ff_lock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static int ff_unlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static int ff_reserved(sqlite3_file *f, int *out) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out); }
static int ff_control(sqlite3_file *f, int op, void *arg) { return REAL(f)->pMethods->xFileControl(REAL(f), op, arg); }
static int ff_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int ff_device(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }
static int ff_map(sqlite3_file *f, int r, int n, int e, void volatile **out) { return REAL(f)->pMethods->xShmMap(REAL(f), r, n, e, out); }
static int ff_shm_lock(sqlite3_file *f, int o, int n, int flags) { return REAL(f)->pMethods->xShmLock(REAL(f), o, n, flags); }
static void ff_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int ff_unmap(sqlite3_file *f, int d) { return REAL(f)->pMethods->xShmUnmap(REAL(f), d); }

static const sqlite3_io_methods fault_methods = {
        2, ff_close, ff_read, ff_write, ff_truncate, ff_sync, ff_size, ff_lock, ff_unlock, ff_reserved, ff_control, ff_sector, ff_device,
        ff_map, ff_shm_lock, ff_barrier, ff_unmap, NULL, NULL};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
        sqlite3_vfs *real = vfs->pAppData;
        FaultFile *fault = (FaultFile *)file;
        fault->real = (sqlite3_file *)(fault + 1);
        int code = real->xOpen(real, name, fault->real, flags, out);
        fault->base.pMethods = fault->real->pMethods ? &fault_methods : NULL;
        return code;
}

static void fsync_error_is_fatal(void **state) {
        (void)state;
        static sqlite3_vfs vfs;
        sqlite3_vfs *real = sqlite3_vfs_find(NULL);
        vfs = *real;
        vfs.zName = "fault";
        vfs.pAppData = real;
        vfs.szOsFile = real->szOsFile + (int)sizeof(FaultFile);
        vfs.xOpen = fault_open;
        assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
        static World w;
        world_begin(&w, 0);
        Batch b = {0};
        put_event(&b, "dev", 1, "s_1", "", 0);
        submit(&w, &b, 0, false, count_answer);
        while (atomic_load(&w.ok) < 1)
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        atomic_store(&sync_fails, 1); /* once, then the disk says all is well */
        put_event(&b, "dev", 2, "s_1", "", 0);
        submit(&w, &b, 0, false, count_answer);
        while (!ledger_dead(w.ledger))
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        put_event(&b, "dev", 3, "s_1", "", 0);
        assert_int_equal(ledger_commit(w.ledger, &(LedgerAsk){.batch = &b, .done = count_answer, .arg = &w}).end, OUTCOME_FAULT);
        batch_clear(&b);
        world_stop(&w);
        world_end(&w);
        assert_int_equal(w.ok, 1);
        assert_int_equal(w.unknown, 1);
        assert_int_equal(w.fatals, 1);
        sqlite3_vfs_unregister(&vfs);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_hundred_interleaved),
                cmocka_unit_test(a_close_waits_for_all_earlier_answers),
                cmocka_unit_test(fsync_error_is_fatal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
