/* listener.h - turns a connection's bytes into a request for core, and the answer into bytes.
 *
 * knows        header names, cookies, paths of issuers, how an Answer is written
 * never knows  how anything is decided, SQL, keys
 * lifetime     one Listener per loop and kind (public, management); frees itself with its server's loop
 */
#ifndef CARNET_LISTENERS_HTTP_LISTENER_H
#define CARNET_LISTENERS_HTTP_LISTENER_H
#include "core/engine.h"
#include "core/flows.h"
#include "runtime/http_server.h"
#include "runtime/log.h"

/* What the process offers its listeners; main fills it, one per loop. */
typedef struct ListenerHost ListenerHost;
struct ListenerHost {
        World *world;
        Loop *loop;
        Log *log;
        const Snapshot *(*hold)(ListenerHost *host);                /* the published snapshot, counted */
        void (*release)(ListenerHost *host, const Snapshot *snapshot);
        Outcome (*read)(ListenerHost *host, Statement s, const Value *params, size_t n, Arena *arena, Rows *out); /* for streams */
        bool (*ready)(ListenerHost *host);
        Text (*metrics)(ListenerHost *host, Arena *arena);
        void (*seen)(ListenerHost *host, const Request *r, int64_t us); /* counts and logs a finished request */
};

void listener_public(void *host, HttpExchange *x);      /* HttpHandlers; arg is the ListenerHost */
void listener_management(void *host, HttpExchange *x);
void listener_metrics(void *host, HttpExchange *x);

/* Pieces shared by the files of this folder. */
typedef struct Served {
        ListenerHost *host;
        HttpExchange *x;
        Request *r;
        const Snapshot *snapshot;
        void *stream;                                   /* set when the answer streams; ended with the exchange */
        void (*stream_end)(void *stream, HttpEnd end);
} Served;

void listener_fill(Request *r, HttpExchange *x);        /* In from the request; forms and JSON per content type */
void listener_serve(ListenerHost *host, HttpExchange *x, const Snapshot *snapshot, const Zone *zone, Listener kind, Text path);
void answer_send(Served *s);                            /* r->answer to the client */
bool stream_begin(Served *s);                           /* ANSWER_FEED, ANSWER_EVENTS: takes over the exchange */
#endif
