/* introspect.c - is this token alive? (RFC 7662) Answers the owner of the token's audience, or a refresh token's client;
 * everybody else, and every doubt, gets {"active":false} and nothing more. Counted, not an event (delegation.md 4). */
#include "core/engine.h"
#include "core/flows.h"
#include "core/path.h"

typedef struct IntrospectState {
        Client client;
        bool active, refresh;
        OwnToken token;
        Path path;
} IntrospectState;

static Outcome introspect_client(Request *r) {
        IntrospectState *s = arena_new_of(r->arena, IntrospectState);
        ENSURE(s, outcome_fault("memory"));
        r->state = s;
        TRY(need_id(r, 'd', &r->event.id));
        Client client;
        TRY(request_form_check(r));
        TRY(client_authenticate(r, &client));
        ENSURE(!client.is_public, refuse(r, REFUSAL_CLIENT, "a public client cannot introspect"));
        ENSURE(in_form(r, "token").len, refuse(r, REFUSAL_MALFORMED, "token is missing"));
        s->client = client;
        return outcome_good();
}

static Outcome alive(Request *r, IntrospectState *s) {
        Text cut;
        Texts ids = {0};
        TRY(token_read_own(r, in_form(r, "token"), &s->token));
        ENSURE(s->token.ends > r->now, refuse(r, REFUSAL_EXPIRED, "expired"));
        TRY(path_continue(r, &s->token, &s->path));
        ENSURE(s->path.via->owner == s->client.application, refuse(r, REFUSAL_NOT_OWNER, "not the owner"));
        for (size_t i = 0; i < s->token.anc.n; i++)
                TRY(texts_add(r->arena, &ids, s->token.anc.at[i]));
        TRY(texts_add(r->arena, &ids, s->token.jti));
        TRY(cut_find(r, ids, token_parties(r, &s->path, NULL), s->path.authorization.created, &cut));
        ENSURE(!cut.len, refuse(r, REFUSAL_CLOSED, "closed"));
        return outcome_good();
}

/* A refresh token is its client's own. */
static Outcome alive_refresh(Request *r, IntrospectState *s) {
        Rows rows;
        Authorization authorization;
        Session session;
        Text cut;
        TRY(need_read_t(r, READ_refresh_get, &rows, token_hash(r, in_form(r, "token"))));
        ENSURE(rows.n == 1 && text_equal(rows_text(&rows, 0, 3), s->client.client_id), refuse(r, REFUSAL_REFRESH, "unknown"));
        ENSURE(rows_at(&rows, 0, 7)->type == VALUE_NULL && r->now < rows_int(&rows, 0, 6), refuse(r, REFUSAL_REFRESH, "used or expired"));
        TRY(authorization_read(r, rows_text(&rows, 0, 0), &authorization));
        TRY(session_read(r, authorization.session, &session));
        Text ids[] = {authorization.id, session.id};
        TRY(cut_find(r, (Texts){ids, ARRAY_LEN(ids)}, (Texts){0}, authorization.created, &cut));
        ENSURE(!cut.len, refuse(r, REFUSAL_CLOSED, "closed"));
        s->token = (OwnToken){.client_id = s->client.client_id, .sid = session.id, .ends = rows_int(&rows, 0, 6), .issued = rows_int(&rows, 0, 5)};
        s->refresh = true;
        return outcome_good();
}

static Outcome introspect_find(Request *r) {
        IntrospectState *s = r->state;
        Outcome end = alive(r, s);
        if (outcome_refused(end))
                end = alive_refresh(r, s);
        if (outcome_waits(end) || end.end == OUTCOME_FAULT)
                return end;
        s->active = outcome_ok(end);
        r->why = TEXT_NONE; /* why not is nobody's business here */
        return outcome_good();
}

static Outcome introspect_answer(Request *r) {
        const IntrospectState *s = r->state;
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_bool(&out, "active", s->active);
        if (s->active) {
                json_put_text(&out, "iss", r->zone->issuer);
                json_put_text_if(&out, "sub", s->token.sub);
                json_put_text_if(&out, "aud", s->token.aud);
                json_put_text(&out, "client_id", s->token.client_id);
                json_put_text_if(&out, "scope", texts_join(r->arena, s->token.scopes, " "));
                json_put_text_if(&out, "jti", s->token.jti);
                json_put_text(&out, "sid", s->token.sid);
                json_put_int(&out, "iat", s->token.issued);
                json_put_int(&out, "exp", s->token.ends);
                if (!s->refresh)
                        json_put_str(&out, "token_type", "Bearer");
                if (s->token.act.len)
                        json_put_raw(&out, "act", s->token.act);
        }
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

static const Step steps[] = {
        {"client", introspect_client}, {"find", introspect_find}, {"answer", introspect_answer}, {"record", record_oauth},
};
const Flow flow_introspect = {"introspect", steps, ARRAY_LEN(steps)};
