#include "core/token.h"
#include "base/digest.h"
#include "base/jsonscan.h"

Text token_hash(Request *r, Text secret) { return digest_bytes(r->arena, secret); }

static Outcome malformed(Request *r) { return refuse(r, REFUSAL_SUBJECT_MALFORMED, "the token is not an access token of this zone"); }

static const struct {
        const char *name;
        size_t offset;
} claim_texts[] = {
        {"jti", offsetof(OwnToken, jti)}, {"sub", offsetof(OwnToken, sub)}, {"client_id", offsetof(OwnToken, client_id)},
        {"aud", offsetof(OwnToken, aud)}, {"sid", offsetof(OwnToken, sid)}, {"hop", offsetof(OwnToken, hop)},
        {"iss", offsetof(OwnToken, iss)}, {"scope", offsetof(OwnToken, scope)},
};

static bool claim_take(Request *r, Text name, Text value, OwnToken *out) {
        Text text;
        if (text_is(name, "iat"))
                return outcome_ok(text_int(value, &out->issued));
        if (text_is(name, "exp"))
                return outcome_ok(text_int(value, &out->ends));
        if (text_is(name, "anc"))
                return json_scan_texts(r->arena, value, &out->anc);
        if (text_is(name, "act"))
                out->act = value;
        for (size_t i = 0; i < ARRAY_LEN(claim_texts) && json_scan_string(value, &text); i++)
                if (text_is(name, claim_texts[i].name))
                        *(Text *)(void *)((char *)out + claim_texts[i].offset) = text;
        return true;
}

/* The zone signed these bytes, so it has printed them: they need no tree, but where a string has an escape. */
static bool claims_scan(Request *r, Text claims, OwnToken *out) {
        JsonScan scan = json_scan(claims);
        Text name, value;
        *out = (OwnToken){0};
        while (json_scan_next(&scan, &name, &value))
                if (!claim_take(r, name, value, out))
                        return false;
        return json_scan_done(&scan);
}

static Outcome claims_tree(Request *r, Text text, OwnToken *out) {
        Json *claims;
        TRY(json_read_object(r->arena, text, &claims));
        *out = (OwnToken){.anc = json_texts(r->arena, claims, "anc")};
        for (size_t i = 0; i < ARRAY_LEN(claim_texts); i++)
                *(Text *)(void *)((char *)out + claim_texts[i].offset) = json_text(claims, claim_texts[i].name);
        if (json_has(claims, "act"))
                out->act = json_print(r->arena, json_object_get(claims, "act"), JSON_COMPACT);
        ENSURE(json_int(claims, "iat", &out->issued) && json_int(claims, "exp", &out->ends), malformed(r));
        return outcome_good();
}

static Outcome claims_read(Request *r, const Verified *verified, OwnToken *out) {
        /* RFC 9068 4: the type keeps ID tokens, assertions and federated JWTs from standing in for access tokens. */
        ENSURE(text_is(verified->typ, "at+jwt"), malformed(r));
        if (!claims_scan(r, verified->claims, out))
                TRY(claims_tree(r, verified->claims, out));
        ENSURE(out->issued > 0 && out->ends > 0 && text_equal(out->iss, r->zone->issuer), malformed(r));
        ENSURE(out->jti.len && out->sub.len && out->aud.len && out->sid.len && out->hop.len && out->anc.n, malformed(r));
        out->scopes = texts_words(r->arena, out->scope);
        out->authorization = out->anc.at[0];
        return outcome_good();
}

Outcome token_read_own(Request *r, Text token, OwnToken *out) {
        Verified verified;
        const VerifyAsk ask = {.token = token, .source = KEYS_OF_ZONE};
        ENSURE(token.len, malformed(r));
        TRY(need_verify(r, &ask, &verified));
        ENSURE(verified.valid, malformed(r));
        Outcome end = claims_read(r, &verified, out);
        return outcome_refused(end) ? malformed(r) : end;
}

Outcome token_ancestry(Request *r, const TokenState *t, Texts *out) {
        const Path *p = &t->path;
        *out = (Texts){.at = arena_array(r->arena, Text, TOKEN_ANC_MAX + 2)};
        ENSURE(out->at, outcome_fault("memory"));
        for (size_t i = 0; i < p->anc.n && out->n < TOKEN_ANC_MAX; i++)
                out->at[out->n++] = p->anc.at[i];
        const Text more[] = {p->parent_jti, t->hop};
        for (size_t i = 0; i < ARRAY_LEN(more); i++)
                if (more[i].len && !texts_have(*out, more[i]))
                        out->at[out->n++] = more[i];
        ENSURE(out->n <= TOKEN_ANC_MAX, refuse(r, REFUSAL_DEPTH, "the path is too long: over %d ids to die with", TOKEN_ANC_MAX));
        return outcome_good();
}

static void party_add(Request *r, Texts *list, Text kind, Text slug) {
        char *to = arena_take(r->arena, kind.len + slug.len + 1);
        if (to) {
                memcpy(to, kind.at, kind.len);
                memcpy(to + kind.len, slug.at, slug.len);
        }
        if (!to || !outcome_ok(texts_add(r->arena, list, (Text){to, kind.len + slug.len})))
                list->n = 0;
}

Texts token_parties(Request *r, const Path *p, const Resource *target) {
        Texts list = {0};
        if (p->user)
                party_add(r, &list, TEXT("user:"), p->user->slug);
        for (size_t i = 0; i < p->chain.n; i++)
                party_add(r, &list, TEXT("application:"), p->chain.at[i].application->slug);
        if (p->via)
                party_add(r, &list, TEXT("resource:"), p->via->slug);
        if (target && target != p->via)
                party_add(r, &list, TEXT("resource:"), target->slug);
        return list;
}

void token_put_claims(JsonOut *out, const Request *r, const TokenState *t, Text audience) {
        const Path *p = &t->path;
        json_put_text(out, "iss", r->zone->issuer);
        json_put_text(out, "aud", audience);
        json_put_text(out, "client_id", t->client.client_id);
        json_put_text(out, "jti", r->event.id);
        json_put_text(out, "sid", p->session.id);
        json_put_int(out, "iat", r->now);
        json_put_int(out, "exp", t->ends);
        /* RFC 8693 4.1. Without a user the origin is the subject itself: it does not act for itself. */
        chain_put_act(out, &p->chain, p->user ? 0 : 1);
}
