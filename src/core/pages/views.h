/* views.h - the pages that people see. Each makes this request's answer out of what it is given; none asks anything.
 *
 * knows        what a page says and in which order
 * never knows  the ledger, how what it shows was found
 */
#ifndef CARNET_CORE_PAGES_VIEWS_H
#define CARNET_CORE_PAGES_VIEWS_H
#include "core/authorize.h"

typedef struct LoginView {
        Text next, query, csrf, error, user;
        int status;
} LoginView;

typedef struct ConsentView {
        const Authorize *authorize;
        Text csrf, notice;
} ConsentView;

typedef struct AccountView {
        const User *user;
        const Rows *sessions, *consents, *grants;
        Text csrf, notice;
} AccountView;

void login_page(Request *r, const LoginView *view);
void consent_page(Request *r, const ConsentView *view);
void account_page(Request *r, const AccountView *view);
void logout_page(Request *r, const User *user, Text csrf);
/* A page with one thing to say. `href`: a path of ours below the issuer to go on to, or NULL. */
void message_page(Request *r, int status, const char *title, Text text, const char *href, const char *label);
/* A refusal as a page; as JSON for callers that want no HTML. */
void refusal_page(Request *r, Outcome end);
void answer_html(Request *r, int status, Text body);
void answer_go(Request *r, Text location); /* 303 */
#endif
