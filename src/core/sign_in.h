/* sign_in.h - the sign-in page in front of whatever needs a user.
 *
 * knows        where to go on afterwards: only pages of ours, named, with the query they had
 * never knows  what that page does
 */
#ifndef CARNET_CORE_SIGN_IN_H
#define CARNET_CORE_SIGN_IN_H
#include "core/browser.h"

/* Makes the sign-in page this request's answer. `next`: "authorize", "connect", "account"; `query` encoded. */
MUST_USE Outcome sign_in_show(Request *r, Text next, Text query, Text error, int status);
/* For the form's POST: the browser before sign-in (*fresh: a new cookie, when it had none), and what its token covers. */
MUST_USE Outcome sign_in_browser(Request *r, Browser *out, Text *fresh);
Text sign_in_content(Request *r, Text next, Text query);
bool sign_in_query_ok(Text query);
#endif
