/* login.c - a user signs in or out: GET and POST /login, GET and POST /logout. */
#include "core/browser.h"
#include "core/engine.h"
#include "core/flows.h"
#include "core/limit.h"
#include "core/pages/views.h"
#include "core/sign_in.h"

#define PER_SOURCE 60 /* failures a minute from one address */
#define PER_USER 10   /* and for one name */

typedef struct Login {
        Text next, query;
        const User *user;
        bool show; /* the form again, with what was wrong */
} Login;

static Outcome login_begin(Request *r) {
        Text id;
        Login *login = arena_new_of(r->arena, Login);
        ENSURE(login, outcome_fault("memory"));
        TRY(need_id(r, 'd', &id));
        r->event.id = id;
        r->event.kind = "sign-in";
        *login = (Login){.next = TEXT("account")};
        r->state = login;
        return outcome_good();
}

static Outcome login_show(Request *r) { return sign_in_show(r, TEXT("account"), TEXT_NONE, TEXT_NONE, 200); }

/* Only pages of ours, named here, may follow: no address in a form ever becomes a redirect. */
static bool next_known(Text next) { return text_is(next, "authorize") || text_is(next, "connect") || text_is(next, "account"); }

static Outcome login_form(Request *r) {
        Login *login = r->state;
        Text fresh, next = in_form(r, "next"), query = in_form(r, "query");
        Browser browser;
        ENSURE(next_known(next) && sign_in_query_ok(query), refuse(r, REFUSAL_FORM, "the sign-in form is damaged; go back and start again"));
        ENSURE(r->in.pre_cookie.len, refuse(r, REFUSAL_FORM, "the browser sent no cookie: allow cookies for this site, reload, and sign in again"));
        TRY(sign_in_browser(r, &browser, &fresh));
        TRY(browser_form_check(r, &browser, "sign-in", sign_in_content(r, next, query)));
        login->next = next;
        login->query = query;
        return outcome_good();
}

static Outcome login_wrong(Request *r) { return refuse(r, REFUSAL_SIGN_IN, "The name or the password is wrong."); }

/* Unknown name, user without a password and wrong password: one sentence, and the same work. */
static Outcome login_password(Request *r) {
        Login *login = r->state;
        Text name = text_trim(in_form(r, "user")), password = in_form(r, "password");
        Rows rows;
        bool fits;
        login->show = true;
        ENSURE(name.len && name.len <= 256 && password.len && password.len <= 1024, login_wrong(r));
        TRY(limit_take(r, "sign-in", r->in.source, PER_SOURCE));
        TRY(limit_take(r, "sign-in-user", name, PER_USER));
        const User *user = zone_user_by_identifier(r->zone, name);
        TRY(need_read_t(r, READ_account_get, &rows, user ? user->slug : TEXT("")));
        TRY(need_password_check(r, user && rows.n ? rows_text(&rows, 0, 0) : TEXT(""), password, &fits));
        ENSURE(fits && user && rows.n, login_wrong(r));
        TRY(limit_give(r, "sign-in", r->in.source));
        TRY(limit_give(r, "sign-in-user", name));
        login->user = user;
        login->show = false;
        return outcome_good();
}

static Outcome login_browser(Request *r) {
        const Login *login = r->state;
        TRY(browser_begin(r, login->user));
        r->event.user = login->user->slug;
        r->event.wanted = true;
        return outcome_good();
}

static Outcome login_again(Request *r, const Login *login, int status) {
        TRY(sign_in_show(r, login->next, login->query, r->why, status));
        r->answer.retry_after = status == 429 ? 60 : 0;
        return outcome_good();
}

static Outcome login_record(Request *r) {
        const Login *login = r->state;
        Text cookie = r->answer.set_cookie;
        Outcome end = record_commit(r);
        if (outcome_waits(end))
                return end;
        if (outcome_refused(end) && login && login->show)
                return login_again(r, login, refusal_info(end.row)->status);
        if (!outcome_ok(end))
                refusal_page(r, end);
        else if (cookie.len)
                answer_go(r, text_print(r->arena, "%.*s/%.*s%s%.*s", TEXT_ARG(r->zone->issuer), TEXT_ARG(login->next),
                                        login->query.len ? "?" : "", TEXT_ARG(login->query)));
        return outcome_good();
}

static const Step show_steps[] = {{"begin", login_begin}, {"show", login_show}, {"record", login_record}};
const Flow flow_login = {"login", show_steps, ARRAY_LEN(show_steps)};
static const Step sign_in_steps[] = {
        {"begin", login_begin}, {"form", login_form}, {"password", login_password}, {"browser", login_browser}, {"record", login_record},
};
const Flow flow_sign_in = {"sign-in", sign_in_steps, ARRAY_LEN(sign_in_steps)};

/* --- out ------------------------------------------------------------------------------------------------------------- */

static Outcome logout_begin(Request *r) {
        Text id;
        Browser browser, *kept = arena_new_of(r->arena, Browser);
        ENSURE(kept, outcome_fault("memory"));
        TRY(need_id(r, 'd', &id));
        TRY(browser_read(r, &browser));
        *kept = browser;
        r->state = kept;
        r->event.id = id;
        r->event.kind = "sign-out";
        return outcome_good();
}

static Outcome logout_show(Request *r) {
        const Browser *browser = r->state;
        Text csrf;
        if (!browser->user) {
                message_page(r, 200, "Signed out", TEXT("Nobody is signed in with this browser."), "/login", "Sign in");
                return outcome_good();
        }
        TRY(browser_form_token(r, browser, "sign-out", TEXT_NONE, &csrf));
        logout_page(r, browser->user, csrf);
        return outcome_good();
}

static Outcome logout_end(Request *r) {
        const Browser *browser = r->state;
        if (browser->user) {
                TRY(browser_form_check(r, browser, "sign-out", TEXT_NONE));
                r->event.user = browser->user->slug;
                r->event.wanted = true;
        }
        browser_end(r, browser);
        return outcome_good();
}

static Outcome logout_record(Request *r) {
        Outcome end = record_commit(r);
        if (outcome_waits(end))
                return end;
        if (!outcome_ok(end))
                refusal_page(r, end);
        else if (r->answer.kind == ANSWER_NONE)
                message_page(r, 200, "Signed out", TEXT("This browser is signed out. Open sessions of applications go on until they end."), "/login",
                             "Sign in again");
        return outcome_good();
}

static const Step logout_show_steps[] = {{"begin", logout_begin}, {"show", logout_show}, {"record", logout_record}};
const Flow flow_logout = {"logout", logout_show_steps, ARRAY_LEN(logout_show_steps)};
static const Step logout_steps[] = {{"begin", logout_begin}, {"end", logout_end}, {"record", logout_record}};
const Flow flow_sign_out = {"sign-out", logout_steps, ARRAY_LEN(logout_steps)};

/* --- done: where programs send a browser that has nothing left to do ---------------------------------------------------- */

static Outcome done_show(Request *r) {
        message_page(r, 200, "Done", TEXT("You can close this window and go back to the application."), "/account", "Your account");
        return outcome_good();
}

static const Step done_steps[] = {{"show", done_show}, {"record", record_oauth}};
const Flow flow_done = {"done", done_steps, ARRAY_LEN(done_steps)};
