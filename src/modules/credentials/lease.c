/* lease.c - what leaves for an upstream OAuth service: its own access token, leased to one hop.
 *
 * The user's refresh token is a source, never a permission: policy has decided before this runs. A lease belongs to its hop
 * and session and is never handed to another (delegation.md 2). One refresher at a time per connection: the lock is held
 * until the request ends, and the new refresh token is kept before anything else happens, because many upstreams end
 * the whole family when an old one is used again.
 */
#include "core/token.h"
#include "base/url.h"
#include "modules/credentials/upstream.h"

#define LEASE_FRESH 30 /* seconds of life below which a kept lease is not handed out again */
#define TICKET_SECONDS 600

typedef struct Connection {
        Text id, status;
        Text refresh; /* opened */
        int64_t generation;
} Connection;

static Text lock_name(Request *r, const TokenState *t) {
        return text_print(r->arena, "{\"key\":\"grant:%.*s:%.*s:%.*s\"}", TEXT_ARG(r->zone->slug), TEXT_ARG(t->path.user->slug),
                          TEXT_ARG(t->target->provider->slug));
}

static Text seal_context(Request *r, const TokenState *t, const char *kind, Text name) {
        return text_print(r->arena, "%s:%.*s:%.*s:%.*s", kind, TEXT_ARG(r->zone->slug), TEXT_ARG(t->path.user->slug), TEXT_ARG(name));
}

/* Needs re-authorization: a link that only the session's user, signed in, can complete. */
static Outcome refuse_connection(Request *r, const TokenState *t, const char *why) {
        Text secret;
        TRY(need_secret(r, &secret));
        const Provider *provider = t->target->provider;
        const Value params[] = {value_text(r->zone->slug), value_blob(token_hash(r, secret)), value_text(TEXT("connect")),
                                value_text(t->path.user->slug), value_text(provider->slug), value_text(t->path.session.id),
                                value_int(r->now + TICKET_SECONDS)};
        request_write_refusal(r, WRITE_ticket_add, params, ARRAY_LEN(params));
        r->authorization_url = text_print(r->arena, "%.*s/connect?ticket=%.*s", TEXT_ARG(r->zone->issuer), TEXT_ARG(secret));
        return refuse(r, REFUSAL_CONNECTION, "%.*s's connection to %.*s %s; it needs re-authorization by %.*s at the authorization_url",
                      TEXT_ARG(t->path.user->slug), TEXT_ARG(provider->slug), why, TEXT_ARG(t->path.user->slug));
}

static Outcome connection_read(Request *r, const TokenState *t, Connection *out) {
        Rows rows;
        const Provider *provider = t->target->provider;
        TRY(need_read_t(r, READ_grant_get, &rows, t->path.user->slug, provider->slug));
        if (!rows.n)
                return refuse_connection(r, t, "does not exist yet");
        *out = (Connection){.id = rows_text(&rows, 0, 0), .status = rows_text(&rows, 0, 3), .generation = rows_int(&rows, 0, 7)};
        if (!text_is(out->status, "active"))
                return refuse_connection(r, t, "was revoked upstream");
        return need_open(r, seal_context(r, t, "grant", provider->slug), rows_text(&rows, 0, 4), &out->refresh);
}

static Text refresh_body(Request *r, const Connection *connection) {
        return text_print(r->arena, "grant_type=refresh_token&refresh_token=%.*s", TEXT_ARG(url_encode(r->arena, connection->refresh)));
}

static Outcome upstream_refresh(Request *r, const TokenState *t, const Connection *connection, Json **answer, bool *refused) {
        const Provider *provider = t->target->provider;
        Fetched fetched;
        TRY(upstream_post(r, provider, provider->token_endpoint, refresh_body(r, connection), &fetched));
        *refused = fetched.status == 400 || fetched.status == 401;
        if (*refused)
                return outcome_good();
        ENSURE(fetched.status == 200, refuse(r, REFUSAL_UNAVAILABLE, "%.*s does not answer its token endpoint (%d); try again",
                                             TEXT_ARG(provider->slug), fetched.status));
        Outcome end = json_read_object(r->arena, fetched.body, answer);
        return outcome_refused(end) ? refuse(r, REFUSAL_UNAVAILABLE, "%.*s's token endpoint answered no JSON", TEXT_ARG(provider->slug)) : end;
}

/* Committed at once and alone: from here on the old refresh token may be dead upstream. */
static Outcome connection_keep(Request *r, const TokenState *t, const Connection *connection, const char *status, Text refresh) {
        Text sealed = TEXT_NONE;
        const Provider *provider = t->target->provider;
        if (refresh.len)
                TRY(need_seal(r, seal_context(r, t, "grant", provider->slug), refresh, &sealed));
        const Value params[] = {value_text(r->zone->slug), value_text(t->path.user->slug), value_text(provider->slug),
                                value_text(text_of(status)), sealed.len ? value_blob(sealed) : value_null(), value_null(), value_int(0),
                                value_int(connection->generation), value_int(r->now)};
        Batch batch = {.writes = {{.statement = WRITE_grant_refresh, .params = params, .n = ARRAY_LEN(params)}}, .n = 1};
        Commit commit;
        TRY(need_commit(r, &batch, &commit));
        ENSURE(commit.end == COMMIT_OK, refuse(r, REFUSAL_UNAVAILABLE, "the ledger could not keep the upstream's answer; try again"));
        return outcome_good();
}

static Outcome lease_new(Request *r, TokenState *t) {
        Connection connection;
        Text unlocked;
        Json *answer = NULL;
        bool refused;
        TRY(need_control(r, TEXT("lock"), lock_name(r, t), &unlocked));
        TRY(connection_read(r, t, &connection));
        TRY(upstream_refresh(r, t, &connection, &answer, &refused));
        if (refused) {
                TRY(connection_keep(r, t, &connection, "revoked", TEXT_NONE));
                return refuse_connection(r, t, "was revoked upstream");
        }
        Text access = json_text(answer, "access_token"), refresh = json_text(answer, "refresh_token"), sealed;
        int64_t seconds = 0;
        TRY(connection_keep(r, t, &connection, "active", refresh.len ? refresh : connection.refresh));
        ENSURE(access.len, refuse(r, REFUSAL_UNAVAILABLE, "%.*s gave no access token", TEXT_ARG(t->target->provider->slug)));
        ENSURE(json_int(answer, "expires_in", &seconds) && seconds > 0, refuse(r, REFUSAL_UNAVAILABLE, "%.*s does not say how long its token lives",
                                                                              TEXT_ARG(t->target->provider->slug)));
        TRY(need_seal(r, seal_context(r, t, "lease", t->hop), access, &sealed));
        t->access_token = access;
        t->ends = r->now + seconds; /* truthful: it lives as its provider says */
        request_put(r, WRITE_lease_add, 0, value_text(r->zone->slug), value_text(t->hop), value_text(r->event.id), value_blob(sealed),
                    value_int(t->ends));
        return outcome_good();
}

/* Handed out again only to its own hop, while it lives. */
static Outcome lease_kept(Request *r, TokenState *t, bool *found) {
        Rows rows;
        TRY(need_read_t(r, READ_lease_get, &rows, t->hop));
        *found = rows.n == 1 && rows_int(&rows, 0, 2) > r->now + LEASE_FRESH;
        if (!*found)
                return outcome_good();
        t->ends = rows_int(&rows, 0, 2);
        return need_open(r, seal_context(r, t, "lease", t->hop), rows_text(&rows, 0, 1), &t->access_token);
}

static Outcome lease_issue(Request *r, TokenState *t) {
        ENSURE(t->path.user, refuse(r, REFUSAL_CONNECTION, "%.*s is reached by a user's connection; there is no user here", TEXT_ARG(t->target->slug)));
        bool found;
        t->credential = "lease";
        t->issued_type = TEXT("urn:ietf:params:oauth:token-type:access_token");
        TRY(lease_kept(r, t, &found));
        return found ? outcome_good() : lease_new(r, t);
}

const Credential credential_lease = {.provider = PROVIDER_OAUTH, .issue = lease_issue};
