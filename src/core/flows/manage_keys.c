/* manage_keys.c - what proves someone: run keys, generated secrets, passwords, the zone's own keys. */
#include "core/manage.h"
#include "base/digest.h"

#define PASSWORD_LEAST 8
#define PASSWORD_MOST 1024

/* --- run keys: POST /zones/{z}/applications/{slug}/keys -------------------------------------------------------------- */

/* The public half of an ES256 key and nothing else: what else a JWK could carry is not kept. */
static Outcome jwk_read(Request *r, const Json *jwk, Text *out) {
        Text x = json_text(jwk, "x"), y = json_text(jwk, "y");
        ENSURE(json_is_object(jwk), refuse(r, REFUSAL_MALFORMED, "jwk is missing"));
        ENSURE(!json_has(jwk, "d"), refuse(r, REFUSAL_MALFORMED, "jwk is a private key; only its public half is wanted"));
        bool fits = text_is(json_text(jwk, "kty"), "EC") && text_is(json_text(jwk, "crv"), "P-256") && x.len == 43 && y.len == 43;
        ENSURE(fits, refuse(r, REFUSAL_MALFORMED, "jwk is no public P-256 key"));
        *out = json_print(r->arena, jwk, JSON_COMPACT);
        return out->at ? outcome_good() : outcome_fault("memory");
}

static Outcome run_key_read(Request *r) {
        Manage *m = r->state;
        Text jwk;
        TRY(manage_body(r));
        const Application *a = zone_application(r->zone, m->id);
        ENSURE(a, refuse(r, REFUSAL_NOT_FOUND, "there is no such application"));
        ENSURE(a->runs && !a->disabled, refuse(r, REFUSAL_FORBIDDEN, "applications.%.*s has no `run:` in the zone file", TEXT_ARG(a->slug)));
        TRY(jwk_read(r, json_object_get(m->body, "jwk"), &jwk));
        m->application = a;
        m->jwk = jwk;
        manage_changed(r, "run-key");
        r->event.application = a->slug;
        r->event.client_id = a->identifier;
        return outcome_good();
}

static void put_own_resources(JsonOut *out, Request *r, const Application *a) {
        json_open(out, "resources", '[');
        for (size_t i = 0; i < r->zone->n_resources; i++) {
                const Resource *resource = &r->zone->resources[i];
                if (resource->owner != a || resource->anchor || resource->disabled)
                        continue;
                json_open(out, NULL, '{');
                json_put_text(out, "slug", resource->slug);
                json_put_text(out, "identifier", resource->identifier);
                json_put_texts(out, "default_scopes", resource_default_scopes(r->arena, resource));
                json_close(out, '}');
        }
        json_close(out, ']');
}

static Text run_key_json(Request *r, const Application *a) {
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "client_id", a->identifier);
        json_put_text(&out, "issuer", r->zone->issuer);
        json_put_text(&out, "token_endpoint", text_print(r->arena, "%.*s/token", TEXT_ARG(r->zone->issuer)));
        json_put_text(&out, "application", a->slug);
        put_own_resources(&out, r, a);
        json_put_text(&out, "decision_id", r->event.id);
        json_close(&out, '}');
        return buf_done(&buf);
}

/* The key counts from here on: after its event, and until the connection ends. */
static Outcome run_key_record(Request *r) {
        Manage *m = r->state;
        Text done;
        TRY(record_oauth(r));
        if (!outcome_ok(r->ended))
                return outcome_good();
        Text ask = text_print(r->arena, "{\"application\":\"%.*s\",\"jwk\":%.*s}", TEXT_ARG(m->application->slug), TEXT_ARG(m->jwk));
        Outcome end = need_control(r, TEXT("run-key"), ask, &done);
        if (outcome_refused(end)) {
                answer_json(r, 503, TEXT("{\"error\":\"temporarily_unavailable\",\"error_description\":\"the key could not be kept\"}"));
                return outcome_good();
        }
        TRY(end);
        answer_json(r, 201, run_key_json(r, m->application));
        return outcome_good();
}

/* --- secrets: POST /zones/{z}/applications/{slug}/secret -------------------------------------------------------------- */

static Outcome secret_make(Request *r) {
        Text secret;
        const Application *a = zone_application(r->zone, manage_state(r)->id);
        ENSURE(a, refuse(r, REFUSAL_NOT_FOUND, "there is no such application"));
        ENSURE(a->has_secret, refuse(r, REFUSAL_FORBIDDEN, "applications.%.*s has no `secret: true` in the zone file", TEXT_ARG(a->slug)));
        TRY(need_secret(r, &secret));
        request_put(r, WRITE_secret_set, 0, value_text(r->zone->slug), value_text(a->slug), value_blob(digest_bytes(r->arena, secret)), value_int(r->now));
        manage_changed(r, "secret");
        r->event.application = a->slug;
        Buf buf = buf_new(r->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "client_id", a->identifier);
        json_put_text(&out, "client_secret", secret);
        json_put_text(&out, "decision_id", r->event.id);
        json_close(&out, '}');
        answer_json(r, 201, buf_done(&buf));
        return outcome_good();
}

/* --- passwords: POST /zones/{z}/users/{slug}/password ------------------------------------------------------------------ */

static Outcome password_set(Request *r) {
        Text hash;
        TRY(manage_body(r));
        const User *user = zone_user(r->zone, manage_state(r)->id);
        Text password = json_text(manage_state(r)->body, "password");
        ENSURE(user, refuse(r, REFUSAL_NOT_FOUND, "there is no such user"));
        ENSURE(password.len >= PASSWORD_LEAST && password.len <= PASSWORD_MOST, refuse(r, REFUSAL_MALFORMED, "a password has %d to %d bytes", PASSWORD_LEAST, PASSWORD_MOST));
        TRY(need_password_hash(r, password, &hash));
        request_put(r, WRITE_account_set, 0, value_text(r->zone->slug), value_text(user->slug), value_text(hash), value_int(r->now));
        manage_changed(r, "password");
        r->event.user = user->slug;
        r->answer.kind = ANSWER_EMPTY;
        r->answer.status = 204;
        return outcome_good();
}

/* --- the zone's keys: POST /zones/{z}/keys/rotate ----------------------------------------------------------------------- */

static Outcome rotate_read(Request *r) {
        TRY(manage_body(r));
        Text algorithm = json_text(manage_state(r)->body, "algorithm");
        bool known = text_is(algorithm, "RS256") || text_is(algorithm, "ES256") || text_is(algorithm, "EdDSA");
        ENSURE(known, refuse(r, REFUSAL_MALFORMED, "algorithm is RS256, ES256 or EdDSA"));
        manage_state(r)->token = algorithm;
        manage_changed(r, "key-rotate");
        r->event.extra = text_print(r->arena, "%.*s,\"algorithm\":\"%.*s\"", TEXT_ARG(r->event.extra), TEXT_ARG(algorithm));
        return outcome_good();
}

/* The event first: nothing signs with a key that no event tells of. */
static Outcome rotate_record(Request *r) {
        Text kid;
        Text algorithm = manage_state(r)->token;
        TRY(record_oauth(r));
        if (!outcome_ok(r->ended))
                return outcome_good();
        TRY(need_control(r, TEXT("rotate-key"), algorithm, &kid));
        Buf buf = buf_new(r->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "algorithm", algorithm);
        json_put_text(&out, "kid", kid);
        json_put_text(&out, "decision_id", r->event.id);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

static const Step run_key_steps[] = {{"admin", manage_run_caller}, {"key", run_key_read}, {"record", run_key_record}};
const Flow flow_manage_run_key = {"run-key", run_key_steps, ARRAY_LEN(run_key_steps)};
static const Step secret_steps[] = {{"admin", manage_admin}, {"secret", secret_make}, {"record", record_oauth}};
const Flow flow_manage_secret = {"secret", secret_steps, ARRAY_LEN(secret_steps)};
static const Step password_steps[] = {{"admin", manage_admin}, {"password", password_set}, {"record", record_oauth}};
const Flow flow_manage_password = {"password", password_steps, ARRAY_LEN(password_steps)};
static const Step rotate_steps[] = {{"admin", manage_admin}, {"rotate", rotate_read}, {"record", rotate_record}};
const Flow flow_manage_rotate = {"key-rotate", rotate_steps, ARRAY_LEN(rotate_steps)};
