/* http_private.h - what the files of the HTTP server share. Nobody else includes it. */
#ifndef CARNET_RUNTIME_HTTP_PRIVATE_H
#define CARNET_RUNTIME_HTTP_PRIVATE_H
#include "base/buf.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include <llhttp.h>

#define HTTP_FIELDS_MAX 128
#define HTTP_READ_SIZE 65536
#define HTTP_CLOSE_HOOKS 8
#define HTTP_LISTENERS 4

enum HttpMetric { HTTP_M_REQUESTS, HTTP_M_CONNECTIONS, HTTP_M_ACCEPTED, HTTP_M_CLOSED, HTTP_M_SECONDS };
enum HttpClosed { HTTP_C_EVICTED, HTTP_C_DEADLINE, HTTP_C_PROTOCOL, HTTP_C_PAUSED };

typedef struct Connection Connection;

typedef enum ConnectionState {
        CONNECTION_IDLE = 1, /* nothing of a request heard yet */
        CONNECTION_HEAD,
        CONNECTION_BODY,
        CONNECTION_ASKED,    /* the handler has it */
        CONNECTION_SENDING,  /* answered, bytes left */
        CONNECTION_STREAM,
        CONNECTION_LINGER,   /* told to go; reading what it still sends, so that the answer is not lost to a reset */
        CONNECTION_CLOSED,
} ConnectionState;

typedef struct Span {
        uint32_t at, len;
} Span;

typedef struct FieldSpan {
        Span name, value;
} FieldSpan;

struct HttpExchange {
        HttpServer *server;
        Connection *connection;  /* NULL once ended */
        HttpExchange *next;      /* among the free, or those that ended and whose hook is to come */
        uint64_t generation;
        unsigned holds;
        Arena *arena;
        HttpRequest request;
        /* reading */
        Buf bytes, body;         /* request line and fields; body */
        FieldSpan fields[HTTP_FIELDS_MAX];
        size_t n_fields, trailers, url_len, raw, extensions;
        bool expects;
        int refuse;              /* status that ends reading */
        /* answering */
        bool answered, keep, chunked, old, head, streaming;
        int status;
        HttpEnd end;
        void (*end_fn)(void *, HttpEnd);
        void *end_arg;
        void (*drain_fn)(void *);
        void *drain_arg;
};

typedef struct CloseHook {
        void (*fn)(void *);
        void *arg;
} CloseHook;

typedef struct ConnectionList {
        Connection *first, *last;
        size_t n;
} ConnectionList;

struct Connection {
        uv_poll_t poll;
        uv_timer_t timer;
        HttpServer *server;
        ConnectionList *list;    /* quiet (no complete request; oldest first) or busy */
        Connection *prev, *next;
        int fd, events, closing;
        ConnectionState state;
        int64_t deadline, armed; /* ms; the timer fires at `armed` and is moved on when the deadline has moved; 0: none */
        struct ssl_st *ssl;
        bool ssl_wants_write, busy, deaf, ready; /* deaf: what comes waits in the kernel; ready: a whole request was read */
        llhttp_t parser;
        HttpExchange *x;
        char *left;              /* bytes of the next requests that came early */
        size_t left_at, left_len;
        Text out[2];             /* head and body of the answer, what is left of them */
        char *queue;             /* stream */
        size_t queue_len, queue_size;
        size_t lingered;
        CloseHook hooks[HTTP_CLOSE_HOOKS];
        size_t n_hooks;
        uint64_t id;
        HttpPeer peer;           /* texts point to `address` */
        char address[64];
};

typedef struct Network {
        uint8_t bytes[16];
        unsigned bits;
} Network;

typedef struct HttpAcceptor {
        uv_poll_t poll;
        HttpServer *server;
        int fd;
        bool is_unix;
} HttpAcceptor;

struct HttpServer {
        Loop *loop;
        HttpServerConfig config;
        HttpAcceptor acceptors[HTTP_LISTENERS];
        size_t n_acceptors, handles; /* of ours, when they close */
        size_t unfreed;              /* connections, with those that are closing */
        uv_timer_t pause;
        uv_idle_t settle;            /* runs when something ended outside of on_poll() */
        bool paused, stopping, ended, held, polling;
        HttpExchange *first_ended, **last_ended;
        ConnectionList quiet, busy;
        HttpExchange *free_exchanges;
        size_t live_exchanges;
        Network *proxies;
        size_t n_proxies;
        uint64_t next_id;
        time_t date_at;
        char date[32];
        char read[HTTP_READ_SIZE];
};

/* http_server.c */
void server_count(HttpServer *server, enum HttpMetric row, unsigned value);
void server_closed(Connection *c);                  /* a connection is gone: room for another */
void server_free_if_done(HttpServer *server);
void server_settle(HttpServer *server);             /* calls the end hooks of what ended, and lets it go */
void server_settle_later(HttpServer *server);
void list_move(Connection *c, ConnectionList *to);  /* to the end of; NULL: out of any */

/* http_connection.c */
Connection *connection_new(HttpServer *server, int fd, const HttpPeer *peer);
void connection_close(Connection *c);
void connection_deadline(Connection *c, int ms);    /* 0: none */
bool connection_flush(Connection *c);               /* false: closed. Ends the exchange when all is out */
void connection_raw(Connection *c, Text bytes);     /* small, at once, or the connection is closed */
void connection_pump(Connection *c);                /* go on with what was read early; then watch */
void connection_watch(Connection *c);
bool connection_push(Connection *c);                /* like flush, but nothing ends and no hook is called unless it breaks */

static inline bool connection_reads(const Connection *c) {
        return c->state == CONNECTION_IDLE || c->state == CONNECTION_HEAD || c->state == CONNECTION_BODY;
}

/* http_parse.c */
size_t parse_feed(Connection *c, const char *bytes, size_t len); /* bytes used; stops after one request (`ready`) or a refusal */
void parse_dispatch(Connection *c);                              /* hands the ready request to the handler */

/* http_peer.c */
void peer_of_socket(int fd, bool is_unix, char address[64], HttpPeer *out);
void peer_behind_proxies(HttpServer *server, HttpExchange *x);
Outcome proxies_read(Texts list, Network **out, size_t *n);

/* http_exchange.c */
HttpExchange *exchange_new(Connection *c);
void exchange_end(HttpExchange *x, HttpEnd end);    /* the hook comes later, never inside a call of the handler's */
int64_t exchange_clock_us(void);
#endif
