/* walk.c - what an authorization may reach: found at consent by walking declared dependencies (delegation.md 3).
 *
 * Depth first from the requested resource. At every node each scope is decided alone, with that path's chain and the
 * action of what would leave there; then the remainder together. What policy refuses is left out, an empty node is not
 * walked further. The authority is the union over all paths; policy decides the path again at every exchange.
 */
#include "core/authorization.h"
#include "core/decide.h"

typedef struct Walker {
        Request *r;
        const User *user;
        Walk *walk;
} Walker;

/* What would leave at this resource, in Cedar's words (delegation.md 5). */
const char *decide_action(const User *user, const Resource *resource) {
        if (resource->provider && resource->provider->type == PROVIDER_OAUTH)
                return "reveal";
        return user ? "exchange" : "direct";
}

static Outcome left_out(Walker *w, const Application *caller, const Resource *resource, Text scope, Text why) {
        Text line = text_print(w->r->arena, "%.*s > %.*s %.*s: %.*s", TEXT_ARG(caller->slug), TEXT_ARG(resource->slug),
                               TEXT_ARG(scope), TEXT_ARG(why));
        return texts_have(w->walk->left_out, line) ? outcome_good() : texts_add(w->r->arena, &w->walk->left_out, line);
}

/* Which of the scopes policy permits here; *any: something may leave at all (a resource without scopes has none to list). */
static Outcome permitted(Walker *w, DecideAsk *ask, Texts scopes, Texts *kept, bool *any) {
        *kept = (Texts){0};
        Text why;
        for (size_t i = 0; i < scopes.n; i++) {
                ask->scopes = (Texts){&scopes.at[i], 1};
                ask->classes = resource_classes(ask->resource, ask->scopes);
                TRY(decide_quietly(w->r, ask, any, &why));
                if (*any)
                        TRY(texts_add(w->r->arena, kept, scopes.at[i]));
                else
                        TRY(left_out(w, chain_caller(ask->chain), ask->resource, scopes.at[i], why));
        }
        *any = kept->n > 0;
        if (scopes.n && kept->n < 2)
                return outcome_good(); /* one scope alone is the remainder already */
        ask->scopes = *kept;
        ask->classes = resource_classes(ask->resource, *kept);
        TRY(decide_quietly(w->r, ask, any, &why));
        if (!*any)
                TRY(left_out(w, chain_caller(ask->chain), ask->resource, texts_join(w->r->arena, *kept, " "), why));
        return outcome_good();
}

static Outcome edge_add(Walker *w, const WalkNode *node) {
        Authority *authority = &w->walk->authority;
        Edge *edge = (Edge *)authority_edge(authority, node->application->slug, node->resource->slug);
        if (!edge) {
                if (!authority->at)
                        authority->at = arena_array(w->r->arena, Edge, WALK_MAX);
                ENSURE(authority->at, outcome_fault("memory"));
                ENSURE(authority->n < WALK_MAX, refuse(w->r, REFUSAL_LIMIT, "the authority has over %d edges", WALK_MAX));
                edge = &authority->at[authority->n++];
                *edge = (Edge){.application = node->application->slug, .resource = node->resource->slug};
        }
        for (size_t i = 0; i < node->scopes.n; i++)
                if (!texts_have(edge->scopes, node->scopes.at[i]))
                        TRY(texts_add(w->r->arena, &edge->scopes, node->scopes.at[i]));
        edge->classes |= node->classes;
        edge->offline |= node->offline;
        return outcome_good();
}

static bool in_chain(const Chain *chain, const Application *application) {
        for (size_t i = 0; i < chain->n; i++)
                if (chain->at[i].application == application)
                        return true;
        return false;
}

static Outcome walk_node(Walker *w, DecideAsk *ask, Texts scopes, unsigned depth, bool offline, bool *kept_any);

/* Onwards: the owner of what was reached hands on what it depends on. */
static Outcome walk_owner(Walker *w, const Chain *chain, const Resource *from, unsigned depth) {
        const Application *owner = from->owner;
        bool begins_here = owner && chain_caller(chain) == owner;
        if (!owner || owner->disabled || chain->n == CHAIN_MAX || (!begins_here && in_chain(chain, owner)))
                return outcome_good();
        Chain longer = *chain;
        if (!begins_here)
                longer.at[longer.n++] = (Link){owner, owner->proof};
        for (size_t i = 0; i < owner->n_depends; i++) {
                const Dependency *d = &owner->depends[i];
                if (d->resource->disabled || (!w->user && !d->direct))
                        continue;
                DecideAsk ask = {.action = decide_action(w->user, d->resource), .user = w->user, .chain = &longer,
                                 .resource = d->resource, .via = from, .declared = true};
                Texts scopes = d->scopes.n ? d->scopes : resource_default_scopes(w->r->arena, d->resource);
                bool kept;
                TRY(walk_node(w, &ask, scopes, depth + 1, d->offline, &kept));
        }
        return outcome_good();
}

static Outcome walk_node(Walker *w, DecideAsk *ask, Texts scopes, unsigned depth, bool offline, bool *kept_any) {
        Texts kept = {0};
        *kept_any = false;
        if (scopes.n || !ask->resource->n_scopes)
                TRY(permitted(w, ask, scopes, &kept, kept_any));
        if (!*kept_any)
                return outcome_good();
        ENSURE(w->walk->n < WALK_MAX, refuse(w->r, REFUSAL_LIMIT, "the walk has over %d nodes", WALK_MAX));
        WalkNode *node = &w->walk->nodes[w->walk->n++];
        *node = (WalkNode){.application = chain_caller(ask->chain), .resource = ask->resource, .scopes = kept,
                           .classes = resource_classes(ask->resource, kept), .depth = depth, .offline = offline};
        if (depth > 0)
                TRY(edge_add(w, node));
        return walk_owner(w, ask->chain, ask->resource, depth);
}

static Outcome scopes_known(Request *r, const Resource *resource, Texts scopes) {
        for (size_t i = 0; i < scopes.n; i++)
                ENSURE(resource_scope(resource, scopes.at[i]), refuse(r, REFUSAL_SCOPE, "%.*s has no scope %.*s",
                                                                      TEXT_ARG(resource->slug), TEXT_ARG(scopes.at[i])));
        return outcome_good();
}

Outcome authority_walk(Request *r, const User *user, const Application *origin, Proof proof, const Resource *resource, Texts scopes,
                       Walk *walk) {
        Walker w = {.r = r, .user = user, .walk = walk};
        Chain chain = {.at = {{origin, proof}}, .n = 1};
        DecideAsk ask = {.action = user ? "authorize" : "direct", .user = user, .chain = &chain, .resource = resource};
        ask.declared = decide_declared(&ask);
        if (!scopes.n)
                scopes = resource_default_scopes(r->arena, resource);
        TRY(scopes_known(r, resource, scopes));
        bool kept;
        TRY(walk_node(&w, &ask, scopes, 0, false, &kept));
        ENSURE(kept, refuse(r, REFUSAL_POLICY, "policy leaves nothing of %.*s for %.*s%s%.*s", TEXT_ARG(resource->slug),
                            TEXT_ARG(origin->slug), walk->left_out.n ? ": " : "", TEXT_ARG(texts_join(r->arena, walk->left_out, "; "))));
        return outcome_good();
}
