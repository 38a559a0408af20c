#include "store/inside.h"
#include "store/statements.h"
#include <stdlib.h>

static bool has_bytes(const Value *v) { return v->type == VALUE_TEXT || v->type == VALUE_BLOB; }

static size_t params_of(const Batch *batch) {
        size_t n = 0;
        for (size_t i = 0; i < batch->n; i++)
                n += batch->writes[i].n;
        return n;
}

static size_t bytes_of(const Batch *batch) {
        size_t n = 0;
        for (size_t i = 0; i < batch->n; i++)
                for (size_t p = 0; p < batch->writes[i].n; p++)
                        n += has_bytes(&batch->writes[i].params[p]) ? batch->writes[i].params[p].t.len : 0;
        return n;
}

static Outcome batch_fits(const Batch *batch) {
        ENSURE(!batch->overflow && batch->n <= BATCH_MAX, outcome_fault("more writes than a transaction takes"));
        for (size_t i = 0; i < batch->n; i++) {
                const Write *w = &batch->writes[i];
                ENSURE(sqlite_fits(w->statement, w->params, w->n) && !statement_types[w->statement].columns,
                       outcome_fault("a write does not fit its statement's parameters"));
        }
        return outcome_good();
}

static void copy_writes(Item *item, const Batch *batch, Value *params, char *bytes) {
        item->n = batch->n;
        for (size_t i = 0; i < batch->n; i++) {
                const Write *from = &batch->writes[i];
                item->writes[i] = (Write){.statement = from->statement, .params = params, .n = from->n, .refusal = from->refusal};
                for (size_t p = 0; p < from->n; p++, params++) {
                        *params = from->params[p];
                        if (!has_bytes(params) || !params->t.len)
                                continue;
                        params->t.at = memcpy(bytes, from->params[p].t.at, params->t.len);
                        bytes += params->t.len;
                }
        }
}

/* The request may end, with its arena, while the writer still works: so everything is copied. */
Outcome item_new(Ledger *ledger, const LedgerAsk *ask, Item **out) {
        TRY(batch_fits(ask->batch));
        ENSURE(ask->loop < ledger->n_loops || (ask->loop == 0 && ledger->n_loops == 0), outcome_fault("a loop that the ledger does not know"));
        size_t acks = ask->barrier ? ledger->n_loops : 0, params = params_of(ask->batch);
        Item *item = calloc(1, sizeof *item + ask->batch->n * sizeof(Write) + acks * sizeof(ItemAck) + params * sizeof(Value) + bytes_of(ask->batch));
        ENSURE(item, outcome_fault("memory"));
        item->ledger = ledger;
        item->ask = *ask;
        item->ask.batch = NULL;
        item->home = ledger->n_loops ? ledger->loops[ask->loop] : (LedgerLoop){0};
        atomic_init(&item->missing, (unsigned)acks);
        item->writes = (Write *)(item + 1);
        item->acks = (ItemAck *)(item->writes + ask->batch->n);
        for (size_t i = 0; i < acks; i++)
                item->acks[i].item = item;
        Value *values = (Value *)(item->acks + acks);
        copy_writes(item, ask->batch, values, (char *)(values + params));
        *out = item;
        return outcome_good();
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static void answer_list(void *arg) {
        for (Item *item = arg, *next; item; item = next) {
                next = item->next;
                item->ask.done(item->ask.arg, item->ask.tag, &item->commit);
                atomic_fetch_sub(&item->ledger->pending, 1);
                free(item);
        }
}

static void answer_one(Item *item) {
        item->next = NULL;
        if (item->home.post)
                item->home.post(item->home.ctx, answer_list, item);
        else
                answer_list(item);
}

/* Runs on each loop after the answers that were posted to it before; the last to come lets the barrier's answer go. */
static void acknowledge(void *arg) {
        Item *item = ((ItemAck *)arg)->item;
        if (atomic_fetch_sub(&item->missing, 1) == 1)
                answer_one(item);
}

/* Moves the answers of one loop, in order, out of the list. */
static Item *pick(Item **items, unsigned loop) {
        Item *picked = NULL, **end = &picked;
        while (*items) {
                Item *item = *items;
                if (item->ask.barrier || item->ask.loop != loop) {
                        items = &item->next;
                        continue;
                }
                *items = item->next;
                item->next = NULL;
                *end = item;
                end = &item->next;
        }
        return picked;
}

/* Without the barrier an exchange answered by one loop could leave after the answer of another that closed its session:
 * measured, two tries of five. */
void items_deliver(Ledger *ledger, Item *items) {
        if (!ledger->n_loops) {
                answer_list(items);
                return;
        }
        for (unsigned i = 0; i < ledger->n_loops; i++) {
                Item *mine = pick(&items, i);
                if (mine)
                        ledger->loops[i].post(ledger->loops[i].ctx, answer_list, mine);
        }
        for (Item *item = items, *next; item; item = next) {
                next = item->next; /* the last acknowledgement frees the item */
                ItemAck *acks = item->acks;
                for (unsigned i = 0; i < ledger->n_loops; i++)
                        ledger->loops[i].post(ledger->loops[i].ctx, acknowledge, &acks[i]);
        }
}
