/* authorization.h - one act of consent: its authority, and what it lets its application ask for (delegation.md 3). */
#ifndef CARNET_CORE_AUTHORIZATION_H
#define CARNET_CORE_AUTHORIZATION_H
#include "core/chain.h"
#include "core/session.h"

/* application -> resource, with scopes: may be walked under the authorization */
typedef struct Edge {
        Text application, resource; /* slugs */
        Texts scopes;
        unsigned classes;
        bool offline;
} Edge;

typedef struct Authority {
        Edge *at;
        size_t n;
} Authority;

/* What the application itself was given at consent. */
typedef struct Granted {
        Text resource; /* slug */
        Texts scopes;
} Granted;

typedef struct Authorization {
        Text id, session, user, application, client_id; /* user "" when an application works for itself */
        Authority authority;                            /* what was read: after authorization_edges() */
        Granted *granted;                               /* what was read: after authorization_grants() */
        size_t n_granted;
        Text document_digest, edges_json, granted_json; /* as read */
        int64_t created, ends;
} Authorization;

MUST_USE Outcome authorization_read(Request *r, Text id, Authorization *out); /* refused CLOSED when unknown or ended */
MUST_USE Outcome authorization_edges(Request *r, Authorization *a);  /* an exchange asks for these, */
MUST_USE Outcome authorization_grants(Request *r, Authorization *a); /* code and refresh for those */
void authorization_write(Request *r, const Authorization *authorization);
const Edge *authority_edge(const Authority *authority, Text application, Text resource);
const Granted *authorization_granted(const Authorization *authorization, Text resource);
Text authority_print(Arena *arena, const Authority *authority);   /* canonical JSON: sorted, so that its digest compares */
Text granted_print(Arena *arena, const Granted *granted, size_t n);

/* Consent: the walk (delegation.md 3, "It is found at consent"). */
#define WALK_MAX 256

typedef struct WalkNode {
        const Application *application; /* who reaches */
        const Resource *resource;       /* what */
        Texts scopes;
        unsigned classes;
        unsigned depth;                 /* 0: the requested resource */
        bool offline;
} WalkNode;                             /* in depth-first order: a tree by depth */

typedef struct Walk {
        WalkNode nodes[WALK_MAX];
        size_t n;
        Authority authority;            /* the union */
        Texts left_out;                 /* "analytics purge: no-delete-in-any-chain" for the page and the event */
} Walk;

/* Walks from `resource` asked by `origin` for `user` (NULL: for the application itself). `scopes` empty: the resource's
 * defaults. Refused: SCOPE (unknown), POLICY (nothing is left), LIMIT (over WALK_MAX). Adds to *walk. */
MUST_USE Outcome authority_walk(Request *r, const User *user, const Application *origin, Proof proof, const Resource *resource,
                                Texts scopes, Walk *walk);
#endif
