/* manage_events.c - what happened: events as they are kept, one decision explained, the hash chain for `carnet verify`. */
#include "core/history.h"
#include "core/manage.h"

static Text hex_text(Arena *arena, Text bytes) {
        Buf buf = buf_new(arena, 2 * bytes.len + 1);
        for (size_t i = 0; i < bytes.len; i++)
                buf_print(&buf, "%02x", (unsigned char)bytes.at[i]);
        return buf_done(&buf);
}

/* {"seq":…,"at":…, then the members of the body as it is kept. */
static Text event_json(Request *r, const PastEvent *e) {
        Text rest = text_sub(e->body, 1, e->body.len);
        return text_print(r->arena, "{\"seq\":%lld,\"at\":%lld,\"hash\":\"%.*s\",%.*s", (long long)e->seq, (long long)e->at_ms,
                          TEXT_ARG(hex_text(r->arena, e->hash)), TEXT_ARG(rest));
}

/* Events after `after`: of the zone, or of one session's root. */
static Outcome events_read(Request *r, int64_t after, int64_t limit, Text session, Rows *out) {
        Rows row;
        if (!session.len) {
                const Value params[] = {value_text(r->zone->slug), value_int(after), value_int(limit)};
                return need_read(r, READ_events_after, params, ARRAY_LEN(params), out);
        }
        TRY(need_read_t(r, READ_session_get, &row, session));
        ENSURE(row.n, refuse(r, REFUSAL_NOT_FOUND, "there is no such session"));
        const Value params[] = {value_text(r->zone->slug), value_text(rows_text(&row, 0, 2)), value_int(after), value_int(limit)};
        return need_read(r, READ_events_of_session, params, ARRAY_LEN(params), out);
}

static bool digits16(Text t) {
        for (size_t i = 0; i < t.len; i++)
                if (!((t.at[i] >= '0' && t.at[i] <= '9') || (t.at[i] >= 'a' && t.at[i] <= 'f')))
                        return false;
        return t.len == 32;
}

/* A trace is found in the traceparent that the event carries: a trace id, or the whole of it. */
static bool trace_fits(Text body, Text trace) {
        Text rest = body;
        if (!trace.len)
                return true;
        static const Text member = {"\"trace\":\"", 9};
        for (size_t i = 0; i + member.len < rest.len; i++)
                if (text_equal(text_sub(rest, i, i + member.len), member)) {
                        Text value = text_sub(rest, i + member.len, rest.len);
                        value = text_sub(value, 0, text_find(value, '"'));
                        return text_equal(value, trace) || (value.len > 35 && text_equal(text_sub(value, 3, 35), trace));
                }
        return false;
}

static Outcome events_follow(Request *r, int64_t after, Text session) {
        Rows row = {0};
        if (session.len) {
                TRY(need_read_t(r, READ_session_get, &row, session));
                ENSURE(row.n, refuse(r, REFUSAL_NOT_FOUND, "there is no such session"));
        }
        r->answer.kind = ANSWER_EVENTS;
        r->answer.status = 200;
        r->answer.feed_after = after;
        r->answer.feed_session = row.n ? rows_text(&row, 0, 2) : TEXT_NONE;
        return outcome_good();
}

#define LOOKS 50

static Outcome events_list(Request *r) {
        int64_t after, limit;
        Rows rows = {.n = MANAGE_PAGE};
        List list;
        Text session = manage_query(r, "session"), trace = manage_query(r, "trace");
        TRY(manage_number(r, "after", 0, &after));
        TRY(manage_limit(r, &limit));
        ENSURE(!trace.len || digits16(trace) || trace.len == 55, refuse(r, REFUSAL_MALFORMED, "trace is a trace id or a traceparent"));
        if (text_is(manage_query(r, "follow"), "1"))
                return events_follow(r, after, session);
        list_begin(&list, r, limit);
        int64_t page = trace.len ? MANAGE_PAGE : limit;
        for (size_t looks = 0; looks < (trace.len ? LOOKS : 1) && (int64_t)rows.n >= (looks ? page : 0) && !list.more; looks++) {
                TRY(events_read(r, after, page, session, &rows));
                for (size_t i = 0; i < rows.n && !list_full(&list); i++) {
                        PastEvent event = history_row(&rows, i);
                        after = event.seq;
                        if (trace_fits(event.body, trace))
                                list_item(&list, event_json(r, &event), TEXT_NONE);
                }
        }
        list.more |= (int64_t)rows.n == page;
        list.last = text_print(r->arena, "%lld", (long long)after);
        list_answer(&list, r);
        return outcome_good();
}

/* --- one decision ------------------------------------------------------------------------------------------------- */

typedef struct Story {
        Request *r;
        Texts lines;
        bool broken;
} Story;

static void tell(Story *story, Text line) { story->broken |= !outcome_ok(texts_add(story->r->arena, &story->lines, line)); }

static Text member(const Json *object, const char *name) { return json_text(object, name); }

static void tell_chain(Story *story, const Json *event) {
        Arena *arena = story->r->arena;
        Texts chain = json_texts(arena, event, "chain");
        Text user = member(event, "user"), resource = member(event, "resource"), who = texts_join(arena, chain, " \u25b8 ");
        bool refused = text_is(member(event, "outcome"), "refused");
        if (!chain.n)
                who = member(event, "application");
        if (!user.len && !who.len)
                return;
        tell(story, text_print(arena, "%.*s%s%.*s%s%.*s", TEXT_ARG(user), user.len && who.len ? " \u25b8 " : "", TEXT_ARG(who),
                               resource.len ? (refused ? " \u2717 " : " \u25b8 ") : "", TEXT_ARG(resource)));
}

static void tell_asked(Story *story, const Json *event) {
        Arena *arena = story->r->arena;
        Text scopes = texts_join(arena, json_texts(arena, event, "scopes"), " "), classes = texts_join(arena, json_texts(arena, event, "classes"), ", ");
        Text action = member(event, "action"), by = member(event, "by");
        if (by.len)
                tell(story, text_print(arena, "administered by %.*s", TEXT_ARG(by)));
        tell(story, text_print(arena, "asked: %.*s%s%.*s%s%.*s%s%.*s%s", TEXT_ARG(member(event, "kind")), action.len ? ", action " : "", TEXT_ARG(action),
                               scopes.len ? ", scopes " : "", TEXT_ARG(scopes), classes.len ? " (classes " : "", TEXT_ARG(classes), classes.len ? ")" : ""));
}

static void tell_policies(Story *story, const Json *event) {
        Json *policy;
        size_t i;
        json_array_foreach(json_object_get(event, "policies"), i, policy) {
                int64_t line = 0;
                json_int(policy, "line", &line);
                tell(story, text_print(story->r->arena, "policy %.*s (%.*s:%lld): %.*s, asked for the %.*s", TEXT_ARG(member(policy, "id")),
                                       TEXT_ARG(member(policy, "file")), (long long)line, TEXT_ARG(member(policy, "effect")), TEXT_ARG(member(policy, "for"))));
        }
}

static void tell_outcome(Story *story, const Json *event) {
        Arena *arena = story->r->arena;
        Text issued = member(event, "issued"), credential = member(event, "credential");
        if (text_is(member(event, "outcome"), "refused"))
                tell(story, text_print(arena, "refused at step %.*s with %.*s: %.*s", TEXT_ARG(member(event, "step")), TEXT_ARG(member(event, "error")),
                                       TEXT_ARG(member(event, "why"))));
        else
                tell(story, text_print(arena, "allowed%s%.*s%s%.*s", credential.len ? ": " : "", TEXT_ARG(credential), issued.len ? " " : "", TEXT_ARG(issued)));
}

/* The forbid or the policy that failed; NULL: no policy permitted it. */
static const Json *refusing(const Json *event) {
        Json *policy;
        size_t i;
        json_array_foreach(json_object_get(event, "policies"), i, policy)
                if (!text_is(member(policy, "effect"), "permit"))
                        return policy;
        return NULL;
}

/* What would mend a refusal, by its row of refusals.def; "" where asking again is all there is. */
static Text fix_of(Request *r, const Json *event) {
        Text row = member(event, "refusal"), caller = member(event, "application"), resource = member(event, "resource");
        const Json *policy = refusing(event);
        int64_t line = 0;
        if (policy)
                json_int(policy, "line", &line);
        if (text_is(row, "POLICY") && policy)
                return text_print(r->arena, "nothing that the caller can do: change policy %.*s (%.*s:%lld), or take another way", TEXT_ARG(member(policy, "id")),
                                  TEXT_ARG(member(policy, "file")), (long long)line);
        if (text_is(row, "POLICY"))
                return text_print(r->arena, "no policy permits it: declare the dependency `applications.%.*s.depends.%.*s` (without a user: with direct: true), or permit it by name",
                                  TEXT_ARG(caller), TEXT_ARG(resource));
        if (text_is(row, "AUTHORITY"))
                return TEXT("the user consented to less: sign in again, so that the consent is asked anew");
        if (text_is(row, "CONNECTION"))
                return TEXT("the user has to connect the service again, at the authorization_url of the answer");
        if (text_is(row, "CLOSED") || text_is(row, "EXPIRED") || text_is(row, "REFRESH") || text_is(row, "CODE"))
                return TEXT("sign in again: what was presented is over");
        if (text_is(row, "NOT_OWNER"))
                return TEXT("present a token whose aud is a resource that the caller owns (`owner:` in the zone file)");
        if (text_is(row, "TARGET"))
                return TEXT("name one resource of the zone file by its identifier");
        if (text_is(row, "SCOPE"))
                return TEXT("ask for scopes that the resource declares and the dependency names");
        return TEXT_NONE;
}

static Text decision_json(Request *r, const PastEvent *past, const Json *event) {
        Story story = {.r = r};
        bool refused = text_is(member(event, "outcome"), "refused");
        Text fix = refused ? fix_of(r, event) : TEXT_NONE;
        tell_chain(&story, event);
        tell_asked(&story, event);
        tell_policies(&story, event);
        tell_outcome(&story, event);
        if (fix.len)
                tell(&story, text_print(r->arena, "to mend it: %.*s", TEXT_ARG(fix)));
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_raw(&out, "event", event_json(r, past));
        json_put_texts(&out, "explanation", story.lines);
        json_put_text_if(&out, "fix", fix);
        json_close(&out, '}');
        return story.broken ? TEXT_NONE : buf_done(&buf);
}

static Outcome decision_show(Request *r) {
        PastEvent past;
        Json *event;
        ENSURE(id_ok(manage_state(r)->id, 0), refuse(r, REFUSAL_MALFORMED, "that is no decision id"));
        TRY(history_find(r, manage_state(r)->id, &past));
        ENSURE(past.seq, refuse(r, REFUSAL_NOT_FOUND, "there is no such decision, or it is no longer kept"));
        TRY(json_read_object(r->arena, past.body, &event));
        answer_json(r, 200, decision_json(r, &past, event));
        return outcome_good();
}

/* --- the chain ------------------------------------------------------------------------------------------------------ */

static Text link_json(Request *r, const PastEvent *e) {
        Buf buf = buf_new(r->arena, 512 + e->body.len);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_int(&out, "seq", e->seq);
        json_put_int(&out, "at", e->at_ms);
        json_put_text(&out, "id", e->id);
        json_put_text(&out, "session", e->root);
        json_put_text(&out, "body", e->body); /* as text: the hash is over these bytes */
        json_put_text(&out, "hash", hex_text(r->arena, e->hash));
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome chain_export(Request *r) {
        int64_t after, limit;
        Rows rows;
        List list;
        TRY(manage_number(r, "after", 0, &after));
        TRY(manage_limit(r, &limit));
        const Value params[] = {value_text(r->zone->slug), value_int(after), value_int(limit)};
        TRY(need_read(r, READ_events_after, params, ARRAY_LEN(params), &rows));
        list_begin(&list, r, limit);
        for (size_t i = 0; i < rows.n && !list_full(&list); i++) {
                PastEvent event = history_row(&rows, i);
                list_item(&list, link_json(r, &event), text_print(r->arena, "%lld", (long long)event.seq));
        }
        list.more = (int64_t)rows.n == limit;
        list_answer(&list, r);
        return outcome_good();
}

static const Step events_steps[] = {{"admin", manage_admin}, {"list", events_list}, {"record", record_oauth}};
const Flow flow_manage_events = {"manage-events", events_steps, ARRAY_LEN(events_steps)};
static const Step decision_steps[] = {{"admin", manage_admin}, {"find", decision_show}, {"record", record_oauth}};
const Flow flow_manage_decision = {"manage-decision", decision_steps, ARRAY_LEN(decision_steps)};
static const Step chain_steps[] = {{"admin", manage_admin}, {"export", chain_export}, {"record", record_oauth}};
const Flow flow_manage_chain = {"manage-chain", chain_steps, ARRAY_LEN(chain_steps)};
