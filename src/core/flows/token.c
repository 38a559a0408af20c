/* token.c - the token endpoint's story: read, client, grant, session, resource, decide, issue, record.
 *
 * Order of refusals: delegation.md 4. What differs between grants is in modules/grants (what was presented) and what
 * differs between resources in modules/credentials (what leaves); everything else is here, once.
 */
#include "core/token.h"
#include "core/engine.h"
#include "core/event.h"
#include "core/flows.h"
#include "core/limit.h"

#define GRANT(name, type) extern const Grant grant_##name;
#include "core/grants.def"
#undef GRANT
#define CREDENTIAL(name, provider) extern const Credential credential_##name;
#include "core/credentials.def"
#undef CREDENTIAL

static const Grant *const grants[] = {
#define GRANT(name, type) &grant_##name,
#include "core/grants.def"
#undef GRANT
};
static const Credential *const credentials[] = {
#define CREDENTIAL(name, provider) [provider] = &credential_##name,
#include "core/credentials.def"
#undef CREDENTIAL
};

#define ENTRY_SECONDS 600
#define ENTRY_SECONDS_ALONE 3600 /* without a refresh token */
#define HOP_SECONDS 300
#define HOP_CHILDREN 32
#define SESSION_HOPS 1000

/* --- read: what is asked ---------------------------------------------------------------------------------------- */

static Outcome read_grant(Request *r, TokenState *t) {
        Text type = in_form(r, "grant_type");
        ENSURE(type.len, refuse(r, REFUSAL_MALFORMED, "grant_type is missing"));
        for (size_t i = 0; i < ARRAY_LEN(grants); i++)
                if (text_is(type, grants[i]->type))
                        t->grant = grants[i];
        ENSURE(t->grant, refuse(r, REFUSAL_GRANT_TYPE, "this zone does not serve that grant_type"));
        return outcome_good();
}

/* Targets are judged after the subject token (delegation.md 4); here they are only collected. */
static void read_scopes(Request *r, TokenState *t) {
        Texts words = texts_words(r->arena, in_form(r, "scope"));
        for (size_t i = 0; i < words.n; i++)
                if (!scope_is_zones(words.at[i]) && !outcome_ok(texts_add(r->arena, &t->scopes_asked, words.at[i])))
                        return;
        t->named_scopes = t->scopes_asked.n > 0;
}

static Outcome token_read(Request *r) {
        TokenState *t = arena_new_of(r->arena, TokenState);
        ENSURE(t, outcome_fault("memory"));
        TRY(need_id(r, 'd', &r->event.id));
        r->event.kind = "token";
        r->state = t;
        TRY(request_form_check(r));
        TRY(read_grant(r, t));
        read_scopes(r, t);
        t->new_session = text_is(in_form(r, "session"), "new");
        t->requested_type = in_form(r, "requested_token_type");
        return outcome_good();
}

/* --- client: who asks ------------------------------------------------------------------------------------------- */

static Outcome token_client(Request *r) {
        TokenState *t = token_state(r);
        Client client;
        TRY(client_authenticate(r, &client));
        t->client = client;
        r->event.application = client.application->slug;
        r->event.client_id = client.client_id;
        r->event.wanted = client.proof > PROOF_NONE; /* a public client has proven nothing yet */
        ENSURE(t->grant->open_to_public || !client.is_public,
               refuse(r, REFUSAL_UNAUTHORIZED_CLIENT, "a public client may not use this grant: it proves nothing about who sends it"));
        return outcome_good();
}

/* --- grant: what was presented ---------------------------------------------------------------------------------- */

static Outcome token_grant(Request *r) { return token_state(r)->grant->open(r, token_state(r)); }

/* --- session: alive, owned, no loop ----------------------------------------------------------------------------- */

static void describe(Request *r, const TokenState *t) {
        const Path *p = &t->path;
        r->event.wanted = true;
        event_chain(r, p->user, &p->chain, t->target);
        r->event.session = p->session.id;
        r->event.root = p->session.root;
        r->event.authorization = p->authorization.id;
        r->event.hop = t->hop;
}

static Outcome token_session(Request *r) {
        TokenState *t = token_state(r);
        Path *p = &t->path;
        Text cut = TEXT_NONE;
        describe(r, t);
        if (!p->opens_authorization)
                TRY(cut_find(r, p->anc, token_parties(r, p, NULL), p->authorization.created, &cut));
        ENSURE(!cut.len, refuse(r, REFUSAL_CLOSED, "this %.*s was closed", TEXT_ARG(cut)));
        TRY(limit_take(r, "session", p->session.id, r->zone->tokens_per_minute));
        if (p->entry)
                return outcome_good();
        /* Ownership: the confused-deputy guard of the whole model. */
        ENSURE(p->via->owner && text_equal(p->via->owner->slug, t->client.application->slug),
               refuse(r, REFUSAL_NOT_OWNER, "the subject token is for %.*s, which %.*s does not own; present a token for your own resource",
                      TEXT_ARG(p->via->slug), TEXT_ARG(t->client.application->slug)));
        Chain longer = p->chain;
        TRY(chain_append(r, &longer, t->client.application, t->client.proof));
        p->chain = longer;
        describe(r, t);
        return outcome_good();
}

/* --- resource: one known target, known scopes ------------------------------------------------------------------- */

static Outcome named_target(Request *r, Text name, const Resource **target) {
        const Resource *found = zone_resource_by_identifier(r->zone, name);
        ENSURE(found && !found->disabled, refuse(r, REFUSAL_TARGET, "unknown resource %.*s", (int)(name.len > 200 ? 200 : name.len), name.at));
        ENSURE(!*target || *target == found, refuse(r, REFUSAL_TARGET, "a token request names one resource; ask for %.*s and %.*s apart",
                                                    TEXT_ARG((*target)->slug), TEXT_ARG(found->slug)));
        *target = found;
        return outcome_good();
}

static const Resource *only_entry(const Zone *zone) {
        const Resource *only = NULL;
        for (size_t i = 0; i < zone->n_resources; i++)
                if (zone->resources[i].entry && !zone->resources[i].anchor) {
                        if (only)
                                return NULL;
                        only = &zone->resources[i];
                }
        return only;
}

/* delegation.md 4, "No `resource`". */
static const Resource *default_target(Request *r, const TokenState *t) {
        const Path *p = &t->path;
        if (p->entry && p->user && p->authorization.n_granted == 1)
                return zone_resource(r->zone, p->authorization.granted[0].resource);
        if (!p->entry)
                return NULL;
        if (r->zone->default_resource)
                return r->zone->default_resource;
        const Resource *only = only_entry(r->zone);
        return only || t->client.is_public ? only : t->client.application->anchor;
}

static Outcome token_target(Request *r, TokenState *t) {
        const Resource *target = NULL;
        for (size_t i = 0; i < r->in.form.n; i++)
                if (text_is(r->in.form.at[i].name, "resource") || text_is(r->in.form.at[i].name, "audience"))
                        TRY(named_target(r, r->in.form.at[i].value, &target));
        if (!target)
                target = default_target(r, t);
        ENSURE(target, refuse(r, REFUSAL_TARGET, "name the resource that the token is for"));
        /* Code and refresh: what lies outside the authorization is refused before Cedar. */
        ENSURE(!t->path.entry || !t->path.user || authorization_granted(&t->path.authorization, target->slug),
               refuse(r, REFUSAL_TARGET, "%.*s was not part of this authorization", TEXT_ARG(target->slug)));
        ENSURE(!t->path.entry || t->path.user || !target->anchor || target->owner == t->client.application,
               refuse(r, REFUSAL_TARGET, "only its owner may begin at %.*s", TEXT_ARG(target->slug)));
        t->target = target;
        return outcome_good();
}

/* The scopes that may be given at most, before Cedar is asked; false when nothing bounds them. */
static bool scope_bound(const TokenState *t, Texts *bound) {
        const Path *p = &t->path;
        const Granted *granted = p->entry && p->user ? authorization_granted(&p->authorization, t->target->slug) : NULL;
        const Edge *edge = p->entry ? NULL : authority_edge(&p->authorization.authority, chain_caller(&p->chain)->slug, t->target->slug);
        if (granted)
                *bound = granted->scopes;
        else if (t->target == p->via)
                *bound = p->via_scopes;
        else if (edge)
                *bound = edge->scopes;
        else
                return false;
        return true;
}

static Outcome default_scopes(Request *r, TokenState *t) {
        Texts defaults = resource_default_scopes(r->arena, t->target), bound, kept = {0};
        bool bounded = scope_bound(t, &bound);
        if (bounded && t->path.entry)
                defaults = bound; /* an authorization's own scopes are its default */
        for (size_t i = 0; i < defaults.n; i++)
                if (!bounded || texts_have(bound, defaults.at[i]))
                        TRY(texts_add(r->arena, &kept, defaults.at[i]));
        ENSURE(kept.n || !t->target->n_scopes, refuse(r, REFUSAL_SCOPE, "no scope of %.*s is left to give", TEXT_ARG(t->target->slug)));
        t->scopes = kept;
        return outcome_good();
}

static Outcome token_scopes(Request *r, TokenState *t) {
        if (!t->named_scopes)
                return default_scopes(r, t);
        for (size_t i = 0; i < t->scopes_asked.n; i++)
                ENSURE(resource_scope(t->target, t->scopes_asked.at[i]),
                       refuse(r, REFUSAL_SCOPE, "%.*s has no scope %.*s", TEXT_ARG(t->target->slug), (int)(t->scopes_asked.at[i].len > 200 ? 200 : t->scopes_asked.at[i].len), t->scopes_asked.at[i].at));
        Texts bound;
        bool own = t->path.entry || t->target == t->path.via; /* outside the authorization: before Cedar; beyond an edge: after */
        ENSURE(!own || !scope_bound(t, &bound) || texts_within(t->scopes_asked, bound),
               refuse(r, REFUSAL_SCOPE, "the authorization holds only: %.*s", TEXT_ARG(texts_join(r->arena, bound, " "))));
        t->scopes = t->scopes_asked;
        return outcome_good();
}

static Outcome token_resource(Request *r) {
        TokenState *t = token_state(r);
        TRY(token_target(r, t));
        event_chain(r, t->path.user, &t->path.chain, t->target);
        TRY(token_scopes(r, t));
        t->classes = resource_classes(t->target, t->scopes);
        r->event.scopes = t->scopes;
        r->event.classes = t->classes;
        r->event.cutoff = text_of(cutoff_name(t->target->cutoff));
        return outcome_good();
}

/* --- decide: Cedar over the whole chain, then the authority ------------------------------------------------------ */

static DecideAsk question(const TokenState *t) {
        const Path *p = &t->path;
        DecideAsk ask = {.user = p->user, .chain = &p->chain, .resource = t->target, .via = p->via, .scopes = t->scopes,
                         .classes = t->classes, .session = p->session.id};
        ask.action = p->entry ? (p->user ? "authorize" : "direct") : decide_action(p->user, t->target);
        ask.declared = decide_declared(&ask);
        return ask;
}

/* Needs no edge: the caller's own anchor, or the subject token's own aud (delegation.md 5). */
static bool needs_edge(const TokenState *t) {
        return !t->path.entry && t->target != t->path.via && t->target != t->client.application->anchor;
}

static Outcome within_authority(Request *r, const TokenState *t) {
        if (!needs_edge(t))
                return outcome_good();
        const Text caller = chain_caller(&t->path.chain)->slug;
        const Edge *edge = authority_edge(&t->path.authorization.authority, caller, t->target->slug);
        ENSURE(edge, refuse(r, REFUSAL_AUTHORITY, "this authorization has no edge %.*s > %.*s; %s", TEXT_ARG(caller), TEXT_ARG(t->target->slug),
                            application_dependency(t->client.application, t->target)
                                    ? "it was declared after the consent, or consent left it out: sign in again"
                                    : "declare the dependency in the zone file and sign in again"));
        ENSURE(texts_within(t->scopes, edge->scopes) && (t->classes & ~edge->classes) == 0,
               refuse(r, REFUSAL_SCOPE, "the edge %.*s > %.*s holds only: %.*s", TEXT_ARG(caller), TEXT_ARG(t->target->slug),
                      TEXT_ARG(texts_join(r->arena, edge->scopes, " "))));
        return outcome_good();
}

/* When policy changed since the parent hop was allowed, every earlier link is decided again; the first refused is named. */
static Outcome decide_earlier(Request *r, const TokenState *t) {
        Text hop = t->path.parent_hop;
        for (size_t n = t->path.chain.n; hop.len && n > 0; n--) {
                Rows rows;
                TRY(need_read_t(r, READ_hop_get, &rows, hop));
                ENSURE(rows.n == 1, refuse(r, REFUSAL_OFF_PATH, "a hop of this path is not on record"));
                Chain prefix = t->path.chain;
                prefix.n = (size_t)rows_int(&rows, 0, 11);
                const Resource *resource = zone_resource(r->zone, rows_text(&rows, 0, 6));
                const Text via = rows_text(&rows, 0, 12);
                ENSURE(resource && prefix.n >= 1 && prefix.n <= t->path.chain.n,
                       refuse(r, REFUSAL_OFF_PATH, "%.*s is no longer part of the zone", TEXT_ARG(rows_text(&rows, 0, 6))));
                Text action = rows_text(&rows, 0, 9);
                DecideAsk ask = {.action = text_copy(r->arena, action).at, .user = t->path.user, .chain = &prefix, .resource = resource,
                                 .via = via.len ? zone_resource(r->zone, via) : NULL, .scopes = texts_words(r->arena, rows_text(&rows, 0, 7)),
                                 .session = t->path.session.id};
                ask.classes = resource_classes(resource, ask.scopes);
                ask.declared = decide_declared(&ask);
                TRY(decide(r, &ask));
                hop = rows_text(&rows, 0, 3);
        }
        return outcome_good();
}

static Outcome token_decide(Request *r) {
        TokenState *t = token_state(r);
        DecideAsk ask = question(t);
        t->action = ask.action;
        t->declared = ask.declared;
        r->event.action = ask.action;
        if (t->path.parent_hop.len && t->path.snapshot != r->zone->version)
                TRY(decide_earlier(r, t));
        TRY(decide(r, &ask));
        return within_authority(r, t);
}

/* --- issue ------------------------------------------------------------------------------------------------------ */

static Text evidence_print(Request *r, const Chain *chain) {
        Buf buf = buf_new(r->arena, 128);
        for (size_t i = 0; i < chain->n; i++)
                buf_print(&buf, "%s%.*s %s", i ? " " : "", TEXT_ARG(chain->at[i].application->slug), proof_name(chain->at[i].proof));
        return buf_done(&buf);
}

/* A hop's id is its session's and a hash of the rest, so that walking it again finds it (delegation.md 2). */
static Text hop_id(Request *r, const TokenState *t, Text scopes, Text evidence) {
        const Path *p = &t->path;
        Text all = text_print(r->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%s", TEXT_ARG(p->authorization.id), TEXT_ARG(p->parent_hop),
                              TEXT_ARG(t->client.client_id), TEXT_ARG(t->target->slug), TEXT_ARG(scopes), TEXT_ARG(evidence), t->action);
        Text hash = token_hash(r, all);
        return text_print(r->arena, "h_%.*s_%.*s", TEXT_ARG(text_sub(p->session.id, 2, p->session.id.len)),
                          TEXT_ARG(base32_text(r->arena, (const uint8_t *)hash.at, 15)));
}

static Outcome hop_limits(Request *r, const TokenState *t) {
        Rows rows;
        TRY(need_read_t(r, READ_hop_children, &rows, t->path.session.id, t->path.parent_hop));
        ENSURE(rows.n == 1 && rows_int(&rows, 0, 1) < SESSION_HOPS, refuse(r, REFUSAL_LIMIT, "the session has %d hops already", SESSION_HOPS));
        ENSURE(!t->path.parent_hop.len || rows_int(&rows, 0, 0) < HOP_CHILDREN,
               refuse(r, REFUSAL_LIMIT, "this hop has %d children already", HOP_CHILDREN));
        return outcome_good();
}

static Outcome issue_hop(Request *r, TokenState *t) {
        Text evidence = evidence_print(r, &t->path.chain), scopes = texts_join(r->arena, t->scopes, " ");
        Text id = hop_id(r, t, scopes, evidence);
        Rows known;
        TRY(need_read_t(r, READ_hop_get, &known, id));
        bool first = known.n == 0 || rows_int(&known, 0, 14) != r->zone->version;
        if (known.n == 0)
                TRY(hop_limits(r, t));
        t->hop = id;
        t->hop_new = first;
        r->event.hop = id;
        return outcome_good();
}

static void hop_write(Request *r, const TokenState *t) {
        const Path *p = &t->path;
        if (!t->hop_new)
                return;
        request_put(r, WRITE_hop_add, 0, value_text(r->zone->slug), value_text(t->hop), value_text(p->session.id),
                    value_text(p->authorization.id), value_text(p->parent_hop), value_text(chain_caller(&p->chain)->slug),
                    value_text(t->client.client_id), value_text(t->target->slug), value_text(texts_join(r->arena, t->scopes, " ")),
                    value_int(t->classes), value_text(text_of(t->action)), value_text(evidence_print(r, &p->chain)),
                    value_int((int64_t)p->chain.n), value_text(p->via ? p->via->slug : TEXT_NONE), value_null(),
                    value_int(r->zone->version), value_int(r->now), value_int(t->client.proof));
}

/* What we sign never outlives subject token, session or the resource's lifetime (delegation.md 2). */
static int64_t issue_ends(const Request *r, const TokenState *t) {
        const Path *p = &t->path;
        int64_t seconds = p->entry ? (p->user ? ENTRY_SECONDS : ENTRY_SECONDS_ALONE) : HOP_SECONDS;
        if (t->target->lifetime > 0 && t->target->lifetime < seconds)
                seconds = t->target->lifetime;
        int64_t ends = r->now + seconds;
        if (p->parent_ends && p->parent_ends < ends)
                ends = p->parent_ends;
        if (p->session.ends < ends)
                ends = p->session.ends;
        return p->authorization.ends < ends ? p->authorization.ends : ends;
}

static Outcome answer_token(Request *r, const TokenState *t) {
        Buf buf = buf_new(r->arena, 1024 + t->access_token.len);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "access_token", t->access_token);
        json_put_text(&out, "token_type", t->token_type.len ? t->token_type : TEXT("Bearer"));
        json_put_int(&out, "expires_in", t->ends - r->now);
        json_put_text_if(&out, "scope", texts_join(r->arena, t->scopes, " "));
        json_put_text_if(&out, "refresh_token", t->refresh_token);
        json_put_text_if(&out, "issued_token_type", t->issued_type);
        json_put_text(&out, "decision_id", r->event.id);
        json_put_text(&out, "session", t->path.session.id);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return r->answer.body.at ? outcome_good() : outcome_fault("memory");
}

static void issue_writes(Request *r, const TokenState *t) {
        const Path *p = &t->path;
        if (p->opens_session)
                session_write(r, &p->session);
        else
                session_touch(r, &p->session);
        if (p->opens_authorization)
                authorization_write(r, &p->authorization);
        hop_write(r, t);
}

static Outcome token_issue(Request *r) {
        TokenState *t = token_state(r);
        ProviderType type = t->target->provider ? t->target->provider->type : PROVIDER_ZONE;
        ENSURE((size_t)type < ARRAY_LEN(credentials) && credentials[type], outcome_fault("a provider without a credential"));
        TRY(issue_hop(r, t));
        t->ends = issue_ends(r, t);
        ENSURE(t->ends > r->now, refuse(r, REFUSAL_EXPIRED, "nothing of the subject token's life is left"));
        TRY(credentials[type]->issue(r, t));
        if (t->grant->close)
                TRY(t->grant->close(r, t));
        issue_writes(r, t);
        r->event.credential = text_of(t->credential);
        r->event.issued = r->event.id;
        r->event.expires = t->ends;
        TRY(token_ancestry(r, t, &r->guard_ids));
        r->guard_parties = token_parties(r, &t->path, t->target);
        r->guard_began = t->path.authorization.created;
        return answer_token(r, t);
}

static const Step steps[] = {
        {"read", token_read},         {"client", token_client}, {"grant", token_grant}, {"session", token_session},
        {"resource", token_resource}, {"decide", token_decide}, {"issue", token_issue}, {"record", record_oauth},
};
const Flow flow_token = {"token", steps, ARRAY_LEN(steps)};
