#include "core/browser.h"
#include "core/session.h"
#include "base/digest.h"

static Browser browser_of(Request *r, Text cookie) {
        return (Browser){.key = digest_bytes(r->arena, cookie), .digest = digest_hex(r->arena, cookie)};
}

/* A cut of the user ends the sign-ins that began before it, like everything else. */
static Outcome browser_alive(Request *r, const User *user, int64_t since, bool *alive) {
        Text kind, party = text_print(r->arena, "user:%.*s", TEXT_ARG(user->slug));
        TRY(cut_find(r, (Texts){0}, (Texts){&party, 1}, since, &kind));
        *alive = !kind.len;
        return outcome_good();
}

Outcome browser_read(Request *r, Browser *out) {
        *out = (Browser){0};
        if (r->in.cookie.len < 40 || r->in.cookie.len > 128)
                return outcome_good();
        Rows rows;
        Browser found = browser_of(r, r->in.cookie);
        TRY(need_read_t(r, READ_browser_get, &rows, found.key));
        if (!rows.n || r->now >= rows_int(&rows, 0, 3))
                return outcome_good();
        const User *user = zone_user(r->zone, rows_text(&rows, 0, 0));
        bool alive = false;
        found.since = rows_int(&rows, 0, 1);
        if (user)
                TRY(browser_alive(r, user, found.since, &alive));
        found.user = alive ? user : NULL;
        *out = found;
        return outcome_good();
}

Outcome browser_begin(Request *r, const User *user) {
        Text cookie;
        TRY(need_secret(r, &cookie));
        if (r->in.cookie.len)
                request_put(r, WRITE_browser_end, 0, value_text(r->zone->slug), value_blob(digest_bytes(r->arena, r->in.cookie)));
        request_put(r, WRITE_browser_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_blob(digest_bytes(r->arena, cookie)),
                    value_text(user->slug), value_int(r->now), value_int(r->now), value_int(r->now + BROWSER_SECONDS));
        r->answer.set_cookie = cookie;
        return outcome_good();
}

void browser_end(Request *r, const Browser *browser) {
        if (browser->key.len)
                request_put(r, WRITE_browser_end, 0, value_text(r->zone->slug), value_blob(browser->key));
        r->answer.clear_cookie = true;
}

/* Lengths first, so that no two contents run into each other. */
Outcome browser_form_token(Request *r, const Browser *browser, const char *purpose, Text content, Text *out) {
        Text context = text_print(r->arena, "form:%.*s", TEXT_ARG(r->zone->slug));
        Text bytes = text_print(r->arena, "%s %zu %.*s %zu %.*s", purpose, browser->digest.len, TEXT_ARG(browser->digest), content.len,
                                TEXT_ARG(content));
        ENSURE(bytes.at && context.at, outcome_fault("memory"));
        return need_mac(r, context, bytes, out);
}

Outcome browser_form_check(Request *r, const Browser *browser, const char *purpose, Text content) {
        Text expected;
        TRY(browser_form_token(r, browser, purpose, content, &expected));
        ENSURE(expected.len && text_same_secret(expected, in_form(r, "csrf")),
               refuse(r, REFUSAL_FORM, "this form was not made for this browser, or is too old; go back, reload and try again"));
        return outcome_good();
}
