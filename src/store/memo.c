/* memo.c - the last answers of the reads that every request makes, each good until a commit that could change it.
 *
 * The writer counts a group's version on after its commit and before anybody hears of it; an answer is kept with the
 * versions from before it was read. So an answer that is given again is one that the ledger could have given at that
 * moment: what decides (single use, "no cut applies") is in the commit's own conditions, as ever. One memo a reader. */
#include "store/memo.h"
#include "store/inside.h"
#include <stdlib.h>

#define SLOTS 2048
#define SLOT_BYTES 4096 /* longer answers are not kept */

static const struct {
        Statement statement;
        unsigned groups;
} kept[] = {
        {READ_secret_get, MEMO_SECRET},
        {READ_session_get, MEMO_SESSION},
        {READ_session_open_root, MEMO_SESSION | MEMO_CUT},
        {READ_authorization_get, MEMO_AUTHORIZATION},
        {READ_hop_get, MEMO_HOP},
        {READ_cuts_among, MEMO_CUT},
}, changing[] = {
        {WRITE_secret_set, MEMO_SECRET},
        {WRITE_session_add, MEMO_SESSION},
        {WRITE_session_use, MEMO_SESSION},
        {WRITE_session_stay, MEMO_SESSION},
        {WRITE_authorization_add, MEMO_AUTHORIZATION},
        {WRITE_hop_add, MEMO_HOP},
        {WRITE_cut_add, MEMO_CUT},
};

/* One allocation: parameters, cells and their bytes stand behind it. */
typedef struct Slot {
        Statement statement;
        uint64_t stamp;
        size_t n, bytes; /* parameters; bytes of the answer's cells */
        Rows rows;
        Value values[];
} Slot;

struct Memo {
        Ledger *ledger;
        Slot *slots[SLOTS];
};

Memo *memo_new(Ledger *ledger) {
        Memo *memo = calloc(1, sizeof *memo);
        if (memo)
                memo->ledger = ledger;
        return memo;
}

void memo_free(Memo *memo) {
        for (size_t i = 0; memo && i < SLOTS; i++)
                free(memo->slots[i]);
        free(memo);
}

/* --- versions ------------------------------------------------------------------------------------------------- */

unsigned memo_changed(Statement statement) {
        for (size_t i = 0; i < ARRAY_LEN(changing); i++)
                if (changing[i].statement == statement)
                        return changing[i].groups;
        return 0;
}

void memo_written(Ledger *ledger, const Write *writes, size_t n) {
        unsigned groups = 0;
        for (size_t i = 0; i < n; i++)
                groups |= memo_changed(writes[i].statement);
        for (unsigned g = 0; groups >> g; g++)
                if (groups >> g & 1)
                        atomic_fetch_add(&ledger->versions[g], 1);
}

unsigned memo_groups(Statement statement) {
        for (size_t i = 0; i < ARRAY_LEN(kept); i++)
                if (kept[i].statement == statement)
                        return kept[i].groups;
        return 0;
}

/* Versions only grow, so equal sums are equal versions. */
uint64_t memo_stamp(const Memo *memo, unsigned groups) {
        uint64_t stamp = 0;
        for (unsigned g = 0; groups >> g; g++)
                if (groups >> g & 1)
                        stamp += atomic_load(&memo->ledger->versions[g]);
        return stamp;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static size_t bytes_of(const Value *values, size_t n) {
        size_t bytes = 0;
        for (size_t i = 0; i < n; i++)
                bytes += values[i].t.len + (values[i].t.at ? 1 : 0);
        return bytes;
}

static char *values_copy(Value *to, const Value *from, size_t n, char *bytes) {
        for (size_t i = 0; i < n; i++) {
                to[i] = from[i];
                if (!from[i].t.at)
                        continue;
                memcpy(bytes, from[i].t.at, from[i].t.len);
                bytes[from[i].t.len] = 0;
                to[i].t.at = bytes;
                bytes += from[i].t.len + 1;
        }
        return bytes;
}

static Slot **slot_of(Memo *memo, Statement statement, const Value *params, size_t n) {
        uint64_t hash = (uint64_t)statement;
        for (size_t i = 0; i < n; i++)
                hash = text_hash(params[i].t, hash + (uint64_t)params[i].i);
        return &memo->slots[hash % SLOTS];
}

static bool same_ask(const Slot *slot, Statement statement, const Value *params, size_t n) {
        if (!slot || slot->statement != statement || slot->n != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (slot->values[i].type != params[i].type || slot->values[i].i != params[i].i || !text_equal(slot->values[i].t, params[i].t))
                        return false;
        return true;
}

bool memo_find(Memo *memo, Statement statement, uint64_t stamp, const Value *params, size_t n, Arena *arena, Rows *out) {
        const Slot *slot = *slot_of(memo, statement, params, n);
        if (!same_ask(slot, statement, params, n) || slot->stamp != stamp)
                return false;
        size_t cells = slot->rows.n * slot->rows.columns;
        Value *copy = arena_take(arena, cells * sizeof *copy + slot->bytes);
        if (!copy)
                return false;
        values_copy(copy, slot->rows.cells, cells, (char *)(copy + cells));
        *out = (Rows){slot->rows.n, slot->rows.columns, copy};
        return true;
}

void memo_keep(Memo *memo, Statement statement, uint64_t stamp, const Value *params, size_t n, const Rows *rows) {
        size_t cells = rows->n * rows->columns, bytes = bytes_of(rows->cells, cells), more = bytes_of(params, n);
        size_t size = sizeof(Slot) + (n + cells) * sizeof(Value) + bytes + more;
        if (size > SLOT_BYTES)
                return;
        Slot **at = slot_of(memo, statement, params, n), *slot = malloc(size);
        if (!slot)
                return;
        *slot = (Slot){.statement = statement, .stamp = stamp, .n = n, .bytes = bytes, .rows = {rows->n, rows->columns, slot->values + n}};
        char *rest = values_copy(slot->rows.cells, rows->cells, cells, (char *)(slot->values + n + cells));
        values_copy(slot->values, params, n, rest);
        free(*at);
        *at = slot;
}
