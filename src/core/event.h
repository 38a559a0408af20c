/* event.h - what is remembered of one request: the JSON body of its event (shape: docs/reference/events.md). */
#ifndef CARNET_CORE_EVENT_H
#define CARNET_CORE_EVENT_H
#include "core/chain.h"

void event_chain(Request *r, const User *user, const Chain *chain, const Resource *resource); /* names of the draft */
Text event_print(Request *r);      /* of r->event, r->decision and r->ended */
void event_put_policies(JsonOut *out, const PolicyAnswer *answer); /* "policies":[{for, id, file, line, effect}] */
#endif
