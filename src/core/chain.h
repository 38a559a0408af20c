/* chain.h - who acts for whom: the applications from the origin to the caller, each with the evidence that proved it.
 *
 * Append-only, read from recorded hops, never from a token's `act` or any claim of a client (delegation.md 2).
 */
#ifndef CARNET_CORE_CHAIN_H
#define CARNET_CORE_CHAIN_H
#include "core/request.h"

#define CHAIN_MAX 8 /* delegation.md 2: depth */

typedef struct Link {
        const Application *application; /* on the zone's or the request's arena */
        Proof proof;
} Link;

typedef struct Chain {
        Link at[CHAIN_MAX];
        size_t n;
} Chain;

/* Appends the presenter unless it is last already. Refused: LOOP when it stands elsewhere, DEPTH when full. */
MUST_USE Outcome chain_append(Request *r, Chain *chain, const Application *presenter, Proof proof);
const Application *chain_origin(const Chain *chain);
const Application *chain_caller(const Chain *chain);
Proof chain_weakest(const Chain *chain);
Texts chain_slugs(Arena *arena, const Chain *chain);
Text chain_line(Arena *arena, const User *user, const Chain *chain); /* "sara ▸ cowork ▸ churn" */
/* "act" member (RFC 8693 4.1): outermost is the holder, inside it who came before, down to the link `from` (1 where the
 * first application is itself the subject). Nothing when no link is left. */
void chain_put_act(JsonOut *out, const Chain *chain, size_t from);
#endif
