#include "core/authorize.h"
#include "core/consent.h"
#include "core/engine.h"
#include "core/event.h"
#include "core/pages/views.h"
#include "base/url.h"

#define STATE_MAX 2048

static const char *const carried[] = {"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "resource",
                                      "code_challenge", "code_challenge_method", "prompt"};

bool authorize_carries(Text name) {
        for (size_t i = 0; i < ARRAY_LEN(carried); i++)
                if (text_is(name, carried[i]))
                        return true;
        return false;
}

static Text asked(Request *r, const char *name) { return params_one(authorize_state(r)->params, name, NULL); }

Outcome authorize_begin(Request *r) {
        Text id;
        bool post = text_is(r->in.method, "POST");
        Authorize *a = arena_new_of(r->arena, Authorize);
        ENSURE(a && (a->walk = arena_new_of(r->arena, Walk)), outcome_fault("memory"));
        TRY(need_id(r, 'd', &id));
        a->params = post ? r->in.form : r->in.query;
        r->event.id = id;
        r->event.kind = "authorize";
        r->state = a;
        ENSURE(!post || !r->in.query.n, refuse(r, REFUSAL_MALFORMED, "a form's parameters belong in its body, not in the URL"));
        return outcome_good();
}

/* --- client: who asks, and where the answer may go ---------------------------------------------------------------- */

static Outcome redirect_find(Request *r, const Client *client, Text uri) {
        Url url;
        ENSURE(uri.len, refuse(r, REFUSAL_REDIRECT_URI, "redirect_uri is missing"));
        ENSURE(uri.len <= 2048 && outcome_ok(url_parse(uri, &url)), refuse(r, REFUSAL_REDIRECT_URI, "redirect_uri is not a URI"));
        ENSURE(client_redirect_usable(uri), refuse(r, REFUSAL_REDIRECT_URI, "redirect_uri cannot take an answer: it has a fragment, user "
                                                   "information, dot segments, an answer's own parameters, or a scheme that is not served"));
        /* OAuth 2.1 4.1.1: exact comparison; only a loopback redirect's port is free (RFC 8252 7.3). */
        for (size_t i = 0; i < client->redirect_uris.n; i++)
                if (url_same_redirect(client->redirect_uris.at[i], uri))
                        return outcome_good();
        return refuse(r, REFUSAL_REDIRECT_URI, "redirect_uri is none of those that this client registered");
}

Outcome authorize_client(Request *r) {
        Authorize *a = authorize_state(r);
        bool id_repeated, uri_repeated;
        Client client;
        Text id = params_one(a->params, "client_id", &id_repeated), uri = params_one(a->params, "redirect_uri", &uri_repeated);
        ENSURE(!id_repeated && !uri_repeated, refuse(r, REFUSAL_MALFORMED, "client_id or redirect_uri is given twice"));
        ENSURE(id.len, refuse(r, REFUSAL_MALFORMED, "client_id is missing"));
        TRY(client_find(r, id, &client));
        TRY(redirect_find(r, &client, uri));
        a->client = client;
        a->redirect_uri = uri;
        a->redirect_trusted = true;
        r->event.application = client.application->slug;
        r->event.client_id = client.client_id;
        return outcome_good();
}

/* --- ask: the rest of the parameters ------------------------------------------------------------------------------ */

static Outcome ask_once(Request *r, const Authorize *a) {
        for (size_t i = 0; i < ARRAY_LEN(carried); i++) {
                bool repeated;
                params_one(a->params, carried[i], &repeated);
                ENSURE(!repeated || strcmp(carried[i], "resource") == 0, /* RFC 8707 2 lets it repeat */
                       refuse(r, REFUSAL_MALFORMED, "the parameter %s is given twice", carried[i]));
        }
        return outcome_good();
}

bool authorize_challenge_ok(Text challenge) {
        if (challenge.len < 43 || challenge.len > 128)
                return false;
        for (size_t i = 0; i < challenge.len; i++) {
                char c = challenge.at[i];
                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c)))
                        return false;
        }
        return true;
}

static Outcome ask_shape(Request *r) {
        Text type = asked(r, "response_type"), mode = asked(r, "response_mode");
        ENSURE(!asked(r, "request").len && !asked(r, "request_uri").len, refuse(r, REFUSAL_MALFORMED, "request objects are not served here"));
        ENSURE(type.len, refuse(r, REFUSAL_MALFORMED, "response_type is missing"));
        ENSURE(text_is(type, "code"), refuse(r, REFUSAL_RESPONSE_TYPE, "only response_type=code is served"));
        ENSURE(!mode.len || text_is(mode, "query"), refuse(r, REFUSAL_MALFORMED, "only response_mode=query is served"));
        /* RFC 7636 4.3, OAuth 2.1 7.5.1: always, and never plain. A missing method would mean plain. */
        ENSURE(asked(r, "code_challenge").len, refuse(r, REFUSAL_MALFORMED, "code_challenge is missing: PKCE is required"));
        ENSURE(text_is(asked(r, "code_challenge_method"), "S256"), refuse(r, REFUSAL_MALFORMED, "code_challenge_method must be S256"));
        ENSURE(authorize_challenge_ok(asked(r, "code_challenge")),
               refuse(r, REFUSAL_MALFORMED, "code_challenge has 43 to 128 unreserved characters"));
        return outcome_good();
}

static Outcome ask_prompt(Request *r, Authorize *a) {
        Texts words = texts_words(r->arena, asked(r, "prompt"));
        for (size_t i = 0; i < words.n; i++) {
                if (text_is(words.at[i], "none"))
                        a->prompt_none = true;
                else if (text_is(words.at[i], "login") || text_is(words.at[i], "select_account"))
                        a->prompt_login = true;
                else if (text_is(words.at[i], "consent"))
                        a->prompt_consent = true;
                else
                        return refuse(r, REFUSAL_MALFORMED, "prompt is none, login, select_account or consent");
        }
        ENSURE(!a->prompt_none || words.n == 1, refuse(r, REFUSAL_MALFORMED, "prompt=none stands alone"));
        return outcome_good();
}

static Outcome ask_scopes(Request *r, Authorize *a) {
        Text scope = asked(r, "scope");
        ENSURE(scope.len <= 4096 && text_printable(scope), refuse(r, REFUSAL_SCOPE, "scope is malformed"));
        Texts words = texts_words(r->arena, scope);
        for (size_t i = 0; i < words.n; i++) {
                if (text_is(words.at[i], "offline_access"))
                        a->offline = true;
                else if (!scope_is_zones(words.at[i]))
                        TRY(texts_add(r->arena, &a->scopes, words.at[i]));
        }
        a->named_scopes = a->scopes.n > 0;
        return outcome_good();
}

/* delegation.md 4: the zone's default, else the only entry. */
static Outcome default_resource(Request *r, const Resource **out) {
        const Resource *only = r->zone->default_resource;
        size_t entries = only ? 1 : 0;
        for (size_t i = 0; !r->zone->default_resource && i < r->zone->n_resources; i++)
                if (r->zone->resources[i].entry && !r->zone->resources[i].anchor && !r->zone->resources[i].disabled) {
                        only = &r->zone->resources[i];
                        entries++;
                }
        ENSURE(entries == 1 && !only->disabled, refuse(r, REFUSAL_TARGET, "resource is missing, and the zone names no default"));
        *out = only;
        return outcome_good();
}

static Outcome resource_add(Request *r, Authorize *a, const Resource *resource) {
        for (size_t i = 0; i < a->n_resources; i++)
                if (a->resources[i] == resource)
                        return outcome_good();
        ENSURE(a->n_resources < AUTHORIZE_RESOURCES, refuse(r, REFUSAL_TARGET, "at most %d resources at once", AUTHORIZE_RESOURCES));
        a->resources[a->n_resources++] = resource;
        return outcome_good();
}

static Outcome ask_resources(Request *r, Authorize *a) {
        Texts names = params_all(r->arena, a->params, "resource");
        const Resource *found = NULL;
        for (size_t i = 0; i < names.n; i++) {
                found = zone_resource_by_identifier(r->zone, names.at[i]);
                /* An anchor is where its owner works for itself: only its owner may begin there (delegation.md 1). */
                ENSURE(found && !found->disabled && (!found->anchor || found->owner == a->client.application),
                       refuse(r, REFUSAL_TARGET, "unknown resource %.*s", (int)(names.at[i].len > 200 ? 200 : names.at[i].len), names.at[i].at));
                TRY(resource_add(r, a, found));
        }
        if (names.n)
                return outcome_good();
        TRY(default_resource(r, &found));
        return resource_add(r, a, found);
}

Outcome authorize_ask(Request *r) {
        Authorize *a = authorize_state(r);
        bool repeated;
        Text state = params_one(a->params, "state", &repeated);
        ENSURE(!repeated && state.len <= STATE_MAX && text_printable(state),
               refuse(r, REFUSAL_MALFORMED, "state is given twice, too long, or not printable ASCII (RFC 6749 A.5)"));
        a->state = state;
        TRY(ask_once(r, a));
        TRY(ask_shape(r));
        TRY(ask_prompt(r, a));
        TRY(ask_scopes(r, a));
        TRY(ask_resources(r, a));
        a->challenge = asked(r, "code_challenge");
        return outcome_good();
}

/* --- browser, reach ------------------------------------------------------------------------------------------------ */

Outcome authorize_browser(Request *r) {
        Authorize *a = authorize_state(r);
        Browser browser;
        TRY(browser_read(r, &browser));
        ENSURE(browser.user || !a->prompt_none, refuse(r, REFUSAL_LOGIN, "nobody is signed in, and prompt=none forbids to ask"));
        a->browser = browser;
        if (browser.user)
                r->event.user = browser.user->slug;
        return outcome_good();
}

Proof authorize_proof(const Client *client) {
        if (client->is_public)
                return PROOF_NONE;
        Proof declared = client->application->proof;
        return client->jwks.len || client->jwks_uri.len ? (declared > PROOF_KEY ? declared : PROOF_KEY) : declared;
}

/* Of the scopes asked by name, those that this resource has: the others are another resource's, or nobody's. */
static Texts scopes_of(Request *r, const Authorize *a, const Resource *resource) {
        Texts mine = {0};
        for (size_t i = 0; i < a->scopes.n; i++)
                if (resource_scope(resource, a->scopes.at[i]) && !outcome_ok(texts_add(r->arena, &mine, a->scopes.at[i])))
                        return (Texts){0};
        return mine;
}

static Outcome reach_one(Request *r, Authorize *a, const Resource *resource, Granted *granted, size_t *n) {
        Texts scopes = scopes_of(r, a, resource);
        size_t before = a->walk->n;
        if (a->named_scopes && !scopes.n)
                return outcome_good(); /* nothing of it was asked */
        Outcome end = authority_walk(r, a->browser.user, a->client.application, authorize_proof(&a->client), resource, scopes, a->walk);
        if (end.end == OUTCOME_REFUSED && end.row == REFUSAL_POLICY)
                return outcome_good(); /* left out; the walk has noted why */
        TRY(end);
        granted[(*n)++] = (Granted){resource->slug, a->walk->nodes[before].scopes};
        return outcome_good();
}

static void describe(Request *r, const Authorize *a) {
        Text *slug = arena_copy(r->arena, &a->client.application->slug, sizeof(Text));
        r->event.chain = (Texts){slug, slug ? 1 : 0};
        r->event.resource = a->resources[0]->slug;
        r->event.scopes = a->scopes;
        r->event.action = "authorize";
        r->event.wanted = true;
}

static Outcome reach_all(Request *r, Authorize *a) {
        Granted granted[AUTHORIZE_RESOURCES];
        size_t n = 0;
        *a->walk = (Walk){0};
        for (size_t i = 0; i < a->n_resources; i++)
                TRY(reach_one(r, a, a->resources[i], granted, &n));
        Text why = texts_join(r->arena, a->walk->left_out, "; ");
        ENSURE(n || !why.len, refuse(r, REFUSAL_POLICY, "policy leaves nothing of what was asked: %.*s", TEXT_ARG(why)));
        ENSURE(n, refuse(r, REFUSAL_POLICY, "none of the scopes that were asked exists at the resource"));
        memcpy(a->granted, granted, sizeof granted);
        a->n_granted = n;
        r->why = TEXT_NONE;
        return outcome_good();
}

static Outcome open_session(Request *r, Authorize *a) {
        Text id;
        Session session;
        TRY(session_open_root(r, a->browser.user->slug, a->client.application->slug, a->browser.digest, &id));
        if (!id.len)
                return outcome_good();
        Outcome end = session_read(r, id, &session);
        if (outcome_ok(end))
                a->open = session;
        r->why = TEXT_NONE;
        return outcome_refused(end) ? outcome_good() : end;
}

Outcome authorize_reach(Request *r) {
        Authorize *a = authorize_state(r);
        if (r->answer.kind)
                return outcome_good();
        describe(r, a);
        TRY(reach_all(r, a));
        a->digest = consent_digest(r->arena, &a->walk->authority, a->granted, a->n_granted);
        a->document_digest = consent_document(r->arena, &a->client);
        ENSURE(a->digest.at && a->document_digest.at, outcome_fault("memory"));
        TRY(consent_remembered(r, a));
        TRY(consent_connections(r, a));
        return open_session(r, a);
}

/* --- record ---------------------------------------------------------------------------------------------------------- */

Text authorize_query(Request *r, bool again) {
        const Authorize *a = authorize_state(r);
        Buf buf = buf_new(r->arena, 1024);
        for (size_t i = 0; i < a->params.n; i++) {
                const Param *p = &a->params.at[i];
                if (!authorize_carries(p->name))
                        continue;
                Text value = p->value;
                if (again && text_is(p->name, "prompt"))
                        value = a->prompt_consent ? TEXT("consent") : TEXT_NONE;
                if (again && text_is(p->name, "prompt") && !value.len)
                        continue;
                if (buf.len)
                        buf_char(&buf, '&');
                buf_text(&buf, p->name);
                buf_char(&buf, '=');
                buf_text(&buf, url_encode(r->arena, value));
        }
        return buf_done(&buf);
}

/* RFC 6749 4.1.2.1: a description has printable ASCII without quote and backslash. */
static Text plain_ascii(Arena *arena, Text text) {
        char *to = arena_take(arena, text.len + 1);
        size_t n = 0;
        for (size_t i = 0; to && i < text.len; i++) {
                unsigned char c = (unsigned char)text.at[i];
                if (c >= 0x80) {
                        if (c >= 0xc0)
                                to[n++] = '-'; /* one for each character */
                } else
                        to[n++] = c == '"' ? '\'' : c == '\\' ? '/' : c < 0x20 || c == 0x7f ? ' ' : (char)c;
        }
        return (Text){to, n};
}

Text authorize_answer(Arena *arena, Text redirect_uri, const char *const *names, const Text *values, size_t n) {
        Buf buf = buf_new(arena, 512);
        char between = text_find(redirect_uri, '?') < redirect_uri.len ? '&' : '?';
        buf_text(&buf, redirect_uri);
        for (size_t i = 0; i < n; i++) {
                if (!values[i].len)
                        continue;
                buf_char(&buf, between);
                buf_str(&buf, names[i]);
                buf_char(&buf, '=');
                buf_text(&buf, url_encode(arena, values[i]));
                between = '&';
        }
        return buf_done(&buf);
}

static void redirect(Request *r, Text location) {
        r->answer.kind = location.at ? ANSWER_REDIRECT : ANSWER_NONE;
        r->answer.status = 303;
        r->answer.location = location;
}

/* RFC 9207: iss on errors too. */
static void refusal_to_client(Request *r, const Authorize *a, Outcome end) {
        static const char *const names[] = {"error", "error_description", "state", "iss"};
        const RefusalInfo *info = refusal_info(end.end == OUTCOME_REFUSED ? end.row : REFUSAL_FAULT);
        Text why = end.end != OUTCOME_REFUSED ? text_of(info->sentence) : r->why.len ? r->why : text_of(end.why ? end.why : info->sentence);
        if (r->event.wanted)
                why = text_print(r->arena, "%.*s - carnet why %.*s", TEXT_ARG(why), TEXT_ARG(r->event.id));
        const Text values[] = {text_of(info->code), plain_ascii(r->arena, why), a->state, r->zone->issuer};
        redirect(r, authorize_answer(r->arena, a->redirect_uri, names, values, ARRAY_LEN(values)));
}

static void code_to_client(Request *r, const Authorize *a) {
        static const char *const names[] = {"code", "state", "iss"};
        const Text values[] = {a->code, a->state, r->zone->issuer};
        redirect(r, authorize_answer(r->arena, a->redirect_uri, names, values, ARRAY_LEN(values)));
}

Outcome authorize_record(Request *r) {
        const Authorize *a = r->state;
        Outcome end = record_commit(r);
        if (outcome_waits(end))
                return end;
        if (outcome_ok(end)) {
                if (a->code.len)
                        code_to_client(r, a);
                return outcome_good();
        }
        if (a && a->redirect_trusted)
                refusal_to_client(r, a, end);
        else
                refusal_page(r, end);
        return outcome_good();
}
