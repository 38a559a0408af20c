#include "listeners/http/listener.h"
#include "wire/cookie.h"

#define HEADERS_MAX 16
#define COOKIE_SECONDS (30 * 24 * 3600)
/* Pages carry their one stylesheet inline and no script. form-action stays open: Chromium applies it to the redirect that
 * follows a form, which is the client's. */
#define PAGE_POLICY "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"

typedef struct Headers {
        HttpHeader at[HEADERS_MAX];
        size_t n;
} Headers;

static void header_add(Headers *h, const char *name, Text value) {
        if (h->n < HEADERS_MAX && value.len)
                h->at[h->n++] = (HttpHeader){text_of(name), value};
}

static Text issuer_path(const Zone *zone) {
        if (!zone)
                return TEXT("/");
        size_t scheme = text_find(zone->issuer, '/') + 2;
        Text rest = text_sub(zone->issuer, scheme, zone->issuer.len);
        size_t slash = text_find(rest, '/');
        return slash < rest.len ? text_sub(rest, slash, rest.len) : TEXT("/");
}

static void cookies_add(Headers *h, Request *r) {
        const Answer *a = &r->answer;
        bool secure = r->zone && text_starts(r->zone->issuer, TEXT("https:"));
        Text path = issuer_path(r->zone);
        if (a->set_cookie.len)
                header_add(h, "Set-Cookie", cookie_write(r->arena, "carnet", a->set_cookie, path, COOKIE_SECONDS, secure));
        if (a->clear_cookie)
                header_add(h, "Set-Cookie", cookie_write(r->arena, "carnet", TEXT(""), path, 0, secure));
        if (a->set_pre_cookie.len)
                header_add(h, "Set-Cookie", cookie_write(r->arena, "carnet_pre", a->set_pre_cookie, path, COOKIE_SESSION, secure));
}

static Headers headers_make(Request *r) {
        const Answer *a = &r->answer;
        Headers h = {0};
        if (a->kind == ANSWER_JSON)
                header_add(&h, "Content-Type", TEXT("application/json"));
        else if (a->kind == ANSWER_HTML) {
                header_add(&h, "Content-Type", TEXT("text/html; charset=utf-8"));
                header_add(&h, "Content-Security-Policy", TEXT(PAGE_POLICY));
                header_add(&h, "X-Frame-Options", TEXT("DENY"));
        } else if (a->kind == ANSWER_TEXT)
                header_add(&h, "Content-Type", TEXT("text/plain; charset=utf-8"));
        header_add(&h, "Cache-Control", a->cacheable ? TEXT("public, max-age=300") : TEXT("no-store"));
        header_add(&h, "Referrer-Policy", TEXT("no-referrer"));
        if (a->cacheable)
                header_add(&h, "Access-Control-Allow-Origin", TEXT("*"));
        if (a->kind == ANSWER_REDIRECT)
                header_add(&h, "Location", a->location);
        if (a->retry_after)
                header_add(&h, "Retry-After", text_print(r->arena, "%lld", (long long)a->retry_after));
        if (a->challenge_basic)
                header_add(&h, "WWW-Authenticate", TEXT("Basic realm=\"carnet\""));
        cookies_add(&h, r);
        return h;
}

void answer_send(Served *s) {
        Request *r = s->r;
        Headers h = headers_make(r);
        int status = r->answer.kind == ANSWER_REDIRECT ? 303 : r->answer.status; /* RFC 9700 4.12: 303, so that a POST is not repeated */
        http_answer(s->x, status, h.at, h.n, r->answer.kind == ANSWER_REDIRECT || r->answer.kind == ANSWER_EMPTY ? TEXT_NONE : r->answer.body);
}
