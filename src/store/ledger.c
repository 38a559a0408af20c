#include "store/inside.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096
#define BATCH 256

static int64_t clock_ms(clockid_t clock) {
        struct timespec t;
        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t ledger_now_ms(const Ledger *ledger) {
        const LedgerOptions *o = &ledger->options;
        return o->monotonic_ms ? o->monotonic_ms(o->ctx) : clock_ms(CLOCK_MONOTONIC);
}

int64_t ledger_unix(const Ledger *ledger) {
        const LedgerOptions *o = &ledger->options;
        return (o->unix_ms ? o->unix_ms(o->ctx) : clock_ms(CLOCK_REALTIME)) / 1000;
}

/* --- opening -------------------------------------------------------------------------------------------------- */

/* One writer: the chains stand in its memory. SQLite's own locks would let a second process in between two commits. */
static Outcome lock_file(const char *file, int *fd) {
        char name[4096];
        snprintf(name, sizeof name, "%s.lock", file);
        *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ENSURE(*fd >= 0, outcome_fault("the ledger's folder cannot be written"));
        if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
                return outcome_good();
        close(*fd);
        *fd = -1;
        return outcome_fault("another process holds the ledger");
}

/* SQLite gives its side files the mode of the file itself. */
static void make_private(const char *file) {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
                close(fd);
}

static Outcome open_parts(Ledger *ledger) {
        if (!ledger->memory) {
                TRY(lock_file(ledger->file, &ledger->lock_fd));
                make_private(ledger->file);
        }
        TRY(sqlite_open(&ledger->writer, ledger->file, ledger->options.max_pages));
        TRY(migrate_run(&ledger->writer));
        TRY(sqlite_prepare(&ledger->writer, true));
        TRY(events_load(&ledger->events, &ledger->writer));
        return ledger->memory ? outcome_good() : head_check(ledger->file, &ledger->events, &ledger->writer);
}

static void lock_new(Ledger *ledger) {
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&ledger->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_init(&ledger->lock, NULL);
}

static void ledger_free(Ledger *ledger) {
        sqlite_close(&ledger->writer);
        events_free(&ledger->events);
        if (ledger->lock_fd >= 0)
                close(ledger->lock_fd);
        pthread_mutex_destroy(&ledger->lock);
        pthread_cond_destroy(&ledger->wake);
        free(ledger->file);
        free(ledger);
}

Outcome ledger_open(const LedgerOptions *options, Ledger **out) {
        bool memory = strcmp(options->file, ":memory:") == 0;
        ENSURE(!memory || !options->threads, outcome_fault("a ledger in memory has no threads"));
        Ledger *ledger = calloc(1, sizeof *ledger);
        ENSURE(ledger, outcome_fault("memory"));
        *ledger = (Ledger){.options = *options, .memory = memory, .lock_fd = -1, .file = strdup(options->file)};
        ledger->options.queue = options->queue ? options->queue : QUEUE;
        ledger->options.batch = options->batch ? options->batch : BATCH;
        ledger->last = &ledger->first;
        ledger->opened_unix = ledger_unix(ledger);
        ledger->opened_monotonic = ledger->idled_ms = ledger->counts.flushed_ms = ledger_now_ms(ledger);
        lock_new(ledger);
        Outcome end = ledger->file ? open_parts(ledger) : outcome_fault("memory");
        if (outcome_ok(end))
                *out = ledger;
        else
                ledger_free(ledger);
        return end;
}

unsigned ledger_loop(Ledger *ledger, LedgerPost *post, void *ctx) {
        if (ledger->n_loops == LOOPS_MAX)
                return LOOPS_MAX; /* commits that name it are faults */
        ledger->loops[ledger->n_loops] = (LedgerLoop){post, ctx};
        return ledger->n_loops++;
}

Outcome ledger_start(Ledger *ledger) {
        ENSURE(ledger->n_loops || !ledger->options.threads, outcome_fault("a ledger with a thread needs a loop to answer on"));
        return ledger->options.threads ? writer_start(ledger) : outcome_good();
}

/* --- commits -------------------------------------------------------------------------------------------------- */

Outcome ledger_commit(Ledger *ledger, const LedgerAsk *ask) {
        Item *item;
        TRY(item_new(ledger, ask, &item));
        Outcome end = batcher_put(ledger, item);
        if (!outcome_ok(end)) {
                free(item);
                return end;
        }
        if (ledger->options.immediate && !ledger->options.threads)
                ledger_step(ledger, 1);
        return outcome_good();
}

Outcome ledger_barrier(Ledger *ledger, unsigned loop, void (*fn)(void *arg, uint64_t tag, const Commit *commit), void *arg) {
        static const Batch nothing;
        return ledger_commit(ledger, &(LedgerAsk){.batch = &nothing, .loop = loop, .barrier = true, .done = fn, .arg = arg});
}

size_t ledger_queued(Ledger *ledger) {
        pthread_mutex_lock(&ledger->lock);
        size_t n = ledger->queued;
        pthread_mutex_unlock(&ledger->lock);
        return n;
}

void ledger_counted(Ledger *ledger, uint64_t *batches, uint64_t *commits) {
        *batches = atomic_load(&ledger->batches);
        *commits = atomic_load(&ledger->commits);
}

size_t ledger_pending(Ledger *ledger) { return atomic_load(&ledger->pending); }

bool ledger_dead(Ledger *ledger) {
        pthread_mutex_lock(&ledger->lock);
        bool dead = ledger->dead;
        pthread_mutex_unlock(&ledger->lock);
        return dead;
}

/* --- ending --------------------------------------------------------------------------------------------------- */

void ledger_stop(Ledger *ledger) { writer_stop(ledger); }

void ledger_close(Ledger *ledger) {
        if (!ledger)
                return;
        ledger_stop(ledger);
        ledger->events.moved = true;
        ledger_idle(ledger);
        ledger_free(ledger);
}

Outcome ledger_raise_epoch(const char *file, int64_t *epoch) {
        int fd;
        int64_t head;
        Sqlite sqlite;
        TRY(head_epoch(file, &head));
        TRY(lock_file(file, &fd));
        Outcome end = sqlite_open(&sqlite, file, 0);
        if (outcome_ok(end)) {
                int64_t ours = sqlite_one(&sqlite, "SELECT value FROM meta WHERE name = 'epoch'", 0);
                char sql[96];
                *epoch = (ours > head ? ours : head) + 1;
                sqlite3_snprintf(sizeof sql, sql, "UPDATE meta SET value = %lld WHERE name = 'epoch'", (long long)*epoch);
                end = sqlite_exec(&sqlite, sql) == SQLITE_END_OK ? outcome_good() : outcome_fault("the ledger cannot be written");
                sqlite_close(&sqlite);
        }
        close(fd);
        return end;
}
