#include "listeners/http/listener.h"
#include "wire/authorization.h"
#include "wire/cookie.h"
#include "wire/form.h"
#include "wire/header.h"

static Params params_read(Arena *arena, Text source, bool *broken) {
        Form form = {0};
        if (!source.len)
                return (Params){0};
        if (!outcome_ok(form_read(arena, source, &form))) {
                *broken = true;
                return (Params){0};
        }
        Param *list = arena_array(arena, Param, form.n ? form.n : 1);
        for (size_t i = 0; list && i < form.n; i++)
                list[i] = (Param){form.at[i].name, form.at[i].value};
        return (Params){list, list ? form.n : 0};
}

static void credentials_read(In *in, Arena *arena, Text field) {
        Basic basic;
        if (authorization_is(field, "Basic")) {
                in->has_basic = true;
                in->basic_broken = !outcome_ok(basic_read(arena, field, &basic));
                if (in->basic_broken)
                        return;
                in->basic_id = basic.id;
                in->basic_secret = basic.secret;
                in->basic_id_form = basic.decoded_id;
                in->basic_secret_form = basic.decoded_secret;
        } else if (authorization_is(field, "Bearer") && !outcome_ok(bearer_read(field, &in->bearer)))
                in->bearer = TEXT_NONE;
}

/* The In borrows from the exchange, which the listener holds for as long as the request lives. */
void listener_fill(Request *r, HttpExchange *x) {
        const HttpRequest *q = http_request(x);
        In *in = &r->in;
        in->method = q->method;
        in->raw_query = q->query;
        in->body = q->body;
        in->query = params_read(r->arena, q->query, &in->broken);
        if (media_type_is(http_header(x, "content-type"), "application/x-www-form-urlencoded"))
                in->form = params_read(r->arena, q->body, &in->broken);
        credentials_read(in, r->arena, http_header(x, "authorization"));
        Text cookies = http_header(x, "cookie");
        in->cookie = cookie_read(cookies, "carnet");
        in->pre_cookie = cookie_read(cookies, "carnet_pre");
        in->source = q->peer.address;
        Text trace = http_header(x, "traceparent");
        in->trace = traceparent_ok(trace) ? trace : TEXT_NONE;
        in->origin = http_header(x, "origin");
        in->secure = q->peer.secure;
        Text accept = http_header(x, "accept");
        in->json_wanted = accept.len && !header_accepts(accept, "text/html");
        in->peer_uid = q->peer.unix_socket ? (int64_t)q->peer.uid : -1;
        in->connection = http_connection_id(x);
}
