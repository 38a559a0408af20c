#include "core/manage.h"
#include "core/path.h"

Text path_part(const Request *r, size_t index) {
        Text rest = r->in.path;
        for (size_t i = 0;; i++) {
                if (!rest.len || rest.at[0] != '/')
                        return TEXT_NONE;
                rest = text_sub(rest, 1, rest.len);
                size_t n = text_find(rest, '/');
                if (i == index)
                        return text_sub(rest, 0, n);
                rest = text_sub(rest, n, rest.len);
        }
}

/* --- who may ----------------------------------------------------------------------------------------------------- */

static Outcome authorize_socket(Request *r) {
        Text own;
        int64_t uid;
        if (r->in.peer_uid == 0)
                return outcome_good();
        TRY(need_control(r, TEXT("admin-uid"), TEXT("{}"), &own));
        bool same = outcome_ok(text_int(own, &uid)) && uid == r->in.peer_uid;
        ENSURE(same, refuse(r, REFUSAL_FORBIDDEN, "uid %lld does not administer; root and the server's own uid do", (long long)r->in.peer_uid));
        return outcome_good();
}

/* Alive in every respect: signature, end, path, session, cuts. Management is asked rarely and has no cache. */
static Outcome token_alive(Request *r, OwnToken *token, Path *path) {
        Text cut;
        Texts ids = {0};
        TRY(token_read_own(r, r->in.bearer, token));
        ENSURE(token->ends > r->now, refuse(r, REFUSAL_TOKEN, "the access token has expired"));
        ENSURE(text_equal(token->aud, r->zone->management->identifier), refuse(r, REFUSAL_TOKEN, "the access token is not for %.*s", TEXT_ARG(r->zone->management->identifier)));
        TRY(path_continue(r, token, path));
        for (size_t i = 0; i < token->anc.n; i++)
                TRY(texts_add(r->arena, &ids, token->anc.at[i]));
        TRY(texts_add(r->arena, &ids, token->jti));
        TRY(texts_add(r->arena, &ids, token->sid));
        TRY(cut_find(r, ids, token_parties(r, path, NULL), path->authorization.created, &cut));
        ENSURE(!cut.len, refuse(r, REFUSAL_TOKEN, "the access token's session is closed"));
        return outcome_good();
}

static Outcome authorize_token(Request *r) {
        OwnToken token;
        Path path;
        ENSURE(r->in.bearer.len, refuse(r, REFUSAL_TOKEN, "management needs a bearer token for the zone's management resource, or the Unix socket"));
        ENSURE(r->zone->management, refuse(r, REFUSAL_TOKEN, "this zone has no management resource"));
        Outcome alive = token_alive(r, &token, &path);
        if (outcome_refused(alive))
                return outcome_refuse(REFUSAL_TOKEN, alive.why); /* whatever is wrong with it, it is the token */
        TRY(alive);
        bool reads = text_is(r->in.method, "GET");
        bool scoped = texts_have(token.scopes, TEXT("manage")) || (reads && texts_have(token.scopes, TEXT("read")));
        ENSURE(scoped, refuse(r, REFUSAL_FORBIDDEN, "the access token lacks the scope %s", reads ? "read" : "manage"));
        const Application *caller = chain_caller(&path.chain);
        Texts groups = path.user ? path.user->groups : caller->groups;
        ENSURE(texts_have(groups, TEXT(MANAGE_GROUP)), refuse(r, REFUSAL_FORBIDDEN, "not in the group " MANAGE_GROUP));
        r->event.client_id = token.client_id;
        r->event.extra = text_print(r->arena, "\"by\":\"%s %.*s\"", path.user ? "user" : "application", TEXT_ARG(path.user ? path.user->slug : caller->slug));
        /* Closed meanwhile: the commit refuses. */
        r->guard_ids = token.anc;
        r->guard_parties = token_parties(r, &path, NULL);
        r->guard_began = path.authorization.created;
        return outcome_good();
}

Outcome manage_authorize(Request *r) {
        if (r->in.peer_uid >= 0) {
                r->event.extra = text_print(r->arena, "\"by\":\"uid %lld\"", (long long)r->in.peer_uid);
                return authorize_socket(r);
        }
        ENSURE(r->zone, refuse(r, REFUSAL_TOKEN, "only over the Unix socket: the path names no zone whose token could be asked for"));
        return authorize_token(r);
}

static Outcome state_make(Request *r) {
        Text id;
        TRY(need_id(r, 'd', &id));
        Manage *m = arena_new_of(r->arena, Manage);
        ENSURE(m, outcome_fault("memory"));
        m->slug = path_part(r, 1);
        m->id = path_part(r, 3);
        r->state = m;
        r->event.id = id;
        r->event.kind = r->flow->name;
        return outcome_good();
}

Outcome manage_admin(Request *r) {
        TRY(state_make(r));
        TRY(manage_authorize(r));
        ENSURE(r->zone || !path_part(r, 1).len, refuse(r, REFUSAL_NOT_FOUND, "there is no such zone"));
        return outcome_good();
}

Outcome manage_run_caller(Request *r) {
        TRY(state_make(r));
        ENSURE(r->zone, refuse(r, REFUSAL_NOT_FOUND, "there is no such zone"));
        ENSURE(r->in.peer_uid >= 0, refuse(r, REFUSAL_FORBIDDEN, "run keys are registered over the Unix socket only"));
        const Application *a = zone_application(r->zone, path_part(r, 3));
        for (size_t i = 0; a && i < a->n_uids; i++)
                if (a->uids[i] == r->in.peer_uid) {
                        r->event.extra = text_print(r->arena, "\"by\":\"uid %lld\"", (long long)r->in.peer_uid);
                        return outcome_good();
                }
        return manage_authorize(r);
}

/* --- what was asked ---------------------------------------------------------------------------------------------- */

Outcome manage_body(Request *r) {
        Json *body = NULL;
        ENSURE(r->in.body.len, refuse(r, REFUSAL_MALFORMED, "a JSON object is expected in the body"));
        Outcome end = json_read_object(r->arena, r->in.body, &body);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_MALFORMED, "the body is no JSON object"));
        TRY(end);
        manage_state(r)->body = body;
        return outcome_good();
}

Text manage_query(const Request *r, const char *name) { return params_one(r->in.query, name, NULL); }

Outcome manage_number(Request *r, const char *name, int64_t otherwise, int64_t *out) {
        Text text = manage_query(r, name);
        *out = otherwise;
        if (!text.len)
                return outcome_good();
        ENSURE(outcome_ok(text_int(text, out)) && *out >= 0, refuse(r, REFUSAL_MALFORMED, "%s is no number", name));
        return outcome_good();
}

Outcome manage_limit(Request *r, int64_t *limit) {
        TRY(manage_number(r, "limit", MANAGE_PAGE, limit));
        ENSURE(*limit >= 1 && *limit <= MANAGE_PAGE, refuse(r, REFUSAL_MALFORMED, "limit is 1 to 100"));
        return outcome_good();
}

void manage_changed(Request *r, const char *kind) {
        r->event.kind = kind;
        r->event.wanted = true;
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

void list_begin(List *list, Request *r, int64_t limit) {
        *list = (List){.buf = buf_new(r->arena, 4096), .limit = (size_t)limit};
        list->out = json_out(&list->buf);
        json_open(&list->out, NULL, '{');
        json_open(&list->out, "items", '[');
}

bool list_full(List *list) {
        list->more |= list->n == list->limit;
        return list->more;
}

void list_item(List *list, Text json, Text cursor) {
        list->out.buf = &list->buf; /* the list may have been copied since it began */
        json_put_raw(&list->out, NULL, json);
        list->last = cursor;
        list->n++;
}

void list_answer(List *list, Request *r) {
        list->out.buf = &list->buf;
        json_close(&list->out, ']');
        json_open(&list->out, "page_info", '{');
        json_put_bool(&list->out, "has_next_page", list->more);
        json_put_text_if(&list->out, "end_cursor", list->last);
        json_close(&list->out, '}');
        json_close(&list->out, '}');
        answer_json(r, 200, buf_done(&list->buf));
}
