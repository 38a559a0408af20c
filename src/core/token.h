/* token.h - the token endpoint's state, and what a grant or a kind of credential is.
 *
 * knows        what was asked, on which recorded path, what will leave
 * never knows  header names, SQL, algorithms
 * lifetime     the request's
 */
#ifndef CARNET_CORE_TOKEN_H
#define CARNET_CORE_TOKEN_H
#include "core/authorization.h"
#include "core/client.h"
#include "core/decide.h"

#define TOKEN_ANC_MAX 32

/* The path a request stands on, as the ledger knows it. Every grant fills it; the steps after know no grants. */
typedef struct Path {
        const User *user;             /* NULL: an application works for itself */
        Session session;
        Authorization authorization;
        bool entry;                   /* begins here (code, refresh, client_credentials): asks the original question */
        bool opens_session, opens_authorization; /* written when the request commits */
        Chain chain;                  /* with the caller */
        Text parent_hop;              /* of the presented token; "" at an entry */
        const Resource *via;          /* the presented token's aud */
        Texts via_scopes;             /* and its scopes */
        Text parent_jti;
        int64_t parent_ends;          /* 0 at an entry */
        Texts anc;                    /* ids that what leaves dies with, besides its own hop */
        int64_t snapshot;             /* zone version that allowed the parent hop */
        Text chain_before;            /* evidence column of the parent hop */
} Path;

typedef struct TokenState TokenState;

typedef struct Grant {
        const char *type;             /* grant_type */
        bool open_to_public;          /* public clients may use it */
        Outcome (*open)(Request *r, TokenState *t);   /* reads what was presented: fills t->path */
        Outcome (*close)(Request *r, TokenState *t);  /* NULL, or: adds writes and a refresh token before the commit */
} Grant;

struct TokenState {
        const Grant *grant;
        Client client;
        /* asked */
        const Resource *asked;        /* NULL: none named */
        bool named_target, named_scopes, new_session;
        Texts scopes_asked;
        Text requested_type;
        Path path;
        /* will leave */
        const Resource *target;
        Texts scopes;
        unsigned classes;
        const char *action;
        bool declared;
        Text hop;                     /* id of the hop walked */
        bool hop_new;
        int64_t ends;
        Text access_token, issued_type, token_type, refresh_token;
        int64_t refresh_generation;   /* of the refresh token that was presented */
        const char *credential;       /* for the event: "zone-jwt", "federated-jwt", "lease" */
};

/* What leaves (modules/credentials): fills access_token, issued_type, credential, and may lower t->ends. */
typedef struct Credential {
        ProviderType provider;
        Outcome (*issue)(Request *r, TokenState *t);
} Credential;

static inline TokenState *token_state(Request *r) { return r->state; }

/* Shared by grants and by introspection, revocation and reports: a token of ours, its signature checked and its claims
 * read. Refused SUBJECT_MALFORMED unless it is an at+jwt signed by this zone with all our claims. Expiry and cuts are
 * asked by the caller. */
typedef struct OwnToken {
        Text iss, jti, sub, client_id, aud, sid, hop, scope, authorization;
        Texts scopes, anc;
        int64_t issued, ends;
        Text act; /* JSON; "" without one */
} OwnToken;
MUST_USE Outcome token_read_own(Request *r, Text token, OwnToken *out);

/* JSON claims that every JWT of ours shares; the caller adds the rest before json_close(). */
void token_put_claims(JsonOut *out, const Request *r, const TokenState *t, Text audience);
/* Everything this token dies with: anc, its own hop. */
Outcome token_ancestry(Request *r, const TokenState *t, Texts *out);
/* Parties whose cut ends this path: "user:…", "application:…" of the chain, "resource:…". */
Texts token_parties(Request *r, const Path *path, const Resource *target);
/* SHA-256 of a secret we handed out (code, refresh token): what the ledger knows it by. */
Text token_hash(Request *r, Text secret);
#endif
