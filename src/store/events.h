/* events.h - where each zone's chain of events and cuts stands, in the writer's memory.
 *
 * knows        the last sequence and hash of every zone; how an event's hash is made
 * never knows  transactions; it is told of their begin, and goes back when they are undone
 * lifetime     loaded once, at open: there is one writer
 */
#ifndef CARNET_STORE_EVENTS_H
#define CARNET_STORE_EVENTS_H
#include "store/ledger.h"
#include "store/sqlite.h"

typedef struct EventsPlace {
        int64_t seq, at_ms, cut;    /* the last event's and the last cut's */
        uint8_t hash[LEDGER_HASH];
        bool numbered;              /* the zone's number is in the file */
} EventsPlace;

typedef struct EventsZone {
        char *slug;
        size_t len;
        int64_t number;
        EventsPlace now, at_item, at_batch;
        uint64_t item, batch;       /* in which the two copies were taken */
} EventsZone;

typedef struct Events {
        EventsZone *zones;
        size_t n, room;
        uint64_t item, batch;
        bool moved;                 /* since the head file was written */
} Events;

MUST_USE Outcome events_load(Events *events, Sqlite *sqlite);
void events_free(Events *events);
EventsZone *events_zone(Events *events, Text slug);  /* NULL when there is none */

void events_begin_batch(Events *events);
void events_begin_item(Events *events);
void events_undo_item(Events *events);
void events_undo_batch(Events *events);

SqliteEnd events_append(Events *events, Sqlite *sqlite, const Value *params, size_t n, int64_t *seq); /* WRITE_event_append */
SqliteEnd events_cut(Events *events, Sqlite *sqlite, const Value *params, size_t n);                  /* WRITE_cut_add */

/* FILE.head: how far the ledger had come. Written beside it, so an older copy put back is seen. */
MUST_USE Outcome head_check(const char *file, const Events *events, Sqlite *sqlite);
void head_write(const char *file, const Events *events, Sqlite *sqlite);
MUST_USE Outcome head_epoch(const char *file, int64_t *epoch); /* 0 without a head file */
#endif
