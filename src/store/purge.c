/* purge.c - rows that are over go in small deletes, when the writer is idle. */
#include "store/inside.h"

#define PURGE_ROWS "256"

typedef struct Purge {
        const char *sql;
        int64_t keep; /* seconds past the end: a used code or token that comes back is still recognised */
} Purge;

#define PURGE(table, keys, ends)                                                                                       \
        "DELETE FROM " table " WHERE (" keys ") IN (SELECT " keys " FROM " table " WHERE " ends " < ?1 ORDER BY " ends " LIMIT " PURGE_ROWS ")"

static const Purge purges[] = {
        {PURGE("jti", "zone, client_id, jti", "ends"), 300},
        {PURGE("code", "zone, digest", "ends"), 3600},
        {PURGE("ticket", "zone, digest", "ends"), 3600},
        {PURGE("lease", "zone, hop", "ends"), 3600},
        {PURGE("refresh", "zone, digest", "ends"), 86400},
        {PURGE("browser", "zone, digest", "ends"), 86400},
        {PURGE("document", "zone, url", "fresh_until"), 7 * 86400},
};

/* The wall clock, but no further than the monotonic one has gone since the start: a step forward must not delete a jti
 * that is valid again after the step back. */
static int64_t purge_now(const Ledger *ledger) {
        int64_t steady = ledger->opened_unix + (ledger_now_ms(ledger) - ledger->opened_monotonic) / 1000, wall = ledger_unix(ledger);
        return wall < steady ? wall : steady;
}

static SqliteEnd purge_one(Ledger *ledger, const Purge *purge, int64_t now, bool *again) {
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(ledger->writer.db, purge->sql, -1, &st, NULL) != SQLITE_OK)
                return SQLITE_END_BROKEN;
        sqlite3_bind_int64(st, 1, now - purge->keep);
        SqliteEnd end = sqlite_end(sqlite3_step(st));
        sqlite3_finalize(st);
        *again |= end == SQLITE_END_OK && sqlite3_changes(ledger->writer.db) >= 256;
        return end;
}

SqliteEnd purge_run(Ledger *ledger, bool *again) {
        int64_t now = purge_now(ledger);
        SqliteEnd end = SQLITE_END_OK;
        *again = false;
        for (size_t i = 0; i < ARRAY_LEN(purges) && end == SQLITE_END_OK; i++)
                end = purge_one(ledger, &purges[i], now, again);
        return end;
}
