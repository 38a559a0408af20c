/* secret_post.c - id and secret in the body (RFC 6749 2.3.1). */
#include "modules/clientauth/secret.h"

static bool secret_post_present(const Request *r) { return in_form(r, "client_secret").len != 0; }

static Outcome secret_post_prove(Request *r, Client *out) {
        return secret_prove(r, in_form(r, "client_id"), in_form(r, "client_secret"), "client_secret_post", out);
}

const ClientAuth client_auth_secret_post = {"client_secret_post", secret_post_present, secret_post_prove};
