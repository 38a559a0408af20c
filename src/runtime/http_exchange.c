#include "runtime/http_private.h"
#include <stdlib.h>
#include <time.h>

int64_t exchange_clock_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Slots are never given back to the allocator while the server lives, so a stale HttpRef reads a generation, not freed memory. */
static HttpExchange *slot_take(HttpServer *server) {
        HttpExchange *x = server->free_exchanges;
        if (x)
                server->free_exchanges = x->next;
        else
                x = calloc(1, sizeof *x);
        return x;
}

static void slot_give(HttpExchange *x) {
        x->next = x->server->free_exchanges;
        x->server->free_exchanges = x;
}

HttpExchange *exchange_new(Connection *c) {
        HttpServer *server = c->server;
        HttpExchange *x = slot_take(server);
        if (!x)
                return NULL;
        x->server = server;
        x->arena = arena_new(server->config.limits.arena);
        x->bytes = x->arena ? buf_new(x->arena, 1024) : (Buf){.broken = true};
        if (x->bytes.broken) {
                arena_free(x->arena);
                slot_give(x);
                return NULL;
        }
        x->connection = c;
        x->request = (HttpRequest){0};
        x->body = (Buf){0};
        x->holds = 0;
        x->n_fields = x->trailers = x->url_len = x->raw = x->extensions = 0;
        x->expects = x->answered = x->keep = x->chunked = x->old = x->head = x->streaming = false;
        x->refuse = x->status = 0;
        x->end_fn = NULL;
        x->drain_fn = NULL;
        x->fields[0] = (FieldSpan){0};
        server->live_exchanges++;
        c->x = x;
        return x;
}

static void exchange_free(HttpExchange *x) {
        HttpServer *server = x->server;
        arena_free(x->arena);
        x->arena = NULL;
        slot_give(x);
        server->live_exchanges--;
        server_free_if_done(server);
}

void exchange_end(HttpExchange *x, HttpEnd end) {
        Connection *c = x->connection;
        if (end == HTTP_SENT) {
                server_count(x->server, HTTP_M_REQUESTS, (unsigned)(x->status / 100 - 1));
                metrics_observe(x->server->config.metrics, loop_index(x->server->loop), HTTP_M_SECONDS, 0,
                                (uint64_t)(exchange_clock_us() - x->request.at_us));
        }
        c->x = NULL;
        c->out[0] = c->out[1] = TEXT_NONE; /* they point into the arena */
        x->connection = NULL;
        x->generation++;
        x->end = end;
        x->holds++;
        x->next = NULL;
        *x->server->last_ended = x;
        x->server->last_ended = &x->next;
        server_settle_later(x->server);
}

void server_settle(HttpServer *server) {
        for (HttpExchange *x; (x = server->first_ended);) {
                server->first_ended = x->next;
                if (!x->next)
                        server->last_ended = &server->first_ended;
                if (x->end_fn)
                        x->end_fn(x->end_arg, x->end);
                http_release(x);
        }
}

static void on_settle(uv_idle_t *idle) {
        uv_idle_stop(idle);
        server_settle(idle->data);
}

void server_settle_later(HttpServer *server) {
        if (!server->polling && !server->ended)
                uv_idle_start(&server->settle, on_settle);
}

const HttpRequest *http_request(const HttpExchange *x) { return &x->request; }
Arena *http_arena(HttpExchange *x) { return x->arena; }
Loop *http_loop(const HttpExchange *x) { return x->server->loop; }

Text http_header(const HttpExchange *x, const char *name) {
        Text wanted = text_of(name);
        for (size_t i = 0; i < x->request.n_headers; i++)
                if (text_equal_nocase(x->request.headers[i].name, wanted))
                        return x->request.headers[i].value;
        return TEXT_NONE;
}

size_t http_header_count(const HttpExchange *x, const char *name) {
        Text wanted = text_of(name);
        size_t n = 0;
        for (size_t i = 0; i < x->request.n_headers; i++)
                n += text_equal_nocase(x->request.headers[i].name, wanted);
        return n;
}

HttpRef http_ref(HttpExchange *x) { return (HttpRef){x, x->generation}; }
HttpExchange *http_at(HttpRef ref) { return ref.x && ref.x->generation == ref.generation && ref.x->connection ? ref.x : NULL; }
void http_hold(HttpExchange *x) { x->holds++; }

void http_release(HttpExchange *x) {
        x->holds--;
        if (!x->holds && !x->connection)
                exchange_free(x);
}

void http_on_end(HttpExchange *x, void (*fn)(void *, HttpEnd), void *arg) {
        x->end_fn = fn;
        x->end_arg = arg;
}

bool http_on_close(HttpExchange *x, void (*fn)(void *), void *arg) {
        Connection *c = x->connection;
        if (!c || c->n_hooks == HTTP_CLOSE_HOOKS)
                return false;
        c->hooks[c->n_hooks++] = (CloseHook){fn, arg};
        return true;
}

uint64_t http_connection_id(const HttpExchange *x) { return x->connection ? x->connection->id : 0; }

void http_close_after(HttpExchange *x) { x->keep = false; }

void http_drop(HttpExchange *x) {
        if (x->connection)
                connection_close(x->connection);
}
