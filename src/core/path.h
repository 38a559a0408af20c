/* path.h - onto which recorded path a request stands: three ways, used by the grants.
 *
 * knows        sessions, authorizations, hops, the applications of a zone
 * never knows  how the presented credential was proven
 * errors       refused CLOSED, OFF_PATH, TARGET, POLICY … with a sentence
 */
#ifndef CARNET_CORE_PATH_H
#define CARNET_CORE_PATH_H
#include "core/token.h"

/* Below a token of ours: its hop, its session, its authorization, all from the ledger. The caller is not yet in the chain. */
MUST_USE Outcome path_continue(Request *r, const OwnToken *token, Path *out);
/* Again at the entry of an authorization: code and refresh. The chain is its application alone. */
MUST_USE Outcome path_resume(Request *r, TokenState *t, Text authorization);
/* A begin without a user: joins the application's open root or opens one; the authority is walked when it is new. */
MUST_USE Outcome path_begin_alone(Request *r, TokenState *t);
/* session=new: a child of the path's session; what leaves has the child's sid (delegation.md 2). */
MUST_USE Outcome path_open_child(Request *r, TokenState *t);
#endif
