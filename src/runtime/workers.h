/* workers.h - a few threads for what is slow: password hashes, publication of policies.
 *
 * lifetime     `arg` is the caller's until done came. workers_free() after loops_run() returned and before loops_free(): finishes what
 *              runs, drops the rest
 * threads      work_begin() from any loop; run on a worker; done on `home`
 * errors       false when the queue is full or memory is out: then neither is called, and the answer is 503
 */
#ifndef CARNET_RUNTIME_WORKERS_H
#define CARNET_RUNTIME_WORKERS_H
#include "runtime/loop.h"

typedef struct Workers Workers;

MUST_USE Outcome workers_new(unsigned threads, unsigned queue, Workers **out); /* queue counts what runs, too */
void workers_free(Workers *workers);
bool work_begin(Workers *workers, Loop *home, void (*run)(void *), void (*done)(void *), void *arg);
#endif
