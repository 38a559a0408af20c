/* account.c - what is open in a user's name, each thing with the button that ends it. */
#include "core/pages/page.h"
#include "core/pages/views.h"
#include "base/url.h"

/* A client known by its document has its URL for a name: its host says the same, and fits. */
static Text name_of(const Zone *zone, Text slug) {
        Url url;
        const Application *a = zone_application(zone, slug);
        if (a)
                return a->name.len ? a->name : slug;
        return outcome_ok(url_parse(slug, &url)) && url.host.len ? url.host : slug;
}

static void put_button(Page *page, const Zone *zone, const AccountView *view, const char *path, const char *action, const char *field, Text value,
                       const char *words, Text about) {
        page_form(page, zone, path, NULL);
        page_hidden(page, "csrf", view->csrf);
        page_hidden(page, field, value);
        buf_print(&page->buf, "<button class=\"quiet end\" type=\"submit\" name=\"action\" value=\"%s\" aria-label=\"%s ", action, words);
        page_text(page, about);
        buf_print(&page->buf, "\">%s</button></form>", words);
}

static void put_session(Page *page, const Request *r, const AccountView *view, size_t i) {
        const Rows *rows = view->sessions;
        bool child = rows_text(rows, i, 1).len != 0;
        Text name = name_of(r->zone, rows_text(rows, i, 5));
        buf_print(&page->buf, "<li class=\"row%s\"><div><h3>", child ? " child" : "");
        page_text(page, name);
        if (child)
                page_raw(page, " <span class=\"soft small\">task</span>");
        page_raw(page, "</h3><p>Open since ");
        page_time(page, rows_int(rows, i, 8));
        page_raw(page, ", ends ");
        page_time(page, rows_int(rows, i, 10));
        page_raw(page, rows_int(rows, i, 12) ? " (stay connected)</p><p class=\"id\">" : "</p><p class=\"id\">");
        page_text(page, rows_text(rows, i, 0));
        page_raw(page, "</p></div>");
        put_button(page, r->zone, view, "/account", "close", "id", rows_text(rows, i, 0), "Close", name);
        page_raw(page, "</li>");
}

static void put_sessions(Page *page, const Request *r, const AccountView *view) {
        page_raw(page, "<h2>Open sessions</h2><ul class=\"plain\">");
        for (size_t i = 0; i < view->sessions->n; i++)
                put_session(page, r, view, i);
        page_raw(page, "</ul>");
        if (!view->sessions->n)
                page_raw(page, "<p class=\"empty\">No application acts for you now.</p>");
        else
                page_raw(page, "<p class=\"small soft\">Closing a session ends everything that was given out in it.</p>");
}

static void put_consents(Page *page, const Request *r, const AccountView *view) {
        const Rows *rows = view->consents;
        page_raw(page, "<h2>What you allowed</h2><ul class=\"plain\">");
        for (size_t i = 0; i < rows->n; i++) {
                Text name = name_of(r->zone, rows_text(rows, i, 0));
                page_raw(page, "<li class=\"row\"><div><h3>");
                page_text(page, name);
                page_raw(page, "</h3><p>Allowed on ");
                page_time(page, rows_int(rows, i, 3));
                page_raw(page, "</p></div>");
                put_button(page, r->zone, view, "/account", "withdraw", "application", rows_text(rows, i, 0), "Withdraw", name);
                page_raw(page, "</li>");
        }
        page_raw(page, "</ul>");
        if (!rows->n)
                page_raw(page, "<p class=\"empty\">Nothing yet.</p>");
        else
                page_raw(page, "<p class=\"small soft\">Withdrawing also closes the application\xe2\x80\x99s sessions, and it has to ask again.</p>");
}

static void put_grants(Page *page, const Request *r, const AccountView *view) {
        const Rows *rows = view->grants;
        size_t shown = 0;
        page_raw(page, "<h2>Your accounts elsewhere</h2><ul class=\"plain\">");
        for (size_t i = 0; i < rows->n; i++) {
                Text provider = rows_text(rows, i, 2), account = rows_text(rows, i, 3);
                bool active = text_is(rows_text(rows, i, 4), "active");
                if (text_is(rows_text(rows, i, 4), "ended"))
                        continue;
                shown++;
                page_raw(page, "<li class=\"row\"><div><h3>");
                page_text(page, provider);
                page_raw(page, "</h3><p>");
                if (account.len)
                        page_print(page, "%.*s, ", TEXT_ARG(account));
                page_raw(page, active ? "connected " : "no longer works since ");
                page_time(page, rows_int(rows, i, 6));
                page_raw(page, "</p></div>");
                put_button(page, r->zone, view, "/connect", "disconnect", "provider", provider, "Disconnect", provider);
                page_raw(page, "</li>");
        }
        page_raw(page, "</ul>");
        if (!shown)
                page_raw(page, "<p class=\"empty\">None connected.</p>");
}

void account_page(Request *r, const AccountView *view) {
        Page page = page_open(r->arena, r->zone, "Your account");
        page_raw(&page, "<h1>");
        page_text(&page, view->user->name.len ? view->user->name : view->user->slug);
        page_raw(&page, "</h1><p class=\"soft\">");
        page_text(&page, view->user->identifier);
        page_raw(&page, "</p>");
        page_notice(&page, "note", view->notice);
        put_sessions(&page, r, view);
        put_consents(&page, r, view);
        put_grants(&page, r, view);
        page_raw(&page, "<p class=\"foot\"><a href=\"");
        page_text(&page, r->zone->issuer);
        page_raw(&page, "/logout\">Sign out of this browser</a></p>");
        answer_html(r, 200, page_close(&page));
}
