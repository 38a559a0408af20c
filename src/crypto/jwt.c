#include "crypto/jwt.h"

#define CLAIMS_MAX 64
#define AUD_MAX 16
#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static Outcome claim_text(const Json *all, const char *name, Text *out) {
        const Json *value = json_object_get(all, name);
        if (!value)
                return outcome_good();
        *out = json_text(all, name);
        ENSURE(json_is_string(value) && out->len, outcome_malformed("iss, sub or jti is not a string, or empty"));
        return outcome_good();
}

/* RFC 7519 2 lets a NumericDate have a fraction; we take whole seconds only, so that no two readers round differently (F10). */
static Outcome claim_time(const Json *all, const char *name, int64_t *out) {
        if (!json_has(all, name))
                return outcome_good();
        ENSURE(json_int(all, name, out) && *out > 0 && *out <= TIME_MAX,
               outcome_malformed("exp, iat or nbf is not a whole number of seconds in a sane range"));
        return outcome_good();
}

static Outcome claim_aud(Arena *arena, const Json *all, JwtClaims *c) {
        const Json *value = json_object_get(all, "aud");
        if (!value)
                return outcome_good();
        c->aud_array = json_is_array(value);
        ENSURE(json_array_size(value) <= AUD_MAX, outcome_malformed("aud has too many members"));
        c->aud = json_texts(arena, all, "aud");
        ENSURE(c->aud.n, outcome_malformed("aud is neither a string nor an array of strings"));
        for (size_t i = 0; i < c->aud.n; i++)
                ENSURE(c->aud.at[i].len, outcome_malformed("aud is empty"));
        return outcome_good();
}

static Outcome read_claims(Arena *arena, Text claims, JwtClaims *c) {
        Json *all;
        TRY(json_read_object(arena, claims, &all));
        ENSURE(json_object_size(all) <= CLAIMS_MAX, outcome_malformed("too many claims"));
        c->all = all;
        TRY(claim_text(all, "iss", &c->iss));
        TRY(claim_text(all, "sub", &c->sub));
        TRY(claim_text(all, "jti", &c->jti));
        TRY(claim_time(all, "exp", &c->exp));
        TRY(claim_time(all, "iat", &c->iat));
        TRY(claim_time(all, "nbf", &c->nbf));
        return claim_aud(arena, all, c);
}

Outcome jwt_read(Arena *arena, const Jws *jws, JwtClaims *out) {
        JwtClaims c = {.typ = jws->typ, .kid = jws->kid, .alg = jws->alg};
        TRY(read_claims(arena, jws->payload, &c));
        *out = c;
        return outcome_good();
}

Outcome jwt_read_texts(Arena *arena, Text header, Text claims, JwtClaims *out) {
        JwtClaims c = {0};
        Json *head;
        if (header.len) {
                TRY(json_read_object(arena, header, &head));
                c.typ = json_text(head, "typ");
                c.kid = json_text(head, "kid");
                c.alg = json_text(head, "alg");
        }
        TRY(read_claims(arena, claims, &c));
        *out = c;
        return outcome_good();
}

/* No sum can overflow: claims are below 2^38, and now comes from a clock. */
Outcome jwt_time_ok(const JwtClaims *c, JwtTimes t) {
        int64_t leeway = t.leeway < 0 ? 0 : t.leeway > JWT_LEEWAY_MAX ? JWT_LEEWAY_MAX : t.leeway;
        ENSURE(c->exp, outcome_malformed("the token has no exp"));
        ENSURE(c->iat || !t.need_iat, outcome_malformed("the token has no iat"));
        ENSURE(c->exp > t.now - leeway, outcome_malformed("the token has expired"));
        ENSURE(c->iat <= t.now + leeway, outcome_malformed("the token's iat is in the future"));
        ENSURE(c->nbf <= t.now + leeway, outcome_malformed("the token is not valid yet"));
        ENSURE(!c->iat || c->exp > c->iat, outcome_malformed("the token expires before it was issued"));
        if (t.max_age > 0) {
                int64_t from = c->iat ? c->iat : t.now + leeway;
                ENSURE(c->exp - from <= t.max_age, outcome_malformed("the token lives too long"));
        }
        return outcome_good();
}

bool jwt_aud_only(const JwtClaims *c, Text wanted) { return wanted.len && c->aud.n == 1 && text_equal(c->aud.at[0], wanted); }
bool jwt_aud_has(const JwtClaims *c, Text wanted) { return wanted.len && texts_have(c->aud, wanted); }
bool jwt_typ_is(const JwtClaims *c, Text wanted) { return jws_typ_is(c->typ, wanted); }
