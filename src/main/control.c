#include "main/control.h"
#include "main/runkeys.h"
#include "runtime/tries.h"
#include <unistd.h>

static Outcome run_key(Server *server, Request *r, Text json, Text *out) {
        Json *ask;
        Jwk *key;
        TRY(json_read_object(r->arena, json, &ask));
        TRY(jwk_read(json_object_get(ask, "jwk"), &key));
        bool kept = run_keys_add(server->run_keys, r->zone->slug, json_text(ask, "application"), r->in.connection, key);
        *out = text_print(r->arena, "{\"kid\":\"%.*s\"}", TEXT_ARG(jwk_kid(key)));
        jwk_unref(key);
        ENSURE(kept, outcome_refuse(0, "too many run keys are registered"));
        return outcome_good();
}

static Outcome limit(Server *server, Request *r, Text ask, Text *out) {
        int64_t most;
        size_t space = text_find(ask, ' ');
        Text key = text_sub(ask, space + 1, ask.len);
        TRY(text_int(text_sub(ask, 0, space), &most));
        bool allowed = true;
        if (most)
                allowed = tries_take(server->tries, key, most, r->now_ms);
        else
                tries_give(server->tries, key, r->now_ms);
        *out = allowed ? TEXT("allowed") : TEXT("refused");
        return outcome_good();
}

Outcome control_now(Server *server, Request *r, Text verb, Text json, Text *out) {
        if (text_is(verb, "run-key") && r->zone)
                return run_key(server, r, json, out);
        if (text_is(verb, "limit"))
                return limit(server, r, json, out);
        if (text_is(verb, "admin-uid")) {
                *out = text_print(r->arena, "%lld", (long long)geteuid());
                return outcome_good();
        }
        return outcome_fault("an unknown control verb");
}
