#include "runtime/http_private.h"
#include "wire/header.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *reason(int status) {
        switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "Unnamed";
        }
}

static const char *date_now(HttpServer *server) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        if (now.tv_sec != server->date_at) {
                struct tm tm;
                server->date_at = now.tv_sec;
                strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now.tv_sec, &tm));
        }
        return server->date;
}

static bool name_ok(Text name) {
        return name.len && header_value_ok(name) && text_find(name, ':') == name.len && text_find(name, ' ') == name.len;
}

/* An answer split in two by a CR LF in a value is worse than no answer. */
static bool headers_ok(const HttpHeader *headers, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!name_ok(headers[i].name) || !header_value_ok(headers[i].value))
                        return false;
        return true;
}

static void head_begin(HttpExchange *x, Buf *buf, const HttpHeader *headers, size_t n) {
        buf_str(buf, "HTTP/1.1 ");
        buf_int(buf, x->status);
        buf_char(buf, ' ');
        buf_str(buf, reason(x->status));
        buf_str(buf, "\r\nDate: ");
        buf_str(buf, date_now(x->server));
        buf_str(buf, "\r\nX-Content-Type-Options: nosniff\r\n");
        for (size_t i = 0; i < n; i++) {
                buf_text(buf, headers[i].name);
                buf_str(buf, ": ");
                buf_text(buf, headers[i].value);
                buf_str(buf, "\r\n");
        }
        if (!x->keep)
                buf_str(buf, "Connection: close\r\n");
        else if (x->old)
                buf_str(buf, "Connection: keep-alive\r\n");
}

static bool open_for_answer(HttpExchange *x) { return x->connection && !x->answered && !x->streaming; }

/* Answers come before the request was read to its end only from here (refusals): those connections are not kept. */
static void answer_begin(HttpExchange *x, int status) {
        Connection *c = x->connection;
        x->answered = true;
        x->status = status >= 200 && status <= 599 ? status : 500;
        if (c->state != CONNECTION_ASKED || x->server->stopping)
                x->keep = false;
        if (c->list == &c->server->quiet)
                list_move(c, &c->server->busy);
        c->state = CONNECTION_SENDING;
        connection_deadline(c, 0);
}

static void go(Connection *c) {
        if (connection_flush(c) && !c->busy)
                connection_pump(c);
}

void http_answer(HttpExchange *x, int status, const HttpHeader *headers, size_t n, Text body) {
        if (!open_for_answer(x))
                return;
        Connection *c = x->connection;
        if (!headers_ok(headers, n)) {
                http_answer_text(x, 500, TEXT("the answer cannot be written\n"));
                return;
        }
        answer_begin(x, status);
        bool bodiless = x->status == 204 || x->status == 304;
        Buf buf = buf_new(x->arena, 512);
        head_begin(x, &buf, headers, n);
        if (!bodiless) {
                buf_str(&buf, "Content-Length: ");
                buf_int(&buf, (int64_t)body.len);
                buf_str(&buf, "\r\n");
        }
        buf_str(&buf, "\r\n");
        bool sends = !bodiless && !x->head && body.len;
        bool joined = sends && c->ssl && body.len < 16384; /* one TLS record instead of two */
        if (joined)
                buf_text(&buf, body);
        c->out[0] = buf_done(&buf);
        c->out[1] = sends && !joined ? body : TEXT_NONE;
        if (!c->out[0].at)
                connection_close(c);
        else
                go(c);
}

void http_answer_text(HttpExchange *x, int status, Text text) {
        HttpHeader type = {TEXT("Content-Type"), TEXT("text/plain; charset=utf-8")};
        http_answer(x, status, &type, 1, text);
}

/* --- streams --- */

bool http_stream_begin(HttpExchange *x, int status, const HttpHeader *headers, size_t n) {
        if (!open_for_answer(x) || !headers_ok(headers, n))
                return false;
        Connection *c = x->connection;
        answer_begin(x, status);
        x->answered = false;
        x->streaming = true;
        x->chunked = !x->old;
        x->keep = x->keep && !x->old;
        c->state = CONNECTION_STREAM;
        Buf buf = buf_new(x->arena, 512);
        head_begin(x, &buf, headers, n);
        buf_str(&buf, x->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
        c->out[0] = buf_done(&buf);
        if (!c->out[0].at) {
                connection_close(c);
                return false;
        }
        bool open = connection_flush(c);
        if (open && !c->busy)
                connection_watch(c);
        return open;
}

static bool queue_put(Connection *c, const void *bytes, size_t len) {
        size_t need = c->queue_len + len;
        if (need > c->queue_size) {
                size_t size = need < 4096 ? 4096 : need * 2;
                char *to = realloc(c->queue, size);
                if (!to)
                        return false;
                c->queue = to;
                c->queue_size = size;
        }
        memcpy(c->queue + c->queue_len, bytes, len);
        c->queue_len = need;
        return true;
}

static bool queue_chunk(HttpExchange *x, Text bytes) {
        Connection *c = x->connection;
        char size[24];
        if (!x->chunked)
                return queue_put(c, bytes.at, bytes.len);
        int n = snprintf(size, sizeof size, "%zx\r\n", bytes.len);
        return queue_put(c, size, (size_t)n) && queue_put(c, bytes.at, bytes.len) && queue_put(c, "\r\n", 2);
}

static bool stream_open(const HttpExchange *x) { return x->connection && x->streaming && !x->answered; }

bool http_stream_write(HttpExchange *x, Text bytes) {
        if (!stream_open(x))
                return false;
        Connection *c = x->connection;
        if (!bytes.len || x->head)
                return true; /* an empty chunk would end the body */
        if (c->queue_len + bytes.len + 32 > x->server->config.limits.stream_queue)
                return false;
        if (!queue_chunk(x, bytes)) {
                connection_close(c);
                return false;
        }
        bool open = connection_push(c);
        if (open && !c->busy)
                connection_watch(c);
        return open;
}

size_t http_stream_owed(const HttpExchange *x) { return stream_open(x) ? x->connection->queue_len : 0; }

void http_stream_on_drain(HttpExchange *x, void (*fn)(void *), void *arg) {
        x->drain_fn = fn;
        x->drain_arg = arg;
}

void http_stream_end(HttpExchange *x) {
        if (!stream_open(x))
                return;
        Connection *c = x->connection;
        x->answered = true;
        x->drain_fn = NULL;
        if (x->chunked && !x->head && !queue_put(c, "0\r\n\r\n", 5)) {
                connection_close(c);
                return;
        }
        go(c);
}
