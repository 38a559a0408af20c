#include "core/request.h"
#include <stdarg.h>
#include <stdio.h>

Outcome refuse(Request *r, RefusalRow row, const char *fmt, ...) {
        char line[768];
        va_list args;
        va_start(args, fmt);
        vsnprintf(line, sizeof line, fmt, args);
        va_end(args);
        r->why = text_copy(r->arena, text_of(line));
        return outcome_refuse(row, r->why.at ? r->why.at : "refused");
}

Text params_one(Params params, const char *name, bool *repeated) {
        Text value = TEXT_NONE;
        size_t seen = 0;
        for (size_t i = 0; i < params.n; i++)
                if (text_is(params.at[i].name, name) && seen++ == 0)
                        value = params.at[i].value;
        if (repeated)
                *repeated = seen > 1;
        return value;
}

Texts params_all(Arena *arena, Params params, const char *name) {
        Texts list = {0};
        for (size_t i = 0; i < params.n; i++)
                if (text_is(params.at[i].name, name) && !outcome_ok(texts_add(arena, &list, params.at[i].value)))
                        return (Texts){0};
        return list;
}

Text in_form(const Request *r, const char *name) { return params_one(r->in.form, name, NULL); }

Outcome request_form_check(Request *r) {
        ENSURE(!r->in.query.n, refuse(r, REFUSAL_MALFORMED, "parameters belong in the body, not in the URL"));
        for (size_t i = 0; i < r->in.form.n; i++) {
                Text name = r->in.form.at[i].name;
                if (text_is(name, "resource") || text_is(name, "audience"))
                        continue; /* RFC 8693 2.1 lets these repeat */
                for (size_t k = i + 1; k < r->in.form.n; k++)
                        ENSURE(!text_equal(r->in.form.at[k].name, name),
                               refuse(r, REFUSAL_MALFORMED, "the parameter %.*s is given twice", (int)(name.len > 64 ? 64 : name.len), name.at));
        }
        return outcome_good();
}

static void batch_add(Request *r, Batch *batch, Write write) {
        Value *copy = arena_copy(r->arena, write.params, write.n * sizeof *copy);
        if (!copy || batch->n == BATCH_MAX) {
                batch->overflow = true;
                return;
        }
        write.params = copy;
        batch->writes[batch->n++] = write;
}

void request_write(Request *r, Statement s, int refusal, const Value *params, size_t n) {
        batch_add(r, &r->batch, (Write){.statement = s, .params = params, .n = n, .refusal = refusal});
}

void request_write_refusal(Request *r, Statement s, const Value *params, size_t n) {
        batch_add(r, &r->on_refusal, (Write){.statement = s, .params = params, .n = n});
}

void answer_json(Request *r, int status, Text body) {
        r->answer.kind = body.at ? ANSWER_JSON : ANSWER_NONE;
        r->answer.status = status;
        r->answer.body = body;
}
