#include "store/events.h"
#include <sodium.h>
#include <stdlib.h>

#define KEY_SHIFT 40

/* --- the hash ------------------------------------------------------------------------------------------------- */

static void hash_u64(crypto_hash_sha256_state *state, uint64_t n) {
        uint8_t bytes[8];
        for (int i = 0; i < 8; i++)
                bytes[i] = (uint8_t)(n >> (56 - 8 * i));
        crypto_hash_sha256_update(state, bytes, sizeof bytes);
}

static void hash_text(crypto_hash_sha256_state *state, Text t) {
        hash_u64(state, t.len);
        if (t.len)
                crypto_hash_sha256_update(state, (const uint8_t *)t.at, t.len);
}

static void hash_int(crypto_hash_sha256_state *state, int64_t n) {
        hash_u64(state, 8);
        hash_u64(state, (uint64_t)n);
}

/* Incremental, because a body may be long and the writer should not copy it. */
void ledger_event_hash(const uint8_t before[LEDGER_HASH], const LedgerEvent *event, uint8_t out[LEDGER_HASH]) {
        crypto_hash_sha256_state state;
        crypto_hash_sha256_init(&state);
        crypto_hash_sha256_update(&state, before, LEDGER_HASH);
        hash_text(&state, event->zone);
        hash_int(&state, event->writer);
        hash_int(&state, event->seq);
        hash_int(&state, event->at_ms);
        hash_text(&state, event->decision);
        hash_text(&state, event->root);
        hash_text(&state, event->body);
        crypto_hash_sha256_final(&state, out);
}

/* --- where the zones stand ------------------------------------------------------------------------------------ */

EventsZone *events_zone(Events *events, Text slug) {
        for (size_t i = 0; i < events->n; i++)
                if (text_equal((Text){events->zones[i].slug, events->zones[i].len}, slug))
                        return &events->zones[i];
        return NULL;
}

static EventsZone *zone_add(Events *events, Text slug, int64_t number) {
        if (events->n == events->room) {
                size_t room = events->room ? events->room * 2 : 8;
                EventsZone *zones = realloc(events->zones, room * sizeof *zones);
                if (!zones)
                        return NULL;
                events->zones = zones;
                events->room = room;
        }
        EventsZone *zone = &events->zones[events->n];
        *zone = (EventsZone){.slug = malloc(slug.len + 1), .len = slug.len, .number = number};
        if (!zone->slug)
                return NULL;
        if (slug.len)
                memcpy(zone->slug, slug.at, slug.len);
        zone->slug[slug.len] = 0;
        events->n++;
        return zone;
}

static EventsZone *zone_take(Events *events, Text slug) {
        EventsZone *zone = events_zone(events, slug);
        if (zone)
                return zone;
        int64_t number = 0;
        for (size_t i = 0; i < events->n; i++)
                number = events->zones[i].number >= number ? events->zones[i].number + 1 : number;
        return number < 1 << 22 ? zone_add(events, slug, number) : NULL;
}

static void load_last_event(EventsZone *zone, Sqlite *sqlite) {
        sqlite3_stmt *st;
        static const char sql[] = "SELECT key, at_ms, hash FROM event WHERE key > ?1 AND key < ?2 ORDER BY key DESC LIMIT 1";
        if (sqlite3_prepare_v2(sqlite->db, sql, -1, &st, NULL) != SQLITE_OK)
                return;
        sqlite3_bind_int64(st, 1, zone->number << KEY_SHIFT);
        sqlite3_bind_int64(st, 2, (zone->number + 1) << KEY_SHIFT);
        if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 2) == LEDGER_HASH) {
                zone->now.seq = sqlite3_column_int64(st, 0) - (zone->number << KEY_SHIFT);
                zone->now.at_ms = sqlite3_column_int64(st, 1);
                memcpy(zone->now.hash, sqlite3_column_blob(st, 2), LEDGER_HASH);
        }
        sqlite3_finalize(st);
}

static void load_last_cut(EventsZone *zone, Sqlite *sqlite) {
        char sql[128];
        sqlite3_snprintf(sizeof sql, sql, "SELECT max(key) FROM cut WHERE key > %lld AND key < %lld", (long long)(zone->number << KEY_SHIFT),
                         (long long)((zone->number + 1) << KEY_SHIFT));
        int64_t key = sqlite_one(sqlite, sql, 0);
        zone->now.cut = key ? key - (zone->number << KEY_SHIFT) : 0;
}

Outcome events_load(Events *events, Sqlite *sqlite) {
        *events = (Events){.item = 1, .batch = 1, .moved = true};
        sqlite3_stmt *st;
        ENSURE(sqlite3_prepare_v2(sqlite->db, "SELECT slug, number FROM zone_number", -1, &st, NULL) == SQLITE_OK,
               outcome_fault("the ledger's zones cannot be read"));
        bool memory = true;
        while (memory && sqlite3_step(st) == SQLITE_ROW) {
                Text slug = {(const char *)sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
                EventsZone *zone = zone_add(events, slug, sqlite3_column_int64(st, 1));
                memory = zone != NULL;
                if (!zone)
                        break;
                zone->now.numbered = true;
                load_last_event(zone, sqlite);
                load_last_cut(zone, sqlite);
        }
        SqliteEnd end = sqlite_end(sqlite3_finalize(st));
        return memory && end == SQLITE_END_OK ? outcome_good() : outcome_fault("the ledger's zones cannot be read");
}

void events_free(Events *events) {
        for (size_t i = 0; i < events->n; i++)
                free(events->zones[i].slug);
        free(events->zones);
        *events = (Events){0};
}

/* --- undoing -------------------------------------------------------------------------------------------------- */

void events_begin_batch(Events *events) { events->batch++; }
void events_begin_item(Events *events) { events->item++; }

/* Copies are taken when an item first touches a zone: most items touch one. */
static void zone_touch(Events *events, EventsZone *zone) {
        if (zone->batch != events->batch)
                zone->at_batch = zone->now;
        if (zone->item != events->item)
                zone->at_item = zone->now;
        zone->batch = events->batch;
        zone->item = events->item;
        events->moved = true;
}

void events_undo_item(Events *events) {
        for (size_t i = 0; i < events->n; i++)
                if (events->zones[i].item == events->item)
                        events->zones[i].now = events->zones[i].at_item;
}

void events_undo_batch(Events *events) {
        for (size_t i = 0; i < events->n; i++)
                if (events->zones[i].batch == events->batch)
                        events->zones[i].now = events->zones[i].at_batch;
}

/* --- writes --------------------------------------------------------------------------------------------------- */

static SqliteEnd zone_number_write(EventsZone *zone, Sqlite *sqlite) {
        if (zone->now.numbered)
                return SQLITE_END_OK;
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(sqlite->db, "INSERT INTO zone_number (slug, number) VALUES (?1, ?2)", -1, &st, NULL) != SQLITE_OK)
                return SQLITE_END_BROKEN;
        sqlite3_bind_text(st, 1, zone->slug, (int)zone->len, SQLITE_STATIC);
        sqlite3_bind_int64(st, 2, zone->number);
        SqliteEnd end = sqlite_end(sqlite3_step(st));
        sqlite3_finalize(st);
        zone->now.numbered = end == SQLITE_END_OK;
        return end;
}

SqliteEnd events_append(Events *events, Sqlite *sqlite, const Value *params, size_t n, int64_t *seq) {
        EventsZone *zone = zone_take(events, params[0].t);
        if (!zone)
                return SQLITE_END_FULL;
        zone_touch(events, zone);
        SqliteEnd end = zone_number_write(zone, sqlite);
        if (end != SQLITE_END_OK)
                return end;
        LedgerEvent event = {.zone = params[0].t, .at_ms = params[1].i, .decision = params[2].t, .root = params[3].t,
                             .body = params[4].t, .seq = zone->now.seq + 1};
        uint8_t hash[LEDGER_HASH];
        ledger_event_hash(zone->now.hash, &event, hash);
        const Value extra[] = {value_int((zone->number << KEY_SHIFT) + event.seq), value_blob(((Text){(char *)hash, sizeof hash}))};
        end = sqlite_write(sqlite, WRITE_event_append, params, n, extra, ARRAY_LEN(extra));
        if (end != SQLITE_END_OK)
                return end;
        *seq = zone->now.seq = event.seq;
        zone->now.at_ms = event.at_ms > zone->now.at_ms ? event.at_ms : zone->now.at_ms;
        memcpy(zone->now.hash, hash, sizeof hash);
        return SQLITE_END_OK;
}

/* A cut must be later than everything that it cuts: after a clock that went back, the newest event's time stands. */
SqliteEnd events_cut(Events *events, Sqlite *sqlite, const Value *params, size_t n) {
        EventsZone *zone = zone_take(events, params[0].t);
        if (!zone)
                return SQLITE_END_FULL;
        zone_touch(events, zone);
        SqliteEnd end = zone_number_write(zone, sqlite);
        if (end != SQLITE_END_OK)
                return end;
        Value cut[8];
        memcpy(cut, params, n * sizeof *params);
        cut[3].i = params[3].i > zone->now.at_ms / 1000 ? params[3].i : zone->now.at_ms / 1000;
        Value key = value_int((zone->number << KEY_SHIFT) + zone->now.cut + 1);
        end = sqlite_write(sqlite, WRITE_cut_add, cut, n, &key, 1);
        if (end == SQLITE_END_OK && sqlite3_changes(sqlite->db) > 0)
                zone->now.cut++;
        return end;
}
