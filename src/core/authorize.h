/* authorize.h - an authorization request: who asks, for what, and what of it the user could be asked to allow.
 *
 * knows        the parameters of RFC 6749 4.1.1, RFC 7636, RFC 8707, RFC 9207; the consent walk
 * never knows  pages, cookies
 * lifetime     the request's
 * errors       until the redirect URI is found to be the client's, every refusal is a page; from then on it goes to the client
 *
 * The consent form carries the parameters on, so that POST judges them again: nothing is kept between the two.
 */
#ifndef CARNET_CORE_AUTHORIZE_H
#define CARNET_CORE_AUTHORIZE_H
#include "core/authorization.h"
#include "core/browser.h"
#include "core/client.h"

#define AUTHORIZE_RESOURCES 8
#define AUTHORIZE_CONNECTIONS 8

typedef struct Connection {
        const Provider *provider;
        bool active;
} Connection;

typedef struct Authorize {
        Params params;
        Client client;
        Text redirect_uri, state, challenge;
        bool redirect_trusted;              /* the redirect URI is the client's: refusals go there */
        const Resource *resources[AUTHORIZE_RESOURCES];
        size_t n_resources;
        Texts scopes;                       /* asked by name, without the zone's own */
        bool named_scopes, offline;
        bool prompt_none, prompt_login, prompt_consent;
        Browser browser;
        /* what consent would give */
        Walk *walk;
        Granted granted[AUTHORIZE_RESOURCES];
        size_t n_granted;
        Text digest;                        /* of authority and grants: what consent is compared by */
        Text document_digest;               /* of redirect URIs and keys */
        Connection connections[AUTHORIZE_CONNECTIONS];
        size_t n_connections, n_missing;
        bool remembered;
        int64_t remembered_at;
        Session open;                       /* the open root it could join; id "" without */
        /* answer of the user */
        Text code;
} Authorize;

static inline Authorize *authorize_state(Request *r) { return r->state; }

/* Steps that GET and the consent form's POST share, in this order. */
MUST_USE Outcome authorize_begin(Request *r);    /* event id, state, parameters of query or form */
MUST_USE Outcome authorize_client(Request *r);   /* client and redirect URI: a page when wrong */
MUST_USE Outcome authorize_ask(Request *r);      /* everything else that is asked */
MUST_USE Outcome authorize_browser(Request *r);  /* who is signed in */
MUST_USE Outcome authorize_reach(Request *r);    /* the walk, connections, remembered consent, open session */
/* The last step: commits; refusals go to the client or make a page. */
MUST_USE Outcome authorize_record(Request *r);
/* The request again, encoded; `again`: without what was done already (prompt=login). */
Text authorize_query(Request *r, bool again);
/* The parameters that are carried on, for hidden fields and authorize_query(). */
bool authorize_carries(Text name);
bool authorize_challenge_ok(Text challenge); /* RFC 7636 4.2: 43 to 128 unreserved characters */
Proof authorize_proof(const Client *client); /* the strongest it declares: what consent is decided by */
/* redirect_uri with the parameters that are not empty added to its query */
Text authorize_answer(Arena *arena, Text redirect_uri, const char *const *names, const Text *values, size_t n);
#endif
