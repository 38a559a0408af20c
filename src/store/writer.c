/* writer.c - the one thread that commits; and what it does when nothing has queued. */
#include "store/inside.h"
#include <errno.h>
#include <time.h>

#define IDLE_MS 1000
#define PURGE_AGAIN_MS 100

static SqliteEnd idle_transaction(Ledger *ledger) {
        SqliteEnd end = sqlite_mark(&ledger->writer, MARK_BEGIN);
        if (end == SQLITE_END_OK)
                end = counts_flush(&ledger->counts, &ledger->writer);
        if (end == SQLITE_END_OK)
                end = purge_run(ledger, &ledger->purge_again);
        if (end == SQLITE_END_OK)
                end = sqlite_mark(&ledger->writer, MARK_COMMIT);
        return end;
}

/* Nobody waits for this; what did not go is tried again. A transaction that changed nothing costs no fsync. */
void ledger_idle(Ledger *ledger) {
        if (ledger_dead(ledger))
                return;
        ledger->idled_ms = ledger_now_ms(ledger);
        SqliteEnd end = idle_transaction(ledger);
        if (end == SQLITE_END_OK) {
                counts_clear(&ledger->counts);
                ledger->counts.flushed_ms = ledger->idled_ms;
        } else {
                if (!sqlite3_get_autocommit(ledger->writer.db))
                        (void)sqlite_exec(&ledger->writer, "ROLLBACK");
                if (end == SQLITE_END_FATAL)
                        batcher_fatal(ledger, sqlite3_errstr(sqlite3_extended_errcode(ledger->writer.db)));
        }
        if (ledger->events.moved && !ledger->memory && !ledger_dead(ledger))
                head_write(ledger->file, &ledger->events, &ledger->writer);
        ledger->events.moved = false;
}

/* True when something has queued; false after `ms` without. */
static bool wait_for_items(Ledger *ledger, int64_t ms) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        until.tv_nsec += ms % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&ledger->lock);
        int code = 0;
        while (!ledger->first && !ledger->stopping && code != ETIMEDOUT)
                code = pthread_cond_timedwait(&ledger->wake, &ledger->lock, &until);
        bool some = ledger->first != NULL;
        pthread_mutex_unlock(&ledger->lock);
        return some;
}

static bool writer_done(Ledger *ledger) {
        pthread_mutex_lock(&ledger->lock);
        bool done = ledger->stopping && !ledger->first;
        pthread_mutex_unlock(&ledger->lock);
        return done;
}

static void run_some(Ledger *ledger, size_t most) {
        Item *items = batcher_take(ledger, most);
        if (!items)
                return;
        batcher_run(ledger, items);
        items_deliver(ledger, items);
}

static void *writer_main(void *arg) {
        Ledger *ledger = arg;
        pthread_setname_np(pthread_self(), "ledger");
        while (!writer_done(ledger)) {
                bool some = wait_for_items(ledger, ledger->purge_again ? PURGE_AGAIN_MS : IDLE_MS);
                if (some)
                        run_some(ledger, ledger->options.batch);
                if (!some || ledger_now_ms(ledger) - ledger->idled_ms >= IDLE_MS)
                        ledger_idle(ledger);
        }
        return NULL;
}

size_t ledger_step(Ledger *ledger, size_t most) {
        Item *items = batcher_take(ledger, most < ledger->options.batch ? most : ledger->options.batch);
        size_t n = 0;
        for (Item *item = items; item; item = item->next)
                n++;
        if (n) {
                batcher_run(ledger, items);
                items_deliver(ledger, items);
        }
        return n;
}

Outcome writer_start(Ledger *ledger) {
        ENSURE(pthread_create(&ledger->thread, NULL, writer_main, ledger) == 0, outcome_fault("the ledger's writer cannot start"));
        ledger->running = true;
        return outcome_good();
}

void writer_stop(Ledger *ledger) {
        pthread_mutex_lock(&ledger->lock);
        ledger->stopping = true;
        pthread_cond_signal(&ledger->wake);
        pthread_mutex_unlock(&ledger->lock);
        if (ledger->running)
                pthread_join(ledger->thread, NULL);
        ledger->running = false;
        while (ledger_step(ledger, ledger->options.batch))
                ;
}
