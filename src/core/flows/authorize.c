/* authorize.c - GET and POST /authorize: shows the sign-in or the consent page, or refuses. It changes nothing: clients
 * fetch it before the browser does; codes and consents begin with the consent form's POST (delegation.md 3). */
#include "core/authorize.h"
#include "core/consent.h"
#include "core/flows.h"
#include "core/pages/views.h"
#include "core/sign_in.h"

/* A form that another site posted comes without our cookie (SameSite=Lax): asked again by GET, it comes with it. */
static Outcome show_post(Request *r) {
        Text query = authorize_query(r, false);
        answer_go(r, text_print(r->arena, "%.*s/authorize?%.*s", TEXT_ARG(r->zone->issuer), TEXT_ARG(query)));
        return outcome_good();
}

static Outcome show_sign_in(Request *r) {
        const Authorize *a = authorize_state(r);
        if (text_is(r->in.method, "POST"))
                return show_post(r);
        if (a->browser.user && !a->prompt_login)
                return outcome_good();
        return sign_in_show(r, TEXT("authorize"), authorize_query(r, true), TEXT_NONE, 200);
}

static Outcome show_consent(Request *r) {
        const Authorize *a = authorize_state(r);
        Text csrf;
        if (r->answer.kind)
                return outcome_good();
        r->event.wanted = false; /* showing a page is nothing to remember; a refusal before this was */
        ENSURE(!a->prompt_none, refuse(r, REFUSAL_INTERACTION, "a code begins with the user's answer, and prompt=none forbids to ask"));
        TRY(browser_form_token(r, &a->browser, "consent", consent_content(r, a, a->digest), &csrf));
        const ConsentView view = {.authorize = a, .csrf = csrf};
        consent_page(r, &view);
        return outcome_good();
}

static const Step steps[] = {
        {"begin", authorize_begin}, {"client", authorize_client}, {"ask", authorize_ask},   {"browser", authorize_browser},
        {"sign-in", show_sign_in},  {"reach", authorize_reach},   {"consent", show_consent}, {"record", authorize_record},
};
const Flow flow_authorize = {"authorize", steps, ARRAY_LEN(steps)};
