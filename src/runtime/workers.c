#include "runtime/workers.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct Job {
        LoopNote note; /* carries it home */
        struct Job *next;
        Loop *home;
        void (*run)(void *);
        void (*done)(void *);
        void *arg;
} Job;

struct Workers {
        pthread_mutex_t lock;
        pthread_cond_t some;
        Job *first, **last;
        unsigned waiting, limit, n;
        bool stop;
        pthread_t threads[];
};

static void come_home(void *arg) {
        Job *job = arg;
        void (*done)(void *) = job->done;
        void *mine = job->arg;
        free(job);
        done(mine);
}

static Job *job_take(Workers *w) {
        pthread_mutex_lock(&w->lock);
        while (!w->first && !w->stop)
                pthread_cond_wait(&w->some, &w->lock);
        Job *job = w->stop ? NULL : w->first;
        if (job) {
                w->first = job->next;
                if (!w->first)
                        w->last = &w->first;
        }
        pthread_mutex_unlock(&w->lock);
        return job;
}

static void *thread_main(void *arg) {
        Workers *w = arg;
        for (Job *job; (job = job_take(w));) {
                job->run(job->arg);
                pthread_mutex_lock(&w->lock);
                w->waiting--;
                pthread_mutex_unlock(&w->lock);
                job->note = (LoopNote){.fn = come_home, .arg = job};
                loop_post(job->home, &job->note);
        }
        return NULL;
}

Outcome workers_new(unsigned threads, unsigned queue, Workers **out) {
        ENSURE(threads && threads <= 64 && queue, outcome_malformed("between 1 and 64 workers"));
        Workers *w = calloc(1, sizeof *w + threads * sizeof(pthread_t));
        ENSURE(w, outcome_fault("memory"));
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->some, NULL);
        w->last = &w->first;
        w->limit = queue;
        while (w->n < threads && !pthread_create(&w->threads[w->n], NULL, thread_main, w))
                w->n++;
        if (!w->n) {
                workers_free(w);
                return outcome_fault("pthread_create");
        }
        *out = w; /* fewer threads than asked for are slower, not wrong */
        return outcome_good();
}

void workers_free(Workers *w) {
        if (!w)
                return;
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_broadcast(&w->some);
        pthread_mutex_unlock(&w->lock);
        for (unsigned i = 0; i < w->n; i++)
                pthread_join(w->threads[i], NULL);
        for (Job *job = w->first, *next; job; job = next) {
                next = job->next;
                free(job);
        }
        pthread_cond_destroy(&w->some);
        pthread_mutex_destroy(&w->lock);
        free(w);
}

bool work_begin(Workers *w, Loop *home, void (*run)(void *), void (*done)(void *), void *arg) {
        Job *job = calloc(1, sizeof *job);
        if (!job)
                return false;
        *job = (Job){.home = home, .run = run, .done = done, .arg = arg};
        pthread_mutex_lock(&w->lock);
        bool room = w->waiting < w->limit && !w->stop;
        if (room) {
                *w->last = job;
                w->last = &job->next;
                w->waiting++;
                pthread_cond_signal(&w->some);
        }
        pthread_mutex_unlock(&w->lock);
        if (!room)
                free(job);
        return room;
}
