/* revoke.c - a client gives a token back (RFC 7009). A refresh token takes its authorization along, and with the last one
 * the root session; an access token only itself. Unknown and foreign tokens get the same 200, and nothing happens. */
#include "core/engine.h"
#include "core/event.h"
#include "core/flows.h"
#include "core/path.h"

static Outcome revoke_client(Request *r) {
        Client *client = arena_new_of(r->arena, Client);
        ENSURE(client, outcome_fault("memory"));
        TRY(need_id(r, 'd', &r->event.id));
        Client found;
        TRY(request_form_check(r));
        TRY(client_authenticate(r, &found));
        ENSURE(in_form(r, "token").len, refuse(r, REFUSAL_MALFORMED, "token is missing"));
        *client = found;
        r->state = client;
        r->event.kind = "revoke";
        r->event.application = client->application->slug;
        r->event.client_id = client->client_id;
        return outcome_good();
}

/* The last authorization gone ends the root (delegation.md 2). */
static Outcome root_is_left_empty(Request *r, const Authorization *gone, bool *empty) {
        Rows rows;
        TRY(need_read_t(r, READ_authorizations_of, &rows, gone->session));
        *empty = true;
        for (size_t i = 0; i < rows.n; i++) {
                Text id = rows_text(&rows, i, 0), cut;
                if (text_equal(id, gone->id))
                        continue;
                TRY(cut_find(r, (Texts){&id, 1}, (Texts){0}, 0, &cut));
                *empty &= cut.len != 0;
        }
        return outcome_good();
}

static Outcome revoke_refresh(Request *r, const Client *client, bool *found) {
        Rows rows;
        Authorization authorization;
        bool empty;
        TRY(need_read_t(r, READ_refresh_get, &rows, token_hash(r, in_form(r, "token"))));
        *found = rows.n == 1 && text_equal(rows_text(&rows, 0, 3), client->client_id);
        if (!*found)
                return outcome_good();
        Outcome end = authorization_read(r, rows_text(&rows, 0, 0), &authorization);
        if (outcome_refused(end))
                return outcome_good(); /* ended already */
        TRY(end);
        TRY(root_is_left_empty(r, &authorization, &empty));
        cut_write(r, "authorization", authorization.id, TEXT_NONE);
        if (empty)
                cut_write(r, "session", authorization.session, TEXT_NONE);
        r->event.wanted = true;
        r->event.session = r->event.root = authorization.session;
        r->event.authorization = authorization.id;
        r->event.user = authorization.user;
        return outcome_good();
}

static Outcome revoke_access(Request *r, const Client *client) {
        OwnToken token;
        Outcome end = token_read_own(r, in_form(r, "token"), &token);
        if (outcome_refused(end))
                return outcome_good();
        TRY(end);
        if (!text_equal(token.client_id, client->client_id))
                return outcome_good();
        cut_write(r, "jti", token.jti, TEXT_NONE);
        r->event.wanted = true;
        r->event.session = token.sid;
        r->event.issued = token.jti;
        return outcome_good();
}

static Outcome revoke_find(Request *r) {
        const Client *client = r->state;
        bool found;
        TRY(revoke_refresh(r, client, &found));
        if (!found)
                TRY(revoke_access(r, client));
        r->why = TEXT_NONE;
        r->answer.kind = ANSWER_EMPTY;
        r->answer.status = 200;
        return outcome_good();
}

static const Step steps[] = {{"client", revoke_client}, {"find", revoke_find}, {"record", record_oauth}};
const Flow flow_revoke = {"revoke", steps, ARRAY_LEN(steps)};
