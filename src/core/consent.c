#include "core/consent.h"
#include "base/digest.h"
#include "base/url.h"

Text consent_digest(Arena *arena, const Authority *authority, const Granted *granted, size_t n) {
        Text edges = authority_print(arena, authority), given = granted_print(arena, granted, n);
        Text both = text_print(arena, "%.*s\n%.*s", TEXT_ARG(edges), TEXT_ARG(given));
        return edges.at && given.at && both.at ? digest_hex(arena, both) : TEXT_NONE;
}

Text consent_document(Arena *arena, const Client *client) {
        Text uris = texts_join(arena, client->redirect_uris, " ");
        Text all = text_print(arena, "%.*s\n%.*s\n%.*s\n%s", TEXT_ARG(uris), TEXT_ARG(client->jwks), TEXT_ARG(client->jwks_uri),
                              client->auth_method ? client->auth_method : "");
        return all.at ? digest_hex(arena, all) : TEXT_NONE;
}

/* RFC 8252 8.6: what a public client on a loopback or private-use redirect is, nobody has proven; it is asked in full always. */
static bool may_be_remembered(const Authorize *a) {
        return !a->prompt_consent && (!a->client.is_public || text_starts(a->redirect_uri, TEXT("https://")));
}

Outcome consent_remembered(Request *r, Authorize *a) {
        Rows rows;
        TRY(need_read_t(r, READ_consent_get, &rows, a->browser.user->slug, a->client.application->slug));
        a->remembered = rows.n == 1 && may_be_remembered(a) && text_equal(rows_text(&rows, 0, 0), a->digest) &&
                        text_equal(rows_text(&rows, 0, 1), a->document_digest);
        a->remembered_at = a->remembered ? rows_int(&rows, 0, 2) : 0;
        return outcome_good();
}

static bool listed(const Connection *list, size_t n, const Provider *provider) {
        for (size_t i = 0; i < n; i++)
                if (list[i].provider == provider)
                        return true;
        return false;
}

Outcome consent_connections(Request *r, Authorize *a) {
        Connection list[AUTHORIZE_CONNECTIONS];
        size_t n = 0, missing = 0;
        for (size_t i = 0; i < a->walk->n && n < AUTHORIZE_CONNECTIONS; i++) {
                const Provider *provider = a->walk->nodes[i].resource->provider;
                Rows rows;
                if (!provider || provider->type != PROVIDER_OAUTH || listed(list, n, provider))
                        continue;
                TRY(need_read_t(r, READ_grant_get, &rows, a->browser.user->slug, provider->slug));
                list[n] = (Connection){provider, rows.n == 1 && text_is(rows_text(&rows, 0, 3), "active")};
                missing += !list[n++].active;
        }
        memcpy(a->connections, list, n * sizeof *list);
        a->n_connections = n;
        a->n_missing = missing;
        return outcome_good();
}

Text consent_content(Request *r, const Authorize *a, Text digest) {
        return text_print(r->arena, "%.*s\n%.*s\n%.*s", TEXT_ARG(authorize_query(r, true)), TEXT_ARG(digest), TEXT_ARG(a->document_digest));
}
