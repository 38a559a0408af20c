#include "modules/credentials/upstream.h"
#include "wire/authorization.h"

Text upstream_grant_context(Request *r, Text user, Text provider) {
        return text_print(r->arena, "grant:%.*s:%.*s:%.*s", TEXT_ARG(r->zone->slug), TEXT_ARG(user), TEXT_ARG(provider));
}

/* Id and secret form-encoded, then Basic. The zone file's secret is kept sealed. */
static Outcome client_basic(Request *r, const Provider *provider, Text *out) {
        Text secret = provider->client_secret;
        if (text_starts(secret, TEXT("sealed:")))
                TRY(need_open(r, text_print(r->arena, "provider:%.*s:%.*s", TEXT_ARG(r->zone->slug), TEXT_ARG(provider->slug)),
                              text_sub(secret, 7, secret.len), &secret));
        *out = basic_write(r->arena, provider->client_id, secret);
        return outcome_good();
}

Outcome upstream_post(Request *r, const Provider *provider, Text url, Text body, Fetched *out) {
        Text authorization;
        TRY(client_basic(r, provider, &authorization));
        const FetchAsk ask = {.purpose = TEXT("upstream"), .method = TEXT("POST"), .url = url,
                              .content_type = TEXT("application/x-www-form-urlencoded"), .body = body,
                              .authorization = authorization, .accept = TEXT("application/json"), .loopback = r->zone->loopback_documents};
        return need_fetch(r, &ask, out);
}
