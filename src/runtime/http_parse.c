#include "base/url.h"
#include "runtime/http_private.h"
#include "wire/header.h"

#define EXTENSIONS_MAX 256 /* RFC 9112 7.1.1: a server ought to limit the total length of chunk extensions */

static Connection *of(llhttp_t *parser) { return parser->data; }

static int refuse(HttpExchange *x, int status) {
        x->refuse = status;
        return -1;
}

static int take(HttpExchange *x, Span *span, const char *at, size_t len) {
        if (x->bytes.len + len > x->server->config.limits.head)
                return refuse(x, 431);
        if (!span->len)
                span->at = (uint32_t)x->bytes.len;
        span->len += (uint32_t)len;
        buf_put(&x->bytes, at, len);
        return x->bytes.broken ? refuse(x, 500) : 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len) {
        HttpExchange *x = of(parser)->x;
        x->url_len += len;
        if (x->url_len > x->server->config.limits.request_line)
                return refuse(x, 414);
        buf_put(&x->bytes, at, len);
        return x->bytes.broken ? refuse(x, 500) : 0;
}

/* Trailer fields are read past and dropped: merging them into the head is how a checked field gets replaced. */
static int take_field(llhttp_t *parser, bool name, const char *at, size_t len) {
        Connection *c = of(parser);
        HttpExchange *x = c->x;
        if (c->state == CONNECTION_BODY) {
                x->trailers += len + 2;
                return x->trailers > x->server->config.limits.head ? refuse(x, 431) : 0;
        }
        if (x->n_fields == x->server->config.limits.fields)
                return refuse(x, 431);
        FieldSpan *field = &x->fields[x->n_fields];
        return take(x, name ? &field->name : &field->value, at, len);
}

static int on_field(llhttp_t *parser, const char *at, size_t len) { return take_field(parser, true, at, len); }
static int on_value(llhttp_t *parser, const char *at, size_t len) { return take_field(parser, false, at, len); }

static int on_value_complete(llhttp_t *parser) {
        Connection *c = of(parser);
        HttpExchange *x = c->x;
        if (c->state == CONNECTION_BODY)
                return 0;
        x->n_fields++;
        if (x->n_fields < HTTP_FIELDS_MAX)
                x->fields[x->n_fields] = (FieldSpan){0};
        return 0;
}

static Text span_text(const HttpExchange *x, Span s) { return (Text){x->bytes.at + s.at, s.len}; }

static int fields_build(HttpExchange *x) {
        HttpHeader *headers = arena_array(x->arena, HttpHeader, x->n_fields);
        if (!headers)
                return 500;
        for (size_t i = 0; i < x->n_fields; i++)
                headers[i] = (HttpHeader){span_text(x, x->fields[i].name), text_trim(span_text(x, x->fields[i].value))};
        x->request.headers = headers;
        x->request.n_headers = x->n_fields;
        return 0;
}

/* Fields of which a second one would let two readers see two requests. */
static int singles_check(const HttpExchange *x) {
        static const char *const once[] = {"Host", "Authorization", "Content-Type", "Cookie", "DPoP", "traceparent", "Transfer-Encoding", "Expect"};
        uint32_t seen = 0;
        for (size_t i = 0; i < x->request.n_headers; i++) {
                for (size_t k = 0; k < ARRAY_LEN(once); k++) {
                        if (!text_equal_nocase(x->request.headers[i].name, text_of(once[k])))
                                continue;
                        if (seen & 1u << k)
                                return 400;
                        seen |= 1u << k;
                }
        }
        return 0;
}

static bool host_ok(Text host) {
        for (size_t i = 0; i < host.len; i++) {
                char c = host.at[i];
                bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr(".-_:[]", c));
                if (!plain)
                        return false;
        }
        return true;
}

/* RFC 9112 3.2: a request without Host, with several, or with an invalid one gets 400. An absolute-form target (3.2.2) must be accepted;
 * its authority counts instead of Host. */
static int target_read(HttpExchange *x) {
        HttpRequest *r = &x->request;
        Text target = {x->bytes.at, x->url_len};
        r->host = http_header(x, "Host");
        if ((!r->host.at && !x->old) || !host_ok(r->host) || !text_printable(target))
                return 400;
        if (!target.len || target.at[0] != '/') {
                Url url;
                if (!outcome_ok(url_parse(target, &url)) || !url.has_authority || url.has_userinfo || text_find(target, '#') < target.len)
                        return 400;
                size_t authority = (size_t)(url.host.at - target.at), end = authority;
                while (end < target.len && target.at[end] != '/' && target.at[end] != '?')
                        end++;
                r->host = text_sub(target, authority, end);
                target = end < target.len && target.at[end] == '/' ? text_sub(target, end, target.len) : TEXT("/");
        }
        size_t question = text_find(target, '?');
        r->path = text_sub(target, 0, question);
        r->has_query = question < target.len;
        r->query = text_sub(target, question + 1, target.len);
        return text_find(target, '#') < target.len || text_find(target, ' ') < target.len ? 400 : 0;
}

static int method_read(llhttp_t *parser, HttpExchange *x) {
        switch (parser->method) {
        case HTTP_GET: x->request.method = TEXT("GET"); break;
        case HTTP_HEAD: x->request.method = TEXT("HEAD"); break;
        case HTTP_POST: x->request.method = TEXT("POST"); break;
        case HTTP_PUT: x->request.method = TEXT("PUT"); break;
        case HTTP_PATCH: x->request.method = TEXT("PATCH"); break;
        case HTTP_DELETE: x->request.method = TEXT("DELETE"); break;
        case HTTP_OPTIONS: x->request.method = TEXT("OPTIONS"); break;
        default: return 501;
        }
        x->head = parser->method == HTTP_HEAD;
        if (parser->http_major != 1 || parser->http_minor > 1)
                return 505;
        x->old = parser->http_minor == 0;
        return 0;
}

/* RFC 9112 6.1: chunked is the only coding we know; in HTTP/1.0 it is faulty framing, and together with Content-Length an attack. */
static int framing_check(llhttp_t *parser, HttpExchange *x) {
        Text coding = http_header(x, "Transfer-Encoding");
        if (coding.at) {
                if (x->old || http_header(x, "Content-Length").at)
                        return 400;
                if (!text_equal_nocase(coding, TEXT("chunked")))
                        return 501;
        } else if (http_header_count(x, "Content-Length") > 1) {
                return 400;
        }
        Text expect = http_header(x, "Expect");
        bool body = coding.at || parser->content_length;
        if (expect.at && !text_equal_nocase(expect, TEXT("100-continue")))
                return 417;
        if (!coding.at && parser->content_length > x->server->config.limits.body)
                return 413;
        x->expects = body && expect.at && !x->old;
        return 0;
}

static int body_begin(llhttp_t *parser, Connection *c) {
        HttpExchange *x = c->x;
        bool chunked = http_header(x, "Transfer-Encoding").at;
        if (chunked || parser->content_length) {
                x->body = buf_new(x->arena, chunked ? 1024 : (size_t)parser->content_length);
                if (x->body.broken)
                        return 500;
        }
        c->state = CONNECTION_BODY;
        connection_deadline(c, x->server->config.limits.body_ms);
        if (x->expects)
                connection_raw(c, TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
        return x->refuse;
}

static int on_headers_complete(llhttp_t *parser) {
        Connection *c = of(parser);
        HttpExchange *x = c->x;
        parser->upgrade = 0; /* RFC 9110 7.8: "A server MAY ignore a received Upgrade header field" */
        x->request.peer = c->peer;
        x->request.peer.address = x->request.peer.socket = text_copy(x->arena, c->peer.socket);
        int status = fields_build(x);
        status = status ? status : method_read(parser, x);
        status = status ? status : singles_check(x);
        status = status ? status : target_read(x);
        status = status ? status : framing_check(parser, x);
        if (!status)
                peer_behind_proxies(x->server, x);
        status = status ? status : body_begin(parser, c);
        return status ? refuse(x, status) : 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
        HttpExchange *x = of(parser)->x;
        if (x->body.len + len > x->server->config.limits.body)
                return refuse(x, 413);
        buf_put(&x->body, at, len);
        return x->body.broken ? refuse(x, 413) : 0;
}

static int on_extension(llhttp_t *parser, const char *at, size_t len) {
        (void)at;
        HttpExchange *x = of(parser)->x;
        x->extensions += len + 1;
        return x->extensions > EXTENSIONS_MAX ? refuse(x, 400) : 0;
}

static int on_message_complete(llhttp_t *parser) {
        HttpExchange *x = of(parser)->x;
        x->keep = llhttp_should_keep_alive(parser);
        return HPE_PAUSED; /* one exchange at a time */
}

static const llhttp_settings_t settings = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_chunk_extension_name = on_extension,
        .on_chunk_extension_value = on_extension,
        .on_message_complete = on_message_complete,
};

static void parse_begin(Connection *c) {
        llhttp_init(&c->parser, HTTP_REQUEST, &settings);
        c->parser.data = c;
        c->state = CONNECTION_HEAD;
        connection_deadline(c, c->server->config.limits.head_ms);
        if (!exchange_new(c))
                connection_close(c);
}

void parse_dispatch(Connection *c) {
        HttpExchange *x = c->x;
        c->ready = false;
        x->request.body = (Text){x->body.at, x->body.len};
        x->request.at_us = exchange_clock_us();
        c->state = CONNECTION_ASKED;
        list_move(c, &c->server->busy);
        connection_deadline(c, 0);
        c->server->config.handler(c->server->config.arg, x);
}

static void answer_refusal(Connection *c) {
        HttpExchange *x = c->x;
        int status = x->refuse ? x->refuse : 400;
        server_count(c->server, HTTP_M_CLOSED, HTTP_C_PROTOCOL);
        x->keep = false;
        x->request.at_us = exchange_clock_us();
        http_answer_text(x, status, TEXT("the request cannot be read\n"));
}

/* What callbacks do not see (blank lines before a request, spaces around values, chunk sizes) is bounded as raw bytes. */
static bool too_much(Connection *c, size_t used) {
        const HttpLimits *limits = &c->server->config.limits;
        HttpExchange *x = c->x;
        x->raw += used;
        if (c->state == CONNECTION_HEAD && x->raw > limits->head + limits->request_line)
                x->refuse = 431;
        else if (c->state == CONNECTION_BODY && x->raw > 2 * limits->head + limits->request_line + 8 * limits->body)
                x->refuse = 413;
        return x->refuse;
}

size_t parse_feed(Connection *c, const char *bytes, size_t len) {
        if (c->state == CONNECTION_IDLE)
                parse_begin(c);
        if (c->state == CONNECTION_CLOSED)
                return len;
        llhttp_errno_t error = llhttp_execute(&c->parser, bytes, len);
        if (error == HPE_PAUSED) {
                c->ready = true;
                return (size_t)(llhttp_get_error_pos(&c->parser) - bytes);
        }
        if (error != HPE_OK || too_much(c, len))
                answer_refusal(c);
        return len;
}
