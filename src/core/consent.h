/* consent.h - what a consent is compared by, and what it needs besides the user's yes.
 *
 * knows        authority, grants, metadata-document version, connections to upstream accounts
 * never knows  pages
 */
#ifndef CARNET_CORE_CONSENT_H
#define CARNET_CORE_CONSENT_H
#include "core/authorize.h"

Text consent_digest(Arena *arena, const Authority *authority, const Granted *granted, size_t n);
/* Redirect URIs and keys: when they change, the user is asked in full again. */
Text consent_document(Arena *arena, const Client *client);
MUST_USE Outcome consent_remembered(Request *r, Authorize *a);
MUST_USE Outcome consent_connections(Request *r, Authorize *a);
/* What the form token covers: the request and what was shown. */
Text consent_content(Request *r, const Authorize *a, Text digest);
#endif
