/* federated_jwt.c - what leaves for a service that trusts the zone's keys: a JWT in that provider's own words, e.g.
 * Snowflake External OAuth (audience, `scp`, a user claim). It has a `typ` of its own, so it is never an access token of ours,
 * and it ends a chain. */
#include "core/token.h"

#define FEDERATED_SECONDS 300

static Text user_value(const Provider *provider, const User *user) {
        if (text_is(provider->user_claim, "email"))
                return user->email.len ? user->email : user->identifier;
        return text_is(provider->user_claim, "identifier") ? user->identifier : user->slug;
}

static Text claims_print(Request *r, const TokenState *t, const Provider *provider) {
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        token_put_claims(&out, r, t, provider->audience);
        json_put_text(&out, "sub", t->path.user ? user_value(provider, t->path.user) : chain_origin(&t->path.chain)->identifier);
        const char *claim = provider->scope_claim.len ? provider->scope_claim.at : "scope";
        if (provider->scope_array)
                json_put_texts(&out, claim, t->scopes);
        else
                json_put_text(&out, claim, texts_join(r->arena, t->scopes, " "));
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome federated_jwt_issue(Request *r, TokenState *t) {
        const Provider *provider = t->target->provider;
        int64_t seconds = provider->lifetime > FEDERATED_SECONDS ? provider->lifetime : FEDERATED_SECONDS;
        if (t->ends > r->now + seconds)
                t->ends = r->now + seconds;
        const SignAsk ask = {.algorithm = provider->algorithm.len ? provider->algorithm : TEXT("RS256"), .type = TEXT("federated+jwt"),
                             .claims = claims_print(r, t, provider)};
        ENSURE(ask.claims.at, outcome_fault("memory"));
        TRY(need_sign(r, &ask, &t->access_token));
        t->credential = "federated-jwt";
        t->issued_type = TEXT("urn:ietf:params:oauth:token-type:access_token");
        return outcome_good();
}

const Credential credential_federated_jwt = {.provider = PROVIDER_FEDERATED, .issue = federated_jwt_issue};
