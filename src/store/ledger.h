/* ledger.h - what the zone must not forget: `open read commit migrate close` over one SQLite file.
 *
 * knows        statements of core/ledger.def, transactions, the events' hash chain, when an answer may leave
 * never knows  OAuth, what a row means, libuv (loops are reached by a function pointer)
 * lifetime     a Ledger outlives its readers and every callback that it posted; commit() copies what it is given
 * errors       open, read: fault with a sentence. commit: refused (row 0) when the queue is full, fault for a malformed
 *              batch (a bug); else the Commit tells. An I/O error is fatal: `on_fatal`, and nothing commits any more
 *
 * One writer thread drains what has queued, at most `batch` items, as one transaction (WAL, synchronous=FULL) with a
 * savepoint each. Answers are handed to each loop in commit order, after fsync. Without `threads` nothing runs by itself:
 * the caller executes by ledger_step(), or at once when `immediate`; answers then come on the caller's stack.
 *
 * The first parameter of every statement is the zone; a Write's parameters include it.
 */
#ifndef CARNET_STORE_LEDGER_H
#define CARNET_STORE_LEDGER_H
#include "base/arena.h"
#include "core/ledger.h"

typedef struct Ledger Ledger;
typedef struct LedgerReader LedgerReader;

/* Runs fn(arg) on the loop `ctx`, in the order of the calls; callable from any thread; must not fail. */
typedef void LedgerPost(void *ctx, void (*fn)(void *arg), void *arg);

typedef struct LedgerOptions {
        const char *file;              /* path, or ":memory:" (without threads only) */
        bool threads, immediate;
        size_t queue, batch;           /* 0: 4,096 and 256 */
        int64_t max_pages;             /* of the file; 0: no limit but the disk's */
        int64_t (*monotonic_ms)(void *ctx); /* deadlines; NULL: the system's */
        int64_t (*unix_ms)(void *ctx);      /* expiry of rows; NULL: the system's */
        void (*on_fatal)(void *ctx, const char *why);   /* from the writer: stop issuing, end the process */
        void (*on_trouble)(void *ctx, const char *why); /* from the writer: the disk is full, a statement failed; may be NULL */
        void *ctx;
} LedgerOptions;

/* Migrates to the newest schema, refuses a file that another process holds, one of a newer schema, and one that is older
 * than its head file says (`FILE.head`: a copy was put back). */
MUST_USE Outcome ledger_open(const LedgerOptions *options, Ledger **out);
/* Before the first commit. Returns the loop's number. Without threads and loops the number is 0. */
unsigned ledger_loop(Ledger *ledger, LedgerPost *post, void *ctx);
/* Starts the writer thread (with `threads`); loops are complete. */
MUST_USE Outcome ledger_start(Ledger *ledger);

typedef struct LedgerAsk {
        const Batch *batch;            /* copied */
        int64_t deadline_ms;           /* on the ledger's monotonic clock; an item past it is dropped before execution; 0: none */
        unsigned loop;                 /* where `done` runs */
        bool barrier;                  /* a close: answered only after every loop has run the answers of all earlier commits */
        void (*done)(void *arg, uint64_t tag, const Commit *commit); /* exactly once, unless ledger_commit() refused */
        void *arg;
        uint64_t tag;                  /* e.g. slot and generation */
} LedgerAsk;

/* From any loop's thread. Ok: queued, `done` will run (before return when `immediate`). Refused: the queue is full and
 * nothing was written (COMMIT_BUSY). Fault: the batch is malformed, or the ledger is dead. */
MUST_USE Outcome ledger_commit(Ledger *ledger, const LedgerAsk *ask);
/* `fn` runs on `loop` after every loop has run the answers of all commits queued before. */
MUST_USE Outcome ledger_barrier(Ledger *ledger, unsigned loop, void (*fn)(void *arg, uint64_t tag, const Commit *commit), void *arg);

int64_t ledger_now_ms(const Ledger *ledger); /* for deadlines */
size_t ledger_queued(Ledger *ledger);
void ledger_counted(Ledger *ledger, uint64_t *batches, uint64_t *commits); /* since the start; their ratio is the mean batch */
bool ledger_dead(Ledger *ledger);            /* after a fatal error: readyz says no */

/* Without threads: executes what has queued, at most `most` items, as one transaction; returns how many were answered. */
size_t ledger_step(Ledger *ledger, size_t most);
/* Without threads: what the writer does when idle: flush counts, delete a few expired rows, write the head file. */
void ledger_idle(Ledger *ledger);

/* One per thread, never shared. Rows are copied into the arena; no transaction outlives the call. */
MUST_USE Outcome ledger_reader(Ledger *ledger, LedgerReader **out);
MUST_USE Outcome ledger_read(LedgerReader *reader, Statement statement, const Value *params, size_t n, Arena *arena, Rows *out);
void ledger_reader_close(LedgerReader *reader);

/* Drains the queue, posts every answer, ends the writer; while the loops still run: they end once nothing is pending. */
void ledger_stop(Ledger *ledger);
size_t ledger_pending(Ledger *ledger);       /* commits whose `done` has not returned yet */
/* After the loops have run what was posted. Stops first when that was not done; writes the head file. NULL is fine. */
void ledger_close(Ledger *ledger);

/* Offline check of a ledger file: every zone's chain, gap-free, from its first event to its last, against the head file.
 * `broken` is empty when all is well, else one sentence naming zone and sequence. */
typedef struct LedgerVerdict {
        size_t zones;
        int64_t events;
        char broken[256];
} LedgerVerdict;

MUST_USE Outcome ledger_verify(const char *file, LedgerVerdict *out);

/* The chain's hash: SHA-256 over the previous hash (32 zero bytes before the first event) and then, each preceded by its
 * length as 8 bytes big-endian: zone, writer, seq, at_ms (8 bytes big-endian each), decision, root session, body. */
typedef struct LedgerEvent {
        Text zone, decision, root, body;
        int64_t writer, seq, at_ms;    /* writer is 0 here; PostgreSQL gives each node its own */
} LedgerEvent;

#define LEDGER_HASH 32
void ledger_event_hash(const uint8_t before[LEDGER_HASH], const LedgerEvent *event, uint8_t out[LEDGER_HASH]);

/* After a restore from an older copy: raises the epoch so that the file may be opened again. The caller cuts what the
 * copy cannot know of. */
MUST_USE Outcome ledger_raise_epoch(const char *file, int64_t *epoch);
#endif
