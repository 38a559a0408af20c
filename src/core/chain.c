#include "core/chain.h"

Outcome chain_append(Request *r, Chain *chain, const Application *presenter, Proof proof) {
        for (size_t i = 0; i < chain->n; i++) {
                if (!text_equal(chain->at[i].application->slug, presenter->slug))
                        continue;
                if (i + 1 == chain->n)
                        return outcome_good(); /* last already: presenting again for itself */
                return refuse(r, REFUSAL_LOOP, "%.*s stands in the chain already: %.*s", TEXT_ARG(presenter->slug),
                              TEXT_ARG(chain_line(r->arena, NULL, chain)));
        }
        if (chain->n == CHAIN_MAX)
                return refuse(r, REFUSAL_DEPTH, "the chain has %d applications already: %.*s", CHAIN_MAX,
                              TEXT_ARG(chain_line(r->arena, NULL, chain)));
        chain->at[chain->n++] = (Link){presenter, proof};
        return outcome_good();
}

const Application *chain_origin(const Chain *chain) { return chain->n ? chain->at[0].application : NULL; }
const Application *chain_caller(const Chain *chain) { return chain->n ? chain->at[chain->n - 1].application : NULL; }

Proof chain_weakest(const Chain *chain) {
        Proof weakest = PROOF_MTLS;
        for (size_t i = 0; i < chain->n; i++)
                if (chain->at[i].proof < weakest)
                        weakest = chain->at[i].proof;
        return chain->n ? weakest : PROOF_NONE;
}

Texts chain_slugs(Arena *arena, const Chain *chain) {
        Texts list = {.at = arena_array(arena, Text, chain->n ? chain->n : 1)};
        for (size_t i = 0; list.at && i < chain->n; i++)
                list.at[list.n++] = chain->at[i].application->slug;
        return list;
}

/* ASCII: it goes into error_description, which RFC 6749 5.2 keeps to %x20-7E. Terminals and pages draw it nicer. */
Text chain_line(Arena *arena, const User *user, const Chain *chain) {
        Text line = texts_join(arena, chain_slugs(arena, chain), " > ");
        return user ? text_print(arena, "%.*s > %.*s", TEXT_ARG(user->slug), TEXT_ARG(line)) : line;
}

void chain_put_act(JsonOut *out, const Chain *chain, size_t from) {
        for (size_t i = chain->n; i > from; i--) {
                json_open(out, "act", '{');
                json_put_text(out, "sub", chain->at[i - 1].application->identifier);
        }
        for (size_t i = from; i < chain->n; i++)
                json_close(out, '}');
}
