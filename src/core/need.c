#include "core/need.h"
#include "core/request.h"

static uint64_t mix(uint64_t seed, Text t) { return text_hash(t, seed); }

static uint64_t mix_values(uint64_t seed, const Value *values, size_t n) {
        for (size_t i = 0; i < n; i++)
                seed = text_hash(values[i].t, seed ^ (uint64_t)values[i].i ^ (uint64_t)values[i].type << 56);
        return seed;
}

/* The memo's row for the next need of this step; NULL when a re-run asks something else, or without memory. */
static Need *need_next(Request *r, NeedKind kind, uint64_t digest) {
        unsigned ordinal = r->ordinal++;
        for (Need *need = r->memo; need; need = need->next)
                if (need->step == r->step && need->ordinal == ordinal)
                        return need->kind == kind && need->digest == digest ? need : NULL;
        Need *need = arena_new_of(r->arena, Need);
        if (!need)
                return NULL;
        *need = (Need){.next = r->memo, .kind = kind, .step = r->step, .ordinal = ordinal, .digest = digest};
        r->memo = need;
        return need;
}

static Outcome need_settle(Request *r, Need *need) {
        if (!need->begun) {
                need->begun = true;
                r->world->begin(r->world, r, need);
        }
        return need->answered ? need->end : outcome_wait();
}

#define NEED_NEXT(need, r, kind, digest)                                                                               \
        Need *need = need_next((r), (kind), (digest));                                                                 \
        ENSURE(need, outcome_fault("a step that ran again asked for something else"))

Outcome need_random(Request *r, uint8_t *out, size_t n) {
        NEED_NEXT(need, r, NEED_RANDOM, n);
        ENSURE(n <= sizeof need->answer.random, outcome_fault("too much randomness at once"));
        need->ask.random.n = n;
        TRY(need_settle(r, need));
        memcpy(out, need->answer.random, n);
        return outcome_good();
}

Outcome need_id(Request *r, char kind, Text *out) {
        uint8_t random[ID_RANDOM];
        TRY(need_random(r, random, sizeof random));
        *out = id_make(r->arena, kind, r->now_ms, random);
        ENSURE(out->at, outcome_fault("memory"));
        return outcome_good();
}

Outcome need_secret(Request *r, Text *out) {
        uint8_t random[32];
        TRY(need_random(r, random, sizeof random));
        *out = base32_text(r->arena, random, sizeof random);
        ENSURE(out->at, outcome_fault("memory"));
        return outcome_good();
}

Outcome need_read(Request *r, Statement s, const Value *params, size_t n, Rows *out) {
        NEED_NEXT(need, r, NEED_READ, mix_values((uint64_t)s, params, n));
        if (!need->begun) {
                Value *copy = arena_copy(r->arena, params, n * sizeof *copy);
                ENSURE(copy, outcome_fault("memory"));
                need->ask.read.statement = s;
                need->ask.read.params = copy;
                need->ask.read.n = n;
        }
        TRY(need_settle(r, need));
        *out = need->answer.rows;
        return outcome_good();
}

Outcome need_read_texts(Request *r, Statement s, Rows *out, size_t n, const Text *params) {
        Value values[12];
        ENSURE(n < ARRAY_LEN(values), outcome_fault("too many parameters"));
        values[0] = value_text(r->zone ? r->zone->slug : TEXT_NONE);
        const char *types = statement_info(s)->params;
        for (size_t i = 0; i < n; i++)
                values[i + 1] = types[i + 1] == 'b' ? value_blob(params[i]) : value_text(params[i]);
        return need_read(r, s, values, n + 1, out);
}

Outcome need_verify(Request *r, const VerifyAsk *ask, Verified *out) {
        NEED_NEXT(need, r, NEED_VERIFY, mix(mix((uint64_t)ask->source, ask->token), ask->jwks));
        need->ask.verify = *ask;
        TRY(need_settle(r, need));
        *out = need->answer.verified;
        return outcome_good();
}

Outcome need_sign(Request *r, const SignAsk *ask, Text *out) {
        NEED_NEXT(need, r, NEED_SIGN, mix(mix(1, ask->algorithm), ask->claims));
        need->ask.sign = *ask;
        TRY(need_settle(r, need));
        *out = need->answer.text;
        return outcome_good();
}

Outcome need_decide(Request *r, const PolicyRequest *ask, PolicyAnswer *out) {
        NEED_NEXT(need, r, NEED_DECIDE, 0);
        need->ask.decide = ask;
        TRY(need_settle(r, need));
        *out = need->answer.decision;
        return outcome_good();
}

Outcome need_password_check(Request *r, Text stored, Text password, bool *out) {
        NEED_NEXT(need, r, NEED_PASSWORD, mix(mix(2, stored), password));
        need->ask.password.stored = stored;
        need->ask.password.password = password;
        TRY(need_settle(r, need));
        *out = need->answer.flag;
        return outcome_good();
}

Outcome need_password_hash(Request *r, Text password, Text *out) {
        NEED_NEXT(need, r, NEED_PASSWORD, mix(3, password));
        need->ask.password.password = password;
        need->ask.password.make = true;
        TRY(need_settle(r, need));
        *out = need->answer.text;
        return outcome_good();
}

Outcome need_fetch(Request *r, const FetchAsk *ask, Fetched *out) {
        NEED_NEXT(need, r, NEED_FETCH, mix(mix(mix(4, ask->purpose), ask->url), ask->body));
        need->ask.fetch = *ask;
        TRY(need_settle(r, need));
        *out = need->answer.fetched;
        return outcome_good();
}

static Outcome need_keyed(Request *r, NeedKind kind, Text context, Text bytes, Text *out) {
        NEED_NEXT(need, r, kind, mix(mix((uint64_t)kind, context), bytes));
        need->ask.seal.context = context;
        need->ask.seal.bytes = bytes;
        TRY(need_settle(r, need));
        *out = need->answer.text;
        return outcome_good();
}

Outcome need_seal(Request *r, Text context, Text bytes, Text *out) { return need_keyed(r, NEED_SEAL, context, bytes, out); }
Outcome need_open(Request *r, Text context, Text sealed, Text *out) { return need_keyed(r, NEED_OPEN, context, sealed, out); }
Outcome need_mac(Request *r, Text context, Text bytes, Text *out) { return need_keyed(r, NEED_MAC, context, bytes, out); }

Outcome need_publish(Request *r, Text document, bool dry_run, Text *out) {
        NEED_NEXT(need, r, NEED_PUBLISH, mix(dry_run, document));
        need->ask.publish.document = document;
        need->ask.publish.dry_run = dry_run;
        TRY(need_settle(r, need));
        *out = need->answer.text;
        return outcome_good();
}

Outcome need_control(Request *r, Text verb, Text json, Text *out) {
        NEED_NEXT(need, r, NEED_CONTROL, mix(mix(5, verb), json));
        need->ask.control.verb = verb;
        need->ask.control.json = json;
        TRY(need_settle(r, need));
        *out = need->answer.text;
        return outcome_good();
}

Outcome need_commit(Request *r, const Batch *batch, Commit *out) {
        ENSURE(!batch->overflow, outcome_fault("more writes than a request may have"));
        uint64_t digest = batch->n;
        for (size_t i = 0; i < batch->n; i++)
                digest = mix_values(digest ^ (uint64_t)batch->writes[i].statement, batch->writes[i].params, batch->writes[i].n);
        NEED_NEXT(need, r, NEED_COMMIT, digest);
        if (!need->begun) {
                Batch *copy = arena_copy(r->arena, batch, sizeof *batch);
                ENSURE(copy, outcome_fault("memory"));
                need->ask.commit = copy;
        }
        TRY(need_settle(r, need));
        *out = need->answer.commit;
        return outcome_good();
}
