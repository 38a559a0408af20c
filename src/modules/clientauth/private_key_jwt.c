/* private_key_jwt.c - a signed assertion (RFC 7523 2.2; rfc7523bis: the audience is the issuer and nothing else).
 *
 * Keys: those that `carnet run` registered for the application, the JWKS of the zone file, or those of a metadata document.
 */
#include "core/client.h"
#include "crypto/b64url.h"

#define ASSERTION_LIFE 300 /* seconds: at most this far ahead */
#define ASSERTION_LEEWAY 30

static bool private_key_jwt_present(const Request *r) { return in_form(r, "client_assertion").len != 0; }

static Outcome failed(Request *r) { return refuse(r, REFUSAL_CLIENT, "client authentication failed"); }

/* Who it claims to come from, before anything is proven. */
static Outcome claimed_issuer(Request *r, Text assertion, Text *issuer) {
        size_t first = text_find(assertion, '.');
        Text rest = text_sub(assertion, first + 1, assertion.len), payload;
        Json *claims;
        ENSURE(assertion.len <= 16384 && first < assertion.len, failed(r));
        Outcome end = b64url_decode(r->arena, text_sub(rest, 0, text_find(rest, '.')), &payload);
        if (outcome_ok(end))
                end = json_read_object(r->arena, payload, &claims);
        ENSURE(outcome_ok(end), failed(r));
        *issuer = json_text(claims, "iss");
        Text named = in_form(r, "client_id");
        ENSURE(issuer->len && (!named.len || text_equal(named, *issuer)), failed(r));
        return outcome_good();
}

static Outcome keys_try(Request *r, Text assertion, const Client *client, Verified *verified) {
        const Application *a = client->application;
        if (a->runs) {
                const VerifyAsk ask = {.token = assertion, .source = KEYS_OF_APPLICATION, .application = a->slug};
                TRY(need_verify(r, &ask, verified));
        }
        if (verified->valid)
                return outcome_good();
        Text jwks = a->jwks;
        if (!jwks.len)
                TRY(client_keys(r, client, &jwks));
        if (jwks.len) {
                const VerifyAsk ask = {.token = assertion, .source = KEYS_GIVEN, .jwks = jwks};
                TRY(need_verify(r, &ask, verified));
        }
        return outcome_good();
}

static bool audience_is_issuer(const Request *r, const Json *claims) {
        const Json *aud = json_object_get(claims, "aud");
        if (json_array_size(aud) == 1)
                aud = json_array_get(aud, 0);
        if (!json_is_string(aud))
                return false;
        Text said = {json_string_value(aud), json_string_length(aud)};
        if (said.len && said.at[said.len - 1] == '/')
                said.len--; /* clients that parse URLs add a slash (protocol: both accepted, one emitted) */
        return text_equal(said, r->zone->issuer);
}

static Outcome claims_check(Request *r, const Verified *verified, Text issuer) {
        Json *claims;
        int64_t ends, issued, before;
        TRY(json_read_object(r->arena, verified->claims, &claims));
        Text type = verified->typ, jti = json_text(claims, "jti");
        ENSURE(!type.len || text_equal_nocase(type, TEXT("JWT")) || text_is(type, "client-authentication+jwt"), failed(r));
        ENSURE(text_equal(json_text(claims, "iss"), issuer) && text_equal(json_text(claims, "sub"), issuer), failed(r));
        ENSURE(audience_is_issuer(r, claims), failed(r));
        ENSURE(json_int(claims, "exp", &ends) && ends > r->now && ends <= r->now + ASSERTION_LIFE + ASSERTION_LEEWAY, failed(r));
        ENSURE(!json_int(claims, "iat", &issued) || issued <= r->now + ASSERTION_LEEWAY, failed(r));
        ENSURE(!json_int(claims, "nbf", &before) || before <= r->now + ASSERTION_LEEWAY, failed(r));
        ENSURE(jti.len && jti.len <= 256, failed(r));
        /* Once, across restarts: its row is a condition of this request's commit. */
        request_put(r, WRITE_jti_add, REFUSAL_CLIENT, value_text(r->zone->slug), value_text(issuer), value_text(jti), value_int(ends + ASSERTION_LEEWAY));
        return outcome_good();
}

static Outcome private_key_jwt_prove(Request *r, Client *out) {
        Text assertion = in_form(r, "client_assertion"), issuer;
        ENSURE(text_is(in_form(r, "client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), failed(r));
        TRY(claimed_issuer(r, assertion, &issuer));
        Outcome found = client_find(r, issuer, out);
        if (outcome_refused(found))
                return failed(r);
        TRY(found);
        Verified verified = {0};
        TRY(keys_try(r, assertion, out, &verified));
        ENSURE(verified.valid, failed(r));
        Outcome end = claims_check(r, &verified, issuer);
        if (outcome_refused(end))
                return failed(r);
        out->method = "private_key_jwt";
        out->proof = PROOF_KEY;
        out->is_public = false;
        return end;
}

const ClientAuth client_auth_private_key_jwt = {"private_key_jwt", private_key_jwt_present, private_key_jwt_prove};
