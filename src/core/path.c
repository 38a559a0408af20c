#include "core/path.h"
#include "base/digest.h"
#include <stdlib.h>

/* An application of a recorded link: the zone's, or a client that registered itself and is known by its identifier alone. */
static const Application *link_application(Request *r, Text slug) {
        const Application *known = zone_application(r->zone, slug);
        if (known)
                return known;
        Application *made = arena_new_of(r->arena, Application);
        if (made)
                *made = (Application){.slug = slug, .identifier = slug, .name = slug, .is_public = true};
        return made;
}

static Proof proof_of(Text name) {
        for (Proof proof = PROOF_NONE; proof <= PROOF_MTLS; proof++)
                if (text_is(name, proof_name(proof)))
                        return proof;
        return PROOF_NONE;
}

static Outcome chain_read(Request *r, Text evidence, Chain *out) {
        Text slug, proof;
        *out = (Chain){0};
        while (text_next_word(&evidence, &slug) && text_next_word(&evidence, &proof)) {
                ENSURE(out->n < CHAIN_MAX, outcome_fault("a recorded chain is too long"));
                const Application *application = link_application(r, slug);
                ENSURE(application, outcome_fault("memory"));
                ENSURE(!application->disabled, refuse(r, REFUSAL_CLOSED, "%.*s is disabled", TEXT_ARG(slug)));
                out->at[out->n++] = (Link){application, proof_of(proof)};
        }
        ENSURE(out->n, outcome_fault("a recorded chain is empty"));
        return outcome_good();
}

static Outcome path_user(Request *r, Path *p) {
        if (!p->session.user.len)
                return outcome_good();
        p->user = zone_user(r->zone, p->session.user);
        ENSURE(p->user, refuse(r, REFUSAL_CLOSED, "the user is no longer part of the zone"));
        return outcome_good();
}

Outcome path_continue(Request *r, const OwnToken *token, Path *out) {
        Rows hop;
        Path p = {.parent_hop = token->hop, .parent_jti = token->jti, .parent_ends = token->ends, .via_scopes = token->scopes, .anc = token->anc};
        TRY(need_read_t(r, READ_hop_get, &hop, token->hop));
        ENSURE(hop.n == 1, refuse(r, REFUSAL_OFF_PATH, "the hop that the subject token names is not on record"));
        TRY(session_read(r, token->sid, &p.session));
        TRY(authorization_read(r, rows_text(&hop, 0, 2), &p.authorization));
        TRY(authorization_edges(r, &p.authorization));
        TRY(path_user(r, &p));
        TRY(chain_read(r, rows_text(&hop, 0, 10), &p.chain));
        p.chain_before = rows_text(&hop, 0, 10);
        p.snapshot = rows_int(&hop, 0, 14);
        p.via = zone_resource(r->zone, rows_text(&hop, 0, 6));
        ENSURE(p.via && text_equal(p.via->identifier, token->aud), refuse(r, REFUSAL_OFF_PATH, "the subject token's audience is no longer a resource of this zone"));
        *out = p;
        return outcome_good();
}

/* Ids that everything under an entry dies with: the authorization first (OwnToken.authorization reads it there). */
static Outcome entry_ancestry(Request *r, Path *p) {
        Texts line;
        TRY(session_line(r, &p->session, &line));
        p->anc = (Texts){0};
        TRY(texts_add(r->arena, &p->anc, p->authorization.id));
        for (size_t i = 0; i < line.n; i++)
                TRY(texts_add(r->arena, &p->anc, line.at[i]));
        return outcome_good();
}

Outcome path_resume(Request *r, TokenState *t, Text authorization) {
        Path p = {.entry = true};
        TRY(authorization_read(r, authorization, &p.authorization));
        TRY(authorization_grants(r, &p.authorization));
        TRY(session_read(r, p.authorization.session, &p.session));
        TRY(path_user(r, &p));
        TRY(entry_ancestry(r, &p));
        p.chain = (Chain){.at = {{t->client.application, t->client.proof}}, .n = 1};
        t->path = p;
        return outcome_good();
}

/* --- without a user ---------------------------------------------------------------------------------------------- */

static Outcome alone_session(Request *r, TokenState *t, Path *p) {
        Text root = TEXT_NONE, slug = t->client.application->slug;
        if (!t->new_session)
                TRY(session_open_root(r, TEXT_NONE, slug, t->client.client_id, &root));
        if (root.len)
                return session_read(r, root, &p->session);
        p->opens_session = true;
        return session_begin(r, TEXT_NONE, slug, t->client.client_id, t->client.client_id, false, &p->session);
}

/* The resource that a begin without a user is for; the resource step finds the same and judges it. */
static const Resource *alone_target(Request *r, const TokenState *t) {
        Texts named = params_all(r->arena, r->in.form, "resource");
        if (!named.n)
                named = params_all(r->arena, r->in.form, "audience");
        if (named.n)
                return zone_resource_by_identifier(r->zone, named.at[0]);
        return r->zone->default_resource ? r->zone->default_resource : t->client.application->anchor;
}

/* Joined roots keep one authorization for each (target, scopes, zone version), so that a thousandth token walks nothing. */
static Text alone_authorization_id(Request *r, const TokenState *t, const Path *p, const Resource *target) {
        Text scopes = in_form(r, "scope");
        Text all = text_print(r->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%lld", TEXT_ARG(p->session.id), TEXT_ARG(t->client.client_id),
                              TEXT_ARG(target ? target->slug : TEXT_NONE), TEXT_ARG(scopes), (long long)r->zone->version);
        Text hash = token_hash(r, all);
        return text_print(r->arena, "a_%.*s_%.*s", TEXT_ARG(text_sub(p->session.id, 2, p->session.id.len)),
                          TEXT_ARG(base32_text(r->arena, (const uint8_t *)hash.at, 15)));
}

static Outcome alone_walk(Request *r, const TokenState *t, const Resource *target, Authority *authority) {
        Walk *walk = arena_new_of(r->arena, Walk);
        ENSURE(walk, outcome_fault("memory"));
        Outcome end = authority_walk(r, NULL, t->client.application, t->client.proof, target, t->scopes_asked, walk);
        /* What policy or an unknown scope refuses here is refused by the steps after, by name and in their order. */
        ENSURE(!outcome_refused(end) || end.row == REFUSAL_LIMIT, outcome_good());
        TRY(end);
        *authority = walk->authority;
        return outcome_good();
}

Outcome path_begin_alone(Request *r, TokenState *t) {
        Path p = {.entry = true};
        Rows known;
        const Resource *target = alone_target(r, t);
        p.chain = (Chain){.at = {{t->client.application, t->client.proof}}, .n = 1};
        TRY(alone_session(r, t, &p));
        Text id = alone_authorization_id(r, t, &p, target);
        TRY(need_read_t(r, READ_authorization_get, &known, id));
        if (known.n) {
                TRY(authorization_read(r, id, &p.authorization));
        } else {
                p.opens_authorization = true;
                p.authorization = (Authorization){.id = id, .session = p.session.id, .application = t->client.application->slug,
                                                  .client_id = t->client.client_id, .created = r->now, .ends = p.session.ends};
                if (target)
                        TRY(alone_walk(r, t, target, &p.authorization.authority));
        }
        TRY(entry_ancestry(r, &p));
        t->path = p;
        return outcome_good();
}

/* --- a task inside a session --------------------------------------------------------------------------------------- */

Outcome path_open_child(Request *r, TokenState *t) {
        Path *p = &t->path;
        Rows children;
        Session child = p->session;
        ENSURE(p->session.level + 1 < SESSION_LEVELS, refuse(r, REFUSAL_DEPTH, "sessions nest %d levels deep at most", SESSION_LEVELS));
        TRY(need_read_t(r, READ_session_children, &children, p->session.id));
        ENSURE(rows_int(&children, 0, 0) < SESSION_CHILDREN, refuse(r, REFUSAL_LIMIT, "this session has %d open tasks already", SESSION_CHILDREN));
        TRY(need_id(r, 's', &child.id));
        child.parent = p->session.id;
        child.level = p->session.level + 1;
        child.opened = child.last_used = r->now;
        Texts anc = {0};
        for (size_t i = 0; i < p->anc.n; i++)
                TRY(texts_add(r->arena, &anc, p->anc.at[i]));
        TRY(texts_add(r->arena, &anc, child.id));
        p->anc = anc;
        p->session = child;
        p->opens_session = true;
        return outcome_good();
}
