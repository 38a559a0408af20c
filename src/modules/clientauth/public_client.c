/* public_client.c - a client that proves nothing: named by client_id in the body (OAuth 2.1 2.4). */
#include "core/client.h"

static bool public_client_present(const Request *r) {
        return in_form(r, "client_id").len && !in_form(r, "client_secret").len && !in_form(r, "client_assertion").len && !r->in.has_basic;
}

static Outcome public_client_prove(Request *r, Client *out) {
        TRY(client_find(r, in_form(r, "client_id"), out));
        /* A client registered for something stronger may not fall back to nothing. */
        ENSURE(out->is_public, refuse(r, REFUSAL_CLIENT, "this client has to authenticate"));
        out->method = "none";
        out->proof = PROOF_NONE;
        return outcome_good();
}

const ClientAuth client_auth_public_client = {"none", public_client_present, public_client_prove};
