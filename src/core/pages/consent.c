/* consent.c - the page on which a user decides: who asks, who you are, what it reaches, until when, yes or no. */
#include "core/pages/page.h"
#include "core/pages/views.h"
#include "base/url.h"

static Text redirect_host(const Authorize *a) {
        Url url;
        if (!outcome_ok(url_parse(a->redirect_uri, &url)))
                return TEXT_NONE;
        return url.host.len ? url.host : url.scheme;
}

/* The big name is what is proven: the host of its document, the zone's own name for it, or where the answer goes. */
static Text proven_name(const Authorize *a) {
        if (a->client.host.len)
                return a->client.host;
        return a->client.application->registered ? a->client.name : redirect_host(a);
}

static void put_client(Page *page, const Authorize *a, bool short_form) {
        const Client *c = &a->client;
        page_raw(page, "<h1><span class=\"host\">");
        page_text(page, proven_name(a));
        page_raw(page, short_form ? "</span><span class=\"asks\">wants to continue acting for you</span></h1>"
                                  : "</span><span class=\"asks\">wants to act for you</span></h1>");
        page_raw(page, "<p class=\"soft\">");
        if (c->application->registered)
                page_print(page, "Registered in this zone as %.*s. ", TEXT_ARG(c->application->slug));
        else
                page_raw(page, "Not registered in this zone. ");
        if (c->name.len && !text_equal(c->name, proven_name(a)))
                page_print(page, "It calls itself \xe2\x80\x9c%.*s\xe2\x80\x9d; nobody has checked that name. ", TEXT_ARG(c->name));
        page_print(page, "The answer goes to %.*s.", TEXT_ARG(redirect_host(a)));
        page_raw(page, "</p>");
        if (c->localhost_only)
                page_notice(page, "warn", TEXT("This application runs on your own computer. Any program there can pretend to be it: allow this "
                                               "only if you have just started it yourself."));
}

static void put_user(Page *page, const Zone *zone, const User *user) {
        page_raw(page, "<div class=\"who\"><p>Signed in as <b>");
        page_text(page, user->name.len ? user->name : user->slug);
        page_raw(page, "</b>");
        if (user->identifier.len && !text_equal(user->identifier, user->slug)) {
                page_raw(page, " <span class=\"soft\">");
                page_text(page, user->identifier);
                page_raw(page, "</span>");
        }
        page_raw(page, "</p><p><a href=\"");
        page_text(page, zone->issuer);
        page_raw(page, "/logout\">Not you?</a></p></div>");
}

static void put_node(Page *page, const WalkNode *node) {
        page_raw(page, "<div class=\"node\"><span class=\"name\">");
        page_text(page, node->resource->slug);
        page_raw(page, "</span><span class=\"scopes\">");
        page_text(page, texts_join(page->buf.arena, node->scopes, ", "));
        page_raw(page, "</span>");
        page_classes(page, node->classes);
        if (node->offline)
                page_raw(page, "<span class=\"via\">also while you are away</span>");
        page_raw(page, "<span class=\"id\">");
        page_text(page, node->resource->identifier);
        page_raw(page, "</span></div>");
}

/* Depth-first order makes a tree: deeper opens lists, shallower closes them. */
static void put_tree(Page *page, const Walk *walk) {
        unsigned depth = 0;
        page_raw(page, "<ul class=\"tree\">");
        for (size_t i = 0; i < walk->n; i++) {
                const WalkNode *node = &walk->nodes[i];
                if (i && node->depth > depth)
                        page_raw(page, "<ul>");
                else if (i)
                        page_raw(page, "</li>");
                for (; i && depth > node->depth; depth--)
                        page_raw(page, "</ul></li>");
                depth = node->depth;
                page_raw(page, "<li>");
                put_node(page, node);
        }
        if (walk->n)
                page_raw(page, "</li>");
        for (; depth; depth--)
                page_raw(page, "</ul></li>");
        page_raw(page, "</ul>");
}

static unsigned reached_classes(const Walk *walk) {
        unsigned classes = 0;
        for (size_t i = 0; i < walk->n; i++)
                classes |= walk->nodes[i].classes;
        return classes;
}

static void put_reach(Page *page, const Authorize *a) {
        const Walk *walk = a->walk;
        page_raw(page, "<h2>What it reaches</h2>");
        put_tree(page, walk);
        if (reached_classes(walk) & (CLASS_DELETE | CLASS_ADMINISTER))
                page_notice(page, "warn", reached_classes(walk) & CLASS_ADMINISTER ? TEXT("This includes administering a service.")
                                                                                   : TEXT("This includes deleting data."));
        if (!walk->left_out.n)
                return;
        page_raw(page, "<details><summary>");
        page_print(page, "Left out by policy: %zu", walk->left_out.n);
        page_raw(page, "</summary><ul>");
        for (size_t i = 0; i < walk->left_out.n; i++)
                page_element(page, "li", walk->left_out.at[i]);
        page_raw(page, "</ul></details>");
}

static void put_connections(Page *page, const Authorize *a) {
        if (!a->n_connections)
                return;
        page_raw(page, "<h2>Your accounts elsewhere</h2><ul class=\"plain\">");
        for (size_t i = 0; i < a->n_connections; i++) {
                Url url = {0};
                const Provider *provider = a->connections[i].provider;
                page_raw(page, "<li class=\"row\"><div><h3>");
                page_text(page, provider->slug);
                page_raw(page, "</h3><p>");
                if (a->connections[i].active)
                        page_raw(page, "Connected.");
                else if (outcome_ok(url_parse(provider->authorization_endpoint, &url)))
                        page_print(page, "Not connected yet. You will sign in at %.*s and come back here.", TEXT_ARG(url.host));
                page_raw(page, "</p></div></li>");
        }
        page_raw(page, "</ul>");
        if (a->n_missing)
                page_raw(page, "<div class=\"choice-box\"><label class=\"choice\"><input type=\"checkbox\" name=\"later\" value=\"1\"><span>Connect later</span>"
                               "<small>Until then, what needs that account is refused.</small></label></div>");
}

static void put_until(Page *page, const Zone *zone, const Authorize *a) {
        Arena *arena = page->buf.arena;
        page_raw(page, "<h2>Until when</h2>");
        if (a->open.id.len) {
                page_raw(page, "<fieldset><legend class=\"small soft\">You have a session with this application, open since ");
                page_time(page, a->open.opened);
                page_raw(page, ".</legend><label class=\"choice\"><input type=\"radio\" name=\"session\" value=\"join\" checked><span>Join the open session</span><small>Ends ");
                page_time(page, a->open.ends);
                page_print(page, " at the latest, or after %.*s without use.", TEXT_ARG(duration_text(arena, a->open.idle)));
                page_raw(page, "</small></label><label class=\"choice\"><input type=\"radio\" name=\"session\" value=\"new\"><span>Open a new session</span><small>");
                page_print(page, "Ends after %.*s, or after %.*s without use.", TEXT_ARG(duration_text(arena, zone->absolute)),
                           TEXT_ARG(duration_text(arena, zone->idle)));
                page_raw(page, "</small></label></fieldset>");
        } else {
                page_raw(page, "<p>");
                page_print(page, "For at most %.*s; it ends earlier after %.*s without use. You can end it at any time on your account page.",
                           TEXT_ARG(duration_text(arena, zone->absolute)), TEXT_ARG(duration_text(arena, zone->idle)));
                page_raw(page, "</p>");
        }
        if (!a->offline || (a->open.id.len && a->open.stay))
                return;
        page_raw(page, "<label class=\"choice\"><input type=\"checkbox\" name=\"stay\" value=\"1\"><span>Stay connected</span><small>");
        page_print(page, "%s for at most %.*s; it ends earlier after %.*s without use.", a->open.id.len ? "In a new session," : "The application may go on without asking again",
                   TEXT_ARG(duration_text(arena, zone->stay_absolute)), TEXT_ARG(duration_text(arena, zone->stay_idle)));
        page_raw(page, "</small></label>");
}

/* In the order they came: the form token covers them as authorize_query() writes them. */
static void put_carried(Page *page, const ConsentView *view) {
        const Authorize *a = view->authorize;
        for (size_t i = 0; i < a->params.n; i++) {
                char name[32];
                const Param *p = &a->params.at[i];
                bool prompt = text_is(p->name, "prompt");
                if (!authorize_carries(p->name) || (prompt && !a->prompt_consent) || p->name.len >= sizeof name)
                        continue;
                memcpy(name, p->name.at, p->name.len);
                name[p->name.len] = 0;
                page_hidden(page, name, prompt ? TEXT("consent") : p->value);
        }
        page_hidden(page, "seen", a->digest);
        page_hidden(page, "csrf", view->csrf);
}

static void put_buttons(Page *page, const Authorize *a, bool short_form) {
        const char *yes = a->n_missing ? "Connect and allow" : short_form ? "Continue" : "Allow";
        if (short_form) {
                buf_print(&page->buf, "<div class=\"buttons one\"><button class=\"go\" type=\"submit\" name=\"action\" value=\"allow\">%s</button></div>"
                                      "<p><button class=\"link\" type=\"submit\" name=\"action\" value=\"deny\">Deny</button></p>", yes);
                return;
        }
        buf_print(&page->buf, "<div class=\"buttons\"><button type=\"submit\" name=\"action\" value=\"deny\">Deny</button>"
                              "<button class=\"go\" type=\"submit\" name=\"action\" value=\"allow\">%s</button></div>", yes);
}

void consent_page(Request *r, const ConsentView *view) {
        const Authorize *a = view->authorize;
        /* Remembered consent shortens the page to one button; what is new about it (a connection) is asked in full. */
        bool short_form = a->remembered && !a->n_missing;
        Page page = page_open(r->arena, r->zone, "Allow access");
        put_client(&page, a, short_form);
        page_notice(&page, "note", view->notice);
        put_user(&page, r->zone, a->browser.user);
        page_form(&page, r->zone, "/consent", "Decide");
        if (short_form) {
                page_raw(&page, "<p>You allowed exactly this on ");
                page_time(&page, a->remembered_at);
                page_raw(&page, ". Nothing has changed since.</p><details><summary>What it reaches, and until when</summary>");
        }
        put_reach(&page, a);
        put_connections(&page, a);
        put_until(&page, r->zone, a);
        if (short_form)
                page_raw(&page, "</details>");
        put_carried(&page, view);
        put_buttons(&page, a, short_form);
        page_raw(&page, "</form>");
        answer_html(r, 200, page_close(&page));
}
