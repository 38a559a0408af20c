/* batcher.c - the queue, and one transaction over what was taken from it. Driven by the writer's thread or step by step. */
#include "store/inside.h"
#include "store/statements.h"

Outcome batcher_put(Ledger *ledger, Item *item) {
        Outcome end = outcome_good();
        pthread_mutex_lock(&ledger->lock);
        if (ledger->dead || ledger->stopping)
                end = outcome_fault("the ledger has stopped");
        else if (ledger->queued >= ledger->options.queue)
                end = outcome_malformed("the ledger's queue is full");
        else {
                atomic_fetch_add(&ledger->pending, 1);
                *ledger->last = item;
                ledger->last = &item->next;
                if (ledger->queued++ == 0)
                        pthread_cond_signal(&ledger->wake);
        }
        pthread_mutex_unlock(&ledger->lock);
        return end;
}

Item *batcher_take(Ledger *ledger, size_t most) {
        pthread_mutex_lock(&ledger->lock);
        Item *taken = ledger->first, **at = &ledger->first;
        for (; *at && most; most--, ledger->queued--)
                at = &(*at)->next;
        ledger->first = *at;
        if (at == &ledger->first)
                taken = NULL;
        else
                *at = NULL;
        if (!ledger->first)
                ledger->last = &ledger->first;
        pthread_mutex_unlock(&ledger->lock);
        return taken;
}

static void trouble(Ledger *ledger, const char *why) {
        if (ledger->options.on_trouble)
                ledger->options.on_trouble(ledger->options.ctx, why);
}

/* After an I/O error nobody knows what stands on the disk, and asking again would be answered from a cache that lies
 * (the lesson of PostgreSQL's fsync): nothing commits any more, the process starts anew from the log. */
void batcher_fatal(Ledger *ledger, const char *why) {
        pthread_mutex_lock(&ledger->lock);
        bool first = !ledger->dead;
        ledger->dead = true;
        pthread_mutex_unlock(&ledger->lock);
        if (first && ledger->options.on_fatal)
                ledger->options.on_fatal(ledger->options.ctx, why);
}

static void answer_all(Item *items, CommitEnd end) {
        for (Item *item = items; item; item = item->next)
                item->commit = (Commit){.end = end};
}

static bool counts_only(const Item *item) {
        for (size_t i = 0; i < item->n; i++)
                if (item->writes[i].statement != WRITE_count_add)
                        return false;
        return true;
}

static SqliteEnd write_one(Ledger *ledger, const Write *w, Commit *commit) {
        switch (w->statement) {
        case WRITE_event_append:
                return events_append(&ledger->events, &ledger->writer, w->params, w->n, &commit->seq);
        case WRITE_cut_add:
                return events_cut(&ledger->events, &ledger->writer, w->params, w->n);
        case WRITE_count_add:
                return SQLITE_END_OK; /* summed in memory when the transaction has committed */
        default:
                return sqlite_write(&ledger->writer, w->statement, w->params, w->n, NULL, 0);
        }
}

static SqliteEnd item_write(Ledger *ledger, Item *item) {
        for (size_t i = 0; i < item->n; i++) {
                SqliteEnd end = write_one(ledger, &item->writes[i], &item->commit);
                if (end != SQLITE_END_OK) {
                        item->commit = (Commit){.failed = i};
                        return end;
                }
        }
        return SQLITE_END_OK;
}

/* Every item stands or falls alone: its savepoint takes back what it wrote before the write that failed. */
static SqliteEnd item_run(Ledger *ledger, Item *item) {
        SqliteEnd end = sqlite_mark(&ledger->writer, MARK_SAVE);
        if (end != SQLITE_END_OK)
                return end;
        events_begin_item(&ledger->events);
        end = item_write(ledger, item);
        if (end == SQLITE_END_OK) {
                item->commit.end = COMMIT_OK;
                return sqlite_mark(&ledger->writer, MARK_RELEASE);
        }
        if (end != SQLITE_END_CONDITION && end != SQLITE_END_BROKEN)
                return end;
        if (end == SQLITE_END_BROKEN)
                trouble(ledger, statement_types[item->writes[item->commit.failed].statement].name);
        item->commit.end = end == SQLITE_END_CONDITION ? COMMIT_CONDITION : COMMIT_BUSY;
        events_undo_item(&ledger->events);
        end = sqlite_mark(&ledger->writer, MARK_UNDO);
        return end == SQLITE_END_OK ? sqlite_mark(&ledger->writer, MARK_RELEASE) : end;
}

static SqliteEnd items_run(Ledger *ledger, Item *items) {
        int64_t now = ledger_now_ms(ledger);
        for (Item *item = items; item; item = item->next) {
                item->commit = (Commit){0};
                if (item->ask.deadline_ms && item->ask.deadline_ms <= now)
                        item->commit.end = COMMIT_BUSY;
                else if (counts_only(item))
                        item->commit.end = COMMIT_OK;
                else {
                        SqliteEnd end = item_run(ledger, item);
                        if (end != SQLITE_END_OK)
                                return end;
                }
        }
        return SQLITE_END_OK;
}

static bool counts_due(const Ledger *ledger) {
        return ledger->counts.n && ledger_now_ms(ledger) - ledger->counts.flushed_ms >= 1000;
}

static SqliteEnd transaction(Ledger *ledger, Item *items) {
        bool flush = counts_due(ledger);
        SqliteEnd end = sqlite_mark(&ledger->writer, MARK_BEGIN);
        if (end == SQLITE_END_OK)
                end = items_run(ledger, items);
        if (end == SQLITE_END_OK && flush)
                end = counts_flush(&ledger->counts, &ledger->writer);
        if (end == SQLITE_END_OK)
                end = sqlite_mark(&ledger->writer, MARK_COMMIT);
        if (end == SQLITE_END_OK && flush) {
                counts_clear(&ledger->counts);
                ledger->counts.flushed_ms = ledger_now_ms(ledger);
        }
        return end;
}

/* The disk is full, or another process writes: nothing of this batch was kept, and the next may pass. */
static void transaction_undo(Ledger *ledger, Item *items, SqliteEnd end) {
        events_undo_batch(&ledger->events);
        if (!sqlite3_get_autocommit(ledger->writer.db))
                (void)sqlite_exec(&ledger->writer, "ROLLBACK");
        if (end == SQLITE_END_FATAL || end == SQLITE_END_OK || !sqlite3_get_autocommit(ledger->writer.db)) {
                answer_all(items, COMMIT_UNKNOWN);
                batcher_fatal(ledger, sqlite3_errstr(sqlite3_extended_errcode(ledger->writer.db)));
                return;
        }
        answer_all(items, COMMIT_BUSY);
        trouble(ledger, end == SQLITE_END_FULL ? "the ledger's disk is full: nothing is issued"
                                               : "the ledger is held by another process: nothing is issued");
}

static bool all_counts(const Item *items) {
        while (items && counts_only(items))
                items = items->next;
        return !items;
}

void batcher_run(Ledger *ledger, Item *items) {
        if (ledger_dead(ledger)) {
                answer_all(items, COMMIT_UNKNOWN);
                return;
        }
        events_begin_batch(&ledger->events);
        SqliteEnd end = all_counts(items) && !counts_due(ledger) ? items_run(ledger, items) : transaction(ledger, items);
        if (end != SQLITE_END_OK) {
                transaction_undo(ledger, items, end);
                return;
        }
        atomic_fetch_add(&ledger->batches, 1);
        for (Item *item = items; item; item = item->next) {
                if (item->commit.end != COMMIT_OK)
                        continue;
                atomic_fetch_add(&ledger->commits, 1);
                memo_written(ledger, item->writes, item->n);
                for (size_t i = 0; i < item->n; i++)
                        if (item->writes[i].statement == WRITE_count_add)
                                counts_add(&ledger->counts, item->writes[i].params);
        }
}
