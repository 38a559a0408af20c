#include "core/decide.h"

static PolicyPrincipal subject_of(const DecideAsk *ask) {
        if (ask->user)
                return (PolicyPrincipal){POLICY_USER, ask->user->slug};
        return (PolicyPrincipal){POLICY_APPLICATION, chain_origin(ask->chain)->slug};
}

bool decide_declared(const DecideAsk *ask) {
        const Application *caller = chain_caller(ask->chain);
        const Dependency *dependency = application_dependency(caller, ask->resource);
        bool own_anchor = caller->anchor == ask->resource; /* also an owned resource of the same identifier (model.h) */
        if (!ask->user)
                return own_anchor ? caller->direct : ask->via == ask->resource || (dependency && dependency->direct);
        return own_anchor || ask->via == ask->resource || dependency;
}

/* Clients known by their document only are no entities of the published set. */
static Outcome strangers_add(Request *r, const DecideAsk *ask, PolicyRequest *to) {
        PolicyApplication *list = arena_array(r->arena, PolicyApplication, CHAIN_MAX);
        ENSURE(list, outcome_fault("memory"));
        for (size_t i = 0; i < ask->chain->n; i++) {
                const Application *a = ask->chain->at[i].application;
                if (!policy_set_has_application(r->zone->policies, a->slug))
                        list[to->extra_application_count++] = (PolicyApplication){.slug = a->slug, .identifier = a->identifier};
        }
        to->extra_applications = list;
        return outcome_good();
}

static Outcome request_make(Request *r, const DecideAsk *ask, PolicyRequest **out) {
        PolicyRequest *to = arena_new_of(r->arena, PolicyRequest);
        Texts chain = chain_slugs(r->arena, ask->chain);
        ENSURE(to && chain.n == ask->chain->n, outcome_fault("memory"));
        *to = (PolicyRequest){
                .principals = {subject_of(ask), {POLICY_APPLICATION, chain_caller(ask->chain)->slug}}, .principal_count = 2,
                .action = text_of(ask->action), .resource = ask->resource->slug, .session = ask->session,
                .subject = ask->user ? ask->user->slug : TEXT_NONE, .origin = chain_origin(ask->chain)->slug,
                .caller = chain_caller(ask->chain)->slug, .chain = chain.at, .chain_count = chain.n, .chain_length = (int64_t)chain.n,
                .via = ask->via ? ask->via->slug : TEXT_NONE, .scopes = ask->scopes.at, .scope_count = ask->scopes.n,
                .now = r->now_ms, .classes = ask->classes, .proof = ask->chain->at[ask->chain->n - 1].proof,
                .weakest = chain_weakest(ask->chain), .on_behalf = ask->user != NULL, .impersonate = ask->impersonate, .declared = ask->declared,
        };
        if (!to->session.at)
                to->session = TEXT("");
        TRY(strangers_add(r, ask, to));
        *out = to;
        return outcome_good();
}

static Outcome ask_policy(Request *r, const DecideAsk *ask, const PolicyAnswer **out) {
        PolicyRequest *request;
        PolicyAnswer *answer = arena_new_of(r->arena, PolicyAnswer);
        ENSURE(answer && ask->chain->n, outcome_fault("nothing to decide"));
        TRY(request_make(r, ask, &request));
        TRY(need_decide(r, request, answer));
        *out = answer;
        return outcome_good();
}

/* The line of the zone file that would help, when only a declaration is missing. */
static const char *missing_line(const DecideAsk *ask) {
        if (ask->declared)
                return "permit it by a policy of your own, with an @id";
        if (ask->user)
                return "declare it under the application's `depends`";
        return ask->resource->anchor ? "`direct: true` on the application allows its own token"
                                     : "nobody has standing access: `direct: true` on that dependency allows it";
}

static Text refusing_text(Request *r, const DecideAsk *ask, const PolicyAnswer *answer) {
        const PolicyVerdict *v = policy_answer_refusing(answer);
        if (!v)
                return text_print(r->arena, "the request could not be decided: %s", answer->error);
        if (v->failed_count)
                return text_print(r->arena, "policy %.*s (%.*s:%u) could not be evaluated, so it refuses", TEXT_ARG(v->failed[0]->id),
                                  TEXT_ARG(v->failed[0]->file), v->failed[0]->line);
        if (v->policy_count)
                return text_print(r->arena, "policy %.*s (%.*s:%u) forbids it", TEXT_ARG(v->policies[0]->id), TEXT_ARG(v->policies[0]->file),
                                  v->policies[0]->line);
        return text_print(r->arena, "no policy permits it; %s", missing_line(ask));
}

Outcome decide_quietly(Request *r, const DecideAsk *ask, bool *allowed, Text *why) {
        const PolicyAnswer *answer;
        TRY(ask_policy(r, ask, &answer));
        *allowed = answer->allowed;
        *why = answer->allowed ? TEXT_NONE : refusing_text(r, ask, answer);
        return outcome_good();
}

Outcome decide(Request *r, const DecideAsk *ask) {
        const PolicyAnswer *answer;
        TRY(ask_policy(r, ask, &answer));
        r->decision = (Decision){.made = true, .allowed = answer->allowed, .answer = answer};
        if (answer->allowed)
                return outcome_good();
        return refuse(r, REFUSAL_POLICY, "%.*s may not reach %.*s: %.*s - %.*s x %.*s", TEXT_ARG(chain_caller(ask->chain)->slug),
                      TEXT_ARG(ask->resource->slug), TEXT_ARG(refusing_text(r, ask, answer)),
                      TEXT_ARG(chain_line(r->arena, ask->user, ask->chain)), TEXT_ARG(ask->resource->slug));
}
