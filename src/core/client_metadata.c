#include "core/client_metadata.h"
#include "base/url.h"

/* %00 and its like: whoever decodes such a path sees another one than we do. */
static bool encodes_control(Text text) {
        for (size_t i = 0; i + 2 < text.len; i++) {
                char high = text.at[i + 1], low = text.at[i + 2];
                if (text.at[i] == '%' && (high == '0' || high == '1' || (high == '7' && (low == 'f' || low == 'F'))))
                        return true;
        }
        return false;
}

bool client_url_usable(Text text) {
        Url url;
        if (text.len > 512 || !outcome_ok(url_parse(text, &url)) || !text_equal(url.scheme, TEXT("https")))
                return false;
        bool trailing_dot = url.host.len && url.host.at[url.host.len - 1] == '.';
        return url.host.len && !trailing_dot && url.path.len && !text_is(url.path, "/") && !url.has_userinfo && !url.has_fragment &&
               !url_dot_segments(url.path) && !encodes_control(text);
}

/* What an answer adds itself may not stand there already: the client would read the wrong one. */
static bool holds_an_answer(Text query) {
        static const char *const names[] = {"code", "state", "iss", "error", "error_description", "response"};
        while (query.len) {
                size_t n = text_find(query, '&');
                Text field = text_sub(query, 0, n), name = text_sub(field, 0, text_find(field, '='));
                for (size_t i = 0; i < ARRAY_LEN(names); i++)
                        if (text_equal_nocase(name, text_of(names[i])))
                                return true;
                if (text_find(name, '%') < name.len)
                        return true; /* an encoded name could be any */
                query = text_sub(query, n + 1, query.len);
        }
        return false;
}

bool client_redirect_usable(Text text) {
        Url url;
        if (!outcome_ok(url_parse(text, &url)) || url.has_fragment || url.has_userinfo || url_dot_segments(url.path) ||
            text_find(text, '\\') < text.len || (url.has_query && holds_an_answer(url.query)))
                return false;
        if (text_equal(url.scheme, TEXT("https")))
                return url.host.len != 0;
        if (text_equal(url.scheme, TEXT("http")))
                return url_loopback(&url);
        /* RFC 8252 7.1: a private-use scheme is a domain name the app's maker controls, so it has a dot. */
        return text_find(url.scheme, '.') < url.scheme.len;
}

static Outcome redirects_read(Request *r, const Json *document, ClientMetadata *out) {
        Texts uris = json_texts(r->arena, document, "redirect_uris");
        ENSURE(json_is_array(json_object_get(document, "redirect_uris")) && uris.n,
               refuse(r, REFUSAL_REDIRECT_URI, "redirect_uris is missing or not an array of strings"));
        ENSURE(uris.n <= CLIENT_REDIRECTS, refuse(r, REFUSAL_REDIRECT_URI, "at most %d redirect_uris", CLIENT_REDIRECTS));
        out->localhost_only = true;
        for (size_t i = 0; i < uris.n; i++) {
                Url url;
                ENSURE(uris.at[i].len <= 1024 && client_redirect_usable(uris.at[i]),
                       refuse(r, REFUSAL_REDIRECT_URI, "redirect_uris[%zu] must be https, http on loopback, or a private-use scheme with a dot; "
                              "without fragment, user information, dot segments or an answer's own parameters", i));
                out->localhost_only &= outcome_ok(url_parse(uris.at[i], &url)) && url_loopback(&url);
        }
        out->redirect_uris = uris;
        return outcome_good();
}

static bool key_is_public(const Json *key) {
        static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
        Text kty = json_text(key, "kty");
        for (size_t i = 0; i < ARRAY_LEN(secret); i++)
                if (json_has(key, secret[i]))
                        return false;
        return text_is(kty, "RSA") || text_is(kty, "EC") || text_is(kty, "OKP");
}

bool client_jwks_usable(const Json *jwks) {
        const Json *keys = json_object_get(jwks, "keys");
        size_t n = json_array_size(keys);
        if (!json_is_object(jwks) || !n || n > CLIENT_KEYS)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!key_is_public(json_array_get(keys, i)))
                        return false;
        return true;
}

static Outcome keys_read(Request *r, const Json *document, ClientMetadata *out) {
        const Json *jwks = json_object_get(document, "jwks");
        Text uri = json_text(document, "jwks_uri");
        ENSURE(!jwks || !json_has(document, "jwks_uri"), refuse(r, REFUSAL_CLIENT_METADATA, "jwks and jwks_uri exclude each other"));
        ENSURE(!jwks || client_jwks_usable(jwks), refuse(r, REFUSAL_CLIENT_METADATA, "jwks holds no usable public keys"));
        ENSURE(!json_has(document, "jwks_uri") || client_url_usable(uri), refuse(r, REFUSAL_CLIENT_METADATA, "jwks_uri is not usable"));
        bool signs = strcmp(out->auth_method, "private_key_jwt") == 0;
        ENSURE(!signs || jwks || uri.len, refuse(r, REFUSAL_CLIENT_METADATA, "private_key_jwt needs jwks or jwks_uri"));
        if (!signs)
                return outcome_good();
        out->jwks = jwks ? json_print(r->arena, jwks, JSON_COMPACT) : TEXT_NONE;
        out->jwks_uri = uri;
        return outcome_good();
}

/* No secret that both sides know: neither a document that anyone can read nor a registration without an owner can keep one. */
static Outcome method_read(Request *r, const Json *document, ClientMetadata *out) {
        Text method = json_text(document, "token_endpoint_auth_method");
        ENSURE(!json_has(document, "client_secret") && !json_has(document, "client_secret_expires_at"),
               refuse(r, REFUSAL_CLIENT_METADATA, "client metadata must not hold a secret"));
        out->auth_method = text_is(method, "private_key_jwt") ? "private_key_jwt" : "none";
        ENSURE(!json_has(document, "token_endpoint_auth_method") || text_is(method, out->auth_method),
               refuse(r, REFUSAL_CLIENT_METADATA, "token_endpoint_auth_method is none or private_key_jwt"));
        return outcome_good();
}

/* RFC 7591 2: what is left out means the authorization code grant. */
static Outcome grants_read(Request *r, const Json *document) {
        Texts grants = json_texts(r->arena, document, "grant_types"), responses = json_texts(r->arena, document, "response_types");
        ENSURE(!json_has(document, "grant_types") || texts_have(grants, TEXT("authorization_code")),
               refuse(r, REFUSAL_CLIENT_METADATA, "grant_types must name authorization_code"));
        ENSURE(!json_has(document, "response_types") || texts_have(responses, TEXT("code")),
               refuse(r, REFUSAL_CLIENT_METADATA, "response_types must name code"));
        return outcome_good();
}

Outcome client_metadata_read(Request *r, const Json *document, ClientMetadata *out) {
        ClientMetadata found = {.name = text_trim(json_text(document, "client_name"))};
        ENSURE(found.name.len <= 200 && text_utf8(found.name), refuse(r, REFUSAL_CLIENT_METADATA, "client_name is too long"));
        TRY(method_read(r, document, &found));
        TRY(grants_read(r, document));
        TRY(redirects_read(r, document, &found));
        TRY(keys_read(r, document, &found));
        *out = found;
        return outcome_good();
}

Outcome client_document_read(Request *r, Text url, Text body, ClientMetadata *out) {
        Json *document;
        ENSURE(body.len <= CLIENT_DOCUMENT_MAX, refuse(r, REFUSAL_CLIENT_METADATA, "the document is over %d bytes", CLIENT_DOCUMENT_MAX));
        Outcome end = json_read_object(r->arena, body, &document);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_CLIENT_METADATA, "the document is not a JSON object"));
        TRY(end);
        ENSURE(text_equal(json_text(document, "client_id"), url), refuse(r, REFUSAL_CLIENT_METADATA, "the document's client_id is not its URL"));
        return client_metadata_read(r, document, out);
}
