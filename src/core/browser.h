/* browser.h - a browser that signed in: who sits there, and the form tokens that only its pages carry.
 *
 * knows        the sign-in cookie by its SHA-256, the user behind it
 * never knows  cookie attributes, passwords
 * errors       a browser nobody is signed in with is no error: `user` is NULL. A form token that does not fit is refused FORM
 */
#ifndef CARNET_CORE_BROWSER_H
#define CARNET_CORE_BROWSER_H
#include "core/request.h"

#define BROWSER_SECONDS (30 * 24 * 3600) /* how long a sign-in lasts at most; sessions end by their own times */

typedef struct Browser {
        const User *user; /* NULL: not signed in */
        Text key;         /* SHA-256 of the cookie, as the ledger has it */
        Text digest;      /* the same in hex: what a session remembers */
        int64_t since;
} Browser;

MUST_USE Outcome browser_read(Request *r, Browser *out);
/* A new sign-in with a new cookie; the old one, if any, ends (no fixation). Fills r->answer.set_cookie. */
MUST_USE Outcome browser_begin(Request *r, const User *user);
void browser_end(Request *r, const Browser *browser);
/* What a form of this browser must bring back, for one purpose and the content it was shown with. */
MUST_USE Outcome browser_form_token(Request *r, const Browser *browser, const char *purpose, Text content, Text *out);
MUST_USE Outcome browser_form_check(Request *r, const Browser *browser, const char *purpose, Text content);
#endif
