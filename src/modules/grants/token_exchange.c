/* token_exchange.c - the next hop (RFC 8693): a token of this zone, presented by the owner of its audience, continues the
 * path that the ledger has on record. Nothing that the client says about who came before is read. */
#include "core/path.h"
#include "core/token.h"

#define TYPE_ACCESS "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_JWT "urn:ietf:params:oauth:token-type:jwt"

static bool type_is_ours(Text type) { return text_is(type, TYPE_ACCESS) || text_is(type, TYPE_JWT); }

static Outcome types_check(Request *r, const TokenState *t) {
        Text type = in_form(r, "subject_token_type"), actor = in_form(r, "actor_token"), actor_type = in_form(r, "actor_token_type");
        ENSURE(in_form(r, "subject_token").len, refuse(r, REFUSAL_MALFORMED, "subject_token is missing"));
        ENSURE(type.len, refuse(r, REFUSAL_MALFORMED, "subject_token_type is missing"));
        ENSURE(type_is_ours(type), refuse(r, REFUSAL_MALFORMED, "this zone exchanges its own access tokens"));
        ENSURE(!actor.len == !actor_type.len, refuse(r, REFUSAL_MALFORMED, "actor_token and actor_token_type come together"));
        ENSURE(!t->requested_type.len || type_is_ours(t->requested_type), refuse(r, REFUSAL_MALFORMED, "that requested_token_type is not given"));
        return outcome_good();
}

/* RFC 8693 2.1. The token of the authenticated caller itself, acting for nobody; it adds nothing. */
static Outcome actor_check(Request *r, const TokenState *t) {
        Text actor = in_form(r, "actor_token");
        OwnToken token;
        if (!actor.len)
                return outcome_good();
        Outcome end = token_read_own(r, actor, &token);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_ACTOR, "the actor token is not a token of this zone"));
        TRY(end);
        ENSURE(text_equal(token.sub, t->client.application->identifier) && !token.act.len,
               refuse(r, REFUSAL_ACTOR, "the actor token is not %.*s's own", TEXT_ARG(t->client.application->slug)));
        ENSURE(token.ends > r->now, refuse(r, REFUSAL_ACTOR, "the actor token has expired"));
        return outcome_good();
}

static Outcome token_exchange_open(Request *r, TokenState *t) {
        OwnToken token;
        r->event.kind = "exchange";
        TRY(types_check(r, t));
        TRY(token_read_own(r, in_form(r, "subject_token"), &token));
        TRY(actor_check(r, t));
        ENSURE(token.ends > r->now, refuse(r, REFUSAL_EXPIRED, "the subject token has expired"));
        TRY(path_continue(r, &token, &t->path));
        return t->new_session ? path_open_child(r, t) : outcome_good();
}

const Grant grant_token_exchange = {
        .type = "urn:ietf:params:oauth:grant-type:token-exchange", .open_to_public = false, .open = token_exchange_open,
};
