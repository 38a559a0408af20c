#include "core/limit.h"

static Outcome ask_limit(Request *r, const char *kind, Text key, int64_t per_minute, bool *allowed) {
        Text answer, ask = text_print(r->arena, "%lld %.*s %s %.*s", (long long)per_minute, TEXT_ARG(r->zone->slug), kind, TEXT_ARG(key));
        ENSURE(ask.at, outcome_fault("memory"));
        TRY(need_control(r, TEXT("limit"), ask, &answer));
        *allowed = text_is(answer, "allowed");
        return outcome_good();
}

Outcome limit_take(Request *r, const char *kind, Text key, int64_t per_minute) {
        bool allowed;
        TRY(ask_limit(r, kind, key, per_minute, &allowed));
        ENSURE(allowed, refuse(r, REFUSAL_LIMIT, "Too many tries. Wait a minute and try again."));
        return outcome_good();
}

Outcome limit_give(Request *r, const char *kind, Text key) {
        bool allowed;
        return ask_limit(r, kind, key, 0, &allowed);
}
