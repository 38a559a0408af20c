/* decide.h - the one authorization function (design 3, rule 2): every path that lets something leave asks here. */
#ifndef CARNET_CORE_DECIDE_H
#define CARNET_CORE_DECIDE_H
#include "core/chain.h"

typedef struct DecideAsk {
        const char *action;        /* "authorize", "exchange", "direct", "reveal", "handle", "offline", "impersonate" */
        const User *user;          /* NULL: the application works for itself */
        const Chain *chain;        /* with the caller */
        const Resource *resource;
        const Resource *via;       /* the subject token's aud; NULL at an entry */
        Texts scopes;
        unsigned classes;          /* all that the credential could exercise where it is used */
        Text session;
        bool declared;             /* decide_declared() */
        bool impersonate;
} DecideAsk;

/* Ok when both the subject's and the caller's requests allow; else refused POLICY with the sentence, and r->decision set. */
MUST_USE Outcome decide(Request *r, const DecideAsk *ask);
/* The same question without refusing: for the consent walk. *why: policy id or "no policy permits it". */
MUST_USE Outcome decide_quietly(Request *r, const DecideAsk *ask, bool *allowed, Text *why);
/* The action that says what would leave at this resource below an entry: exchange, direct or reveal. */
const char *decide_action(const User *user, const Resource *resource);
/* delegation.md 5: a dependency exists (without a user: a direct one), or own anchor, or the subject token's own aud */
bool decide_declared(const DecideAsk *ask);
#endif
