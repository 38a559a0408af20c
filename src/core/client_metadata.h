/* client_metadata.h - what a client says of itself: a metadata document (CIMD) or a registration (RFC 7591), judged alike.
 *
 * knows        the members of RFC 7591 2, which redirect URIs may take an answer, which URLs may be a client_id
 * never knows  where the document came from
 * errors       refused REDIRECT_URI or CLIENT_METADATA with a sentence
 */
#ifndef CARNET_CORE_CLIENT_METADATA_H
#define CARNET_CORE_CLIENT_METADATA_H
#include "core/client.h"

#define CLIENT_DOCUMENT_MAX 5120 /* draft-ietf-oauth-client-id-metadata-document 6.6 */
#define CLIENT_REDIRECTS 16
#define CLIENT_KEYS 16

typedef struct ClientMetadata {
        Texts redirect_uris;
        Text name, jwks, jwks_uri;
        const char *auth_method;    /* "none" or "private_key_jwt" */
        bool localhost_only;
} ClientMetadata;

MUST_USE Outcome client_metadata_read(Request *r, const Json *document, ClientMetadata *out);
/* The same for a fetched document: its client_id is the URL it came from. */
MUST_USE Outcome client_document_read(Request *r, Text url, Text body, ClientMetadata *out);
/* https, a path, no user information, dot segments or fragment; compared as a plain string ever after. */
bool client_url_usable(Text url);
/* RFC 7517 set with public keys only. */
bool client_jwks_usable(const Json *jwks);
#endif
