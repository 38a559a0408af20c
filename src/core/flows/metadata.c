/* metadata.c - what a zone says of itself: RFC 8414, and the same document as OpenID Connect Discovery 1.0. */
#include "core/engine.h"
#include "core/flows.h"

static void put_url(Request *r, JsonOut *out, const char *name, const char *path) {
        json_put_text(out, name, text_print(r->arena, "%.*s%s", TEXT_ARG(r->zone->issuer), path));
}

static void put_list(JsonOut *out, const char *name, const char *const *words) {
        json_open(out, name, '[');
        for (; *words; words++)
                json_put_str(out, NULL, *words);
        json_close(out, ']');
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void put_endpoints(Request *r, JsonOut *out) {
        put_url(r, out, "authorization_endpoint", "/authorize");
        put_url(r, out, "token_endpoint", "/token");
        put_url(r, out, "jwks_uri", "/jwks");
        put_url(r, out, "introspection_endpoint", "/introspect");
        put_url(r, out, "revocation_endpoint", "/revoke");
        if (r->zone->dcr)
                put_url(r, out, "registration_endpoint", "/register");
}

static void put_grants(JsonOut *out) {
        json_open(out, "grant_types_supported", '[');
#define GRANT(name, type) json_put_str(out, NULL, type);
#include "core/grants.def"
#undef GRANT
        json_close(out, ']');
}

/* A client that can keep a secret says how; at introspection, `none` proves nothing and is not listed. */
static void put_methods(JsonOut *out) {
        static const char *const algorithms[] = {"ES256", "RS256", "EdDSA", NULL};
        static const char *const all[] = {"none", "client_secret_basic", "client_secret_post", "private_key_jwt", NULL};
        put_list(out, "token_endpoint_auth_methods_supported", all);
        put_list(out, "token_endpoint_auth_signing_alg_values_supported", algorithms);
        put_list(out, "introspection_endpoint_auth_methods_supported", all + 1);
        put_list(out, "introspection_endpoint_auth_signing_alg_values_supported", algorithms);
        put_list(out, "revocation_endpoint_auth_methods_supported", all);
        put_list(out, "revocation_endpoint_auth_signing_alg_values_supported", algorithms);
        put_list(out, "id_token_signing_alg_values_supported", LIST("RS256", "ES256", "EdDSA"));
}

static Outcome metadata_write(Request *r) {
        Buf buf = buf_new(r->arena, 3072);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "issuer", r->zone->issuer);
        put_endpoints(r, &out);
        put_list(&out, "response_types_supported", LIST("code"));
        put_list(&out, "response_modes_supported", LIST("query"));
        put_grants(&out);
        put_list(&out, "code_challenge_methods_supported", LIST("S256"));
        put_methods(&out);
        /* Clients ask for all that is listed: no resource's scope stands here, or policy would refuse the whole request. */
        put_list(&out, "scopes_supported", LIST("openid", "offline_access"));
        put_list(&out, "subject_types_supported", LIST("public"));
        put_list(&out, "claims_supported", LIST("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "act"));
        put_list(&out, "prompt_values_supported", LIST("none", "login", "consent", "select_account"));
        json_put_bool(&out, "authorization_response_iss_parameter_supported", true);
        json_put_bool(&out, "client_id_metadata_document_supported", r->zone->cimd);
        json_put_bool(&out, "request_parameter_supported", false);
        json_put_bool(&out, "request_uri_parameter_supported", false);
        json_put_bool(&out, "claims_parameter_supported", false);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        r->answer.cacheable = true;
        return outcome_good();
}

/* RFC 7517: the zone's public keys, as the keeper published them. */
static Outcome jwks_write(Request *r) {
        answer_json(r, 200, r->zone->keys);
        r->answer.cacheable = true;
        return outcome_good();
}

static const Step metadata_steps[] = {{"write", metadata_write}, {"record", record_oauth}};
const Flow flow_metadata = {"metadata", metadata_steps, ARRAY_LEN(metadata_steps)};
static const Step jwks_steps[] = {{"write", jwks_write}, {"record", record_oauth}};
const Flow flow_jwks = {"jwks", jwks_steps, ARRAY_LEN(jwks_steps)};
