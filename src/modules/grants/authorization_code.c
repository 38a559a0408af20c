/* authorization_code.c - the code that consent gave, redeemed once, by the client it was given to (OAuth 2.1 4.1.3). */
#include "core/path.h"
#include "crypto/b64url.h"
#include "base/digest.h"
#include "modules/grants/refresh_family.h"

typedef struct Code {
        Text authorization, client_id, redirect_uri, challenge;
        int64_t ends;
        bool used;
} Code;

static Outcome code_read(Request *r, Text secret, Code *out) {
        Rows rows;
        ENSURE(secret.len, refuse(r, REFUSAL_MALFORMED, "code is missing"));
        TRY(need_read_t(r, READ_code_get, &rows, token_hash(r, secret)));
        ENSURE(rows.n == 1, refuse(r, REFUSAL_CODE, "the code is unknown or no longer kept"));
        *out = (Code){.authorization = rows_text(&rows, 0, 0), .client_id = rows_text(&rows, 0, 1), .redirect_uri = rows_text(&rows, 0, 2),
                      .challenge = rows_text(&rows, 0, 3), .ends = rows_int(&rows, 0, 7), .used = rows_at(&rows, 0, 8)->type != VALUE_NULL};
        return outcome_good();
}

/* RFC 7636 4.6: S256 only. The challenge is required at the authorization endpoint, so a verifier is always due. */
static Outcome verifier_check(Request *r, const Code *code) {
        Text verifier = in_form(r, "code_verifier");
        ENSURE(verifier.len, refuse(r, REFUSAL_CODE, "code_verifier is missing"));
        ENSURE(verifier.len >= 43 && verifier.len <= 128, refuse(r, REFUSAL_CODE, "code_verifier has 43 to 128 characters"));
        Text expected = b64url_encode(r->arena, digest_bytes(r->arena, verifier));
        ENSURE(text_same_secret(expected, code->challenge), refuse(r, REFUSAL_CODE, "code_verifier does not match the challenge"));
        return outcome_good();
}

static Outcome authorization_code_open(Request *r, TokenState *t) {
        Code code = {0};
        Text secret = in_form(r, "code"), redirect = in_form(r, "redirect_uri");
        r->event.kind = "code";
        TRY(code_read(r, secret, &code));
        ENSURE(text_equal(code.client_id, t->client.client_id), refuse(r, REFUSAL_CODE, "the code was given to another client"));
        if (code.used)
                return refresh_family_end(r, code.authorization, REFUSAL_CODE);
        ENSURE(r->now < code.ends, refuse(r, REFUSAL_CODE, "the code has expired; start again"));
        ENSURE(!redirect.len || text_equal(redirect, code.redirect_uri), refuse(r, REFUSAL_CODE, "redirect_uri is not the one that the code was sent to"));
        TRY(verifier_check(r, &code));
        TRY(path_resume(r, t, code.authorization));
        request_put(r, WRITE_code_use, REFUSAL_CODE, value_text(r->zone->slug), value_blob(token_hash(r, secret)), value_int(r->now));
        return outcome_good();
}

static Outcome authorization_code_close(Request *r, TokenState *t) { return refresh_family_next(r, t, 1); }

const Grant grant_authorization_code = {
        .type = "authorization_code", .open_to_public = true, .open = authorization_code_open, .close = authorization_code_close,
};
