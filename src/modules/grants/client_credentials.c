/* client_credentials.c - an application works for itself (RFC 6749 4.4). Nobody has standing access: what it reaches has
 * `direct: true` in the zone file, or policy refuses. The same application and credential join their open root. */
#include "core/path.h"
#include "core/token.h"

static Outcome client_credentials_open(Request *r, TokenState *t) {
        r->event.kind = "client_credentials";
        return path_begin_alone(r, t);
}

const Grant grant_client_credentials = {.type = "client_credentials", .open_to_public = false, .open = client_credentials_open};
