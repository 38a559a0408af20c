#include "core/history.h"

#define PAGE 200
static const int64_t windows_ms[] = {250, 10000}; /* commit order may differ from the clock's by a batch; rarely by more */

PastEvent history_row(const Rows *rows, size_t i) {
        return (PastEvent){.seq = rows_int(rows, i, 0), .at_ms = rows_int(rows, i, 1), .id = rows_text(rows, i, 2),
                           .root = rows_text(rows, i, 3), .body = rows_text(rows, i, 4), .hash = rows_text(rows, i, 5)};
}

static Outcome event_at(Request *r, int64_t seq, PastEvent *out) {
        Rows rows;
        const Value params[] = {value_text(r->zone->slug), value_int(seq)};
        TRY(need_read(r, READ_event_at, params, ARRAY_LEN(params), &rows));
        *out = rows.n ? history_row(&rows, 0) : (PastEvent){0};
        return outcome_good();
}

Outcome history_seq_at(Request *r, int64_t at_ms, int64_t *seq) {
        Rows range;
        const Value zone[] = {value_text(r->zone->slug)};
        TRY(need_read(r, READ_event_range, zone, 1, &range));
        int64_t low = range.n ? rows_int(&range, 0, 0) : 0, high = range.n ? rows_int(&range, 0, 1) + 1 : 0;
        while (low < high) {
                PastEvent middle;
                int64_t at = low + (high - low) / 2;
                TRY(event_at(r, at, &middle));
                if (!middle.seq || middle.at_ms >= at_ms)
                        high = at;
                else
                        low = middle.seq + 1;
        }
        *seq = low;
        return outcome_good();
}

static int64_t id_ms(Text id) {
        static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
        int64_t ms = 0;
        for (size_t i = 2; i < 12; i++)
                ms = ms << 5 | (int64_t)(strchr(digits, id.at[i]) - digits);
        return ms;
}

static Outcome scan(Request *r, Text id, int64_t from, int64_t until_ms, PastEvent *found) {
        int64_t after = from - 1;
        for (;;) {
                Rows rows;
                const Value params[] = {value_text(r->zone->slug), value_int(after), value_int(PAGE)};
                TRY(need_read(r, READ_events_after, params, ARRAY_LEN(params), &rows));
                for (size_t i = 0; i < rows.n; i++) {
                        PastEvent event = history_row(&rows, i);
                        if (text_equal(event.id, id)) {
                                *found = event;
                                return outcome_good();
                        }
                        if (event.at_ms > until_ms)
                                return outcome_good();
                        after = event.seq;
                }
                if (rows.n < PAGE)
                        return outcome_good();
        }
}

Outcome history_find(Request *r, Text id, PastEvent *found) {
        *found = (PastEvent){0};
        if (!id_ok(id, 0))
                return outcome_good();
        int64_t ms = id_ms(id);
        for (size_t w = 0; w < ARRAY_LEN(windows_ms) && !found->seq; w++) {
                int64_t from;
                TRY(history_seq_at(r, ms - windows_ms[w], &from));
                TRY(scan(r, id, from, ms + windows_ms[w], found));
        }
        return outcome_good();
}
