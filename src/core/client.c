/* client.c - the application behind a client_id, without proving anything. */
#include "core/client.h"
#include "core/client_metadata.h"
#include "core/document.h"
#include "base/digest.h"
#include "base/url.h"

#define REGISTERED_SECONDS (30 * 86400) /* a dynamic registration that nobody used for so long is forgotten */

static Outcome unknown(Request *r) { return refuse(r, REFUSAL_CLIENT, "the client is not known to this zone"); }

static bool all_loopback(Texts uris) {
        for (size_t i = 0; i < uris.n; i++) {
                Url url;
                if (!outcome_ok(url_parse(uris.at[i], &url)) || !url_loopback(&url))
                        return false;
        }
        return uris.n != 0;
}

static Outcome of_zone(Request *r, const Application *a, Text client_id, Client *out) {
        ENSURE(!a->disabled, unknown(r));
        *out = (Client){.application = a, .client_id = client_id, .method = "none", .proof = PROOF_NONE, .is_public = a->is_public,
                        .redirect_uris = a->redirect_uris, .name = a->name.len ? a->name : a->slug, .jwks = a->jwks, .jwks_uri = a->jwks_uri,
                        .auth_method = a->is_public ? "none" : a->has_secret ? "client_secret_basic" : "private_key_jwt",
                        .localhost_only = all_loopback(a->redirect_uris)};
        return outcome_good();
}

/* A client that the zone file does not name: an application for this request only, `registered` false (delegation.md 1). */
static Outcome application_made(Request *r, Text client_id, const ClientMetadata *m, Text host, const Application **out) {
        Application *a = arena_new_of(r->arena, Application);
        ENSURE(a, outcome_fault("memory"));
        bool is_public = strcmp(m->auth_method, "none") == 0;
        *a = (Application){.slug = client_id, .identifier = client_id, .name = m->name, .is_public = is_public, .client_metadata = client_id,
                           .redirect_uris = m->redirect_uris, .jwks = m->jwks, .jwks_uri = m->jwks_uri,
                           .proof = is_public ? PROOF_NONE : PROOF_KEY, .client_host = host};
        *out = a;
        return outcome_good();
}

static Client client_of(const Application *a, Text client_id, const ClientMetadata *m, Text host, Text digest) {
        return (Client){.application = a, .client_id = client_id, .method = "none", .proof = PROOF_NONE,
                        .is_public = strcmp(m->auth_method, "none") == 0, .redirect_uris = m->redirect_uris, .name = m->name, .host = host,
                        .document_digest = digest, .jwks = m->jwks, .jwks_uri = m->jwks_uri, .auth_method = m->auth_method,
                        .localhost_only = m->localhost_only};
}

/* What the document says wrong is said to people; the code is invalid_client, as for any client that cannot be used. */
static Outcome judged(Request *r, Outcome end) {
        if (!outcome_refused(end))
                return end;
        Text why = r->why;
        return refuse(r, REFUSAL_CLIENT, "the client's metadata document cannot be used: %.*s", TEXT_ARG(why));
}

static Outcome of_document(Request *r, const Application *bound, Text url, Client *out) {
        Document document;
        ClientMetadata metadata;
        Url parsed;
        ENSURE(!bound || !bound->disabled, unknown(r));
        ENSURE(client_url_usable(url), refuse(r, REFUSAL_CLIENT, "a client_id that is a URL is https, has a path, and no user information, "
                                                                 "dot segments or fragment"));
        TRY(judged(r, document_read(r, TEXT("client-metadata"), url, CLIENT_DOCUMENT_MAX, &document)));
        TRY(judged(r, client_document_read(r, url, document.body, &metadata)));
        TRY(url_parse(url, &parsed));
        const Application *application = bound;
        Text host = parsed.port == -1 ? parsed.host : text_print(r->arena, "%.*s:%d", TEXT_ARG(parsed.host), parsed.port);
        if (!application)
                TRY(application_made(r, url, &metadata, host, &application));
        document_keep(r, url, &document);
        *out = client_of(application, url, &metadata, host, digest_hex(r->arena, document.body));
        return outcome_good();
}

/* Dynamic registration: nothing is proven by it, so the application is a stranger with a name of its own choosing. */
static Outcome of_registration(Request *r, Text client_id, Client *out) {
        Rows rows;
        Json *document;
        ClientMetadata metadata;
        const Application *application;
        TRY(need_read_t(r, READ_client_get, &rows, client_id));
        ENSURE(rows.n, unknown(r));
        int64_t used = rows_int(&rows, 0, 2) ? rows_int(&rows, 0, 2) : rows_int(&rows, 0, 1);
        ENSURE(r->now < used + REGISTERED_SECONDS, refuse(r, REFUSAL_CLIENT, "the registration has expired; register again"));
        TRY(json_read_object(r->arena, rows_text(&rows, 0, 0), &document));
        TRY(judged(r, client_metadata_read(r, document, &metadata)));
        TRY(application_made(r, client_id, &metadata, TEXT_NONE, &application));
        if (r->now >= used + 86400) /* a day's grain is enough for an expiry of thirty */
                request_put(r, WRITE_client_use, 0, value_text(r->zone->slug), value_text(client_id), value_int(r->now));
        *out = client_of(application, client_id, &metadata, TEXT_NONE, digest_hex(r->arena, rows_text(&rows, 0, 0)));
        return outcome_good();
}

Outcome client_find(Request *r, Text client_id, Client *out) {
        ENSURE(client_id.len && client_id.len <= 512, unknown(r));
        const Application *named = zone_application_by_identifier(r->zone, client_id);
        const Application *bound = zone_application_by_metadata(r->zone, client_id);
        if (bound)
                return of_document(r, bound, client_id, out);
        if (named)
                return of_zone(r, named, client_id, out);
        if (text_starts(client_id, TEXT("https://")))
                return r->zone->cimd ? of_document(r, NULL, client_id, out)
                                     : refuse(r, REFUSAL_CLIENT, "this zone does not take clients by their metadata document");
        if (text_starts(client_id, TEXT("dcr_")) && r->zone->dcr)
                return of_registration(r, client_id, out);
        return unknown(r);
}

Outcome client_keys(Request *r, const Client *client, Text *jwks) {
        Document document;
        Json *set;
        *jwks = client->jwks;
        if (jwks->len || !client->jwks_uri.len)
                return outcome_good();
        TRY(judged(r, document_read(r, TEXT("jwks"), client->jwks_uri, 16384, &document)));
        Outcome end = json_read_object(r->arena, document.body, &set);
        ENSURE(!outcome_refused(end) && (!outcome_ok(end) || client_jwks_usable(set)),
               refuse(r, REFUSAL_CLIENT, "the client's jwks_uri holds no usable public keys"));
        TRY(end);
        document_keep(r, client->jwks_uri, &document);
        *jwks = document.body;
        return outcome_good();
}
