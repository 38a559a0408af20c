/* register.c - dynamic registration (RFC 7591): a stranger leaves its redirect URIs and gets a name to come back with.
 *
 * Nothing is proven by it, so no secret is given out: such a client is public, or signs with keys of its own. Clients
 * register again at every sign-in; what is not used is forgotten (core/client.c).
 */
#include "core/client_metadata.h"
#include "core/engine.h"
#include "core/flows.h"
#include "core/limit.h"

#define BODY_MAX 16384
#define PER_MINUTE 60

typedef struct Registration {
        Text client_id, answer;
} Registration;

static Outcome register_begin(Request *r) {
        Text id;
        TRY(need_id(r, 'd', &id));
        r->event.id = id;
        r->event.kind = "register";
        ENSURE(r->zone->dcr, refuse(r, REFUSAL_NOT_FOUND, "this zone does not take dynamic registrations"));
        ENSURE(r->in.body.len <= BODY_MAX, refuse(r, REFUSAL_CLIENT_METADATA, "the registration is over %d bytes", BODY_MAX));
        return limit_take(r, "register", r->in.source, PER_MINUTE);
}

/* RFC 7591 3.2.1: the registration as it stands, with what the zone has chosen itself. */
static Text answer_print(Request *r, const Json *asked, const ClientMetadata *m, Text client_id) {
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        Text scope = text_trim(json_text(asked, "scope")); /* some send " offline_access" */
        json_open(&out, NULL, '{');
        json_put_text(&out, "client_id", client_id);
        json_put_int(&out, "client_id_issued_at", r->now);
        json_put_text_if(&out, "client_name", m->name);
        json_put_texts(&out, "redirect_uris", m->redirect_uris);
        json_put_str(&out, "token_endpoint_auth_method", m->auth_method);
        json_put_raw(&out, "grant_types", TEXT("[\"authorization_code\",\"refresh_token\"]"));
        json_put_raw(&out, "response_types", TEXT("[\"code\"]"));
        if (text_printable(scope))
                json_put_text_if(&out, "scope", scope);
        Text type = json_text(asked, "application_type");
        if (text_is(type, "native") || text_is(type, "web"))
                json_put_text(&out, "application_type", type);
        if (m->jwks.len)
                json_put_raw(&out, "jwks", m->jwks);
        json_put_text_if(&out, "jwks_uri", m->jwks_uri);
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome register_client(Request *r) {
        Json *asked;
        ClientMetadata metadata;
        Text id;
        Registration *reg = arena_new_of(r->arena, Registration);
        ENSURE(reg, outcome_fault("memory"));
        Outcome end = json_read_object(r->arena, r->in.body, &asked);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_CLIENT_METADATA, "the body is not a JSON object"));
        TRY(end);
        ENSURE(!json_has(asked, "software_statement"), refuse(r, REFUSAL_CLIENT_METADATA, "software statements are not served here"));
        TRY(client_metadata_read(r, asked, &metadata));
        TRY(need_id(r, 'k', &id));
        reg->client_id = text_print(r->arena, "dcr_%.*s", TEXT_ARG(text_sub(id, 2, id.len)));
        reg->answer = answer_print(r, asked, &metadata, reg->client_id);
        ENSURE(reg->answer.at && reg->client_id.at, outcome_fault("memory"));
        request_put(r, WRITE_client_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(reg->client_id), value_text(reg->answer),
                    value_int(r->now));
        r->state = reg;
        r->event.wanted = true;
        r->event.application = r->event.client_id = reg->client_id;
        return outcome_good();
}

static Outcome register_record(Request *r) {
        Outcome end = record_oauth(r);
        const Registration *reg = r->state;
        if (outcome_ok(end) && r->answer.kind == ANSWER_NONE && reg)
                answer_json(r, 201, reg->answer);
        return end;
}

static const Step steps[] = {{"begin", register_begin}, {"client", register_client}, {"record", register_record}};
const Flow flow_register = {"register", steps, ARRAY_LEN(steps)};
