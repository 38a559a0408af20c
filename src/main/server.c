#include "main/server.h"
#include <pthread.h>

typedef struct Waited {
        pthread_mutex_t lock;
        pthread_cond_t done;
        bool finished;
        Commit commit;
} Waited;

static void waited_done(void *arg, uint64_t tag, const Commit *commit) {
        Waited *w = arg;
        (void)tag;
        pthread_mutex_lock(&w->lock);
        w->commit = *commit;
        w->finished = true;
        pthread_cond_signal(&w->done);
        pthread_mutex_unlock(&w->lock);
}

Outcome server_commit(Server *server, const Batch *batch, Commit *out) {
        Waited w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
        const LedgerAsk ask = {.batch = batch, .loop = server->sync_loop, .done = waited_done, .arg = &w};
        TRY(ledger_commit(server->ledger, &ask));
        pthread_mutex_lock(&w.lock);
        while (!w.finished)
                pthread_cond_wait(&w.done, &w.lock);
        pthread_mutex_unlock(&w.lock);
        *out = w.commit;
        return outcome_good();
}
