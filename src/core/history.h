/* history.h - finds an event again by its decision id, without an index: ids carry their time, events are in commit order. */
#ifndef CARNET_CORE_HISTORY_H
#define CARNET_CORE_HISTORY_H
#include "core/request.h"

typedef struct PastEvent {
        int64_t seq, at_ms;
        Text id, root, body, hash;
} PastEvent;

/* found->seq 0: there is none (any more). A search costs about 20 reads. */
MUST_USE Outcome history_find(Request *r, Text id, PastEvent *found);
/* Smallest seq whose event is of this time or later; newest + 1 when none is. */
MUST_USE Outcome history_seq_at(Request *r, int64_t at_ms, int64_t *seq);
PastEvent history_row(const Rows *rows, size_t i); /* of event_at and events_after */
#endif
