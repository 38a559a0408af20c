#include "core/event.h"
#include "core/refusal.h"

void event_chain(Request *r, const User *user, const Chain *chain, const Resource *resource) {
        r->event.user = user ? user->slug : TEXT_NONE;
        r->event.chain = chain_slugs(r->arena, chain);
        if (resource)
                r->event.resource = resource->slug;
}

static void put_classes(JsonOut *out, unsigned classes) {
        json_open(out, "classes", '[');
        for (unsigned one = CLASS_READ; one <= CLASS_ADMINISTER; one <<= 1)
                if (classes & one)
                        json_put_str(out, NULL, class_name((Class)one));
        json_close(out, ']');
}

void event_put_policies(JsonOut *out, const PolicyAnswer *answer) {
        json_open(out, "policies", '[');
        for (uint32_t v = 0; v < answer->verdict_count; v++) {
                const PolicyVerdict *verdict = &answer->verdicts[v];
                for (uint32_t i = 0; i < verdict->policy_count + verdict->failed_count && i < 2 * POLICY_NAMED_MAX; i++) {
                        bool failed = i >= verdict->policy_count;
                        const PolicyInfo *info = failed ? verdict->failed[i - verdict->policy_count] : verdict->policies[i];
                        json_open(out, NULL, '{');
                        json_put_str(out, "for", v == 0 ? "subject" : "caller");
                        json_put_text(out, "id", info->id);
                        json_put_text(out, "file", info->file);
                        json_put_int(out, "line", info->line);
                        json_put_str(out, "effect", failed ? "error" : info->effect == POLICY_FORBID ? "forbid" : "permit");
                        json_close(out, '}');
                }
        }
        json_close(out, ']');
}

static void put_refusal(Request *r, JsonOut *out) {
        bool refused = r->ended.end == OUTCOME_REFUSED;
        const RefusalInfo *info = refusal_info(refused ? r->ended.row : REFUSAL_FAULT);
        json_put_str(out, "error", info->code);
        json_put_str(out, "refusal", info->name);
        json_put_text(out, "why", r->why.len ? r->why : text_of(refused && r->ended.why ? r->ended.why : info->sentence));
        json_put_str(out, "step", r->stopped_at ? r->stopped_at : "");
}

Text event_print(Request *r) {
        const EventDraft *e = &r->event;
        bool allowed = outcome_ok(r->ended);
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "id", e->id);
        json_put_str(&out, "kind", e->kind ? e->kind : r->flow->name);
        json_put_str(&out, "outcome", !allowed ? "refused" : e->outcome ? e->outcome : "allowed");
        if (!allowed)
                put_refusal(r, &out);
        json_put_text_if(&out, "user", e->user);
        json_put_text_if(&out, "application", e->application);
        json_put_text_if(&out, "client_id", e->client_id);
        if (e->chain.n)
                json_put_texts(&out, "chain", e->chain);
        json_put_text_if(&out, "resource", e->resource);
        if (e->scopes.n)
                json_put_texts(&out, "scopes", e->scopes);
        if (e->classes)
                put_classes(&out, e->classes);
        json_put_text_if(&out, "session", e->session);
        json_put_text_if(&out, "authorization", e->authorization);
        json_put_text_if(&out, "hop", e->hop);
        if (e->action)
                json_put_str(&out, "action", e->action);
        if (r->decision.made)
                event_put_policies(&out, r->decision.answer);
        if (allowed) {
                json_put_text_if(&out, "credential", e->credential);
                json_put_text_if(&out, "issued", e->issued);
                json_put_text_if(&out, "cutoff", e->cutoff);
                if (e->expires)
                        json_put_int(&out, "expires_at", e->expires);
        }
        json_put_text_if(&out, "tool", e->tool);
        json_put_text_if(&out, "trace", r->in.trace);
        if (e->extra.len) {
                buf_char(&buf, ',');
                buf_text(&buf, e->extra);
        }
        json_close(&out, '}');
        return buf_done(&buf);
}
