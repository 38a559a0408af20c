#include "sim/browser.h"
#include "core/engine.h"
#include "core/flows.h"
#include "wire/form.h"

#define PAGES_MAX 8

typedef struct Visit {
        Browser *browser;
        Text method, path, query;
        Form form;
} Visit;

static Params params_of(Arena *arena, const Form *form) {
        Param *list = arena_array(arena, Param, form->n ? form->n : 1);
        for (size_t i = 0; i < form->n; i++)
                list[i] = (Param){form->at[i].name, form->at[i].value};
        return (Params){list, form->n};
}

static void visit_fill(Request *r, void *arg) {
        const Visit *v = arg;
        Form query = {0};
        r->in.method = v->method;
        r->in.path = v->path;
        r->in.raw_query = v->query;
        if (outcome_ok(form_read(r->arena, v->query, &query)))
                r->in.query = params_of(r->arena, &query);
        r->in.form = params_of(r->arena, &v->form);
        r->in.cookie = v->browser->cookie;
        r->in.pre_cookie = v->browser->pre_cookie;
        r->in.source = TEXT("127.0.0.1");
}

static void cookies_keep(Sim *sim, Browser *b, const Answer *a) {
        if (a->set_cookie.len)
                b->cookie = text_copy(sim_arena(sim), a->set_cookie);
        if (a->clear_cookie)
                b->cookie = TEXT_NONE;
        if (a->set_pre_cookie.len)
                b->pre_cookie = text_copy(sim_arena(sim), a->set_pre_cookie);
}

/* name="…" of a tag, entities undone. */
static Text attribute(Arena *arena, Text tag, const char *name) {
        Text mark = text_print(arena, " %s=\"", name);
        for (size_t i = 0; i + mark.len <= tag.len; i++) {
                if (!text_equal(text_sub(tag, i, i + mark.len), mark))
                        continue;
                Text rest = text_sub(tag, i + mark.len, tag.len), raw = text_sub(rest, 0, text_find(rest, '"'));
                static const char *const entities[][2] = {{"&amp;", "&"}, {"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&#39;", "'"}};
                Buf out = buf_new(arena, raw.len);
                for (size_t k = 0; k < raw.len;) {
                        size_t e = 0;
                        while (e < ARRAY_LEN(entities) && !text_starts(text_sub(raw, k, raw.len), text_of(entities[e][0])))
                                e++;
                        if (e < ARRAY_LEN(entities)) {
                                buf_str(&out, entities[e][1]);
                                k += strlen(entities[e][0]);
                        } else
                                buf_char(&out, raw.at[k++]);
                }
                return buf_done(&out);
        }
        return TEXT_NONE;
}

static bool next_tag(Text *page, Text *tag) {
        size_t open = text_find(*page, '<');
        if (open == page->len)
                return false;
        Text rest = text_sub(*page, open, page->len);
        size_t close = text_find(rest, '>');
        *tag = text_sub(rest, 0, close);
        *page = text_sub(rest, close, rest.len);
        return true;
}

/* The page's first form: its hidden fields, the user's name and password where asked, and the button. */
static bool form_fill(Sim *sim, Text page, Text user, Text password, const char *action, Visit *v) {
        Arena *arena = sim_arena(sim);
        bool inside = false;
        Text tag;
        v->form = (Form){0};
        while (next_tag(&page, &tag)) {
                if (text_starts(tag, TEXT("<form"))) {
                        inside = true;
                        v->path = attribute(arena, tag, "action");
                } else if (inside && text_starts(tag, TEXT("</form")))
                        break;
                else if (inside && text_starts(tag, TEXT("<input"))) {
                        Text name = attribute(arena, tag, "name"), type = attribute(arena, tag, "type");
                        Text value = text_is(name, "user") ? user : text_is(type, "password") ? password : attribute(arena, tag, "value");
                        if (text_is(type, "checkbox") || text_is(type, "radio") || text_is(type, "submit"))
                                continue;
                        if (name.len && !outcome_ok(form_add(arena, &v->form, name.at, value)))
                                return false;
                }
        }
        /* Upstream accounts are not connected here: no upstream is on this network. */
        return inside && outcome_ok(form_add(arena, &v->form, "later", TEXT("1"))) && outcome_ok(form_add(arena, &v->form, "action", text_of(action)));
}

/* Below the issuer: the zone's own place. */
static bool own_place(Sim *sim, Text location, Visit *v) {
        Text issuer = sim_zone(sim)->issuer, base = text_sub(issuer, text_find(issuer, '/') + 2, issuer.len);
        base = text_sub(base, text_find(base, '/'), base.len);
        if (text_starts(location, issuer))
                location = text_sub(location, issuer.len, location.len);
        else if (text_starts(location, base))
                location = text_sub(location, base.len, location.len);
        else if (!text_starts(location, TEXT("/")))
                return false;
        size_t mark = text_find(location, '?');
        v->path = text_sub(location, 0, mark);
        v->query = text_sub(location, mark + 1, location.len);
        return true;
}

BrowserAnswer browser_authorize(Sim *sim, Browser *browser, Text query, Text user, Text password, const char *action) {
        Visit v = {.browser = browser, .method = TEXT("GET"), .path = TEXT("/authorize"), .query = query};
        BrowserAnswer answer = {0};
        for (int pages = 0; pages < PAGES_MAX; pages++) {
                bool known;
                Request *r;
                const Route *route = route_find(LISTENER_PUBLIC, v.method, v.path, &known);
                answer = (BrowserAnswer){.status = 404};
                if (!route)
                        return answer;
                bool ended = sim_request(sim, route->flow, visit_fill, &v, &r);
                if (ended) {
                        cookies_keep(sim, browser, &r->answer);
                        answer = (BrowserAnswer){.status = r->answer.status, .page = text_copy(sim_arena(sim), r->answer.body),
                                                 .location = r->answer.kind == ANSWER_REDIRECT ? text_copy(sim_arena(sim), r->answer.location) : TEXT_NONE};
                }
                request_free(r);
                if (!ended)
                        return answer;
                v.form = (Form){0};
                v.method = TEXT("GET");
                if (answer.location.len) {
                        if (!own_place(sim, answer.location, &v)) {
                                answer.arrived = true;
                                return answer;
                        }
                        continue;
                }
                if (answer.status >= 400 || !form_fill(sim, answer.page, user, password, action, &v) || !own_place(sim, v.path, &v))
                        return answer;
                v.method = TEXT("POST");
        }
        return answer;
}
