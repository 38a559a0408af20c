#include "runtime/http_private.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_AT_ONCE 16
#define PAUSE_MS 50

static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", NULL};
static const char *const closings[] = {"evicted", "deadline", "protocol", "accept_paused", NULL};

const MetricRow http_metric_rows[] = {
        [HTTP_M_REQUESTS] = {"carnet_http_requests_total", "Requests answered, by class of status", METRIC_COUNTER, "class", classes},
        [HTTP_M_CONNECTIONS] = {"carnet_http_connections", "Open connections", METRIC_GAUGE, NULL, NULL},
        [HTTP_M_ACCEPTED] = {"carnet_http_accepted_total", "Connections accepted", METRIC_COUNTER, NULL, NULL},
        [HTTP_M_CLOSED] = {"carnet_http_limits_total", "Limits that struck, by which", METRIC_COUNTER, "limit", closings},
        [HTTP_M_SECONDS] = {"carnet_http_seconds", "From the request's last byte to the answer's", METRIC_SECONDS, NULL, NULL},
};
const size_t http_metric_row_count = ARRAY_LEN(http_metric_rows);

HttpLimits http_limits(void) {
        return (HttpLimits){.request_line = 8192,
                            .head = 32768,
                            .fields = 64,
                            .body = 65536,
                            .arena = 2 << 20,
                            .stream_queue = 256 << 10,
                            .connections = 4096,
                            .head_ms = 10000,
                            .body_ms = 20000,
                            .idle_ms = 60000,
                            .write_ms = 20000};
}

void server_count(HttpServer *server, enum HttpMetric row, unsigned value) {
        metrics_add(server->config.metrics, loop_index(server->loop), row, value, 1);
}

static void list_take(Connection *c) {
        ConnectionList *list = c->list;
        if (!list)
                return;
        *(c->prev ? &c->prev->next : &list->first) = c->next;
        *(c->next ? &c->next->prev : &list->last) = c->prev;
        c->prev = c->next = NULL;
        c->list = NULL;
        list->n--;
}

void list_move(Connection *c, ConnectionList *to) {
        list_take(c);
        if (!to)
                return;
        c->prev = to->last;
        *(to->last ? &to->last->next : &to->first) = c;
        to->last = c;
        c->list = to;
        to->n++;
}

static size_t open_connections(const HttpServer *server) { return server->quiet.n + server->busy.n; }

static void count_open(HttpServer *server) {
        metrics_set(server->config.metrics, loop_index(server->loop), HTTP_M_CONNECTIONS, 0, open_connections(server));
}

/* Whoever keeps a connection without asking anything gives way to the new: the oldest first. */
static bool evict(HttpServer *server) {
        if (!server->quiet.first)
                return false;
        server_count(server, HTTP_M_CLOSED, HTTP_C_EVICTED);
        connection_close(server->quiet.first);
        return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void accept_resume(uv_timer_t *timer) {
        HttpServer *server = timer->data;
        if (server->stopping || !server->paused)
                return;
        server->paused = false;
        uv_timer_stop(&server->pause);
        for (size_t i = 0; i < server->n_acceptors; i++)
                uv_poll_start(&server->acceptors[i].poll, UV_READABLE, on_acceptable);
}

static void accept_pause(HttpServer *server) {
        server->paused = true;
        server_count(server, HTTP_M_CLOSED, HTTP_C_PAUSED);
        for (size_t i = 0; i < server->n_acceptors; i++)
                uv_poll_stop(&server->acceptors[i].poll);
        uv_timer_start(&server->pause, accept_resume, PAUSE_MS, 0);
}

static void adopt(HttpAcceptor *acceptor, int fd) {
        HttpServer *server = acceptor->server;
        HttpPeer peer;
        char address[64];
        int on = 1;
        if (!acceptor->is_unix)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        peer_of_socket(fd, acceptor->is_unix, address, &peer);
        if (!connection_new(server, fd, &peer)) {
                close(fd);
                return;
        }
        server_count(server, HTTP_M_ACCEPTED, 0);
        count_open(server);
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
        (void)status, (void)events;
        HttpAcceptor *acceptor = poll->data;
        HttpServer *server = acceptor->server;
        for (int i = 0; i < ACCEPTS_AT_ONCE && !server->paused; i++) {
                if (open_connections(server) >= server->config.limits.connections && !evict(server)) {
                        accept_pause(server);
                        return;
                }
                int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0) {
                        adopt(acceptor, fd);
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        accept_pause(server); /* who is in stays in; the backlog waits */
                        return;
                } else if (errno != EINTR && errno != ECONNABORTED) {
                        return;
                }
        }
}

static void release_loop(HttpServer *server) {
        if (!server->held || server->ended || open_connections(server))
                return;
        server->held = false;
        loop_release(server->loop);
}

void server_closed(Connection *c) {
        HttpServer *server = c->server;
        list_move(c, NULL);
        count_open(server);
        if (server->paused)
                accept_resume(&server->pause);
        release_loop(server);
}

static void close_acceptors(HttpServer *server) {
        for (size_t i = 0; i < server->n_acceptors; i++) {
                HttpAcceptor *a = &server->acceptors[i];
                if (a->fd < 0)
                        continue;
                uv_poll_stop(&a->poll);
                close(a->fd);
                a->fd = -1;
        }
}

static void close_idle(ConnectionList *list) {
        for (Connection *c = list->first, *next; c; c = next) {
                next = c->next;
                if (c->state == CONNECTION_IDLE || c->state == CONNECTION_STREAM)
                        connection_close(c);
        }
}

/* Streams have no end of their own, so they end here; their clients come again elsewhere. */
static void on_stop(void *arg) {
        HttpServer *server = arg;
        server->stopping = true;
        close_acceptors(server);
        close_idle(&server->quiet);
        close_idle(&server->busy);
        if (!open_connections(server))
                return;
        server->held = true;
        loop_hold(server->loop);
}

void server_free_if_done(HttpServer *server) {
        if (!server->ended || server->handles || server->unfreed || server->live_exchanges)
                return;
        for (HttpExchange *x = server->free_exchanges, *next; x; x = next) {
                next = x->next;
                free(x);
        }
        free(server->proxies);
        free(server);
}

static void on_handle_closed(uv_handle_t *handle) {
        HttpServer *server = handle->type == UV_POLL ? ((HttpAcceptor *)handle->data)->server : handle->data;
        server->handles--;
        server_free_if_done(server);
}

static void on_end(void *arg) {
        HttpServer *server = arg;
        server->stopping = server->ended = true;
        close_acceptors(server);
        server->handles = 2 + server->n_acceptors;
        while (server->quiet.first || server->busy.first)
                connection_close(server->quiet.first ? server->quiet.first : server->busy.first);
        for (size_t i = 0; i < server->n_acceptors; i++)
                uv_close((uv_handle_t *)&server->acceptors[i].poll, on_handle_closed);
        uv_close((uv_handle_t *)&server->pause, on_handle_closed);
        uv_close((uv_handle_t *)&server->settle, on_handle_closed);
        server_settle(server);
}

Outcome http_server_new(Loop *loop, const HttpServerConfig *config, HttpServer **out) {
        ENSURE(config->handler && config->limits.connections && config->limits.head, outcome_fault("a server needs a handler and limits"));
        HttpServer *server = calloc(1, sizeof *server);
        ENSURE(server, outcome_fault("memory"));
        server->loop = loop;
        server->config = *config;
        if (server->config.limits.fields > HTTP_FIELDS_MAX)
                server->config.limits.fields = HTTP_FIELDS_MAX;
        Outcome o = proxies_read(config->trusted_proxies, &server->proxies, &server->n_proxies);
        if (outcome_ok(o))
                o = loop_on_stop(loop, on_stop, server);
        if (outcome_ok(o))
                o = loop_on_end(loop, on_end, server);
        if (!outcome_ok(o)) {
                free(server->proxies);
                free(server);
                return o;
        }
        uv_timer_init(loop_uv(loop), &server->pause);
        uv_idle_init(loop_uv(loop), &server->settle);
        server->pause.data = server->settle.data = server;
        server->last_ended = &server->first_ended;
        *out = server;
        return o;
}

Outcome http_server_listen(HttpServer *server, int fd) {
        ENSURE(server->n_acceptors < HTTP_LISTENERS, outcome_fault("too many listeners on a server"));
        HttpAcceptor *a = &server->acceptors[server->n_acceptors];
        struct sockaddr_storage at;
        socklen_t len = sizeof at;
        ENSURE(!getsockname(fd, (struct sockaddr *)&at, &len), outcome_fault("getsockname"));
        ENSURE(!uv_poll_init(loop_uv(server->loop), &a->poll, fd), outcome_fault("uv_poll_init"));
        a->server = server;
        a->fd = fd;
        a->is_unix = at.ss_family == AF_UNIX;
        a->poll.data = a;
        server->n_acceptors++;
        ENSURE(!uv_poll_start(&a->poll, UV_READABLE, on_acceptable), outcome_fault("uv_poll_start"));
        return outcome_good();
}
