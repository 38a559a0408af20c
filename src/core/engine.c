#include "core/engine.h"
#include "core/event.h"

#define REQUEST_MEMORY ((size_t)4 << 20)

Request *request_new(World *world, const Snapshot *snapshot, const Zone *zone, const Flow *flow) {
        Arena *arena = arena_new(REQUEST_MEMORY);
        Request *r = arena ? arena_new_of(arena, Request) : NULL;
        if (!r) {
                arena_free(arena);
                return NULL;
        }
        r->world = world;
        r->arena = arena;
        r->snapshot = snapshot;
        r->zone = zone;
        r->flow = flow;
        r->in.peer_uid = -1;
        return r;
}

void request_free(Request *r) {
        if (r)
                arena_free(r->arena);
}

static bool at_record(const Request *r) { return r->step + 1 == r->flow->n; }

static void step_begin(Request *r) {
        r->ordinal = 0;
        r->batch.n = r->batch_mark;
        r->on_refusal.n = r->refusal_mark;
}

static void step_next(Request *r, size_t step) {
        r->step = (unsigned)step;
        r->memo = NULL;
        r->batch_mark = r->batch.n;
        r->refusal_mark = r->on_refusal.n;
}

/* A refusal (or a fault) drops what the request wanted to write and keeps what refusing carries. */
static void step_refused(Request *r, Outcome end) {
        r->ended = end;
        r->stopped_at = r->flow->steps[r->step].name;
        r->batch = r->on_refusal;
        step_next(r, r->flow->n - 1);
}

static void engine_finish(Request *r, Outcome end) {
        r->done = true;
        if (!outcome_ok(end) && r->answer.kind == ANSWER_NONE)
                answer_json(r, 500, TEXT("{\"error\":\"server_error\",\"error_description\":\"the zone failed; nothing was issued\"}"));
        if (r->answer.kind == ANSWER_NONE)
                answer_json(r, 500, TEXT("{\"error\":\"server_error\",\"error_description\":\"no answer was made\"}"));
}

/* Runs until the request is done or parked. */
static void engine_run(Request *r) {
        r->running = true;
        while (!r->done) {
                step_begin(r);
                Outcome end = r->flow->steps[r->step].run(r);
                if (outcome_waits(end)) {
                        r->parked = true;
                        break;
                }
                if (at_record(r))
                        engine_finish(r, end);
                else if (outcome_ok(end))
                        step_next(r, r->step + 1u);
                else
                        step_refused(r, end);
        }
        r->running = false;
        if (r->done && r->on_done)
                r->on_done(r, r->arg);
}

void request_start(Request *r, void (*on_done)(Request *r, void *arg), void *arg) {
        r->on_done = on_done;
        r->arg = arg;
        r->now_ms = r->world->now_ms(r->world);
        r->now = r->now_ms / 1000;
        r->ended = outcome_good();
        engine_run(r);
}

void request_abandon(Request *r) {
        r->on_done = NULL;
        r->done = true;
        r->world->cancel(r->world, r);
}

void need_answered(Request *r, Need *need, Outcome end) {
        if (need->answered)
                return; /* answered twice: the first stands */
        need->answered = true;
        need->end = end;
        if (r->parked && !r->running && !r->done) {
                r->parked = false;
                engine_run(r);
        }
}

/* --- record --------------------------------------------------------------------------------------------------- */

static Text guard_json(Request *r) {
        if (!r->guard_ids.n && !r->guard_parties.n)
                return TEXT_NONE;
        Buf buf = buf_new(r->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_texts(&out, "ids", r->guard_ids);
        json_put_texts(&out, "parties", r->guard_parties);
        json_close(&out, '}');
        return buf_done(&buf);
}

static void put_event(Request *r, Batch *batch, bool guarded) {
        Text root = r->event.root.len ? r->event.root : r->event.session;
        const Value params[] = {
                value_text(r->zone ? r->zone->slug : TEXT_NONE), value_int(r->now_ms), value_text(r->event.id), value_text(root),
                value_text(event_print(r)), value_text(guarded ? guard_json(r) : TEXT_NONE), value_int(r->guard_began),
        };
        if (batch->n == BATCH_MAX) {
                batch->overflow = true;
                return;
        }
        batch->writes[batch->n++] = (Write){.statement = WRITE_event_append, .params = arena_copy(r->arena, params, sizeof params),
                                            .n = ARRAY_LEN(params), .refusal = REFUSAL_CLOSED};
        batch->overflow |= !batch->writes[batch->n - 1].params;
}

/* Strangers' refusals are summed per reason, source and second, so that they cannot fill the disk. */
static void put_count(Request *r, Batch *batch) {
        const Value params[] = {value_text(r->zone ? r->zone->slug : TEXT_NONE), value_text(text_of(refusal_info(r->ended.row)->name)),
                                value_text(r->in.source), value_int(r->now), value_int(1)};
        *batch = (Batch){0};
        batch->writes[batch->n++] = (Write){.statement = WRITE_count_add, .params = arena_copy(r->arena, params, sizeof params),
                                            .n = ARRAY_LEN(params)};
        batch->overflow = !batch->writes[0].params;
}

static Outcome commit_outcome(const Batch *batch, const Commit *commit) {
        switch (commit->end) {
        case COMMIT_OK:
                return outcome_good();
        case COMMIT_CONDITION:
                if (commit->failed < batch->n && batch->writes[commit->failed].refusal)
                        return outcome_refuse(batch->writes[commit->failed].refusal, NULL);
                return outcome_fault("a write without a refusal failed its condition");
        case COMMIT_BUSY:
                return outcome_refuse(REFUSAL_UNAVAILABLE, "the ledger is busy; try again");
        default:
                return outcome_refuse(REFUSAL_UNAVAILABLE, "the ledger did not confirm; nothing was issued");
        }
}

static Outcome commit_event(Request *r, bool refused) {
        if (!r->event.id.len || r->named_late) {
                r->named_late = true; /* a run from the top asks for it again */
                TRY(need_id(r, 'd', &r->event.id));
        }
        Batch batch = r->batch;
        if (r->event.wanted)
                put_event(r, &batch, !refused);
        else if (refused)
                put_count(r, &batch);
        if (!batch.n)
                return outcome_good();
        Commit commit = {0};
        TRY(need_commit(r, &batch, &commit));
        return commit_outcome(&batch, &commit);
}

Outcome record_commit(Request *r) {
        if (outcome_ok(r->ended)) {
                Outcome end = commit_event(r, false);
                if (outcome_ok(end) || outcome_waits(end))
                        return end;
                /* Nothing was written. The refusal is remembered in a commit of its own; its writes stay with it. */
                r->ended = end;
                r->why = end.why ? text_of(end.why) : TEXT_NONE;
                r->stopped_at = "record";
                r->batch = r->on_refusal;
                step_next(r, r->step); /* a run from the top sees the refusal, and asks for its commit first */
                r->ordinal = 0;
        }
        Outcome end = commit_event(r, true);
        if (outcome_waits(end))
                return end;
        return r->ended; /* a refusal stands, whether or not its event could be kept */
}

/* The policy that a refusal is explained by. */
static void put_policy(JsonOut *out, const PolicyAnswer *answer) {
        const PolicyVerdict *v = policy_answer_refusing(answer);
        if (!v || !(v->policy_count + v->failed_count))
                return;
        const PolicyInfo *info = v->failed_count ? v->failed[0] : v->policies[0];
        json_open(out, "policy", '{');
        json_put_text(out, "id", info->id);
        json_put_text(out, "file", info->file);
        json_put_int(out, "line", info->line);
        json_close(out, '}');
}

static Text refusal_json(Request *r, const RefusalInfo *info, Text sentence) {
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_str(&out, "error", info->code);
        json_put_text(&out, "error_description", sentence);
        json_put_text_if(&out, "decision_id", r->event.id);
        json_put_text_if(&out, "requestId", r->event.id);
        if (r->decision.made && !r->decision.allowed && r->ended.row == REFUSAL_POLICY)
                put_policy(&out, r->decision.answer);
        json_put_text_if(&out, "authorization_url", r->authorization_url);
        json_close(&out, '}');
        return buf_done(&buf);
}

/* `why` names what would fix it; the id lets anyone ask for the whole story. */
static Text refusal_sentence(Request *r, const RefusalInfo *info) {
        Text why = r->why.len ? r->why : text_of(r->ended.why && r->ended.end == OUTCOME_REFUSED ? r->ended.why : info->sentence);
        if (!r->event.wanted || !r->event.id.len)
                return why;
        return text_print(r->arena, "%.*s - carnet why %.*s", TEXT_ARG(why), TEXT_ARG(r->event.id));
}

Outcome record_oauth(Request *r) {
        Outcome end = record_commit(r);
        if (outcome_ok(end) || outcome_waits(end))
                return end;
        const RefusalInfo *info = refusal_info(end.end == OUTCOME_REFUSED ? end.row : REFUSAL_FAULT);
        Text sentence = end.end == OUTCOME_REFUSED ? refusal_sentence(r, info) : text_of(info->sentence);
        r->answer = (Answer){.challenge_basic = info->status == 401 && end.row == REFUSAL_CLIENT,
                             .retry_after = info->status == 429 || info->status == 503 ? 1 : 0};
        answer_json(r, info->status, refusal_json(r, info, sentence));
        return outcome_good();
}
