/* loop.h - event loops (libuv), one per thread, and how they are stopped.
 *
 * knows        threads, timers, notes between threads, graceful stop
 * never knows  what runs on a loop
 * lifetime     loops_new -> set up listeners on each loop -> loops_run (blocks; loop 0 is the calling thread) -> loops_free.
 *              A loop that stops runs its stop hooks, waits until nobody holds it (or the deadline), runs its end hooks
 *              last-in first-out (these must close all handles), drains libuv, returns
 * threads      only the functions marked [any thread] may be called from outside the loop's own thread
 * errors       faults when libuv or memory fails at set-up
 */
#ifndef CARNET_RUNTIME_LOOP_H
#define CARNET_RUNTIME_LOOP_H
#include "base/outcome.h"
#include <stdint.h>
#include <uv.h>

typedef struct Loop Loop;
typedef struct Loops Loops;
typedef struct LoopTimer LoopTimer;

/* Memory that carries one message to a loop. It belongs to the sender until posted and again when fn is called; one note
 * cannot be posted twice at once. Bounded because whoever embeds it is. */
typedef struct LoopNote {
        struct LoopNote *next;
        void (*fn)(void *arg);
        void *arg;
        bool owned; /* loop_call()'s */
} LoopNote;

MUST_USE Outcome loops_new(unsigned n, Loops **out);
void loops_free(Loops *loops);
unsigned loops_count(const Loops *loops);
Loop *loops_at(Loops *loops, unsigned i);
MUST_USE Outcome loops_run(Loops *loops);
void loops_stop(Loops *loops, int grace_ms);                 /* [any thread, not a signal handler: use loop_on_signal] */

uv_loop_t *loop_uv(Loop *loop);
unsigned loop_index(const Loop *loop);
Loops *loop_all(Loop *loop);
int64_t loop_now_ms(Loop *loop);                             /* monotonic, cached per turn */
bool loop_stopping(const Loop *loop);

#define LOOP_CALLS 4096
bool loop_call(Loop *loop, void (*fn)(void *), void *arg);   /* [any thread] false when LOOP_CALLS are waiting, or ended */
void loop_post(Loop *loop, LoopNote *note);                  /* [any thread] cannot fail; an ended loop forgets it */

LoopTimer *loop_after(Loop *loop, int64_t ms, void (*fn)(void *), void *arg);  /* once; NULL without memory */
LoopTimer *loop_every(Loop *loop, int64_t ms, void (*fn)(void *), void *arg);
void loop_timer_cancel(LoopTimer *timer);                    /* NULL is fine. A one-shot timer is gone once fn is called */
MUST_USE Outcome loop_on_signal(Loop *loop, int signum, void (*fn)(void *), void *arg);

MUST_USE Outcome loop_on_stop(Loop *loop, void (*fn)(void *), void *arg);
MUST_USE Outcome loop_on_end(Loop *loop, void (*fn)(void *), void *arg);
void loop_hold(Loop *loop);                                  /* a stopping loop waits for as many releases, until the deadline */
void loop_release(Loop *loop);
#endif
