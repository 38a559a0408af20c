/* connect.c - a user connects an account at an upstream service, or takes it back: the source of leases.
 *
 * We are the client here (RFC 6749 4.1, RFC 7636). The `state` is a secret of ours, good once, bound to the browser that
 * began and to its user: a callback in another browser, or one that nobody here began, is refused (RFC 9700 4.7). The
 * PKCE verifier is a keyed digest of the state, so that nothing secret waits anywhere.
 */
#include "core/connect.h"
#include "base/digest.h"
#include "base/url.h"
#include "core/engine.h"
#include "core/flows.h"
#include "core/pages/page.h"
#include "core/pages/views.h"
#include "core/sign_in.h"
#include "crypto/b64url.h"
#include "modules/credentials/upstream.h"

#define STATE_SECONDS 600
#define TOKEN_MAX 8192

typedef struct Connect {
        Browser browser;
        const Provider *provider;
        Text secret, back;    /* of the ticket or the state that was presented */
        Text refresh, scopes, account;
        bool done;
} Connect;

static const Provider *provider_find(const Zone *zone, Text slug) {
        for (size_t i = 0; i < zone->n_providers; i++)
                if (text_equal(zone->providers[i].slug, slug) && zone->providers[i].type == PROVIDER_OAUTH)
                        return &zone->providers[i];
        return NULL;
}

static Outcome verifier_of(Request *r, Text state, Text *out) {
        return need_mac(r, text_print(r->arena, "connect-verifier:%.*s", TEXT_ARG(r->zone->slug)), state, out);
}

static Text callback_uri(Request *r) { return text_print(r->arena, "%.*s/connect/callback", TEXT_ARG(r->zone->issuer)); }

static void put(Request *r, Buf *buf, const char *name, Text value) {
        buf_print(buf, "&%s=", name);
        buf_text(buf, url_encode(r->arena, value));
}

static Text upstream_scopes(Request *r, const Provider *provider) {
        return texts_join(r->arena, texts_words(r->arena, texts_join(r->arena, provider->scope_to, " ")), " ");
}

Outcome connect_begin(Request *r, const Browser *browser, const Provider *provider, Text back, Text *location) {
        Text state, verifier;
        TRY(need_secret(r, &state));
        TRY(verifier_of(r, state, &verifier));
        Text subject = text_print(r->arena, "%.*s %.*s", TEXT_ARG(provider->slug), TEXT_ARG(back));
        request_put(r, WRITE_ticket_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_blob(digest_bytes(r->arena, state)),
                    value_text(TEXT("connect-state")), value_text(browser->user->slug), value_text(subject), value_text(browser->digest),
                    value_int(r->now + STATE_SECONDS));
        Buf buf = buf_new(r->arena, 1024);
        buf_text(&buf, provider->authorization_endpoint);
        buf_char(&buf, text_find(provider->authorization_endpoint, '?') < provider->authorization_endpoint.len ? '&' : '?');
        buf_str(&buf, "response_type=code");
        put(r, &buf, "client_id", provider->client_id);
        put(r, &buf, "redirect_uri", callback_uri(r));
        if (provider->scope_to.n)
                put(r, &buf, "scope", upstream_scopes(r, provider));
        put(r, &buf, "state", state);
        put(r, &buf, "code_challenge", b64url_encode(r->arena, digest_bytes(r->arena, verifier)));
        put(r, &buf, "code_challenge_method", TEXT("S256"));
        *location = buf_done(&buf);
        ENSURE(location->at && subject.at, outcome_fault("memory"));
        return outcome_good();
}

static Outcome connect_start(Request *r) {
        Text id;
        Browser browser;
        Connect *c = arena_new_of(r->arena, Connect);
        ENSURE(c, outcome_fault("memory"));
        TRY(need_id(r, 'd', &id));
        TRY(browser_read(r, &browser));
        c->browser = browser;
        r->event.id = id;
        r->event.kind = "connect";
        if (browser.user)
                r->event.user = browser.user->slug;
        r->state = c;
        return outcome_good();
}

/* --- by ticket: the link that a refusal gave (insufficient_authorization) ------------------------------------------ */

static Outcome ticket_read(Request *r, Connect *c, Text secret, const char *kind, Text *subject, Text *bound) {
        Rows rows;
        const Browser *browser = &c->browser;
        ENSURE(secret.len >= 40 && secret.len <= 128, refuse(r, REFUSAL_FORM, "this link is not one of ours"));
        TRY(need_read_t(r, READ_ticket_get, &rows, digest_bytes(r->arena, secret)));
        ENSURE(rows.n && text_is(rows_text(&rows, 0, 0), kind), refuse(r, REFUSAL_FORM, "this link is not one of ours"));
        ENSURE(browser->user && text_equal(rows_text(&rows, 0, 1), browser->user->slug),
               refuse(r, REFUSAL_FORM, "this link was made for somebody else; only they can complete it, signed in"));
        ENSURE(rows_at(&rows, 0, 5)->type == VALUE_NULL && r->now < rows_int(&rows, 0, 4),
               refuse(r, REFUSAL_FORM, "this link was used already, or is too old; start again from the application"));
        *subject = rows_text(&rows, 0, 2);
        *bound = rows_text(&rows, 0, 3);
        return outcome_good();
}

static Outcome by_ticket(Request *r, Connect *c, Text ticket) {
        Text slug = TEXT_NONE, session = TEXT_NONE;
        TRY(ticket_read(r, c, ticket, "connect", &slug, &session));
        const Provider *provider = provider_find(r->zone, slug);
        ENSURE(provider, refuse(r, REFUSAL_FORM, "the zone has no such service any more"));
        c->provider = provider;
        c->secret = ticket;
        return outcome_good();
}

static Outcome ticket_show(Request *r) {
        Connect *c = r->state;
        Url url = {0};
        Text csrf, ticket = params_one(r->in.query, "ticket", NULL);
        if (!c->browser.user)
                return sign_in_show(r, TEXT("connect"), text_print(r->arena, "ticket=%.*s", TEXT_ARG(url_encode(r->arena, ticket))), TEXT_NONE, 200);
        TRY(by_ticket(r, c, ticket));
        TRY(browser_form_token(r, &c->browser, "connect", ticket, &csrf));
        if (!outcome_ok(url_parse(c->provider->authorization_endpoint, &url)))
                return outcome_fault("a provider's endpoint is no URL");
        Page page = page_open(r->arena, r->zone, "Connect an account");
        page_raw(&page, "<h1><span class=\"host\">");
        page_text(&page, c->provider->slug);
        page_raw(&page, "</span><span class=\"asks\">needs to be connected</span></h1><p>");
        page_print(&page, "An application that acts for you needs your account there. You will sign in at %.*s and come back here. "
                          "The application never sees your password or the connection itself.", TEXT_ARG(url.host));
        page_raw(&page, "</p>");
        page_form(&page, r->zone, "/connect", "Connect");
        page_hidden(&page, "ticket", ticket);
        page_hidden(&page, "csrf", csrf);
        page_raw(&page, "<div class=\"buttons one\"><button class=\"go\" type=\"submit\" name=\"action\" value=\"connect\">");
        page_print(&page, "Connect %.*s", TEXT_ARG(c->provider->slug));
        page_raw(&page, "</button></div></form>");
        answer_html(r, 200, page_close(&page));
        return outcome_good();
}

static Outcome ticket_go(Request *r, Connect *c) {
        Text location, ticket = in_form(r, "ticket");
        TRY(browser_form_check(r, &c->browser, "connect", ticket));
        TRY(by_ticket(r, c, ticket));
        TRY(connect_begin(r, &c->browser, c->provider, TEXT("done"), &location));
        request_put(r, WRITE_ticket_use, REFUSAL_FORM, value_text(r->zone->slug), value_blob(digest_bytes(r->arena, ticket)), value_int(r->now));
        answer_go(r, location);
        return outcome_good();
}

/* --- taking it back -------------------------------------------------------------------------------------------------- */

/* RFC 7009 upstream where there is an endpoint. Its answer changes nothing here: our copy goes in any case. */
static Outcome revoke_upstream(Request *r, const Provider *provider, Text user, Text sealed) {
        Text refresh;
        Fetched fetched;
        if (!provider || !provider->revocation_endpoint.len || !sealed.len)
                return outcome_good();
        TRY(need_open(r, upstream_grant_context(r, user, provider->slug), sealed, &refresh));
        Text body = text_print(r->arena, "token=%.*s&token_type_hint=refresh_token", TEXT_ARG(url_encode(r->arena, refresh)));
        return upstream_post(r, provider, provider->revocation_endpoint, body, &fetched);
}

static Outcome disconnect(Request *r, Connect *c) {
        Rows rows;
        Text slug = in_form(r, "provider"), user = c->browser.user->slug;
        TRY(browser_form_check(r, &c->browser, "account", TEXT_NONE));
        TRY(need_read_t(r, READ_grant_get, &rows, user, slug));
        ENSURE(rows.n, refuse(r, REFUSAL_NOT_FOUND, "you have no such connection"));
        TRY(revoke_upstream(r, provider_find(r->zone, slug), user, rows_text(&rows, 0, 4)));
        request_put(r, WRITE_grant_set, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(rows_text(&rows, 0, 0)), value_text(user),
                    value_text(slug), value_text(rows_text(&rows, 0, 1)), value_text(rows_text(&rows, 0, 2)), value_text(TEXT("ended")),
                    value_null(), value_null(), value_int(0), value_int(r->now));
        r->event.kind = "disconnect";
        r->event.resource = slug;
        r->event.wanted = true;
        answer_go(r, text_print(r->arena, "%.*s/account", TEXT_ARG(r->zone->issuer)));
        return outcome_good();
}

static Outcome connect_post(Request *r) {
        Connect *c = r->state;
        if (!c->browser.user)
                return sign_in_show(r, TEXT("account"), TEXT_NONE, TEXT_NONE, 200);
        if (text_is(in_form(r, "action"), "connect"))
                return ticket_go(r, c);
        if (text_is(in_form(r, "action"), "disconnect"))
                return disconnect(r, c);
        return refuse(r, REFUSAL_FORM, "there is no such button");
}

/* --- back from upstream ------------------------------------------------------------------------------------------------ */

static Outcome callback_state(Request *r) {
        Connect *c = r->state;
        bool repeated;
        Text subject, bound, state = params_one(r->in.query, "state", &repeated);
        ENSURE(c->browser.user, refuse(r, REFUSAL_FORM, "nobody is signed in with this browser: complete the connection in the one that began it"));
        ENSURE(!repeated, refuse(r, REFUSAL_FORM, "state is given twice"));
        TRY(ticket_read(r, c, state, "connect-state", &subject, &bound));
        ENSURE(text_same_secret(bound, c->browser.digest), refuse(r, REFUSAL_FORM, "this connection was begun in another browser; complete it there"));
        size_t space = text_find(subject, ' ');
        const Provider *provider = provider_find(r->zone, text_sub(subject, 0, space));
        ENSURE(provider, refuse(r, REFUSAL_FORM, "the zone has no such service any more"));
        c->provider = provider;
        c->back = text_sub(subject, space + 1, subject.len);
        c->secret = state;
        r->event.wanted = true;
        r->event.resource = provider->slug;
        const Value used[] = {value_text(r->zone->slug), value_blob(digest_bytes(r->arena, state)), value_int(r->now)};
        request_write(r, WRITE_ticket_use, REFUSAL_FORM, used, ARRAY_LEN(used));
        request_write_refusal(r, WRITE_ticket_use, used, ARRAY_LEN(used));
        return outcome_good();
}

static Outcome callback_exchange(Request *r) {
        Connect *c = r->state;
        Fetched fetched;
        Json *answer;
        Text verifier, code = params_one(r->in.query, "code", NULL), error = params_one(r->in.query, "error", NULL);
        const Provider *provider = c->provider;
        ENSURE(!error.len, refuse(r, REFUSAL_CONNECTION, "%.*s refused: %.*s", TEXT_ARG(provider->slug), (int)(error.len > 100 ? 100 : error.len), error.at));
        ENSURE(code.len && code.len <= 4096, refuse(r, REFUSAL_CONNECTION, "%.*s sent no code", TEXT_ARG(provider->slug)));
        TRY(verifier_of(r, c->secret, &verifier));
        Text body = text_print(r->arena, "grant_type=authorization_code&code=%.*s&redirect_uri=%.*s&code_verifier=%.*s",
                               TEXT_ARG(url_encode(r->arena, code)), TEXT_ARG(url_encode(r->arena, callback_uri(r))), TEXT_ARG(verifier));
        TRY(upstream_post(r, provider, provider->token_endpoint, body, &fetched));
        ENSURE(fetched.status == 200, refuse(r, REFUSAL_CONNECTION, "%.*s's token endpoint answered %d", TEXT_ARG(provider->slug), fetched.status));
        Outcome end = json_read_object(r->arena, fetched.body, &answer);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_CONNECTION, "%.*s's token endpoint answered no JSON", TEXT_ARG(provider->slug)));
        TRY(end);
        Text refresh = json_text(answer, "refresh_token"), scopes = json_text(answer, "scope");
        ENSURE(refresh.len && refresh.len <= TOKEN_MAX,
               refuse(r, REFUSAL_CONNECTION, "%.*s gave no refresh token, so the connection would not last", TEXT_ARG(provider->slug)));
        c->scopes = scopes.len && scopes.len <= 2048 ? scopes : upstream_scopes(r, provider);
        c->account = json_text(answer, "account").len <= 256 ? json_text(answer, "account") : TEXT_NONE;
        c->refresh = refresh;
        return outcome_good();
}

static Outcome callback_keep(Request *r) {
        Connect *c = r->state;
        Text id, sealed, user = c->browser.user->slug;
        TRY(need_id(r, 'g', &id));
        TRY(need_seal(r, upstream_grant_context(r, user, c->provider->slug), c->refresh, &sealed));
        request_put(r, WRITE_grant_set, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(id), value_text(user), value_text(c->provider->slug),
                    value_text(c->account), value_text(c->scopes), value_text(TEXT("active")), value_blob(sealed), value_null(), value_int(0),
                    value_int(r->now));
        c->done = true;
        return outcome_good();
}

static Outcome connect_record(Request *r) {
        const Connect *c = r->state;
        Outcome end = record_commit(r);
        if (outcome_waits(end))
                return end;
        if (outcome_ok(end)) {
                if (c->done)
                        answer_go(r, text_print(r->arena, "%.*s/%.*s", TEXT_ARG(r->zone->issuer), TEXT_ARG(c->back)));
                return outcome_good();
        }
        if (c && c->back.len && !r->in.json_wanted && end.end == OUTCOME_REFUSED) {
                Text href = text_print(r->arena, "/%.*s", TEXT_ARG(c->back));
                message_page(r, 400, "The connection did not work", r->why, href.at, "Go back");
        } else
                refusal_page(r, end);
        return outcome_good();
}

static const Step show_steps[] = {{"begin", connect_start}, {"show", ticket_show}, {"record", connect_record}};
const Flow flow_connect = {"connect", show_steps, ARRAY_LEN(show_steps)};
static const Step post_steps[] = {{"begin", connect_start}, {"post", connect_post}, {"record", connect_record}};
const Flow flow_connect_post = {"connect-post", post_steps, ARRAY_LEN(post_steps)};
static const Step callback_steps[] = {
        {"begin", connect_start}, {"state", callback_state}, {"exchange", callback_exchange}, {"keep", callback_keep}, {"record", connect_record},
};
const Flow flow_connect_callback = {"connect-callback", callback_steps, ARRAY_LEN(callback_steps)};
