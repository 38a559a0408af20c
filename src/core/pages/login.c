#include "core/pages/page.h"
#include "core/pages/views.h"

void login_page(Request *r, const LoginView *view) {
        Page page = page_open(r->arena, r->zone, "Sign in");
        page_raw(&page, "<h1>Sign in</h1>");
        if (text_is(view->next, "authorize"))
                page_raw(&page, "<p class=\"soft\">An application wants to act for you. Sign in, and you will see which one and what it would reach.</p>");
        page_notice(&page, "bad", view->error);
        page_form(&page, r->zone, "/login", "Sign in");
        page_raw(&page, "<label for=\"user\">Name</label><input type=\"text\" id=\"user\" name=\"user\" autocomplete=\"username\" autocapitalize=\"none\" "
                        "spellcheck=\"false\" required maxlength=\"256\" value=\"");
        page_text(&page, view->user);
        page_raw(&page, "\"><label for=\"password\">Password</label><input type=\"password\" id=\"password\" name=\"password\" "
                        "autocomplete=\"current-password\" required maxlength=\"1024\">");
        page_hidden(&page, "next", view->next);
        page_hidden(&page, "query", view->query);
        page_hidden(&page, "csrf", view->csrf);
        page_raw(&page, "<div class=\"buttons one\"><button class=\"go\" type=\"submit\">Sign in</button></div></form>");
        answer_html(r, view->status, page_close(&page));
}

void logout_page(Request *r, const User *user, Text csrf) {
        Page page = page_open(r->arena, r->zone, "Sign out");
        page_raw(&page, "<h1>Sign out of this browser?</h1><p>");
        page_print(&page, "You are signed in as %.*s. ", TEXT_ARG(user->name.len ? user->name : user->slug));
        page_raw(&page, "Applications that you allowed keep working until their sessions end; close those on your account page.</p>");
        page_form(&page, r->zone, "/logout", "Sign out");
        page_hidden(&page, "csrf", csrf);
        page_raw(&page, "<div class=\"buttons one\"><button class=\"go\" type=\"submit\">Sign out</button></div></form><p class=\"foot\"><a href=\"");
        page_text(&page, r->zone->issuer);
        page_raw(&page, "/account\">Your account</a></p>");
        answer_html(r, 200, page_close(&page));
}
