/* verify.c - the offline check of a ledger's chains. Opens the file read-only; the server may run meanwhile. */
#include "store/inside.h"
#include <inttypes.h>
#include <stdio.h>

static void say(LedgerVerdict *out, const char *zone, int64_t seq, const char *what) {
        snprintf(out->broken, sizeof out->broken, "zone %s, event %" PRId64 ": %s", zone, seq, what);
}

static Text column_text(sqlite3_stmt *st, int column) {
        return (Text){(const char *)sqlite3_column_text(st, column), (size_t)sqlite3_column_bytes(st, column)};
}

static bool event_holds(sqlite3_stmt *st, Text zone, int64_t base, int64_t expected, uint8_t hash[LEDGER_HASH], LedgerVerdict *out) {
        LedgerEvent event = {.zone = zone, .seq = sqlite3_column_int64(st, 0) - base, .writer = sqlite3_column_int64(st, 1),
                             .at_ms = sqlite3_column_int64(st, 2), .decision = column_text(st, 3), .root = column_text(st, 4),
                             .body = column_text(st, 6)};
        uint8_t found[LEDGER_HASH];
        ledger_event_hash(hash, &event, found);
        bool same = sqlite3_column_bytes(st, 5) == LEDGER_HASH && memcmp(found, sqlite3_column_blob(st, 5), LEDGER_HASH) == 0;
        if (event.seq != expected)
                say(out, zone.at, expected, "is missing");
        else if (!same)
                say(out, zone.at, event.seq, "was altered: its hash does not follow from what it says and the event before");
        memcpy(hash, found, LEDGER_HASH);
        return event.seq == expected && same;
}

static SqliteEnd zone_verify(Sqlite *sqlite, Text zone, int64_t number, LedgerVerdict *out) {
        sqlite3_stmt *st;
        static const char sql[] = "SELECT key, writer, at_ms, decision, root, hash, body FROM event WHERE key > ?1 AND key < ?2 ORDER BY key";
        int code = sqlite3_prepare_v2(sqlite->db, sql, -1, &st, NULL);
        if (code != SQLITE_OK)
                return sqlite_end(code);
        sqlite3_bind_int64(st, 1, number << 40);
        sqlite3_bind_int64(st, 2, (number + 1) << 40);
        uint8_t hash[LEDGER_HASH] = {0};
        int64_t expected = 1;
        while ((code = sqlite3_step(st)) == SQLITE_ROW && event_holds(st, zone, number << 40, expected, hash, out)) {
                expected++;
                out->events++;
        }
        sqlite3_finalize(st);
        return sqlite_end(code);
}

static Outcome zones_verify(Sqlite *sqlite, LedgerVerdict *out) {
        sqlite3_stmt *st;
        ENSURE(sqlite3_prepare_v2(sqlite->db, "SELECT slug, number FROM zone_number ORDER BY number", -1, &st, NULL) == SQLITE_OK,
               outcome_fault("this file is no ledger of ours"));
        SqliteEnd end = SQLITE_END_OK;
        int code;
        while ((code = sqlite3_step(st)) == SQLITE_ROW && end == SQLITE_END_OK && !out->broken[0]) {
                out->zones++;
                end = zone_verify(sqlite, column_text(st, 0), sqlite3_column_int64(st, 1), out);
        }
        sqlite3_finalize(st);
        if (end == SQLITE_END_OK)
                end = sqlite_end(code);
        return end == SQLITE_END_OK ? outcome_good() : outcome_fault("the ledger cannot be read");
}

/* The tail may have been cut off: the head file remembers how far it went. */
static void tail_verify(const char *file, Sqlite *sqlite, LedgerVerdict *out) {
        Events events;
        Outcome end = events_load(&events, sqlite);
        if (outcome_ok(end))
                end = head_check(file, &events, sqlite);
        if (!outcome_ok(end))
                snprintf(out->broken, sizeof out->broken, "%s", end.why);
        events_free(&events);
}

/* One read transaction: the server may go on writing meanwhile. */
Outcome ledger_verify(const char *file, LedgerVerdict *out) {
        *out = (LedgerVerdict){0};
        Sqlite sqlite;
        TRY(sqlite_open_reading(&sqlite, file));
        Outcome end = outcome_fault("the ledger cannot be read");
        if (sqlite_exec(&sqlite, "BEGIN") == SQLITE_END_OK)
                end = zones_verify(&sqlite, out);
        if (outcome_ok(end) && !out->broken[0])
                tail_verify(file, &sqlite, out);
        sqlite_close(&sqlite);
        return end;
}
