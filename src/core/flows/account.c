/* account.c - GET and POST /account: what is open in the user's name, and the buttons that end it. */
#include "core/browser.h"
#include "core/engine.h"
#include "core/flows.h"
#include "core/pages/views.h"
#include "core/session.h"
#include "core/sign_in.h"

#define SHOWN 100 /* open sessions on the page */
#define PAGE 200
#define PAGES 50
#define CLOSED_AT_ONCE 16 /* sessions that one withdrawal ends in one commit */

typedef struct Account {
        Browser browser;
        bool ended;
} Account;

static Outcome account_begin(Request *r) {
        Text id;
        Browser browser;
        Account *account = arena_new_of(r->arena, Account);
        ENSURE(account, outcome_fault("memory"));
        TRY(need_id(r, 'd', &id));
        TRY(browser_read(r, &browser));
        account->browser = browser;
        r->event.id = id;
        r->event.kind = "account";
        r->state = account;
        return browser.user ? outcome_good() : sign_in_show(r, TEXT("account"), TEXT_NONE, TEXT_NONE, 200);
}

/* Columns of sessions_of_user (ledger.def): a row of a session that is over says nothing to anyone. */
static bool session_row_open(const Rows *rows, size_t i, int64_t now) {
        bool child = rows_text(rows, i, 1).len != 0;
        return rows_at(rows, i, 13)->type == VALUE_NULL && now < rows_int(rows, i, 10) &&
               (child || now <= rows_int(rows, i, 11) + rows_int(rows, i, 9));
}

/* Every session of the user is looked at, page by page; the open ones are kept, at most SHOWN. */
static Outcome sessions_of(Request *r, const User *user, Rows *out) {
        Rows page = {0};
        Text after = TEXT("");
        out->n = 0;
        out->columns = 0;
        out->cells = NULL;
        for (size_t pages = 0; pages < PAGES && out->n < SHOWN; pages++) {
                const Value params[] = {value_text(r->zone->slug), value_text(user->slug), value_text(after), value_int(PAGE)};
                TRY(need_read(r, READ_sessions_of_user, params, ARRAY_LEN(params), &page));
                if (!out->cells && page.n) {
                        out->columns = page.columns;
                        out->cells = arena_array(r->arena, Value, SHOWN * page.columns);
                        ENSURE(out->cells, outcome_fault("memory"));
                }
                for (size_t i = 0; i < page.n && out->n < SHOWN; i++)
                        if (session_row_open(&page, i, r->now))
                                memcpy(&out->cells[out->n++ * out->columns], rows_at(&page, i, 0), out->columns * sizeof(Value));
                if (page.n < PAGE)
                        break;
                after = rows_text(&page, page.n - 1, 0);
        }
        return outcome_good();
}

static Outcome account_show(Request *r) {
        const Account *account = r->state;
        const User *user = account->browser.user;
        Rows sessions, consents, grants;
        Text csrf;
        if (r->answer.kind)
                return outcome_good();
        TRY(sessions_of(r, user, &sessions));
        TRY(need_read_t(r, READ_consents_of, &consents, user->slug));
        TRY(need_read_t(r, READ_grants_of, &grants, user->slug));
        TRY(browser_form_token(r, &account->browser, "account", TEXT_NONE, &csrf));
        const AccountView view = {.user = user, .sessions = &sessions, .consents = &consents, .grants = &grants, .csrf = csrf};
        account_page(r, &view);
        return outcome_good();
}

static Outcome close_session(Request *r, const User *user, Text id) {
        Rows rows;
        TRY(need_read_t(r, READ_session_get, &rows, id));
        /* Another user's session is as unknown as one that never was. */
        ENSURE(rows.n && text_equal(rows_text(&rows, 0, 4), user->slug), refuse(r, REFUSAL_NOT_FOUND, "you have no such session"));
        cut_write(r, "session", id, TEXT_NONE);
        r->event.kind = "session.close";
        r->event.session = id;
        r->event.root = rows_text(&rows, 0, 2);
        r->event.application = rows_text(&rows, 0, 5);
        return outcome_good();
}

/* A consent's authorizations all hang on roots of its application (joining never crosses applications): their cut is the
 * withdrawal. A user with more open roots than fit in one commit presses again. */
static Outcome withdraw(Request *r, const User *user, Text application) {
        Rows rows;
        size_t closed = 0, left = 0;
        ENSURE(application.len, refuse(r, REFUSAL_NOT_FOUND, "no application is named"));
        TRY(sessions_of(r, user, &rows));
        for (size_t i = 0; i < rows.n; i++) {
                if (rows_text(&rows, i, 1).len || !text_equal(rows_text(&rows, i, 5), application))
                        continue;
                if (closed == CLOSED_AT_ONCE) {
                        left++;
                        continue;
                }
                cut_write(r, "session", rows_text(&rows, i, 0), TEXT_NONE);
                closed++;
        }
        if (!left && rows.n < SHOWN)
                request_put(r, WRITE_consent_end, 0, value_text(r->zone->slug), value_text(user->slug), value_text(application));
        r->event.kind = "consent.withdraw";
        r->event.application = application;
        return outcome_good();
}

static Outcome account_end(Request *r) {
        Account *account = r->state;
        Text action = in_form(r, "action");
        if (r->answer.kind)
                return outcome_good();
        const User *user = account->browser.user;
        TRY(browser_form_check(r, &account->browser, "account", TEXT_NONE));
        if (text_is(action, "close"))
                TRY(close_session(r, user, in_form(r, "id")));
        else if (text_is(action, "withdraw"))
                TRY(withdraw(r, user, in_form(r, "application")));
        else
                return refuse(r, REFUSAL_FORM, "there is no such button");
        r->event.user = user->slug;
        r->event.wanted = true;
        account->ended = true;
        return outcome_good();
}

static Outcome account_record(Request *r) {
        const Account *account = r->state;
        Outcome end = record_commit(r);
        if (outcome_waits(end))
                return end;
        if (!outcome_ok(end))
                refusal_page(r, end);
        else if (account->ended)
                answer_go(r, text_print(r->arena, "%.*s/account", TEXT_ARG(r->zone->issuer)));
        return outcome_good();
}

static const Step show_steps[] = {{"begin", account_begin}, {"show", account_show}, {"record", account_record}};
const Flow flow_account = {"account", show_steps, ARRAY_LEN(show_steps)};
static const Step end_steps[] = {{"begin", account_begin}, {"end", account_end}, {"record", account_record}};
const Flow flow_account_end = {"account-end", end_steps, ARRAY_LEN(end_steps)};
