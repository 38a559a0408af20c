/* revocations.c - the feed of cuts (delegation.md 6): every confidential application of the zone may follow every cut, from
 * a cursor of its own, with a heartbeat each second. This flow admits; the listener streams. */
#include "core/client.h"
#include "core/engine.h"
#include "core/flows.h"

#define FEED_BEGINNING 3600 /* seconds of cuts that a reader without a cursor is given first */

static Outcome feed_client(Request *r) {
        Client client;
        TRY(need_id(r, 'd', &r->event.id));
        TRY(request_form_check(r));
        TRY(client_authenticate(r, &client));
        ENSURE(!client.is_public, refuse(r, REFUSAL_CLIENT, "a public client cannot follow the feed"));
        return outcome_good();
}

static Outcome feed_position(Request *r) {
        Text after = in_form(r, "after");
        Rows rows;
        int64_t seq = 0;
        if (after.len) {
                Outcome end = text_int(after, &seq);
                ENSURE(outcome_ok(end) && seq >= 0, refuse(r, REFUSAL_MALFORMED, "after is a sequence number of the feed"));
                const Value zone[] = {value_text(r->zone->slug)};
                TRY(need_read(r, READ_cut_range, zone, 1, &rows));
                ENSURE(!rows.n || seq + 1 >= rows_int(&rows, 0, 0), refuse(r, REFUSAL_GONE, "that position is no longer kept; begin without `after`"));
        } else {
                const Value params[] = {value_text(r->zone->slug), value_int(r->now - FEED_BEGINNING)};
                TRY(need_read(r, READ_cuts_since, params, ARRAY_LEN(params), &rows));
                seq = rows.n ? rows_int(&rows, 0, 0) : 0;
        }
        r->answer.kind = ANSWER_FEED;
        r->answer.status = 200;
        r->answer.feed_after = seq;
        return outcome_good();
}

static const Step steps[] = {{"client", feed_client}, {"position", feed_position}, {"record", record_oauth}};
const Flow flow_revocations = {"revocations", steps, ARRAY_LEN(steps)};
