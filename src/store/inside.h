/* inside.h - the parts of a Ledger, for the files of this folder.
 *
 * Threads: `lock` guards the queue and the flags below it; everything of the writer's (connection, events, counts) is
 * touched by the one thread that runs batches.
 */
#ifndef CARNET_STORE_INSIDE_H
#define CARNET_STORE_INSIDE_H
#include "store/counts.h"
#include "store/events.h"
#include "store/memo.h"
#include <pthread.h>
#include <stdatomic.h>

#define LOOPS_MAX 64

typedef struct LedgerLoop {
        LedgerPost *post;
        void *ctx;
} LedgerLoop;

typedef struct Item Item;

typedef struct ItemAck {
        Item *item;
} ItemAck;

/* A copied LedgerAsk. One allocation: writes, parameters and their bytes stand behind it. */
struct Item {
        Item *next;
        Ledger *ledger;
        LedgerAsk ask;
        Write *writes;
        size_t n;
        Commit commit;
        LedgerLoop home;            /* of ask.loop; post NULL: answer on the caller's stack */
        atomic_uint missing;        /* barrier: loops that have not acknowledged */
        ItemAck *acks;              /* barrier: one for each loop */
};

struct Ledger {
        LedgerOptions options;
        char *file;
        bool memory;
        int lock_fd;
        Sqlite writer;
        Events events;
        Counts counts;
        LedgerLoop loops[LOOPS_MAX];
        unsigned n_loops;
        int64_t opened_unix, opened_monotonic, idled_ms;
        bool purge_again;           /* the last purge hit its bound */
        pthread_t thread;
        bool running;               /* the thread exists */

        pthread_mutex_t lock;
        pthread_cond_t wake;
        Item *first, **last;
        size_t queued;
        bool stopping, dead;
        atomic_size_t pending;      /* until `done` has returned */
        atomic_uint_fast64_t versions[MEMO_GROUPS], batches, commits;
};

/* item.c */
MUST_USE Outcome item_new(Ledger *ledger, const LedgerAsk *ask, Item **out);
void items_deliver(Ledger *ledger, Item *items);    /* answers and frees */
/* batcher.c: the queue, and one transaction over what was taken from it */
MUST_USE Outcome batcher_put(Ledger *ledger, Item *item); /* refused: full */
Item *batcher_take(Ledger *ledger, size_t most);
void batcher_run(Ledger *ledger, Item *items);
void batcher_fatal(Ledger *ledger, const char *why);
/* purge.c */
SqliteEnd purge_run(Ledger *ledger, bool *again);
/* writer.c */
MUST_USE Outcome writer_start(Ledger *ledger);
void writer_stop(Ledger *ledger);
int64_t ledger_unix(const Ledger *ledger);
/* migrate.c */
MUST_USE Outcome migrate_run(Sqlite *sqlite);
#endif
