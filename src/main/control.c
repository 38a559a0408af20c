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

static Outcome limit(Server *server, Request *r, Text json, Text *out) {
        Json *ask;
        int64_t most;
        TRY(json_read_object(r->arena, json, &ask));
        if (json_bool(ask, "give", false)) {
                tries_give(server->tries, json_text(ask, "key"), r->now_ms);
                *out = TEXT("{\"allowed\":true}");
                return outcome_good();
        }
        ENSURE(json_int(ask, "per_minute", &most), outcome_fault("a limit without a number"));
        *out = tries_take(server->tries, json_text(ask, "key"), most, r->now_ms) ? TEXT("{\"allowed\":true}") : TEXT("{\"allowed\":false}");
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
