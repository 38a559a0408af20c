/* refresh_family.h - refresh tokens of one authorization: each used once, each replaced by the next (OAuth 2.1 4.3). */
#ifndef CARNET_MODULES_GRANTS_REFRESH_FAMILY_H
#define CARNET_MODULES_GRANTS_REFRESH_FAMILY_H
#include "core/token.h"

/* Makes the next refresh token of this path's authorization and adds its row. */
MUST_USE Outcome refresh_family_next(Request *r, TokenState *t, int64_t generation);
/* Used again: the family is cut. Refuses with `row`. */
MUST_USE Outcome refresh_family_end(Request *r, Text authorization, RefusalRow row);
#endif
