/* upstream.h - speaking to an upstream OAuth service as its client (RFC 6749 2.3.1, 3.2).
 *
 * knows        the provider's endpoints, our client secret there
 * never knows  whose token it carries, what the answer is for
 */
#ifndef CARNET_MODULES_UPSTREAM_H
#define CARNET_MODULES_UPSTREAM_H
#include "core/request.h"

/* One POST with a form body, authenticated by HTTP Basic. */
MUST_USE Outcome upstream_post(Request *r, const Provider *provider, Text url, Text body, Fetched *out);
/* What a user's connection is sealed under. */
Text upstream_grant_context(Request *r, Text user, Text provider);
#endif
