#include "runtime/http_private.h"
#include "runtime/tls.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define LINGER_MS 1000
#define LINGER_BYTES (512u << 10)

static void on_poll(uv_poll_t *poll, int status, int events);

/* The timer is moved only when it fires early or the deadline comes nearer: most requests touch no timer at all. */
static void on_timer(uv_timer_t *timer) {
        Connection *c = timer->data;
        int64_t now = loop_now_ms(c->server->loop);
        c->armed = 0;
        if (!c->deadline)
                return;
        if (now < c->deadline) {
                c->armed = c->deadline;
                uv_timer_start(timer, on_timer, (uint64_t)(c->deadline - now), 0);
                return;
        }
        if (c->state != CONNECTION_IDLE && c->state != CONNECTION_LINGER)
                server_count(c->server, HTTP_M_CLOSED, HTTP_C_DEADLINE);
        if (c->state != CONNECTION_HEAD && c->state != CONNECTION_BODY) {
                connection_close(c);
                return;
        }
        c->x->request.at_us = exchange_clock_us();
        http_answer_text(c->x, 408, TEXT("the request took too long\n"));
        connection_watch(c);
}

void connection_deadline(Connection *c, int ms) {
        int64_t now = loop_now_ms(c->server->loop);
        c->deadline = ms ? now + ms : 0;
        if (!ms || (c->armed && c->armed <= c->deadline))
                return;
        c->armed = c->deadline;
        uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
}

Connection *connection_new(HttpServer *server, int fd, const HttpPeer *peer) {
        Connection *c = calloc(1, sizeof *c);
        if (!c)
                return NULL;
        c->server = server;
        c->fd = fd;
        c->peer = *peer;
        if (peer->socket.len) {
                memcpy(c->address, peer->socket.at, peer->socket.len);
                c->peer.address = c->peer.socket = (Text){c->address, peer->socket.len};
        }
        c->ssl = server->config.tls && !peer->unix_socket ? tls_accept(server->config.tls, fd) : NULL;
        bool open = (!server->config.tls || peer->unix_socket || c->ssl) && !uv_poll_init(loop_uv(server->loop), &c->poll, fd);
        if (!open) {
                SSL_free(c->ssl);
                free(c);
                return NULL;
        }
        uv_timer_init(loop_uv(server->loop), &c->timer);
        c->poll.data = c->timer.data = c;
        c->peer.secure = c->ssl != NULL;
        c->id = ++server->next_id * 256 + loop_index(server->loop);
        c->state = CONNECTION_IDLE;
        server->unfreed++;
        list_move(c, &server->quiet);
        connection_deadline(c, server->config.limits.head_ms);
        connection_watch(c);
        return c;
}

static void on_handle_closed(uv_handle_t *handle) {
        Connection *c = handle->data;
        HttpServer *server = c->server;
        if (--c->closing)
                return;
        server_settle(server); /* an exchange's hook comes before its connection's */
        while (c->n_hooks) {
                CloseHook hook = c->hooks[--c->n_hooks];
                hook.fn(hook.arg);
        }
        free(c);
        server->unfreed--;
        server_free_if_done(server);
}

static void left_drop(Connection *c) {
        if (c->left)
                sodium_memzero(c->left, c->left_len);
        free(c->left);
        c->left = NULL;
        c->left_at = c->left_len = 0;
}

static void queue_drop(Connection *c) {
        free(c->queue);
        c->queue = NULL;
        c->queue_len = c->queue_size = 0;
}

void connection_close(Connection *c) {
        if (c->state == CONNECTION_CLOSED)
                return;
        c->state = CONNECTION_CLOSED;
        c->closing = 2;
        uv_close((uv_handle_t *)&c->poll, on_handle_closed);
        uv_close((uv_handle_t *)&c->timer, on_handle_closed);
        if (c->ssl) {
                SSL_shutdown(c->ssl);
                ERR_clear_error();
                SSL_free(c->ssl);
        }
        close(c->fd);
        left_drop(c);
        queue_drop(c);
        if (c->x)
                exchange_end(c->x, HTTP_GONE);
        server_closed(c);
}

/* What is owed, as vectors: an answer's head and body, or a stream's queue. */
static int pending(const Connection *c, struct iovec v[3]) {
        int n = 0;
        for (size_t i = 0; i < 2; i++)
                if (c->out[i].len)
                        v[n++] = (struct iovec){(void *)c->out[i].at, c->out[i].len};
        if (c->queue_len)
                v[n++] = (struct iovec){c->queue, c->queue_len};
        return n;
}

static bool owes(const Connection *c) { return c->out[0].len || c->out[1].len || c->queue_len; }

static void sent(Connection *c, size_t n) {
        for (size_t i = 0; i < 2; i++) {
                size_t part = n < c->out[i].len ? n : c->out[i].len;
                c->out[i] = (Text){c->out[i].at + part, c->out[i].len - part};
                n -= part;
        }
        if (!n)
                return;
        memmove(c->queue, c->queue + n, c->queue_len - n);
        c->queue_len -= n;
}

/* The number of bytes taken; 0: not now; -1: broken. */
static ssize_t tls_write(Connection *c, const struct iovec *v) {
        ERR_clear_error();
        int n = SSL_write(c->ssl, v->iov_base, v->iov_len > INT32_MAX ? INT32_MAX : (int)v->iov_len);
        if (n > 0)
                return n;
        int why = SSL_get_error(c->ssl, n);
        return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

static ssize_t write_some(Connection *c, struct iovec *v, int n) {
        if (c->ssl)
                return tls_write(c, v);
        struct msghdr message = {.msg_iov = v, .msg_iovlen = (size_t)n};
        ssize_t took = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (took >= 0)
                return took;
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void linger(Connection *c) {
        c->state = CONNECTION_LINGER;
        if (c->ssl)
                SSL_shutdown(c->ssl);
        ERR_clear_error();
        shutdown(c->fd, SHUT_WR);
        connection_deadline(c, LINGER_MS);
}

/* Everything is with the kernel: the next request, or the end. Closing with unread bytes would reset the connection and could
 * destroy the answer on its way (RFC 9112 9.6), hence the lingering. */
static void answered(Connection *c) {
        bool keep = c->x->keep;
        exchange_end(c->x, HTTP_SENT);
        queue_drop(c);
        if (c->state == CONNECTION_CLOSED)
                return;
        if (!keep || c->server->stopping) {
                linger(c);
                return;
        }
        c->state = CONNECTION_IDLE;
        /* A connection that something lives as long as is never idle. */
        list_move(c, c->n_hooks ? &c->server->busy : &c->server->quiet);
        connection_deadline(c, c->n_hooks ? 0 : c->server->config.limits.idle_ms);
}

static bool drained(Connection *c) {
        HttpExchange *x = c->x;
        if (c->state == CONNECTION_SENDING || (c->state == CONNECTION_STREAM && x->answered)) {
                answered(c);
        } else if (c->state == CONNECTION_STREAM && x->drain_fn) {
                x->drain_fn(x->drain_arg);
        }
        return c->state != CONNECTION_CLOSED;
}

bool connection_push(Connection *c) {
        struct iovec v[3];
        bool progress = false;
        for (int n; (n = pending(c, v));) {
                ssize_t took = write_some(c, v, n);
                if (took < 0) {
                        connection_close(c);
                        return false;
                }
                if (!took) {
                        if (progress || !c->deadline)
                                connection_deadline(c, c->server->config.limits.write_ms);
                        return true;
                }
                progress = true;
                sent(c, (size_t)took);
        }
        if (c->state == CONNECTION_STREAM)
                connection_deadline(c, 0);
        return true;
}

bool connection_flush(Connection *c) { return connection_push(c) && (owes(c) || drained(c)); }

void connection_raw(Connection *c, Text bytes) {
        struct iovec v = {(void *)bytes.at, bytes.len};
        if (write_some(c, &v, 1) != (ssize_t)bytes.len)
                c->x->refuse = 400;
}

static bool reading(const Connection *c) { return connection_reads(c) || c->state == CONNECTION_LINGER; }

void connection_watch(Connection *c) {
        if (c->state == CONNECTION_CLOSED)
                return;
        int events = UV_DISCONNECT;
        if (!c->deaf)
                events |= UV_READABLE;
        if (owes(c) || (c->ssl_wants_write && reading(c)))
                events |= UV_WRITABLE;
        if (events == c->events)
                return;
        c->events = events;
        if (uv_poll_start(&c->poll, events, on_poll))
                connection_close(c);
}

static ssize_t read_tls(Connection *c, char *to, size_t size) {
        ERR_clear_error();
        c->ssl_wants_write = false;
        int n = SSL_read(c->ssl, to, (int)size);
        if (n > 0)
                return n;
        int why = SSL_get_error(c->ssl, n);
        c->ssl_wants_write = why == SSL_ERROR_WANT_WRITE;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                return 0; /* closed or broken: the same to us */
        errno = EAGAIN;
        return -1;
}

/* The handler runs last: it may make the server read another connection into the same buffer. */
static void feed(Connection *c, const char *bytes, size_t len) {
        size_t used = 0;
        while (used < len && connection_reads(c) && !c->ready)
                used += parse_feed(c, bytes + used, len - used);
        if (c->ready && used < len) {
                c->left = malloc(len - used);
                if (!c->left) {
                        connection_close(c);
                        return;
                }
                memcpy(c->left, bytes + used, len - used);
                c->left_len = len - used;
                c->deaf = true;
        }
        if (c->ready)
                parse_dispatch(c);
}

/* False: nothing more to read now, or closed. */
static bool read_once(Connection *c) {
        char *to = c->server->read;
        ssize_t n = c->ssl ? read_tls(c, to, HTTP_READ_SIZE) : recv(c->fd, to, HTTP_READ_SIZE, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n <= 0) {
                connection_close(c);
                return false;
        }
        if (c->state == CONNECTION_LINGER) {
                c->lingered += (size_t)n;
                if (c->lingered > LINGER_BYTES)
                        connection_close(c);
                return c->state != CONNECTION_CLOSED;
        }
        feed(c, to, (size_t)n);
        return true;
}

static void on_readable(Connection *c, int events) {
        if (reading(c)) {
                while (reading(c) && read_once(c) && c->ssl)
                        ;
        } else if (events & UV_DISCONNECT) {
                connection_close(c); /* gone while we worked */
        } else if (events & UV_READABLE) {
                c->deaf = true; /* pipelined: it waits in the kernel until this exchange ended */
        }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
        Connection *c = poll->data;
        if (status < 0) {
                connection_close(c);
                return;
        }
        HttpServer *server = c->server;
        server->polling = c->busy = true;
        bool open = !(events & UV_WRITABLE) || connection_flush(c);
        if (open && (events & (UV_READABLE | UV_DISCONNECT) || c->ssl_wants_write))
                on_readable(c, events);
        connection_pump(c);
        server->polling = false;
        server_settle(server);
}

static void feed_left(Connection *c) {
        c->left_at += parse_feed(c, c->left + c->left_at, c->left_len - c->left_at);
        if (c->left_at == c->left_len)
                left_drop(c);
        if (c->ready)
                parse_dispatch(c);
}

void connection_pump(Connection *c) {
        c->busy = true;
        while (connection_reads(c) && c->left)
                feed_left(c);
        while (reading(c) && c->ssl && SSL_pending(c->ssl) && read_once(c))
                ;
        if (reading(c))
                c->deaf = false;
        c->busy = false;
        connection_watch(c);
}
