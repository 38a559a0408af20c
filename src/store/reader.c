/* reader.c - reads, on a connection of the caller's thread. */
#include "store/inside.h"
#include "store/statements.h"
#include <stdlib.h>

#define SCAN_MAX 200000        /* events that one events_of_session() looks at: some 50 ms at the worst */
#define DISORDER_MS 60000      /* events stand in commit order; their times may disagree by a request's length */

struct LedgerReader {
        Sqlite *sqlite, own;
        Memo *memo; /* NULL: the connection is the writer's, which sees what is not committed yet */
};

Outcome ledger_reader(Ledger *ledger, LedgerReader **out) {
        LedgerReader *reader = calloc(1, sizeof *reader);
        ENSURE(reader, outcome_fault("memory"));
        if (ledger->memory) {
                reader->sqlite = &ledger->writer;
        } else {
                reader->sqlite = &reader->own;
                Outcome end = sqlite_open_reading(&reader->own, ledger->file);
                if (!outcome_ok(end)) {
                        free(reader);
                        return end;
                }
                reader->memo = memo_new(ledger);
        }
        *out = reader;
        return outcome_good();
}

void ledger_reader_close(LedgerReader *reader) {
        if (reader && reader->sqlite == &reader->own)
                sqlite_close(&reader->own);
        if (reader)
                memo_free(reader->memo);
        free(reader);
}

static Outcome read_now(LedgerReader *reader, Statement s, Arena *arena, Rows *rows, size_t n, const Value *params) {
        return sqlite_read(reader->sqlite, s, params, n, NULL, 0, arena, rows);
}

/* First sequence whose event is not before `ms`, by halving: a zone's sequence has no gap. */
static Outcome seq_of_time(LedgerReader *reader, Text zone, int64_t ms, int64_t *out) {
        Arena *arena = arena_new(16 << 20);
        ENSURE(arena, outcome_fault("memory"));
        Rows rows;
        Outcome end = read_now(reader, READ_event_range, arena, &rows, 1, (Value[]){value_text(zone)});
        int64_t low = outcome_ok(end) ? rows_int(&rows, 0, 0) : 0, high = outcome_ok(end) ? rows_int(&rows, 0, 1) + 1 : 0;
        while (outcome_ok(end) && low < high) {
                int64_t middle = low + (high - low) / 2;
                end = read_now(reader, READ_event_at, arena, &rows, 2, (Value[]){value_text(zone), value_int(middle)});
                if (outcome_ok(end) && rows.n && rows_int(&rows, 0, 1) < ms)
                        low = middle + 1;
                else
                        high = middle;
        }
        arena_free(arena);
        *out = low;
        return end;
}

/* An index on the session would be a random key in every request's commit (four times its cost); instead the scan begins
 * where the session was opened and looks at SCAN_MAX events. */
static Outcome events_of_session(LedgerReader *reader, const Value *params, size_t n, Arena *arena, Rows *out) {
        Rows session;
        TRY(read_now(reader, READ_session_get, arena, &session, 2, params));
        int64_t low = 0;
        if (session.n)
                TRY(seq_of_time(reader, params[0].t, rows_int(&session, 0, 8) * 1000 - DISORDER_MS, &low));
        if (params[2].i + 1 > low)
                low = params[2].i + 1;
        const Value extra[] = {value_int(low), value_int(low + SCAN_MAX)};
        return sqlite_read(reader->sqlite, READ_events_of_session, params, n, extra, ARRAY_LEN(extra), arena, out);
}

Outcome ledger_read(LedgerReader *reader, Statement statement, const Value *params, size_t n, Arena *arena, Rows *out) {
        *out = (Rows){0};
        ENSURE(sqlite_fits(statement, params, n) && statement_types[statement].columns,
               outcome_fault("a read does not fit its statement's parameters"));
        if (statement == READ_events_of_session)
                return events_of_session(reader, params, n, arena, out);
        unsigned groups = reader->memo ? memo_groups(statement) : 0;
        uint64_t stamp = groups ? memo_stamp(reader->memo, groups) : 0;
        if (groups && memo_find(reader->memo, statement, stamp, params, n, arena, out))
                return outcome_good();
        TRY(read_now(reader, statement, arena, out, n, params));
        if (groups)
                memo_keep(reader->memo, statement, stamp, params, n, out);
        return outcome_good();
}
