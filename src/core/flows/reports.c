/* reports.c - servers tell which tools were called with which credentials, and how it went (delegation.md 6). One batch is
 * one event; a reporter must own the audience of what it was presented; reports authorize nothing and extend nothing. */
#include "core/client.h"
#include "core/engine.h"
#include "core/event.h"
#include "core/flows.h"
#include "core/history.h"

#define REPORT_CALLS 100

typedef struct ReportState {
        Json *body;
        const Application *application;
        Texts own;      /* presented ids known to be for the reporter's resources */
        Text root;
} ReportState;

/* Client authentication travels as JSON members here; the methods read form parameters. */
static Outcome params_of(Request *r, const Json *body) {
        static const char *const names[] = {"client_id", "client_secret", "client_assertion", "client_assertion_type"};
        Param *params = arena_array(r->arena, Param, ARRAY_LEN(names));
        size_t n = 0;
        ENSURE(params, outcome_fault("memory"));
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (json_has(body, names[i]))
                        params[n++] = (Param){text_of(names[i]), json_text(body, names[i])};
        r->in.form = (Params){params, n};
        return outcome_good();
}

static Outcome report_client(Request *r) {
        ReportState *s = arena_new_of(r->arena, ReportState);
        Client client;
        ENSURE(s, outcome_fault("memory"));
        TRY(need_id(r, 'd', &r->event.id));
        Outcome end = json_read_object(r->arena, r->in.body, &s->body);
        ENSURE(!outcome_refused(end), refuse(r, REFUSAL_MALFORMED, "the report is not a JSON object"));
        TRY(end);
        TRY(params_of(r, s->body));
        TRY(client_authenticate(r, &client));
        ENSURE(!client.is_public, refuse(r, REFUSAL_CLIENT, "a public client cannot report"));
        const Json *calls = json_object_get(s->body, "calls");
        ENSURE(json_is_array(calls) && json_array_size(calls) > 0 && json_array_size(calls) <= REPORT_CALLS,
               refuse(r, REFUSAL_MALFORMED, "calls is an array of 1 to %d", REPORT_CALLS));
        s->application = client.application;
        r->state = s;
        r->event.kind = "tool";
        r->event.application = client.application->slug;
        r->event.client_id = client.client_id;
        return outcome_good();
}

static Outcome presented_is_own(Request *r, ReportState *s, Text id) {
        PastEvent event;
        Json *body;
        if (texts_have(s->own, id))
                return outcome_good();
        TRY(history_find(r, id, &event));
        ENSURE(event.seq, refuse(r, REFUSAL_MALFORMED, "a reported jti is not on record"));
        TRY(json_read_object(r->arena, event.body, &body));
        const Resource *resource = zone_resource(r->zone, json_text(body, "resource"));
        ENSURE(resource && resource->owner == s->application && text_is(json_text(body, "outcome"), "allowed"),
               refuse(r, REFUSAL_FORBIDDEN, "a reported jti is for a resource of somebody else"));
        if (!s->root.len) {
                s->root = event.root;
                r->event.user = json_text(body, "user");
        }
        ENSURE(text_equal(s->root, event.root), refuse(r, REFUSAL_MALFORMED, "a report is about one session; send the others apart"));
        return texts_add(r->arena, &s->own, id);
}

static void put_call(JsonOut *out, Arena *arena, const Json *call) {
        int64_t n = 0, ms = 0;
        json_int(call, "n", &n);
        json_int(call, "ms", &ms);
        json_open(out, NULL, '{');
        json_put_int(out, "n", n);
        json_put_text(out, "jti", json_text(call, "jti"));
        json_put_texts(out, "credentials", json_texts(arena, call, "credentials"));
        json_put_text(out, "tool", json_text(call, "tool"));
        json_put_text(out, "outcome", json_text(call, "outcome"));
        json_put_int(out, "ms", ms);
        json_put_text_if(out, "trace", json_text(call, "trace"));
        json_close(out, '}');
}

/* Only the members we know are kept, so that no argument or secret slips into the ledger. */
static Outcome report_calls(Request *r) {
        ReportState *s = r->state, fresh = *s;
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        const Json *calls = json_object_get(s->body, "calls");
        for (size_t i = 0; i < json_array_size(calls); i++)
                TRY(presented_is_own(r, &fresh, json_text(json_array_get(calls, i), "jti")));
        json_put_text(&out, "process", json_text(s->body, "process"));
        json_open(&out, "calls", '[');
        for (size_t i = 0; i < json_array_size(calls); i++)
                put_call(&out, r->arena, json_array_get(calls, i));
        json_close(&out, ']');
        *s = fresh;
        r->event.wanted = true;
        r->event.outcome = "reported"; /* how each call went is in `calls`; nothing was decided here */
        r->event.root = r->event.session = s->root;
        r->event.extra = buf_done(&buf);
        r->answer.kind = ANSWER_EMPTY;
        r->answer.status = 204;
        return outcome_good();
}

static const Step steps[] = {{"client", report_client}, {"calls", report_calls}, {"record", record_oauth}};
const Flow flow_reports = {"reports", steps, ARRAY_LEN(steps)};
