#include "core/limit.h"

static Outcome ask_limit(Request *r, const char *kind, Text key, int64_t per_minute, bool *allowed) {
        Buf buf = buf_new(r->arena, 128);
        JsonOut out = json_out(&buf);
        Text answer;
        Json *parsed;
        json_open(&out, NULL, '{');
        json_put_text(&out, "key", text_print(r->arena, "%.*s %s %.*s", TEXT_ARG(r->zone->slug), kind, TEXT_ARG(key)));
        if (per_minute)
                json_put_int(&out, "per_minute", per_minute);
        else
                json_put_bool(&out, "give", true);
        json_close(&out, '}');
        TRY(need_control(r, TEXT("limit"), buf_done(&buf), &answer));
        TRY(json_read_object(r->arena, answer, &parsed));
        *allowed = json_bool(parsed, "allowed", false);
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
