/* zone_jwt.c - what leaves for a resource that the zone itself vouches for: a JWT access token (RFC 9068). */
#include "core/token.h"

static Text claims_print(Request *r, const TokenState *t, Texts anc) {
        const Path *p = &t->path;
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        token_put_claims(&out, r, t, t->target->identifier);
        json_put_text(&out, "sub", p->user ? p->user->slug : chain_origin(&p->chain)->identifier);
        json_put_text_if(&out, "scope", texts_join(r->arena, t->scopes, " "));
        json_put_text(&out, "hop", t->hop);
        json_put_texts(&out, "anc", anc);
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome zone_jwt_issue(Request *r, TokenState *t) {
        Texts anc;
        TRY(token_ancestry(r, t, &anc));
        const SignAsk ask = {.algorithm = t->target->algorithm, .type = TEXT("at+jwt"), .claims = claims_print(r, t, anc)};
        ENSURE(ask.claims.at, outcome_fault("memory"));
        TRY(need_sign(r, &ask, &t->access_token));
        t->credential = "zone-jwt";
        t->issued_type = TEXT("urn:ietf:params:oauth:token-type:access_token");
        return outcome_good();
}

const Credential credential_zone_jwt = {.provider = PROVIDER_ZONE, .issue = zone_jwt_issue};
