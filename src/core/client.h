/* client.h - who sends the request: the application behind a client_id, and what proved it.
 *
 * client_find() resolves an identifier without proving anything (authorization endpoint); client_authenticate() proves it
 * by exactly one of the methods of clientauth.def (token endpoint and its neighbours).
 */
#ifndef CARNET_CORE_CLIENT_H
#define CARNET_CORE_CLIENT_H
#include "core/request.h"

typedef struct Client {
        const Application *application; /* the zone's, or one made for this request: registered false, slug = client_id */
        Text client_id;                 /* the credential that authenticated */
        const char *method;             /* row of clientauth.def */
        Proof proof;
        bool is_public;
        Texts redirect_uris;
        Text name, host;                /* self-chosen name; verified host of its metadata document or "" */
        Text document_digest;           /* SHA-256 hex of the metadata document, "" when none */
        Text jwks, jwks_uri;            /* of the document, when it authenticates by private_key_jwt */
        const char *auth_method;        /* declared by document or registration: "none", "private_key_jwt" */
        bool localhost_only;            /* every redirect is loopback: warn on the consent page */
} Client;

/* Refused: CLIENT when unknown, disabled, or its document cannot be used (the sentence says why).
 * Order: application identifier of the zone · metadata document URL bound to a slug or, when settings allow, any https
 * URL (fetched by NEED_FETCH "client-metadata", kept in the ledger, pinned) · dynamic registration. */
MUST_USE Outcome client_find(Request *r, Text client_id, Client *out);
/* Its public keys: in hand, or fetched from its jwks_uri and kept; "" when it has none. */
MUST_USE Outcome client_keys(Request *r, const Client *client, Text *jwks);
bool client_redirect_usable(Text uri); /* could take an answer: scheme, no fragment, no parameters of an answer */
MUST_USE Outcome client_authenticate(Request *r, Client *out);

/* A way to prove it (modules/clientauth). `claims` says whether the request carries this method's parameters. */
typedef struct ClientAuth {
        const char *name;
        bool (*present)(const Request *r);
        Outcome (*prove)(Request *r, Client *out);
} ClientAuth;
#endif
