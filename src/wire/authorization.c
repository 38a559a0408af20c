#include "wire/authorization.h"
#include "wire/form.h"
#include <sodium.h>

static bool token_char(char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

Text authorization_scheme(Text field) {
        Text scheme = text_sub(field, 0, text_find(field, ' '));
        for (size_t i = 0; i < scheme.len; i++)
                if (!token_char(scheme.at[i]))
                        return TEXT_NONE;
        return scheme;
}

bool authorization_is(Text field, const char *scheme) {
        return scheme[0] && text_equal_nocase(authorization_scheme(field), text_of(scheme));
}

static Text credentials(Text field) {
        return text_trim(text_sub(field, text_find(field, ' ') + 1, field.len));
}

static Outcome base64_read(Arena *arena, Text source, Text *out) {
        unsigned char *to = arena_take(arena, source.len + 1);
        ENSURE(to, outcome_fault("memory"));
        size_t n = 0;
        const char *end = NULL;
        /* RFC 4648 4 asks for padding; published clients that leave it out exist. */
        int variant = source.len && source.len % 4 ? sodium_base64_VARIANT_ORIGINAL_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
        int bad = source.len ? sodium_base642bin(to, source.len, source.at, source.len, NULL, &n, &end, variant) : -1;
        ENSURE(!bad && end == source.at + source.len, outcome_malformed("not base64"));
        *out = (Text){(char *)to, n};
        return outcome_good();
}

/* RFC 6749 2.3.1 form-encodes id and secret before Basic; half of the published clients do not. */
static void decoded_reading(Arena *arena, Basic *basic) {
        Text id, secret;
        if (!outcome_ok(percent_decode(arena, basic->id, true, &id)) ||
            !outcome_ok(percent_decode(arena, basic->secret, true, &secret)))
                return;
        basic->differs = !text_equal(id, basic->id) || !text_equal(secret, basic->secret);
        basic->decoded_id = id;
        basic->decoded_secret = secret;
}

Outcome basic_read(Arena *arena, Text field, Basic *out) {
        ENSURE(authorization_is(field, "Basic"), outcome_malformed("not Basic"));
        Text both;
        TRY(base64_read(arena, credentials(field), &both));
        ENSURE(text_utf8(both), outcome_malformed("not UTF-8"));
        size_t colon = text_find(both, ':');
        ENSURE(colon < both.len, outcome_malformed("no colon in Basic credentials"));
        Text id = text_sub(both, 0, colon), secret = text_sub(both, colon + 1, both.len);
        *out = (Basic){.id = id, .secret = secret, .decoded_id = id, .decoded_secret = secret};
        decoded_reading(arena, out);
        return outcome_good();
}

Text basic_write(Arena *arena, Text id, Text secret) {
        Form pair = {.at = (FormField[]){{id, secret}}, .n = 1};
        Text encoded = form_write(arena, &pair); /* id=secret, and neither holds a bare '=' */
        if (!encoded.at)
                return TEXT_NONE;
        ((char *)encoded.at)[text_find(encoded, '=')] = ':';
        size_t size = sodium_base64_encoded_len(encoded.len, sodium_base64_VARIANT_ORIGINAL);
        char *b64 = arena_take(arena, size);
        if (!b64)
                return TEXT_NONE;
        sodium_bin2base64(b64, size, (const unsigned char *)encoded.at, encoded.len, sodium_base64_VARIANT_ORIGINAL);
        return text_print(arena, "Basic %s", b64);
}

static bool b64token_char(char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("-._~+/", c));
}

/* RFC 6750 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
Outcome bearer_read(Text field, Text *token) {
        ENSURE(authorization_is(field, "Bearer"), outcome_malformed("not Bearer"));
        Text t = credentials(field);
        size_t i = 0;
        while (i < t.len && b64token_char(t.at[i]))
                i++;
        ENSURE(i, outcome_malformed("no token"));
        while (i < t.len && t.at[i] == '=')
                i++;
        ENSURE(i == t.len, outcome_malformed("not a bearer token"));
        *token = t;
        return outcome_good();
}
