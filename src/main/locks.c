#include "main/locks.h"
#include <pthread.h>
#include <stdlib.h>

struct LockHold {
        LockHold *next;      /* all holds and waiters, in order of asking: the first of a name holds it */
        Locks *locks;
        Loop *home;
        void (*granted)(void *arg);
        void *arg;
        LoopNote note;
        bool posted, ended;  /* a posted note frees the hold itself when it finds it ended */
        size_t len;
        char name[];
};

struct Locks {
        pthread_mutex_t mutex;
        LockHold *first;
};

Locks *locks_new(void) {
        Locks *locks = calloc(1, sizeof *locks);
        if (locks)
                pthread_mutex_init(&locks->mutex, NULL);
        return locks;
}

void locks_free(Locks *locks) {
        if (!locks)
                return;
        for (LockHold *h = locks->first, *next; h; h = next) {
                next = h->next;
                free(h);
        }
        pthread_mutex_destroy(&locks->mutex);
        free(locks);
}

static bool same_name(const LockHold *a, const LockHold *b) { return a->len == b->len && memcmp(a->name, b->name, a->len) == 0; }

static void granted_note(void *arg) {
        LockHold *h = arg;
        pthread_mutex_lock(&h->locks->mutex);
        h->posted = false;
        bool ended = h->ended;
        pthread_mutex_unlock(&h->locks->mutex);
        if (ended)
                free(h);
        else
                h->granted(h->arg);
}

/* Under the mutex. */
static void grant(LockHold *h) {
        h->posted = true;
        h->note = (LoopNote){.fn = granted_note, .arg = h};
        loop_post(h->home, &h->note);
}

LockHold *lock_begin(Locks *locks, Text name, Loop *home, void (*fn)(void *), void *arg) {
        LockHold *h = calloc(1, sizeof *h + name.len);
        if (!h)
                return NULL;
        h->locks = locks;
        h->home = home;
        h->granted = fn;
        h->arg = arg;
        h->len = name.len;
        memcpy(h->name, name.at, name.len);
        pthread_mutex_lock(&locks->mutex);
        bool taken = false;
        LockHold **at = &locks->first;
        for (; *at; at = &(*at)->next)
                taken |= same_name(*at, h);
        *at = h;
        if (!taken)
                grant(h);
        pthread_mutex_unlock(&locks->mutex);
        return h;
}

void lock_end(LockHold *h) {
        Locks *locks = h->locks;
        pthread_mutex_lock(&locks->mutex);
        bool held = true;
        LockHold **at = &locks->first;
        for (; *at && *at != h; at = &(*at)->next)
                held &= !same_name(*at, h);
        if (*at)
                *at = h->next;
        for (LockHold *w = locks->first; held && w; w = w->next)
                if (same_name(w, h)) {
                        grant(w);
                        break;
                }
        h->ended = true;
        bool posted = h->posted;
        pthread_mutex_unlock(&locks->mutex);
        if (!posted)
                free(h);
}
