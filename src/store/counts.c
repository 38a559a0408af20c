#include "store/counts.h"
#include <stdio.h>

static void cut_text(char out[COUNTS_TEXT], Text t) { snprintf(out, COUNTS_TEXT, "%.*s", TEXT_ARG(t)); }

static Count *count_same(Counts *counts, const Count *like, size_t room) {
        for (size_t i = 0; i < counts->n; i++) {
                Count *c = &counts->at[i];
                if (c->second == like->second && !strcmp(c->zone, like->zone) && !strcmp(c->reason, like->reason) && !strcmp(c->source, like->source))
                        return c;
        }
        if (counts->n >= room)
                return NULL;
        Count *fresh = &counts->at[counts->n++];
        *fresh = *like;
        fresh->n = 0;
        return fresh;
}

void counts_add(Counts *counts, const Value *params) {
        Count like = {.second = params[3].i};
        cut_text(like.zone, params[0].t);
        cut_text(like.reason, params[1].t);
        cut_text(like.source, params[2].t);
        Count *c = count_same(counts, &like, COUNTS_MAX);
        if (!c) {
                snprintf(like.source, sizeof like.source, "*");
                c = count_same(counts, &like, ARRAY_LEN(counts->at));
        }
        if (!c)
                c = &counts->at[ARRAY_LEN(counts->at) - 1]; /* some reason of this second: the sum stays right */
        c->n += params[4].i;
}

SqliteEnd counts_flush(Counts *counts, Sqlite *sqlite) {
        SqliteEnd end = SQLITE_END_OK;
        for (size_t i = 0; i < counts->n && end == SQLITE_END_OK; i++) {
                const Count *c = &counts->at[i];
                const Value params[] = {value_text(text_of(c->zone)), value_text(text_of(c->reason)), value_text(text_of(c->source)),
                                        value_int(c->second), value_int(c->n)};
                end = sqlite_write(sqlite, WRITE_count_add, params, ARRAY_LEN(params), NULL, 0);
        }
        return end;
}

void counts_clear(Counts *counts) { counts->n = 0; }
