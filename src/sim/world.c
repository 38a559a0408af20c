#include "sim/world.h"
#include "core/engine.h"
#include "core/zone_build.h"
#include "core/zone_diff.h"
#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/seal.h"
#include <stdlib.h>

#define SIM_START 1767258000 /* 2026-01-01 09:00 UTC */
#define SIM_MEMORY ((size_t)256 << 20)

struct Sim {
        World core; /* first */
        SimOptions options;
        const SimKeys *keys;
        Arena *arena;
        Ledger *ledger;
        LedgerReader *reader;
        Snapshot snapshot;
        const Zone *zones[1];
        JwkSet *jwks;
        int64_t now_ms;
        uint64_t random;
        unsigned needs;
        bool hit, gone;
        Request *parked;
        Need *need;
        Commit commit;
};

static const uint8_t seal_key[SEAL_KEY] = "scenes seal with a constant key";

const Zone *sim_zone(const Sim *sim) { return sim->zones[0]; }
Arena *sim_arena(Sim *sim) { return sim->arena; }
void sim_forward(Sim *sim, int64_t seconds) { sim->now_ms += seconds * 1000; }
int64_t sim_now(const Sim *sim) { return sim->now_ms / 1000; }
unsigned sim_needs(const Sim *sim) { return sim->needs; }
bool sim_hit(const Sim *sim) { return sim->hit; }

static int64_t sim_now_ms(World *world) { return ((Sim *)world)->now_ms; }
static int64_t ledger_clock(void *ctx) { return ((Sim *)ctx)->now_ms; }

/* SplitMix64: small, and the same everywhere. */
static uint64_t random_next(Sim *sim) {
        uint64_t z = (sim->random += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static void random_fill(Sim *sim, uint8_t *out, size_t n) {
        for (size_t i = 0; i < n; i++)
                out[i] = (uint8_t)random_next(sim);
}

static void commit_done(void *arg, uint64_t tag, const Commit *commit) {
        (void)tag;
        ((Sim *)arg)->commit = *commit;
}

static Commit commit_now(Sim *sim, const Batch *batch) {
        const LedgerAsk ask = {.batch = batch, .done = commit_done, .arg = sim};
        sim->commit = (Commit){0};
        if (!outcome_ok(ledger_commit(sim->ledger, &ask)))
                return (Commit){.end = COMMIT_BUSY};
        return sim->commit;
}

bool sim_write(Sim *sim, Statement s, const Value *params, size_t n) {
        const Batch batch = {.writes = {{.statement = s, .params = params, .n = n}}, .n = 1};
        return commit_now(sim, &batch).end == COMMIT_OK;
}

Outcome sim_read(Sim *sim, Statement s, const Value *params, size_t n, Rows *out) {
        return ledger_read(sim->reader, s, params, n, sim->arena, out);
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

static void answer_verify(Sim *sim, Request *r, Need *need) {
        Jws jws;
        const VerifyAsk *ask = &need->ask.verify;
        need->answer.verified = (Verified){0};
        if (!outcome_ok(jws_read(r->arena, ask->token, &jws)))
                return;
        const Jwk *key = ask->source == KEYS_OF_ZONE ? sim->keys->zone : ask->source == KEYS_OF_APPLICATION ? sim->keys->agents : NULL;
        if (!key || !outcome_ok(jws_verify(&jws, key)))
                return;
        need->answer.verified = (Verified){.valid = true, .typ = jws.typ, .claims = jws.payload, .kid = jws.kid};
}

static Outcome answer_keeper(Request *r, Need *need) {
        const Text key = {(const char *)seal_key, SEAL_KEY};
        const SealContext context = {.zone = r->zone->slug, .kind = need->ask.seal.context};
        uint8_t mac[HASH_SIZE];
        if (need->kind == NEED_SEAL)
                return seal_close(r->arena, key, 1, context, need->ask.seal.bytes, &need->answer.text);
        if (need->kind == NEED_OPEN)
                return seal_open(r->arena, key, 1, context, need->ask.seal.bytes, &need->answer.text);
        const Text parts[] = {need->ask.seal.context, need->ask.seal.bytes};
        hash_mac(key, parts, ARRAY_LEN(parts), mac);
        need->answer.text = hash_b64url(r->arena, (Text){(const char *)mac, sizeof mac});
        return outcome_good();
}

/* Passwords of scenes stand in the ledger as they are: argon2 would cost each run a tenth of a second. */
static Outcome answer_password(Request *r, Need *need) {
        if (need->ask.password.make)
                need->answer.text = text_copy(r->arena, need->ask.password.password);
        else
                need->answer.flag = need->ask.password.stored.len && text_same_secret(need->ask.password.stored, need->ask.password.password);
        return outcome_good();
}

/* Metadata documents of the zone's own clients; nothing else is on this network. */
static Outcome answer_fetch(Request *r, Need *need) {
        const Application *a = zone_application_by_metadata(r->zone, need->ask.fetch.url);
        need->answer.fetched = (Fetched){.why = TEXT("no such host")};
        if (a)
                need->answer.fetched = (Fetched){.status = 200, .content_type = TEXT("application/json"), .max_age = 300,
                                                 .body = text_print(r->arena, "{\"client_id\":\"%.*s\",\"client_name\":\"%.*s\",\"redirect_uris\":[\"http://127.0.0.1/callback\"],"
                                                                    "\"token_endpoint_auth_method\":\"none\"}", TEXT_ARG(need->ask.fetch.url), TEXT_ARG(a->slug))};
        return outcome_good();
}

static Outcome answer_control(Request *r, Need *need) {
        if (text_is(need->ask.control.verb, "lock"))
                need->answer.text = TEXT("{}");
        else if (text_is(need->ask.control.verb, "limit"))
                need->answer.text = TEXT("allowed");
        else if (text_is(need->ask.control.verb, "admin-uid"))
                need->answer.text = TEXT("500");
        else if (text_is(need->ask.control.verb, "run-key"))
                need->answer.text = TEXT("{}");
        else if (text_is(need->ask.control.verb, "rotate-key"))
                need->answer.text = TEXT("the-next-key");
        else
                return outcome_fault("scenes have no such control");
        (void)r;
        return outcome_good();
}

static Outcome answer_commit(Sim *sim, Need *need, SimTrouble trouble) {
        if (trouble == SIM_COMMIT_BEFORE)
                need->answer.commit = (Commit){.end = COMMIT_UNKNOWN};
        else
                need->answer.commit = commit_now(sim, need->ask.commit);
        if (trouble == SIM_COMMIT_AFTER)
                need->answer.commit = (Commit){.end = COMMIT_UNKNOWN};
        return outcome_good();
}

static void release_policies(void *policies) { policy_set_release(policies); }

static Outcome seal_for_build(void *arg, Arena *arena, Text zone, Text context, Text bytes, Text *out) {
        (void)arg;
        return seal_close(arena, (Text){(const char *)seal_key, SEAL_KEY}, 1, (SealContext){.zone = zone, .kind = context}, bytes, out);
}

/* The zone that replaces another lives on the sim's arena like it; requests under way keep what they began with. */
static Outcome zone_replace(Sim *sim, Zone *zone) {
        zone->keys = jwks_print(sim->arena, sim->jwks);
        if (sim->zones[0])
                TRY(arena_defer(sim->arena, release_policies, sim->zones[0]->policies) == 0 ? outcome_good() : outcome_fault("memory"));
        sim->zones[0] = zone;
        sim->snapshot = (Snapshot){.zones = sim->zones, .n = 1, .generation = sim->snapshot.generation + 1};
        return outcome_good();
}

static Outcome answer_publish(Sim *sim, Request *r, Need *need) {
        Zone *zone;
        Text canonical, error = TEXT_NONE;
        const Zone *before = sim->zones[0];
        const ZoneBuildContext context = {.slug = r->zone->slug, .issuer = before->issuer, .previous = before, .version = before->version + 1, .seal = seal_for_build};
        Outcome end = zone_build(sim->arena, need->ask.publish.document, &context, &zone, &canonical, &error);
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        if (outcome_refused(end))
                json_put_text(&out, "error", error);
        else {
                TRY(end);
                json_put_texts(&out, "changes", zone_diff(r->arena, before, zone));
                json_put_text(&out, "canonical", canonical);
        }
        json_close(&out, '}');
        need->answer.text = buf_done(&buf);
        if (outcome_ok(end) && !need->ask.publish.dry_run)
                return zone_replace(sim, zone);
        if (outcome_ok(end))
                policy_set_release(zone->policies);
        return outcome_good();
}

static Outcome answer_make(Sim *sim, Request *r, Need *need, SimTrouble trouble) {
        switch (need->kind) {
        case NEED_RANDOM:
                random_fill(sim, need->answer.random, need->ask.random.n);
                return outcome_good();
        case NEED_READ:
                return ledger_read(sim->reader, need->ask.read.statement, need->ask.read.params, need->ask.read.n, r->arena, &need->answer.rows);
        case NEED_COMMIT:
                return answer_commit(sim, need, trouble);
        case NEED_VERIFY:
                answer_verify(sim, r, need);
                return outcome_good();
        case NEED_SIGN:
                return jws_sign(r->arena, sim->keys->zone, TEXT(""), need->ask.sign.type, need->ask.sign.claims, &need->answer.text);
        case NEED_DECIDE:
                need->answer.decision.allowed = policy_decide(r->zone->policies, need->ask.decide, &need->answer.decision);
                return outcome_good();
        case NEED_PASSWORD:
                return answer_password(r, need);
        case NEED_FETCH:
                return answer_fetch(r, need);
        case NEED_SEAL:
        case NEED_OPEN:
        case NEED_MAC:
                return answer_keeper(r, need);
        case NEED_CONTROL:
                return answer_control(r, need);
        case NEED_PUBLISH:
                return answer_publish(sim, r, need);
        }
        return outcome_fault("a need that nobody answers");
}

static void answer_now(Sim *sim, Request *r, Need *need) {
        bool now = !sim->hit && sim->options.trouble != SIM_NO_TROUBLE && sim->needs == sim->options.at;
        SimTrouble trouble = now ? sim->options.trouble : SIM_NO_TROUBLE;
        bool commit = trouble == SIM_COMMIT_BEFORE || trouble == SIM_COMMIT_AFTER;
        if (commit && need->kind != NEED_COMMIT)
                trouble = SIM_NO_TROUBLE;
        sim->hit |= now;
        if (trouble == SIM_GONE) {
                sim->gone = true;
                return;
        }
        Outcome end = trouble == SIM_FAIL ? outcome_fault("trouble of the scene") : answer_make(sim, r, need, trouble);
        need_answered(r, need, end);
        if (trouble == SIM_TWICE && !r->done)
                need_answered(r, need, outcome_fault("a second answer"));
}

static void sim_begin(World *world, Request *r, Need *need) {
        Sim *sim = (Sim *)world;
        sim->needs++;
        bool trouble_here = sim->options.trouble == SIM_GONE && sim->needs == sim->options.at;
        if (!sim->options.park && !trouble_here) {
                answer_now(sim, r, need);
                return;
        }
        sim->parked = r;
        sim->need = need;
}

static void sim_cancel(World *world, Request *r) {
        Sim *sim = (Sim *)world;
        if (sim->parked == r)
                sim->parked = NULL;
}

bool sim_request(Sim *sim, const Flow *flow, void (*fill)(Request *r, void *arg), void *arg, Request **out) {
        Request *r = request_new(&sim->core, &sim->snapshot, sim_zone(sim), flow);
        *out = r;
        if (!r)
                return false;
        fill(r, arg);
        sim->gone = false;
        request_start(r, NULL, NULL);
        while (!r->done && sim->parked && !sim->gone) {
                Need *need = sim->need;
                sim->parked = NULL;
                answer_now(sim, r, need);
        }
        if (sim->gone)
                request_abandon(r);
        return !sim->gone && r->answer.kind != ANSWER_NONE;
}

/* --- set-up -------------------------------------------------------------------------------------------------------- */

static Outcome zone_make(Sim *sim, Text document, Text *problem) {
        Zone *zone;
        Text canonical;
        const ZoneBuildContext context = {.slug = TEXT("dev"), .issuer = TEXT("http://localhost:8080/z/dev"), .version = 1, .seal = seal_for_build};
        TRY(zone_build(sim->arena, document, &context, &zone, &canonical, problem));
        return zone_replace(sim, zone);
}

static Outcome set_up(Sim *sim, Text document, Text *problem) {
        const LedgerOptions options = {.file = ":memory:", .immediate = true, .monotonic_ms = ledger_clock, .unix_ms = ledger_clock, .ctx = sim};
        TRY(ledger_open(&options, &sim->ledger));
        TRY(ledger_start(sim->ledger));
        TRY(ledger_reader(sim->ledger, &sim->reader));
        TRY(jwks_make(&sim->keys->zone, 1, &sim->jwks));
        return zone_make(sim, document, problem);
}

Outcome sim_new(const SimOptions *options, const SimKeys *keys, Text document, Sim **out, Text *problem) {
        Sim *sim = calloc(1, sizeof *sim);
        ENSURE(sim, outcome_fault("memory"));
        *sim = (Sim){.core = {.now_ms = sim_now_ms, .begin = sim_begin, .cancel = sim_cancel}, .options = *options, .keys = keys,
                     .arena = arena_new(SIM_MEMORY), .now_ms = (int64_t)SIM_START * 1000, .random = options->seed};
        *out = sim;
        ENSURE(sim->arena, outcome_fault("memory"));
        return set_up(sim, document, problem);
}

void sim_free(Sim *sim) {
        if (!sim)
                return;
        if (sim->zones[0])
                policy_set_release(sim->zones[0]->policies);
        ledger_reader_close(sim->reader);
        ledger_close(sim->ledger);
        jwks_unref(sim->jwks);
        arena_free(sim->arena);
        free(sim);
}

Text sim_assertion(Sim *sim, Text client_id) {
        uint8_t raw[16];
        Text jws = TEXT_NONE;
        random_fill(sim, raw, sizeof raw);
        Text claims = text_print(sim->arena, "{\"iss\":\"%.*s\",\"sub\":\"%.*s\",\"aud\":\"%.*s\",\"jti\":\"%.*s\",\"iat\":%lld,\"exp\":%lld}", TEXT_ARG(client_id),
                                 TEXT_ARG(client_id), TEXT_ARG(sim_zone(sim)->issuer), TEXT_ARG(base32_text(sim->arena, raw, sizeof raw)), (long long)sim_now(sim),
                                 (long long)sim_now(sim) + 60);
        if (!outcome_ok(jws_sign(sim->arena, sim->keys->agents, TEXT(""), TEXT("client-authentication+jwt"), claims, &jws)))
                return TEXT_NONE;
        return jws;
}
