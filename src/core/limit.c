#include "core/limit.h"

Outcome limit_take(Request *r, const char *kind, Text key, int64_t per_minute) {
        Buf buf = buf_new(r->arena, 128);
        JsonOut out = json_out(&buf);
        Text answer;
        Json *parsed;
        json_open(&out, NULL, '{');
        json_put_text(&out, "key", text_print(r->arena, "%.*s %s %.*s", TEXT_ARG(r->zone->slug), kind, TEXT_ARG(key)));
        json_put_int(&out, "per_minute", per_minute);
        json_close(&out, '}');
        TRY(need_control(r, TEXT("limit"), buf_done(&buf), &answer));
        TRY(json_read_object(r->arena, answer, &parsed));
        ENSURE(json_bool(parsed, "allowed", false), refuse(r, REFUSAL_LIMIT, "too many tries; wait a minute and try again"));
        return outcome_good();
}
