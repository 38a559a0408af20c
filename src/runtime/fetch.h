/* fetch.h - outgoing HTTP: one thread that owns libcurl and serves all loops, behind one dial-out rule.
 *
 * knows        single flight for GET (same URL, headers, CA and rules), deadlines, size limits, which addresses may be dialled
 * never knows  what a document means; caching and back-off are its callers'
 * rules        https to public addresses only, unless the request's rules say more. Addresses are judged when a socket is about to be
 *              opened and again before the request is sent, so nothing is resolved twice. Never follows a redirect,
 *              never uses a proxy, never asks for compression and refuses what is compressed all the same
 * lifetime     a FetchRequest is copied; a FetchAnswer and all it points to live during the callback only
 * threads      fetch_begin/fetch_cancel on the home loop's thread; the callback comes on the home loop, never inside fetch_begin
 * errors       in FetchAnswer.outcome: refused (URL, address, redirect, type, size) or fault (network, deadline); `why` is a constant.
 *              Any status but 3xx is ok: the caller looks at it
 */
#ifndef CARNET_RUNTIME_FETCH_H
#define CARNET_RUNTIME_FETCH_H
#include "runtime/http_server.h"
#include <sys/socket.h>

typedef struct Fetcher Fetcher;
typedef struct Fetch Fetch; /* one waiting caller */

typedef enum FetchRules {
        FETCH_PUBLIC = 0,
        FETCH_LOOPBACK = 1, /* 127.0.0.0/8 and ::1, also by plain http */
        FETCH_PRIVATE = 2,  /* RFC 1918, fc00::/7: endpoints an administrator configured. Link-local stays refused */
        FETCH_PLAIN = 4,    /* http:// anywhere that may be dialled */
} FetchRules;

typedef struct FetchRequest {
        const char *method;              /* NULL: GET */
        Text url;
        const HttpHeader *headers;       /* Accept, Authorization, Content-Type… */
        size_t n_headers;
        Text body;                       /* for POST, PUT */
        Text ca_pem;                     /* trust these instead of the system's; empty: the system's, read on first use */
        unsigned rules;
        size_t max_bytes;                /* 0: 64 kB */
        int timeout_ms;                  /* 0: 5000, for everything */
        const char *const *types;        /* constant; NULL-ended media types accepted of 2xx answers ("application/json" also takes +json); NULL: any */
} FetchRequest;

typedef struct FetchAnswer {
        Outcome outcome;
        int status;
        Text type, cache_control, etag, location, retry_after, www_authenticate;
        Text body;
} FetchAnswer;

typedef void FetchDone(void *arg, const FetchAnswer *answer);

MUST_USE Outcome fetcher_new(Fetcher **out);      /* starts the thread; libcurl and CAs only with the first fetch */
void fetcher_free(Fetcher *fetcher);              /* joins; after loops_run() returned, before loops_free() */
Fetch *fetch_begin(Fetcher *fetcher, Loop *home, const FetchRequest *request, FetchDone *done, void *arg); /* NULL: 1024 waiting, or memory */
void fetch_cancel(Fetch *fetch);                  /* before its callback: it will not come */
bool fetch_may_dial(const struct sockaddr *to, unsigned rules); /* the rule itself */
#endif
