#include "runtime/loop.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define HOOKS 32

typedef struct Hook {
        void (*fn)(void *);
        void *arg;
} Hook;

typedef struct Hooks {
        Hook at[HOOKS];
        size_t n;
} Hooks;

struct Loop {
        uv_loop_t uv;
        uv_async_t wake;
        uv_timer_t deadline;
        Loops *all;
        unsigned index, held;
        bool stopping, ended;
        Hooks on_stop, on_end;
        pthread_mutex_t lock;              /* the three below */
        LoopNote *first, **last;
        unsigned calls;
        pthread_t thread;
};

struct Loops {
        unsigned n;
        _Atomic int grace_ms;
        _Atomic bool stop_asked;
        Loop at[];
};

struct LoopTimer {
        uv_timer_t uv;
        void (*fn)(void *);
        void *arg;
        bool repeats;
};

static Outcome hooks_add(Hooks *hooks, void (*fn)(void *), void *arg) {
        ENSURE(hooks->n < HOOKS, outcome_fault("too many hooks on a loop"));
        hooks->at[hooks->n++] = (Hook){fn, arg};
        return outcome_good();
}

static void hooks_run(Hooks *hooks) {
        while (hooks->n) {
                Hook h = hooks->at[--hooks->n];
                h.fn(h.arg);
        }
}

static LoopNote *notes_take(Loop *loop);

/* An ended loop runs no notes and takes no more; their senders may free them at once. */
static void notes_drop(Loop *loop) {
        for (LoopNote *note = notes_take(loop), *next; note; note = next) {
                next = note->next;
                if (note->owned)
                        free(note);
        }
}

static void close_handle(uv_handle_t *handle) {
        if (!uv_is_closing(handle))
                uv_close(handle, NULL);
}

static void loop_end(Loop *loop) {
        if (loop->ended)
                return;
        pthread_mutex_lock(&loop->lock); /* senders read it */
        loop->ended = true;
        pthread_mutex_unlock(&loop->lock);
        notes_drop(loop);
        hooks_run(&loop->on_end);
        close_handle((uv_handle_t *)&loop->wake);
        close_handle((uv_handle_t *)&loop->deadline);
}

static void at_deadline(uv_timer_t *timer) { loop_end(timer->data); }

static void begin_stop(Loop *loop) {
        if (loop->stopping)
                return;
        loop->stopping = true;
        loop_hold(loop); /* no hook may end the loop before the others have run */
        hooks_run(&loop->on_stop);
        uv_timer_start(&loop->deadline, at_deadline, (uint64_t)loop->all->grace_ms, 0);
        loop_release(loop);
}

static LoopNote *notes_take(Loop *loop) {
        pthread_mutex_lock(&loop->lock);
        LoopNote *first = loop->first;
        loop->first = NULL;
        loop->last = &loop->first;
        loop->calls = 0;
        pthread_mutex_unlock(&loop->lock);
        return first;
}

static void notes_run(LoopNote *note) {
        for (LoopNote *next; note; note = next) {
                next = note->next;
                void (*fn)(void *) = note->fn;
                void *arg = note->arg;
                if (note->owned)
                        free(note);
                fn(arg); /* the note may be gone, or posted again, from here on */
        }
}

static void on_wake(uv_async_t *wake) {
        Loop *loop = wake->data;
        notes_run(notes_take(loop));
        if (loop->all->stop_asked)
                begin_stop(loop);
}

static bool note_queue(Loop *loop, LoopNote *note) {
        note->next = NULL;
        pthread_mutex_lock(&loop->lock);
        bool room = !loop->ended && (!note->owned || loop->calls < LOOP_CALLS);
        bool first = !loop->first;
        if (room) {
                *loop->last = note;
                loop->last = &note->next;
                loop->calls += note->owned;
        }
        if (room && first)
                uv_async_send(&loop->wake);
        pthread_mutex_unlock(&loop->lock);
        return room;
}

void loop_post(Loop *loop, LoopNote *note) {
        note->owned = false;
        note_queue(loop, note);
}

bool loop_call(Loop *loop, void (*fn)(void *), void *arg) {
        LoopNote *note = malloc(sizeof *note);
        if (!note)
                return false;
        *note = (LoopNote){.fn = fn, .arg = arg, .owned = true};
        if (note_queue(loop, note))
                return true;
        free(note);
        return false;
}

static Outcome loop_open(Loop *loop, Loops *all, unsigned index) {
        ENSURE(!uv_loop_init(&loop->uv), outcome_fault("uv_loop_init"));
        ENSURE(!uv_async_init(&loop->uv, &loop->wake, on_wake), outcome_fault("uv_async_init"));
        ENSURE(!uv_timer_init(&loop->uv, &loop->deadline), outcome_fault("uv_timer_init"));
        loop->wake.data = loop->deadline.data = loop;
        loop->all = all;
        loop->index = index;
        loop->last = &loop->first;
        pthread_mutex_init(&loop->lock, NULL);
        return outcome_good();
}

Outcome loops_new(unsigned n, Loops **out) {
        signal(SIGPIPE, SIG_IGN); /* a client that left is an error code, not a death */
        ENSURE(n >= 1 && n <= 256, outcome_malformed("between 1 and 256 loops"));
        Loops *loops = calloc(1, sizeof *loops + n * sizeof(Loop));
        ENSURE(loops, outcome_fault("memory"));
        for (unsigned i = 0; i < n; i++) {
                Outcome o = loop_open(&loops->at[i], loops, i);
                if (!outcome_ok(o)) {
                        loops_free(loops);
                        return o;
                }
                loops->n++;
        }
        *out = loops;
        return outcome_good();
}

static void handle_free(uv_handle_t *handle) { free(handle); }

/* What is still open then are loop_every()'s timers and loop_on_signal()'s signals; both begin with their handle. */
static void close_left(uv_handle_t *handle, void *arg) {
        (void)arg;
        if (!uv_is_closing(handle))
                uv_close(handle, handle_free);
}

void loops_free(Loops *loops) {
        for (unsigned i = 0; loops && i < loops->n; i++) {
                Loop *loop = &loops->at[i];
                loop_end(loop);
                uv_walk(&loop->uv, close_left, NULL);
                uv_run(&loop->uv, UV_RUN_DEFAULT);
                uv_loop_close(&loop->uv);
                pthread_mutex_destroy(&loop->lock);
        }
        free(loops);
}

unsigned loops_count(const Loops *loops) { return loops->n; }
Loop *loops_at(Loops *loops, unsigned i) { return &loops->at[i]; }

static void *thread_main(void *arg) {
        uv_run(&((Loop *)arg)->uv, UV_RUN_DEFAULT);
        return NULL;
}

Outcome loops_run(Loops *loops) {
        unsigned started = 1;
        while (started < loops->n && !pthread_create(&loops->at[started].thread, NULL, thread_main, &loops->at[started]))
                started++;
        if (started < loops->n)
                loops_stop(loops, 0);
        thread_main(&loops->at[0]);
        for (unsigned i = 1; i < started; i++)
                pthread_join(loops->at[i].thread, NULL);
        ENSURE(started == loops->n, outcome_fault("pthread_create"));
        return outcome_good();
}

void loops_stop(Loops *loops, int grace_ms) {
        loops->grace_ms = grace_ms;
        loops->stop_asked = true;
        for (unsigned i = 0; i < loops->n; i++) {
                Loop *loop = &loops->at[i];
                pthread_mutex_lock(&loop->lock);
                if (!loop->ended)
                        uv_async_send(&loop->wake);
                pthread_mutex_unlock(&loop->lock);
        }
}

uv_loop_t *loop_uv(Loop *loop) { return &loop->uv; }
unsigned loop_index(const Loop *loop) { return loop->index; }
Loops *loop_all(Loop *loop) { return loop->all; }
int64_t loop_now_ms(Loop *loop) { return (int64_t)uv_now(&loop->uv); }
bool loop_stopping(const Loop *loop) { return loop->stopping; }

static void on_timer(uv_timer_t *uv) {
        LoopTimer *timer = (LoopTimer *)uv;
        void (*fn)(void *) = timer->fn;
        void *arg = timer->arg;
        if (!timer->repeats)
                loop_timer_cancel(timer);
        fn(arg);
}

static LoopTimer *timer_start(Loop *loop, int64_t ms, bool repeats, Hook hook) {
        LoopTimer *timer = calloc(1, sizeof *timer);
        if (!timer)
                return NULL;
        *timer = (LoopTimer){.fn = hook.fn, .arg = hook.arg, .repeats = repeats};
        uint64_t wait = ms > 0 ? (uint64_t)ms : 0;
        uv_timer_init(&loop->uv, &timer->uv);
        uv_timer_start(&timer->uv, on_timer, wait, repeats ? (wait ? wait : 1) : 0);
        uv_unref((uv_handle_t *)&timer->uv); /* a loop ends when its own handles do; it does not wait for timers */
        return timer;
}

LoopTimer *loop_after(Loop *loop, int64_t ms, void (*fn)(void *), void *arg) { return timer_start(loop, ms, false, (Hook){fn, arg}); }
LoopTimer *loop_every(Loop *loop, int64_t ms, void (*fn)(void *), void *arg) { return timer_start(loop, ms, true, (Hook){fn, arg}); }

void loop_timer_cancel(LoopTimer *timer) {
        if (timer && !uv_is_closing((uv_handle_t *)&timer->uv))
                uv_close((uv_handle_t *)&timer->uv, handle_free);
}

typedef struct Signal {
        uv_signal_t uv;
        void (*fn)(void *);
        void *arg;
} Signal;

static void on_signal(uv_signal_t *uv, int signum) {
        (void)signum;
        Signal *s = (Signal *)uv;
        s->fn(s->arg);
}

Outcome loop_on_signal(Loop *loop, int signum, void (*fn)(void *), void *arg) {
        Signal *s = calloc(1, sizeof *s);
        ENSURE(s, outcome_fault("memory"));
        s->fn = fn;
        s->arg = arg;
        uv_signal_init(&loop->uv, &s->uv);
        int bad = uv_signal_start(&s->uv, on_signal, signum);
        uv_unref((uv_handle_t *)&s->uv);
        ENSURE(!bad, outcome_fault("uv_signal_start"));
        return outcome_good();
}

Outcome loop_on_stop(Loop *loop, void (*fn)(void *), void *arg) { return hooks_add(&loop->on_stop, fn, arg); }
Outcome loop_on_end(Loop *loop, void (*fn)(void *), void *arg) { return hooks_add(&loop->on_end, fn, arg); }
void loop_hold(Loop *loop) { loop->held++; }

void loop_release(Loop *loop) {
        loop->held--;
        if (!loop->held && loop->stopping)
                loop_end(loop);
}
