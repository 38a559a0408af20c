/* lease_end.c - when a session ends, leases under it are given back upstream, where the provider says that this kills that
 * token alone (`revoke_at_close`). The process asks for it cut by cut (main/sweep.c); it is nobody's request.
 *
 * A lease that could not be given back stays on record and is tried again with the next sweep, until it has expired by itself.
 */
#include "base/url.h"
#include "core/engine.h"
#include "core/flows.h"
#include "modules/credentials/upstream.h"

#define AT_ONCE 16 /* leases a sweep takes; more wait for the next */

typedef struct Lease {
        Text hop, decision, user, sealed;
        const Provider *provider;
} Lease;

static Outcome lease_under(Request *r, Rows *out) {
        const Value params[] = {value_text(r->zone->slug), value_text(in_form(r, "kind")), value_text(in_form(r, "id")), value_int(r->now), value_int(AT_ONCE)};
        return need_read(r, READ_leases_under, params, ARRAY_LEN(params), out);
}

static Outcome give_back(Request *r, const Lease *lease, bool *gone) {
        Text token;
        Fetched fetched;
        Text context = text_print(r->arena, "lease:%.*s:%.*s:%.*s", TEXT_ARG(r->zone->slug), TEXT_ARG(lease->user), TEXT_ARG(lease->hop));
        TRY(need_open(r, context, lease->sealed, &token));
        /* RFC 7009 2.1 */
        Text body = text_print(r->arena, "token=%.*s&token_type_hint=access_token", TEXT_ARG(url_encode(r->arena, token)));
        TRY(upstream_post(r, lease->provider, lease->provider->revocation_endpoint, body, &fetched));
        *gone = fetched.status >= 200 && fetched.status < 300;
        return outcome_good();
}

static Outcome lease_end(Request *r) {
        Rows rows;
        Lease ended[AT_ONCE];
        size_t n = 0;
        TRY(need_id(r, 'd', &r->event.id));
        TRY(lease_under(r, &rows));
        for (size_t i = 0; i < rows.n && i < AT_ONCE; i++) {
                const Resource *resource = zone_resource(r->zone, rows_text(&rows, i, 3));
                const Lease lease = {.hop = rows_text(&rows, i, 0), .decision = rows_text(&rows, i, 1), .user = rows_text(&rows, i, 2),
                                     .sealed = rows_text(&rows, i, 4), .provider = resource ? resource->provider : NULL};
                bool gone = false;
                if (!lease.provider || !lease.provider->revoke_at_close || !lease.provider->revocation_endpoint.len)
                        continue;
                TRY(give_back(r, &lease, &gone));
                if (gone)
                        ended[n++] = lease;
        }
        for (size_t i = 0; i < n; i++)
                request_put(r, WRITE_lease_drop, 0, value_text(r->zone->slug), value_text(ended[i].hop), value_text(ended[i].decision));
        r->event.kind = "lease.end";
        r->event.wanted = n > 0;
        r->event.session = r->event.root = text_is(in_form(r, "kind"), "session") ? in_form(r, "id") : TEXT_NONE;
        r->answer.kind = ANSWER_EMPTY;
        r->answer.status = 204;
        return outcome_good();
}

static const Step steps[] = {{"end", lease_end}, {"record", record_oauth}};
const Flow flow_lease_end = {"lease-end", steps, ARRAY_LEN(steps)};
