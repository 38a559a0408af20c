/* server.h - what one carnetd process holds: made before the loops, shared by them, freed after them.
 *
 * knows        ledger, keeper, fetcher, workers, the published zones, run keys, locks
 * never knows  how a request is decided
 */
#ifndef CARNET_MAIN_SERVER_H
#define CARNET_MAIN_SERVER_H
#include "core/model.h"
#include "crypto/sigcache.h"
#include "keeper/keeper.h"
#include "main/config.h"
#include "runtime/fetch.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/workers.h"
#include "store/ledger.h"

typedef struct Publisher Publisher;
typedef struct RunKeys RunKeys;
typedef struct Locks Locks;
typedef struct Tries Tries;

typedef struct Server {
        const Config *config;
        Log *log;
        Loops *loops;
        Ledger *ledger;
        unsigned sync_loop;            /* the ledger's number for commits that a worker waits for */
        Keeper *keeper;
        Fetcher *fetcher;
        Workers *workers;
        Publisher *publisher;
        RunKeys *run_keys;
        Locks *locks;
        Tries *tries;
        Metrics *metrics, *http_metrics;
        int64_t started_ms;
} Server;

/* Blocks until the batch is committed: workers and start-up only, never a loop. */
MUST_USE Outcome server_commit(Server *server, const Batch *batch, Commit *out);
#endif
