#include "listeners/http/listener.h"

static void served_end(void *arg, HttpEnd end) {
        Served *s = arg;
        if (s->stream)
                s->stream_end(s->stream, end);
        if (!s->r->done)
                request_abandon(s->r);
        request_free(s->r);
        s->host->release(s->host, s->snapshot);
}

static void served_done(Request *r, void *arg) {
        Served *s = arg;
        const HttpRequest *q = http_request(s->x);
        if (s->host->seen)
                s->host->seen(s->host, r, q->at_us);
        if ((r->answer.kind == ANSWER_FEED || r->answer.kind == ANSWER_EVENTS) && stream_begin(s))
                return;
        answer_send(s);
}

static void answer_plain(HttpExchange *x, int status, const char *code, const char *sentence) {
        Text body = text_print(http_arena(x), "{\"error\":\"%s\",\"error_description\":\"%s\"}", code, sentence);
        const HttpHeader headers[] = {{TEXT("Content-Type"), TEXT("application/json")}, {TEXT("Cache-Control"), TEXT("no-store")}};
        http_answer(x, status, headers, ARRAY_LEN(headers), body);
}

void listener_serve(ListenerHost *host, HttpExchange *x, const Snapshot *snapshot, const Zone *zone, Listener kind, Text path) {
        bool known;
        Text method = text_is(http_request(x)->method, "HEAD") ? TEXT("GET") : http_request(x)->method;
        const Route *route = route_find(kind, method, path, &known);
        Served *s = arena_new_of(http_arena(x), Served);
        Request *r = route && s ? request_new(host->world, snapshot, zone, route->flow) : NULL;
        if (!r) {
                host->release(host, snapshot);
                if (route)
                        answer_plain(x, 503, "temporarily_unavailable", "out of memory");
                else
                        answer_plain(x, known ? 405 : 404, known ? "invalid_request" : "not_found",
                                     known ? "this path does not take that method" : "there is nothing at this path");
                return;
        }
        *s = (Served){.host = host, .x = x, .r = r, .snapshot = snapshot};
        listener_fill(r, x);
        r->in.path = path;
        if (r->in.broken) {
                request_free(r);
                host->release(host, snapshot);
                answer_plain(x, 400, "invalid_request", "the form cannot be read: bad encoding, too many or too large fields");
                return;
        }
        http_on_end(x, served_end, s);
        request_start(r, served_done, s);
}

/* --- public: which zone, and which of its paths ------------------------------------------------------------------- */

static Text url_path(Text issuer) {
        Text rest = text_sub(issuer, text_find(issuer, '/') + 2, issuer.len);
        return text_sub(rest, text_find(rest, '/'), rest.len);
}

static bool below(Text path, Text base, Text *rest) {
        if (!text_starts(path, base) || (path.len > base.len && path.at[base.len] != '/'))
                return false;
        *rest = text_sub(path, base.len, path.len);
        return true;
}

/* RFC 8414 3 puts the well-known part before the issuer's path, OIDC after it; clients try both. One name inside. */
static bool well_known(Text path, Text base, Text *inside) {
        static const char *const names[] = {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                Text name = text_of(names[i]), rest;
                bool before = below(path, name, &rest) && (text_equal(rest, base) || (text_is(rest, "/") && !base.len));
                bool after = text_starts(path, base) && text_equal(text_sub(path, base.len, path.len), name);
                if (before || after) {
                        *inside = TEXT("/.well-known/oauth-authorization-server");
                        return true;
                }
        }
        return false;
}

static const Zone *zone_for(const Snapshot *snapshot, Text path, Text *inside) {
        for (size_t i = 0; i < snapshot->n; i++) {
                Text base = url_path(snapshot->zones[i]->issuer);
                if (well_known(path, base, inside))
                        return snapshot->zones[i];
                if (below(path, base, inside) && inside->len)
                        return snapshot->zones[i];
        }
        return NULL;
}

static bool health(ListenerHost *host, HttpExchange *x, Text path) {
        if (text_is(path, "/healthz")) {
                http_answer_text(x, 200, TEXT("ok\n"));
                return true;
        }
        if (!text_is(path, "/readyz"))
                return false;
        bool ready = host->ready(host);
        http_answer_text(x, ready ? 200 : 503, ready ? TEXT("ready\n") : TEXT("not ready\n"));
        return true;
}

void listener_public(void *arg, HttpExchange *x) {
        ListenerHost *host = arg;
        Text path = http_request(x)->path, inside = TEXT_NONE;
        if (health(host, x, path))
                return;
        while (text_starts(path, TEXT("//"))) /* published servers join issuer and path with a slash too many */
                path = text_sub(path, 1, path.len);
        const Snapshot *snapshot = host->hold(host);
        const Zone *zone = zone_for(snapshot, path, &inside);
        if (!zone) {
                host->release(host, snapshot);
                answer_plain(x, 404, "not_found", "no zone has its issuer here");
                return;
        }
        listener_serve(host, x, snapshot, zone, LISTENER_PUBLIC, inside);
}

/* --- management: /zones/{zone}/… -------------------------------------------------------------------------------- */

void listener_management(void *arg, HttpExchange *x) {
        ListenerHost *host = arg;
        Text path = http_request(x)->path, rest, slug;
        if (health(host, x, path))
                return;
        const Snapshot *snapshot = host->hold(host);
        const Zone *zone = NULL;
        if (below(path, TEXT("/zones"), &rest) && rest.len > 1) {
                slug = text_sub(rest, 1, 1 + text_find(text_sub(rest, 1, rest.len), '/'));
                zone = snapshot_zone(snapshot, slug);
        }
        listener_serve(host, x, snapshot, zone, LISTENER_MANAGEMENT, path);
}

void listener_metrics(void *arg, HttpExchange *x) {
        ListenerHost *host = arg;
        Text path = http_request(x)->path;
        if (health(host, x, path))
                return;
        if (text_is(path, "/metrics"))
                http_answer_text(x, 200, host->metrics(host, http_arena(x)));
        else
                http_answer_text(x, 404, TEXT("try /metrics, /healthz, /readyz\n"));
}
