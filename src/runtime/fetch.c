#include "runtime/fetch_private.h"
#include <pthread.h>
#include <stdlib.h>

struct Fetcher {
        pthread_t thread;
        pthread_mutex_t lock;      /* the next five */
        pthread_cond_t some;
        Flight *first, **last;     /* not begun */
        CURLM *multi;              /* made with the first fetch */
        Fetch *all;
        unsigned waiting;
        bool stop;
        Flight *flying;            /* the thread's */
};

/* --- on the home loop --- */

static void fetch_free(Fetch *fetch) {
        Fetcher *fetcher = fetch->fetcher;
        pthread_mutex_lock(&fetcher->lock);
        *(fetch->prev ? &fetch->prev->next : &fetcher->all) = fetch->next;
        if (fetch->next)
                fetch->next->prev = fetch->prev;
        fetcher->waiting--;
        pthread_mutex_unlock(&fetcher->lock);
        flight_release(fetch->flight);
        free(fetch);
}

static void come_home(void *arg) {
        Fetch *fetch = arg;
        if (!fetch->cancelled)
                fetch->done(fetch->arg, &fetch->flight->answer);
        fetch_free(fetch);
}

void fetch_cancel(Fetch *fetch) { fetch->cancelled = true; }

static bool enqueue(Fetcher *fetcher, Fetch *fetch) {
        pthread_mutex_lock(&fetcher->lock);
        bool room = fetcher->waiting < FETCH_WAITING_MAX && !fetcher->stop;
        if (room) {
                fetch->next = fetcher->all;
                if (fetch->next)
                        fetch->next->prev = fetch;
                fetcher->all = fetch;
                fetcher->waiting++;
                *fetcher->last = fetch->flight;
                fetcher->last = &fetch->flight->next;
                if (fetcher->multi)
                        curl_multi_wakeup(fetcher->multi);
                else
                        pthread_cond_signal(&fetcher->some);
        }
        pthread_mutex_unlock(&fetcher->lock);
        return room;
}

Fetch *fetch_begin(Fetcher *fetcher, Loop *home, const FetchRequest *request, FetchDone *done, void *arg) {
        Fetch *fetch = calloc(1, sizeof *fetch);
        Flight *flight = fetch ? flight_new(request) : NULL;
        if (!flight) {
                free(fetch);
                return NULL;
        }
        *fetch = (Fetch){.fetcher = fetcher, .flight = flight, .home = home, .done = done, .arg = arg};
        fetch->note = (LoopNote){.fn = come_home, .arg = fetch};
        flight->waiters = fetch;
        if (enqueue(fetcher, fetch))
                return fetch;
        flight_release(flight);
        free(fetch);
        return NULL;
}

/* --- on the fetcher's thread --- */

static void deliver(Flight *flight) {
        for (Fetch *fetch = flight->waiters, *next; fetch; fetch = next) {
                next = fetch->next_waiter;
                loop_post(fetch->home, &fetch->note); /* from here on it is the home loop's */
        }
}

/* Each waiter holds one count; while it flies the fetcher holds another. */
static void land(Fetcher *fetcher, Flight *flight, CURLcode code) {
        for (Flight **at = &fetcher->flying; *at; at = &(*at)->next) {
                if (*at != flight)
                        continue;
                *at = flight->next;
                break;
        }
        flight_land(flight, code);
        deliver(flight);
        flight_release(flight);
}

static Flight *same_flight(Fetcher *fetcher, const Flight *flight) {
        for (Flight *f = fetcher->flying; f && flight->key.len; f = f->next)
                if (text_equal(f->key, flight->key))
                        return f;
        return NULL;
}

static void join(Flight *flying, Flight *flight) {
        Fetch *fetch = flight->waiters;
        fetch->flight = flying;
        fetch->next_waiter = flying->waiters;
        flying->waiters = fetch;
        flight_count(flying);
        flight_release(flight);
}

static void take_off(Fetcher *fetcher, Flight *flight) {
        Flight *flying = same_flight(fetcher, flight);
        if (flying) {
                join(flying, flight);
                return;
        }
        flight_count(flight);
        flight->next = fetcher->flying;
        fetcher->flying = flight;
        Outcome o = flight_open(flight);
        if (!outcome_ok(o))
                flight->refused = o.why;
        else if (curl_multi_add_handle(fetcher->multi, flight->easy) == CURLM_OK)
                return;
        land(fetcher, flight, CURLE_FAILED_INIT);
}

/* Waits for the first fetch ever, and makes libcurl then: a server that fetches nothing does not pay for it. */
static bool wait_for_first(Fetcher *fetcher) {
        pthread_mutex_lock(&fetcher->lock);
        while (!fetcher->first && !fetcher->stop)
                pthread_cond_wait(&fetcher->some, &fetcher->lock);
        if (!fetcher->stop && !curl_global_init(CURL_GLOBAL_DEFAULT))
                fetcher->multi = curl_multi_init();
        bool ready = fetcher->multi;
        pthread_mutex_unlock(&fetcher->lock);
        if (!ready)
                return false;
        curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, 64L);
        curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
        return true;
}

static Flight *take_queue(Fetcher *fetcher, bool *stop) {
        pthread_mutex_lock(&fetcher->lock);
        Flight *first = fetcher->first;
        fetcher->first = NULL;
        fetcher->last = &fetcher->first;
        *stop = fetcher->stop;
        pthread_mutex_unlock(&fetcher->lock);
        return first;
}

static void land_finished(Fetcher *fetcher) {
        int left;
        for (CURLMsg *m; (m = curl_multi_info_read(fetcher->multi, &left));) {
                if (m->msg != CURLMSG_DONE)
                        continue;
                CURLcode code = m->data.result;
                CURL *easy = m->easy_handle;
                Flight *flight = NULL;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &flight);
                curl_multi_remove_handle(fetcher->multi, easy);
                land(fetcher, flight, code);
        }
}

static void *thread_main(void *arg) {
        Fetcher *fetcher = arg;
        bool stop = !wait_for_first(fetcher);
        while (!stop) {
                for (Flight *flight = take_queue(fetcher, &stop), *next; flight; flight = next) {
                        next = flight->next;
                        take_off(fetcher, flight);
                }
                int running = 0;
                curl_multi_perform(fetcher->multi, &running);
                land_finished(fetcher);
                if (!stop)
                        curl_multi_poll(fetcher->multi, NULL, 0, 1000, NULL);
        }
        return NULL;
}

Outcome fetcher_new(Fetcher **out) {
        Fetcher *fetcher = calloc(1, sizeof *fetcher);
        ENSURE(fetcher, outcome_fault("memory"));
        pthread_mutex_init(&fetcher->lock, NULL);
        pthread_cond_init(&fetcher->some, NULL);
        fetcher->last = &fetcher->first;
        if (pthread_create(&fetcher->thread, NULL, thread_main, fetcher)) {
                free(fetcher);
                return outcome_fault("pthread_create");
        }
        *out = fetcher;
        return outcome_good();
}

/* The thread is gone and the loops run no notes, so everything is ours. */
static void drop_all(Fetcher *fetcher) {
        for (Flight *f = fetcher->flying, *next; f; f = next) {
                next = f->next;
                if (f->easy)
                        curl_multi_remove_handle(fetcher->multi, f->easy);
                flight_release(f);
        }
        while (fetcher->all)
                fetch_free(fetcher->all);
}

void fetcher_free(Fetcher *fetcher) {
        if (!fetcher)
                return;
        pthread_mutex_lock(&fetcher->lock);
        fetcher->stop = true;
        if (fetcher->multi)
                curl_multi_wakeup(fetcher->multi);
        pthread_cond_signal(&fetcher->some);
        pthread_mutex_unlock(&fetcher->lock);
        pthread_join(fetcher->thread, NULL);
        drop_all(fetcher);
        if (fetcher->multi) {
                curl_multi_cleanup(fetcher->multi);
                curl_global_cleanup();
        }
        pthread_cond_destroy(&fetcher->some);
        pthread_mutex_destroy(&fetcher->lock);
        free(fetcher);
}
