#include "core/sign_in.h"
#include "core/browser.h"
#include "core/pages/views.h"
#include "base/digest.h"

#define QUERY_MAX 8192

/* A cookie before sign-in, so that a sign-in form works only in the browser it was made for (login CSRF). */
Outcome sign_in_browser(Request *r, Browser *out, Text *fresh) {
        Text cookie = r->in.pre_cookie;
        *fresh = TEXT_NONE;
        if (cookie.len < 40 || cookie.len > 128) {
                TRY(need_secret(r, &cookie));
                *fresh = cookie;
        }
        *out = (Browser){.key = digest_bytes(r->arena, cookie), .digest = digest_hex(r->arena, cookie)};
        return outcome_good();
}

Text sign_in_content(Request *r, Text next, Text query) {
        return text_print(r->arena, "%.*s?%.*s", TEXT_ARG(next), TEXT_ARG(query));
}

/* What goes into a Location or a hidden field: encoded already, so nothing but URI characters. */
bool sign_in_query_ok(Text query) {
        if (query.len > QUERY_MAX || !text_printable(query))
                return false;
        for (size_t i = 0; i < query.len; i++)
                if (strchr(" \"<>\\^`{|}#", query.at[i]))
                        return false;
        return true;
}

Outcome sign_in_show(Request *r, Text next, Text query, Text error, int status) {
        Browser browser;
        Text fresh, csrf;
        ENSURE(sign_in_query_ok(query), refuse(r, REFUSAL_MALFORMED, "the request is too long, or not encoded as a URL"));
        TRY(sign_in_browser(r, &browser, &fresh));
        TRY(browser_form_token(r, &browser, "sign-in", sign_in_content(r, next, query), &csrf));
        Text user = text_is(r->in.method, "POST") ? in_form(r, "user") : TEXT_NONE;
        const LoginView view = {.next = next, .query = query, .csrf = csrf, .error = error, .status = status,
                                .user = user.len <= 256 ? user : TEXT_NONE};
        login_page(r, &view);
        r->answer.set_pre_cookie = fresh;
        return outcome_good();
}
