#include "modules/grants/refresh_family.h"

Outcome refresh_family_next(Request *r, TokenState *t, int64_t generation) {
        Text secret;
        TRY(need_secret(r, &secret));
        request_put(r, WRITE_refresh_add, 0, value_text(r->zone->slug), value_blob(token_hash(r, secret)), value_text(t->path.authorization.id),
                    value_null(), value_null(), value_text(t->client.client_id), value_int(generation), value_int(r->now),
                    value_int(t->path.session.ends));
        t->refresh_token = secret;
        return outcome_good();
}

Outcome refresh_family_end(Request *r, Text authorization, RefusalRow row) {
        const Value params[] = {value_text(r->zone->slug), value_text(TEXT("authorization")), value_text(authorization), value_int(r->now),
                                value_text(TEXT_NONE)};
        request_write_refusal(r, WRITE_cut_add, params, ARRAY_LEN(params));
        r->event.wanted = true;
        r->event.authorization = authorization;
        return refuse(r, row, "it was used before: somebody else may hold a copy, so the whole authorization has ended; sign in again");
}
