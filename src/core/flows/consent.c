/* consent.c - POST /consent: the user's answer. Judges the request again, opens or joins a session, records the
 * authorization with its authority, and sends the code (RFC 6749 4.1.2, RFC 9207). */
#include "core/connect.h"
#include "core/consent.h"
#include "core/decide.h"
#include "core/flows.h"
#include "core/pages/views.h"
#include "core/sign_in.h"
#include "base/digest.h"

#define CODE_SECONDS 60

static Outcome consent_user(Request *r) {
        const Authorize *a = authorize_state(r);
        if (a->browser.user)
                return outcome_good();
        return sign_in_show(r, TEXT("authorize"), authorize_query(r, true), TEXT("Your sign-in has ended. Sign in again to answer."), 200);
}

/* The form is this browser's, for this request, with what was shown then; what it would give now may differ. */
static Outcome consent_form(Request *r) {
        const Authorize *a = authorize_state(r);
        Text csrf, seen = in_form(r, "seen");
        if (r->answer.kind)
                return outcome_good();
        TRY(browser_form_check(r, &a->browser, "consent", consent_content(r, a, seen)));
        if (text_equal(seen, a->digest))
                return outcome_good();
        TRY(browser_form_token(r, &a->browser, "consent", consent_content(r, a, a->digest), &csrf));
        const ConsentView view = {.authorize = a, .csrf = csrf, .notice = TEXT("What it would reach has changed since this page was shown. Look again.")};
        consent_page(r, &view);
        r->event.wanted = false;
        return outcome_good();
}

static Outcome consent_answer(Request *r) {
        const Authorize *a = authorize_state(r);
        Text action = in_form(r, "action"), location;
        if (r->answer.kind)
                return outcome_good();
        ENSURE(!text_is(action, "deny"), refuse(r, REFUSAL_USER_DENIED, "the user refused"));
        ENSURE(text_is(action, "allow"), refuse(r, REFUSAL_FORM, "the answer is neither allow nor deny"));
        for (size_t i = 0; i < a->n_connections && !in_form(r, "later").len; i++) {
                if (a->connections[i].active)
                        continue;
                Text back = text_print(r->arena, "authorize?%.*s", TEXT_ARG(authorize_query(r, true)));
                TRY(connect_begin(r, &a->browser, a->connections[i].provider, back, &location));
                r->event.wanted = false;
                answer_go(r, location);
                return outcome_good();
        }
        return outcome_good();
}

/* The event names the policies that let it begin: the entry's own question, asked for each resource that is given. */
static Outcome consent_decide(Request *r) {
        const Authorize *a = authorize_state(r);
        if (r->answer.kind)
                return outcome_good();
        Chain chain = {.at = {{a->client.application, authorize_proof(&a->client)}}, .n = 1};
        for (size_t i = 0; i < a->n_granted; i++) {
                const Resource *resource = zone_resource(r->zone, a->granted[i].resource);
                ENSURE(resource, outcome_fault("a granted resource is gone"));
                DecideAsk ask = {.action = "authorize", .user = a->browser.user, .chain = &chain, .resource = resource,
                                 .scopes = a->granted[i].scopes, .classes = resource_classes(resource, a->granted[i].scopes)};
                ask.declared = decide_declared(&ask);
                TRY(decide(r, &ask));
        }
        return outcome_good();
}

/* Joins the open root unless the user chose a new session, or a longer one than it has (delegation.md 2). */
static bool joins(const Request *r, const Authorize *a, bool stay) {
        return a->open.id.len && !text_is(in_form(r, "session"), "new") && (!stay || a->open.stay);
}

static Outcome consent_session(Request *r, const Authorize *a, Session *session, int64_t *ends) {
        bool stay = a->offline && text_is(in_form(r, "stay"), "1");
        const Zone *zone = r->zone;
        int64_t latest = r->now + (stay ? zone->stay_absolute : zone->absolute);
        if (!joins(r, a, stay)) {
                TRY(session_begin(r, a->browser.user->slug, a->client.application->slug, a->client.client_id, a->browser.digest, stay, session));
                session_write(r, session);
                *ends = session->ends;
                return outcome_good();
        }
        *session = a->open;
        session_touch(r, session);
        *ends = latest < session->ends ? latest : session->ends;
        return outcome_good();
}

static void write_consent(Request *r, const Authorize *a) {
        request_put(r, WRITE_consent_set, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(a->browser.user->slug),
                    value_text(a->client.application->slug), value_text(a->digest), value_text(a->document_digest),
                    value_text(authority_print(r->arena, &a->walk->authority)), value_int(r->now));
}

static void write_code(Request *r, const Authorize *a, Text code, Text authorization) {
        Texts slugs = {0};
        for (size_t i = 0; i < a->n_granted; i++)
                if (!outcome_ok(texts_add(r->arena, &slugs, a->granted[i].resource)))
                        return;
        request_put(r, WRITE_code_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_blob(digest_bytes(r->arena, code)),
                    value_text(authorization), value_text(a->client.client_id), value_text(a->redirect_uri), value_text(a->challenge),
                    value_text(texts_join(r->arena, slugs, " ")), value_text(r->event.id), value_int(r->now), value_int(r->now + CODE_SECONDS));
}

/* Nothing begins under a session, user or application that is cut while this commits. */
static Outcome guard(Request *r, const Authorize *a, const Session *session) {
        Text *parties = arena_array(r->arena, Text, 2), *id = arena_copy(r->arena, &session->id, sizeof(Text));
        ENSURE(parties && id, outcome_fault("memory"));
        parties[0] = text_print(r->arena, "user:%.*s", TEXT_ARG(a->browser.user->slug));
        parties[1] = text_print(r->arena, "application:%.*s", TEXT_ARG(a->client.application->slug));
        r->guard_ids = (Texts){id, 1};
        r->guard_parties = (Texts){parties, 2};
        r->guard_began = session->opened;
        return outcome_good();
}

static Text event_extra(Request *r, const Authorize *a, bool joined) {
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_put_raw(&out, "granted", granted_print(r->arena, a->granted, a->n_granted));
        json_put_raw(&out, "authority", authority_print(r->arena, &a->walk->authority));
        if (a->walk->left_out.n)
                json_put_texts(&out, "left_out", a->walk->left_out);
        json_put_bool(&out, "joined", joined);
        return buf_done(&buf);
}

static void describe(Request *r, const Authorize *a, const Session *session, Text authorization, int64_t ends) {
        r->event.wanted = true;
        r->event.session = session->id;
        r->event.root = session->root;
        r->event.authorization = authorization;
        r->event.scopes = a->granted[0].scopes;
        r->event.resource = a->granted[0].resource;
        const Resource *resource = zone_resource(r->zone, a->granted[0].resource);
        r->event.classes = resource ? resource_classes(resource, a->granted[0].scopes) : 0;
        r->event.expires = ends;
        r->event.extra = event_extra(r, a, session->id.len && text_equal(session->id, a->open.id));
}

static Outcome consent_issue(Request *r) {
        Authorize *a = authorize_state(r);
        Session session;
        Text id, code;
        int64_t ends;
        if (r->answer.kind)
                return outcome_good();
        TRY(need_id(r, 'a', &id));
        TRY(need_secret(r, &code));
        TRY(consent_session(r, a, &session, &ends));
        const Authorization authorization = {
                .id = id, .session = session.id, .user = a->browser.user->slug, .application = a->client.application->slug,
                .client_id = a->client.client_id, .authority = a->walk->authority, .granted = a->granted, .n_granted = a->n_granted,
                .document_digest = a->document_digest, .created = r->now, .ends = ends,
        };
        authorization_write(r, &authorization);
        write_consent(r, a);
        write_code(r, a, code, id);
        TRY(guard(r, a, &session));
        describe(r, a, &session, id, ends);
        a->code = code;
        return outcome_good();
}

static const Step steps[] = {
        {"begin", authorize_begin}, {"client", authorize_client}, {"ask", authorize_ask},    {"browser", authorize_browser},
        {"sign-in", consent_user},  {"reach", authorize_reach},   {"form", consent_form},    {"answer", consent_answer},
        {"decide", consent_decide}, {"issue", consent_issue},     {"record", authorize_record},
};
const Flow flow_consent = {"consent", steps, ARRAY_LEN(steps)};
