/* refresh_token.c - the same authorization again (RFC 6749 6): rotating, bound to its client, decided anew.
 *
 * Reuse kills the family. A twin that lost a race is not a thief: within 10 s of the first use it is refused without that.
 */
#include "core/path.h"
#include "modules/grants/refresh_family.h"

#define TWIN_SECONDS 10

static Outcome refresh_token_open(Request *r, TokenState *t) {
        Text secret = in_form(r, "refresh_token");
        Rows rows;
        r->event.kind = "refresh";
        ENSURE(secret.len, refuse(r, REFUSAL_MALFORMED, "refresh_token is missing"));
        TRY(need_read_t(r, READ_refresh_get, &rows, token_hash(r, secret)));
        ENSURE(rows.n == 1, refuse(r, REFUSAL_REFRESH, "the refresh token is unknown or no longer kept"));
        ENSURE(text_equal(rows_text(&rows, 0, 3), t->client.client_id), refuse(r, REFUSAL_REFRESH, "the refresh token is another client's"));
        const Value *used = rows_at(&rows, 0, 7);
        ENSURE(used->type == VALUE_NULL || r->now - used->i > TWIN_SECONDS,
               refuse(r, REFUSAL_REFRESH, "the refresh token was just used by a request beside this one; use what that one got"));
        if (used->type != VALUE_NULL)
                return refresh_family_end(r, rows_text(&rows, 0, 0), REFUSAL_REFRESH);
        ENSURE(r->now < rows_int(&rows, 0, 6), refuse(r, REFUSAL_REFRESH, "the refresh token has expired; sign in again"));
        t->refresh_generation = rows_int(&rows, 0, 4);
        TRY(path_resume(r, t, rows_text(&rows, 0, 0)));
        request_put(r, WRITE_refresh_use, REFUSAL_REFRESH, value_text(r->zone->slug), value_blob(token_hash(r, secret)), value_int(r->now));
        return outcome_good();
}

static Outcome refresh_token_close(Request *r, TokenState *t) { return refresh_family_next(r, t, t->refresh_generation + 1); }

const Grant grant_refresh_token = {
        .type = "refresh_token", .open_to_public = true, .open = refresh_token_open, .close = refresh_token_close,
};
