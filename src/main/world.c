#include "main/world.h"
#include "core/request.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "main/control.h"
#include "main/locks.h"
#include "main/publish.h"
#include "main/runkeys.h"
#include "wire/header.h"
#include <stdlib.h>
#include <time.h>

#define COMMIT_DEADLINE_MS 2000
#define JWKS_CACHED 64
#define RUN_KEYS_TRIED 8

/* A need under way. `request` is NULL once it was cancelled; whatever answers later is dropped and frees this. */
typedef struct Pending {
        struct Pending *next, **self;
        RealWorld *world;
        Request *request;
        Need *need;
        Fetch *fetch;
        LockHold *lock;
        /* of work done on a worker */
        Arena *arena;
        Text in, in2, out;
        bool flag, make;
        Outcome end;
        Text zone;
} Pending;

typedef struct CachedJwks {
        char *text;
        size_t len;
        JwkSet *set;
} CachedJwks;

struct RealWorld {
        World core; /* first: a World* is a RealWorld* */
        Server *server;
        Loop *loop;
        LedgerReader *reader;
        SigCache *cache;
        Pending *pending;   /* all under way */
        CachedJwks jwks[JWKS_CACHED];
        unsigned ledger_loop;
};

World *real_world_core(RealWorld *world) { return &world->core; }

Outcome real_world_read(RealWorld *w, Statement s, const Value *params, size_t n, Arena *arena, Rows *out) {
        return ledger_read(w->reader, s, params, n, arena, out);
}

static int64_t real_now_ms(World *world) {
        struct timespec now;
        (void)world;
        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- pending ---------------------------------------------------------------------------------------------------- */

static Pending *pending_new(RealWorld *w, Request *r, Need *need) {
        Pending *p = calloc(1, sizeof *p);
        if (!p)
                return NULL;
        *p = (Pending){.next = w->pending, .self = &w->pending, .world = w, .request = r, .need = need};
        if (w->pending)
                w->pending->self = &p->next;
        w->pending = p;
        return p;
}

static void pending_free(Pending *p) {
        *p->self = p->next;
        if (p->next)
                p->next->self = p->self;
        arena_free(p->arena);
        free(p);
}

/* Takes the request out of the pending need and frees that: answering may run the request to its end. */
static void pending_answer(Pending *p, Outcome end) {
        Request *r = p->request;
        Need *need = p->need;
        pending_free(p);
        if (r)
                need_answered(r, need, end);
}

static void real_cancel(World *world, Request *r) {
        RealWorld *w = (RealWorld *)world;
        for (Pending *p = w->pending, *next; p; p = next) {
                next = p->next;
                if (p->request != r)
                        continue;
                p->request = NULL;
                if (p->fetch) {
                        fetch_cancel(p->fetch);
                        pending_free(p);
                } else if (p->lock) {
                        lock_end(p->lock);
                        pending_free(p);
                }
        }
}

/* --- verify ----------------------------------------------------------------------------------------------------- */

static JwkSet *jwks_parsed(RealWorld *w, Arena *arena, Text json) {
        CachedJwks *c = &w->jwks[text_hash(json, 7) % JWKS_CACHED];
        if (c->set && c->len == json.len && memcmp(c->text, json.at, json.len) == 0)
                return c->set;
        JwkSet *set;
        char *copy = malloc(json.len + 1);
        if (!copy || !outcome_ok(jwks_read(arena, json, &set))) {
                free(copy);
                return NULL;
        }
        jwks_unref(c->set);
        free(c->text);
        memcpy(copy, json.at, json.len);
        *c = (CachedJwks){copy, json.len, set};
        return set;
}

static bool verify_by_set(RealWorld *w, const Jws *jws, const JwkSet *set, bool remember) {
        Jwk *key = set ? jwks_find(set, jws->kid, jws->algorithm) : NULL;
        return key && outcome_ok(remember ? sigcache_verify(w->cache, jws, key) : jws_verify(jws, key));
}

static bool verify_by_run_keys(RealWorld *w, const Request *r, const Jws *jws, Text application) {
        Jwk *keys[RUN_KEYS_TRIED];
        size_t n = run_keys_of(w->server->run_keys, r->zone->slug, application, keys, RUN_KEYS_TRIED);
        bool good = false;
        for (size_t i = 0; i < n; i++) {
                good = good || (jwk_algorithm(keys[i]) == jws->algorithm && (!jws->kid.len || text_equal(jws->kid, jwk_kid(keys[i]))) &&
                                outcome_ok(jws_verify(jws, keys[i])));
                jwk_unref(keys[i]);
        }
        return good;
}

static void answer_verify(RealWorld *w, Request *r, Need *need) {
        const VerifyAsk *ask = &need->ask.verify;
        Verified *out = &need->answer.verified;
        Jws jws;
        *out = (Verified){0};
        if (outcome_ok(jws_read(r->arena, ask->token, &jws))) {
                if (ask->source == KEYS_OF_ZONE)
                        out->valid = verify_by_set(w, &jws, publisher_keys(r->snapshot, r->zone)->verify, true);
                else if (ask->source == KEYS_OF_APPLICATION)
                        out->valid = verify_by_run_keys(w, r, &jws, ask->application);
                else
                        out->valid = verify_by_set(w, &jws, jwks_parsed(w, r->arena, ask->jwks), false);
        }
        if (out->valid) {
                out->typ = jws.typ;
                out->claims = jws.payload;
                out->kid = jws.kid;
        }
        need_answered(r, need, outcome_good());
}

static void answer_sign(RealWorld *w, Request *r, Need *need) {
        const SignAsk *ask = &need->ask.sign;
        const ZoneKeys *keys = publisher_keys(r->snapshot, r->zone);
        Algorithm algorithm = algorithm_named(ask->algorithm);
        if (algorithm == ALGORITHM_NONE || !keys->signer[algorithm]) {
                need_answered(r, need, outcome_fault("the zone has no key of that algorithm"));
                return;
        }
        Outcome end = keeper_sign(w->server->keeper, r->arena, r->zone->slug, keys->kid[algorithm], ask->type, ask->claims, &need->answer.text);
        if (outcome_ok(end)) /* so that an exchange of our own token never pays for a verification */
                sigcache_add(w->cache, need->answer.text, keys->signer[algorithm]);
        need_answered(r, need, end);
}

/* --- ledger ----------------------------------------------------------------------------------------------------- */

static void commit_done(void *arg, uint64_t tag, const Commit *commit) {
        Pending *p = arg;
        (void)tag;
        if (p->request)
                p->need->answer.commit = *commit;
        pending_answer(p, outcome_good());
}

static bool batch_cuts(const Batch *batch) {
        for (size_t i = 0; i < batch->n; i++)
                if (batch->writes[i].statement == WRITE_cut_add)
                        return true;
        return false;
}

static void answer_commit(RealWorld *w, Request *r, Need *need) {
        Pending *p = pending_new(w, r, need);
        const LedgerAsk ask = {.batch = need->ask.commit, .deadline_ms = ledger_now_ms(w->server->ledger) + COMMIT_DEADLINE_MS,
                               .loop = w->ledger_loop, .barrier = batch_cuts(need->ask.commit), .done = commit_done, .arg = p};
        Outcome end = p ? ledger_commit(w->server->ledger, &ask) : outcome_fault("memory");
        if (outcome_ok(end))
                return;
        if (p)
                pending_free(p);
        need->answer.commit = (Commit){.end = COMMIT_BUSY};
        need_answered(r, need, outcome_refused(end) ? outcome_good() : end);
}

/* --- workers: passwords, publication ------------------------------------------------------------------------------ */

static void work_done(void *arg) {
        Pending *p = arg;
        if (p->request) {
                if (p->need->kind == NEED_PASSWORD && !p->make)
                        p->need->answer.flag = p->flag;
                else
                        p->need->answer.text = text_copy(p->request->arena, p->out);
                if (p->end.why) /* it lives on this arena, which ends now */
                        p->end.why = text_copy(p->request->arena, text_of(p->end.why)).at;
        }
        pending_answer(p, p->end);
}

static void password_work(void *arg) {
        Pending *p = arg;
        p->end = p->make ? password_hash(p->arena, p->in2, &p->out) : password_check(p->in, p->in2, &p->flag);
}

static void publish_work(void *arg) {
        Pending *p = arg;
        p->end = publisher_apply(p->world->server->publisher, p->arena, p->zone, p->in, p->flag, &p->out);
}

static void rotate_work(void *arg) {
        Pending *p = arg;
        p->end = publisher_rotate(p->world->server->publisher, p->arena, p->zone, p->in, &p->out);
}

static void begin_work(RealWorld *w, Pending *p, void (*run)(void *)) {
        if (p && p->arena && work_begin(w->server->workers, w->loop, run, work_done, p))
                return;
        if (p)
                pending_answer(p, outcome_refuse(0, "too much is waiting"));
}

static Pending *work_new(RealWorld *w, Request *r, Need *need, size_t memory) {
        Pending *p = pending_new(w, r, need);
        if (p)
                p->arena = arena_new(memory);
        if (p && p->arena && r->zone)
                p->zone = text_copy(p->arena, r->zone->slug);
        if (!p)
                need_answered(r, need, outcome_fault("memory"));
        return p;
}

static void answer_password(RealWorld *w, Request *r, Need *need) {
        Pending *p = work_new(w, r, need, 1 << 16);
        if (p && p->arena) {
                p->in = text_copy(p->arena, need->ask.password.stored);
                p->in2 = text_copy(p->arena, need->ask.password.password);
                p->make = need->ask.password.make;
        }
        begin_work(w, p, password_work);
}

static void answer_publish(RealWorld *w, Request *r, Need *need) {
        Pending *p = work_new(w, r, need, (size_t)16 << 20);
        if (p && p->arena) {
                p->in = text_copy(p->arena, need->ask.publish.document);
                p->flag = !need->ask.publish.dry_run;
        }
        begin_work(w, p, publish_work);
}

/* --- fetch ------------------------------------------------------------------------------------------------------ */

static void fetch_done(void *arg, const FetchAnswer *answer) {
        Pending *p = arg;
        p->fetch = NULL;
        if (p->request) {
                Fetched *out = &p->need->answer.fetched;
                Arena *arena = p->request->arena;
                *out = (Fetched){0};
                if (outcome_ok(answer->outcome)) {
                        int64_t age = cache_max_age(answer->cache_control);
                        *out = (Fetched){.status = answer->status, .body = text_copy(arena, answer->body),
                                         .content_type = text_copy(arena, answer->type), .max_age = age < 0 ? 0 : age};
                } else
                        out->why = text_copy(arena, text_of(answer->outcome.why));
        }
        pending_answer(p, outcome_good());
}

static unsigned fetch_rules(const FetchAsk *ask) {
        if (text_is(ask->purpose, "upstream")) /* endpoints that the zone file names */
                return FETCH_LOOPBACK | FETCH_PRIVATE | FETCH_PLAIN;
        return ask->loopback ? FETCH_LOOPBACK : FETCH_PUBLIC;
}

static void answer_fetch(RealWorld *w, Request *r, Need *need) {
        static const char *const json[] = {"application/json", NULL};
        const FetchAsk *ask = &need->ask.fetch;
        HttpHeader headers[3];
        size_t n = 0;
        if (ask->accept.len)
                headers[n++] = (HttpHeader){TEXT("Accept"), ask->accept};
        if (ask->content_type.len)
                headers[n++] = (HttpHeader){TEXT("Content-Type"), ask->content_type};
        if (ask->authorization.len)
                headers[n++] = (HttpHeader){TEXT("Authorization"), ask->authorization};
        bool document = text_is(ask->purpose, "client-metadata");
        const FetchRequest request = {.method = ask->method.len ? text_copy(r->arena, ask->method).at : NULL, .url = ask->url, .headers = headers,
                                      .n_headers = n, .body = ask->body, .ca_pem = r->zone ? r->zone->ca : TEXT_NONE, .rules = fetch_rules(ask),
                                      .max_bytes = document ? 5120 : 65536, .types = document ? json : NULL};
        Pending *p = pending_new(w, r, need);
        Fetch *fetch = p ? fetch_begin(w->server->fetcher, w->loop, &request, fetch_done, p) : NULL;
        if (fetch) {
                p->fetch = fetch;
                return;
        }
        if (p)
                pending_free(p);
        need->answer.fetched = (Fetched){.why = TEXT("too many fetches are waiting")};
        need_answered(r, need, outcome_good());
}

/* --- keeper ----------------------------------------------------------------------------------------------------- */

static void answer_keeper(RealWorld *w, Request *r, Need *need) {
        Keeper *keeper = w->server->keeper;
        Text zone = r->zone ? r->zone->slug : TEXT("-"), context = need->ask.seal.context, bytes = need->ask.seal.bytes, *out = &need->answer.text;
        Outcome end = need->kind == NEED_SEAL   ? keeper_seal(keeper, r->arena, zone, context, TEXT(""), bytes, out)
                      : need->kind == NEED_OPEN ? keeper_unseal(keeper, r->arena, zone, context, TEXT(""), bytes, out)
                                                : keeper_mac(keeper, r->arena, zone, context, bytes, out);
        need_answered(r, need, end);
}

/* --- control ---------------------------------------------------------------------------------------------------- */

static void lock_granted(void *arg) {
        Pending *p = arg;
        LockHold *hold = p->lock;
        p->lock = NULL;
        if (p->request && arena_defer(p->request->arena, (void (*)(void *))lock_end, hold) == 0)
                p->need->answer.text = TEXT("{}");
        pending_answer(p, outcome_good());
}

static void control_lock(RealWorld *w, Request *r, Need *need) {
        Pending *p = pending_new(w, r, need);
        if (p)
                p->lock = lock_begin(w->server->locks, need->ask.control.json, w->loop, lock_granted, p);
        if (p && p->lock)
                return;
        if (p)
                pending_free(p);
        need_answered(r, need, outcome_fault("memory"));
}

static void answer_control(RealWorld *w, Request *r, Need *need) {
        if (text_is(need->ask.control.verb, "lock")) {
                control_lock(w, r, need);
                return;
        }
        if (text_is(need->ask.control.verb, "rotate-key")) {
                Pending *p = work_new(w, r, need, (size_t)1 << 20);
                if (p && p->arena)
                        p->in = text_copy(p->arena, need->ask.control.json);
                begin_work(w, p, rotate_work);
                return;
        }
        need_answered(r, need, control_now(w->server, r, need->ask.control.verb, need->ask.control.json, &need->answer.text));
}

/* ---------------------------------------------------------------------------------------------------------------- */

static void real_begin(World *world, Request *r, Need *need) {
        RealWorld *w = (RealWorld *)world;
        switch (need->kind) {
        case NEED_RANDOM:
                hash_random(need->answer.random, need->ask.random.n);
                need_answered(r, need, outcome_good());
                return;
        case NEED_READ:
                need_answered(r, need, ledger_read(w->reader, need->ask.read.statement, need->ask.read.params, need->ask.read.n, r->arena, &need->answer.rows));
                return;
        case NEED_COMMIT:
                answer_commit(w, r, need);
                return;
        case NEED_VERIFY:
                answer_verify(w, r, need);
                return;
        case NEED_SIGN:
                answer_sign(w, r, need);
                return;
        case NEED_DECIDE:
                need->answer.decision.allowed = policy_decide(r->zone->policies, need->ask.decide, &need->answer.decision);
                need_answered(r, need, outcome_good());
                return;
        case NEED_PASSWORD:
                answer_password(w, r, need);
                return;
        case NEED_FETCH:
                answer_fetch(w, r, need);
                return;
        case NEED_SEAL:
        case NEED_OPEN:
        case NEED_MAC:
                answer_keeper(w, r, need);
                return;
        case NEED_PUBLISH:
                answer_publish(w, r, need);
                return;
        case NEED_CONTROL:
                answer_control(w, r, need);
                return;
        }
        need_answered(r, need, outcome_fault("a need that nobody answers"));
}

static void post_to_loop(void *ctx, void (*fn)(void *arg), void *arg);

Outcome real_world_new(Server *server, Loop *loop, RealWorld **out) {
        RealWorld *w = calloc(1, sizeof *w);
        ENSURE(w, outcome_fault("memory"));
        w->core = (World){.now_ms = real_now_ms, .begin = real_begin, .cancel = real_cancel};
        w->server = server;
        w->loop = loop;
        w->cache = sigcache_new(SIGCACHE_BYTES);
        w->ledger_loop = ledger_loop(server->ledger, post_to_loop, loop);
        *out = w;
        ENSURE(w->cache, outcome_fault("memory"));
        return ledger_reader(server->ledger, &w->reader);
}

/* The ledger posts one call a batch and loop; the note is small and freed where it lands. */
typedef struct Posted {
        LoopNote note;
        void (*fn)(void *arg);
        void *arg;
} Posted;

static void posted_run(void *arg) {
        Posted *posted = arg;
        void (*fn)(void *) = posted->fn;
        void *with = posted->arg;
        free(posted);
        fn(with);
}

static void post_to_loop(void *ctx, void (*fn)(void *arg), void *arg) {
        Posted *posted = malloc(sizeof *posted);
        if (!posted)
                abort(); /* answers must not be lost: nothing may be issued that nobody hears of */
        *posted = (Posted){.note = {.fn = posted_run, .arg = posted}, .fn = fn, .arg = arg};
        loop_post(ctx, &posted->note);
}

void real_world_free(RealWorld *w) {
        if (!w)
                return;
        ledger_reader_close(w->reader);
        sigcache_free(w->cache);
        for (size_t i = 0; i < JWKS_CACHED; i++) {
                jwks_unref(w->jwks[i].set);
                free(w->jwks[i].text);
        }
        while (w->pending)
                pending_free(w->pending);
        free(w);
}
