/* engine.h - runs a request's row of steps.
 *
 * A step ends ok (next step), wait (parked until its need is answered, then run again from its top), refused or fault (on
 * to `record`, the last step, which always runs). `record` commits the writes with the event; when the commit refuses,
 * it runs again with the refusal. on_done is called once, with the answer ready, on the request's loop.
 */
#ifndef CARNET_CORE_ENGINE_H
#define CARNET_CORE_ENGINE_H
#include "core/request.h"

/* Arena for one request; NULL without memory. */
Request *request_new(World *world, const Snapshot *snapshot, const Zone *zone, const Flow *flow);
void request_start(Request *r, void (*on_done)(Request *r, void *arg), void *arg);
void request_abandon(Request *r); /* the client left: needs are cancelled, nothing more is done; then request_free */
void request_free(Request *r);

/* The record step that flows share: commits r->batch with the event if event.wanted, turns refusals into OAuth errors
 * (JSON) unless the flow's own record made a page of it. */
Outcome record_oauth(Request *r);
/* Commits batch + event only; the caller shapes the answer. Ends refused when a condition failed. */
MUST_USE Outcome record_commit(Request *r);
#endif
