/* http_server.h - HTTP/1.1 on one loop: connections in, exchanges to a handler, answers out.
 *
 * knows        framing (llhttp, strict), limits, deadlines, keep-alive, TLS, peers, trusted proxies
 * never knows  routes, OAuth, what an answer means
 * lifetime     one HttpServer per loop and kind of listener (public, management, metrics). An exchange and its arena live from the
 *              handler's call until it ended (answer handed to the kernel, or client gone) AND every http_hold() is
 *              released. Pointers to it may outlive it only inside an HttpRef
 * threads      everything runs on the server's loop; loop_call()/loop_post() with an HttpRef to come back from another
 * errors       protocol errors are answered here (400 408 413 414 417 431 501 505) and close the connection
 *
 *   void handler(void *arg, HttpExchange *x) { http_answer(x, 200, headers, 1, body); }          at once, or
 *   HttpRef ref = http_ref(x); …later, same loop…  HttpExchange *x = http_at(ref); if (x) http_answer(x, …);
 */
#ifndef CARNET_RUNTIME_HTTP_SERVER_H
#define CARNET_RUNTIME_HTTP_SERVER_H
#include "base/arena.h"
#include "base/text.h"
#include "runtime/loop.h"
#include <sys/types.h>

typedef struct HttpServer HttpServer;
typedef struct HttpExchange HttpExchange;
struct Tls;
struct Metrics;

typedef struct HttpHeader {
        Text name, value;
} HttpHeader;

typedef struct HttpPeer {
        Text address;      /* of the client: the socket's, or what a trusted proxy says; empty for Unix sockets */
        Text socket;       /* of the socket itself */
        bool loopback;     /* the socket's peer is this machine (always for Unix sockets) */
        bool secure;       /* TLS here, or X-Forwarded-Proto: https of a trusted proxy */
        bool unix_socket;
        uid_t uid;         /* SO_PEERCRED; only when unix_socket */
        gid_t gid;
        pid_t pid;
} HttpPeer;

typedef struct HttpRequest {
        Text method;                    /* GET HEAD POST PUT PATCH DELETE OPTIONS */
        Text path;                      /* still percent-encoded, begins with '/' */
        Text query;                     /* after '?', still encoded */
        bool has_query;
        Text host;                      /* Host field (or an absolute-form target's authority); "" from HTTP/1.0 */
        const HttpHeader *headers;      /* names as sent */
        size_t n_headers;
        Text body;
        HttpPeer peer;
        int64_t at_us;                  /* monotonic, when the request was complete */
} HttpRequest;

typedef void HttpHandler(void *arg, HttpExchange *x);

typedef struct HttpLimits {
        size_t request_line, head, fields, body; /* 8 kB, 32 kB, 64, 64 kB */
        size_t arena;                            /* per exchange; 2 MB */
        size_t stream_queue;                     /* bytes a slow reader may owe; 256 kB */
        size_t connections;                      /* per server (loop); 4096. Full: the oldest idle or still unheard one is closed,
                                                    else accepting pauses */
        int head_ms, body_ms, idle_ms, write_ms; /* 10 s, 20 s, 60 s, 20 s */
} HttpLimits;

HttpLimits http_limits(void); /* the defaults */

typedef struct HttpServerConfig {
        HttpHandler *handler;
        void *arg;
        HttpLimits limits;          /* from http_limits() */
        Texts trusted_proxies;      /* CIDR: "10.0.0.0/8", "::1/128". Copied */
        struct Tls *tls;            /* or NULL. Borrowed: outlives the server */
        struct Metrics *metrics;    /* over http_metric_rows, or NULL. Borrowed */
} HttpServerConfig;

MUST_USE Outcome http_server_new(Loop *loop, const HttpServerConfig *config, HttpServer **out);
MUST_USE Outcome http_server_listen(HttpServer *server, int fd); /* takes the descriptor; up to 4 per server; TCP and Unix */
/* Frees itself when its loop ends; stops gracefully with it (no new connections, idle and streams closed, exchanges finished). */

/* The request. */
const HttpRequest *http_request(const HttpExchange *x);
Arena *http_arena(HttpExchange *x);                              /* wiped at the exchange's end */
Loop *http_loop(const HttpExchange *x);
Text http_header(const HttpExchange *x, const char *name);       /* first of that name; .at NULL when absent */
size_t http_header_count(const HttpExchange *x, const char *name);
                                        /* Host, Authorization, Content-Type, Cookie, DPoP, Traceparent never come twice: refused before */

/* Identity over time. */
typedef struct HttpRef {
        HttpExchange *x;
        uint64_t generation;
} HttpRef;

HttpRef http_ref(HttpExchange *x);
HttpExchange *http_at(HttpRef ref);                              /* NULL once ended: late answers are dropped */
void http_hold(HttpExchange *x);                                 /* keeps x and its arena for others' pointers, even past the end */
void http_release(HttpExchange *x);

typedef enum HttpEnd {
        HTTP_SENT = 1, /* every byte is with the kernel */
        HTTP_GONE,     /* the client left, a deadline passed, or http_drop() */
} HttpEnd;
void http_on_end(HttpExchange *x, void (*fn)(void *arg, HttpEnd end), void *arg);
/* One hook, called exactly once, from the loop: never inside http_answer(), http_drop(), a stream's call or the handler. Until then the
 * arena stays, so whoever answered may still look at what lies there. */

/* The answer: exactly one of these per exchange. Names and values of headers are copied; a body must live until the end (on the
 * exchange's arena, or constant). Added: Date, Content-Length, X-Content-Type-Options, Connection when needed. HEAD sends no body.
 * A header value with a control byte turns the answer into 500. After the end these do nothing. */
void http_answer(HttpExchange *x, int status, const HttpHeader *headers, size_t n, Text body);
void http_answer_text(HttpExchange *x, int status, Text text);   /* text/plain */
void http_close_after(HttpExchange *x);                          /* this answer closes the connection */
void http_drop(HttpExchange *x);                                 /* no answer (or no more of it): connection closed now */

/* Streams (chunked). stream_write copies; false: ended, or the reader owes more than limits.stream_queue (nothing is taken then:
 * wait for the drain hook, or drop; one piece must be smaller than that). The drain hook is called when everything owed went out after
 * a write could not be sent at once. */
bool http_stream_begin(HttpExchange *x, int status, const HttpHeader *headers, size_t n);
bool http_stream_write(HttpExchange *x, Text bytes);
size_t http_stream_owed(const HttpExchange *x);
void http_stream_on_drain(HttpExchange *x, void (*fn)(void *arg), void *arg);
void http_stream_end(HttpExchange *x);

/* The connection: fn is called once when it closed, from the loop, after its exchange's own end hook (run keys end with it). Such a
 * connection is never idle. At most 8 hooks per connection; false when full or closed (fn is not called then: refuse the request). http_connection_id() tells connections apart while the process lives. */
bool http_on_close(HttpExchange *x, void (*fn)(void *arg), void *arg);
uint64_t http_connection_id(const HttpExchange *x);
#endif
