#include "core/token.h"
#include "base/digest.h"

Text token_hash(Request *r, Text secret) { return digest_bytes(r->arena, secret); }

static Outcome malformed(Request *r) { return refuse(r, REFUSAL_SUBJECT_MALFORMED, "the token is not an access token of this zone"); }

static Outcome claims_read(Request *r, const Verified *verified, OwnToken *out) {
        Json *header, *claims;
        TRY(json_read_object(r->arena, verified->header, &header));
        TRY(json_read_object(r->arena, verified->claims, &claims));
        /* RFC 9068 4: the type keeps ID tokens, assertions and federated JWTs from standing in for access tokens. */
        ENSURE(text_is(json_text(header, "typ"), "at+jwt"), malformed(r));
        *out = (OwnToken){.jti = json_text(claims, "jti"), .sub = json_text(claims, "sub"), .client_id = json_text(claims, "client_id"),
                          .aud = json_text(claims, "aud"), .sid = json_text(claims, "sid"), .hop = json_text(claims, "hop"),
                          .scopes = texts_words(r->arena, json_text(claims, "scope")), .anc = json_texts(r->arena, claims, "anc"),
                          .claims = claims};
        ENSURE(json_int(claims, "iat", &out->issued) && json_int(claims, "exp", &out->ends), malformed(r));
        ENSURE(text_equal(json_text(claims, "iss"), r->zone->issuer), malformed(r));
        ENSURE(out->jti.len && out->sub.len && out->aud.len && out->sid.len && out->hop.len && out->anc.n, malformed(r));
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

static void party_add(Request *r, Texts *list, const char *kind, Text slug) {
        if (!outcome_ok(texts_add(r->arena, list, text_print(r->arena, "%s:%.*s", kind, TEXT_ARG(slug)))))
                list->n = 0;
}

Texts token_parties(Request *r, const Path *p, const Resource *target) {
        Texts list = {0};
        if (p->user)
                party_add(r, &list, "user", p->user->slug);
        for (size_t i = 0; i < p->chain.n; i++)
                party_add(r, &list, "application", p->chain.at[i].application->slug);
        if (p->via)
                party_add(r, &list, "resource", p->via->slug);
        if (target && target != p->via)
                party_add(r, &list, "resource", target->slug);
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
