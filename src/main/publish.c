#include "main/publish.h"
#include "core/zone_build.h"
#include "core/zone_diff.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define ZONE_MEMORY ((size_t)32 << 20)
#define KEY_KEPT_SECONDS (24 * 3600) /* a retired key verifies this long: longer than anything it signed lives */

/* A zone as built, with its keys; shared by the snapshots that hold it. */
typedef struct Built {
        atomic_uint refs;
        Arena *arena;
        const Zone *zone;
        ZoneKeys keys;
} Built;

typedef struct Published {
        Snapshot snapshot; /* first: a Snapshot* is a Published* */
        atomic_uint refs;
        Built **built;
} Published;

struct Publisher {
        Server *server;
        pthread_mutex_t lock;     /* of `now` */
        pthread_mutex_t building; /* one publication at a time */
        Published *now;
        LedgerReader *reader;     /* under `building` */
};

/* --- counting --------------------------------------------------------------------------------------------------- */

static void built_unref(Built *b) {
        if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
                return;
        if (b->zone)
                policy_set_release(b->zone->policies);
        for (int a = 0; a < ALGORITHM_COUNT; a++)
                jwk_unref(b->keys.signer[a]);
        jwks_unref(b->keys.verify);
        arena_free(b->arena);
        free(b);
}

static void published_unref(Published *p) {
        if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
                return;
        for (size_t i = 0; i < p->snapshot.n; i++)
                built_unref(p->built[i]);
        free(p->snapshot.zones);
        free(p->built);
        free(p);
}

const Snapshot *publisher_hold(Publisher *publisher) {
        pthread_mutex_lock(&publisher->lock);
        Published *now = publisher->now;
        atomic_fetch_add(&now->refs, 1);
        pthread_mutex_unlock(&publisher->lock);
        return &now->snapshot;
}

void publisher_release(Publisher *publisher, const Snapshot *snapshot) {
        (void)publisher;
        published_unref((Published *)snapshot);
}

const ZoneKeys *publisher_keys(const Snapshot *snapshot, const Zone *zone) {
        const Published *p = (const Published *)snapshot;
        for (size_t i = 0; i < p->snapshot.n; i++)
                if (p->snapshot.zones[i] == zone)
                        return &p->built[i]->keys;
        static const ZoneKeys none;
        return &none;
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static bool algorithm_wanted(const Zone *zone, Algorithm algorithm) {
        Text name = text_of(algorithm_name(algorithm));
        for (size_t i = 0; i < zone->n_resources; i++)
                if (text_equal(zone->resources[i].algorithm, name))
                        return true;
        for (size_t i = 0; i < zone->n_providers; i++)
                if (text_equal(zone->providers[i].algorithm, name))
                        return true;
        return false;
}

static Outcome key_make(Publisher *publisher, Arena *arena, Text zone, Text algorithm, Text *kid) {
        KeeperAnswer made = {0};
        Commit commit;
        TRY(keeper_generate(publisher->server->keeper, arena, zone, algorithm, &made));
        const Value params[] = {value_text(zone), value_text(made.kid), value_text(algorithm), value_text(made.jwk), value_blob(made.bytes),
                                value_int(time(NULL))};
        const Batch batch = {.writes = {{.statement = WRITE_key_add, .params = params, .n = ARRAY_LEN(params)}}, .n = 1};
        TRY(server_commit(publisher->server, &batch, &commit));
        ENSURE(commit.end == COMMIT_OK, outcome_fault("the ledger did not take a new signing key"));
        *kid = made.kid;
        return outcome_good();
}

/* Loads what the ledger has: all that may still verify; the newest not retired of each algorithm signs. */
static Outcome keys_load(Publisher *publisher, Arena *arena, Text zone, ZoneKeys *out) {
        Rows rows;
        Jwk *all[JWKS_KEYS];
        size_t n = 0;
        const Value params[] = {value_text(zone)};
        TRY(ledger_read(publisher->reader, READ_keys_all, params, 1, arena, &rows));
        for (size_t i = 0; i < rows.n && n < JWKS_KEYS; i++) {
                const Value *retired = rows_at(&rows, i, 5);
                if (retired->type != VALUE_NULL && retired->i + KEY_KEPT_SECONDS < time(NULL))
                        continue;
                KeeperAnswer loaded = {0};
                Text kid = rows_text(&rows, i, 0), algorithm = rows_text(&rows, i, 1);
                TRY(keeper_load(publisher->server->keeper, arena, zone, kid, algorithm, rows_text(&rows, i, 3), &loaded));
                TRY(jwk_read_text(arena, rows_text(&rows, i, 2), &all[n]));
                Algorithm a = algorithm_named(algorithm);
                if (retired->type == VALUE_NULL && a != ALGORITHM_NONE) {
                        jwk_unref(out->signer[a]);
                        out->signer[a] = jwk_ref(all[n]);
                        out->kid[a] = kid;
                }
                n++;
        }
        jwks_unref(out->verify);
        out->verify = NULL;
        Outcome end = n ? jwks_make(all, n, &out->verify) : outcome_good();
        for (size_t i = 0; i < n; i++)
                jwk_unref(all[i]);
        TRY(end);
        out->json = out->verify ? jwks_print(arena, out->verify) : TEXT("{\"keys\":[]}");
        return outcome_good();
}

static Outcome keys_ready(Publisher *publisher, Arena *arena, const Zone *zone, ZoneKeys *out) {
        bool made = false;
        TRY(keys_load(publisher, arena, zone->slug, out));
        for (int a = ALGORITHM_NONE + 1; a < ALGORITHM_COUNT; a++) {
                Text kid;
                bool wanted = algorithm_wanted(zone, (Algorithm)a) || a == ALGORITHM_ES256; /* a zone always has one */
                if (!wanted || out->signer[a])
                        continue;
                TRY(key_make(publisher, arena, zone->slug, text_of(algorithm_name((Algorithm)a)), &kid));
                made = true;
        }
        return made ? keys_load(publisher, arena, zone->slug, out) : outcome_good();
}

/* --- building --------------------------------------------------------------------------------------------------- */

static Outcome seal_for_build(void *arg, Arena *arena, Text zone, Text context, Text bytes, Text *out) {
        return keeper_seal(((Publisher *)arg)->server->keeper, arena, zone, context, TEXT(""), bytes, out);
}

static Text issuer_of(Publisher *publisher, Arena *arena, Text zone) {
        return text_print(arena, "%.*s/z/%.*s", TEXT_ARG(publisher->server->config->public_url), TEXT_ARG(zone));
}

static Outcome build(Publisher *publisher, Text slug, int64_t version, Text document, const Zone *previous, Built **out, Text *error, Text *canonical) {
        Built *b = calloc(1, sizeof *b);
        Zone *zone = NULL;
        ENSURE(b, outcome_fault("memory"));
        atomic_init(&b->refs, 1);
        b->arena = arena_new(ZONE_MEMORY);
        *out = b;
        ENSURE(b->arena, outcome_fault("memory"));
        const ZoneBuildContext context = {.slug = slug, .issuer = issuer_of(publisher, b->arena, slug), .previous = previous, .version = version,
                                          .dev = publisher->server->config->dev, .seal = seal_for_build, .seal_arg = publisher};
        TRY(zone_build(b->arena, document, &context, &zone, canonical, error));
        b->zone = zone;
        return outcome_good();
}

static const Zone *zone_now(Publisher *publisher, Text slug) { return snapshot_zone(&publisher->now->snapshot, slug); }

/* A snapshot like the one now, with `fresh` in its zone's place. */
static Published *published_with(Publisher *publisher, Built *fresh) {
        const Published *old = publisher->now;
        Published *p = calloc(1, sizeof *p);
        size_t n = old ? old->snapshot.n : 0;
        const Zone **zones = calloc(n + 1, sizeof *zones);
        Built **built = calloc(n + 1, sizeof *built);
        if (!p || !zones || !built) {
                free(p);
                free(zones);
                free(built);
                return NULL;
        }
        size_t k = 0;
        for (size_t i = 0; i < n; i++)
                if (!fresh || !text_equal(old->built[i]->zone->slug, fresh->zone->slug)) {
                        atomic_fetch_add(&old->built[i]->refs, 1);
                        built[k++] = old->built[i];
                }
        if (fresh)
                built[k++] = fresh;
        for (size_t i = 0; i < k; i++)
                zones[i] = built[i]->zone;
        *p = (Published){.snapshot = {.zones = zones, .n = k, .generation = old ? old->snapshot.generation + 1 : 1}, .built = built};
        atomic_init(&p->refs, 1);
        return p;
}

static Outcome swap(Publisher *publisher, Built *fresh) {
        TRY(keys_ready(publisher, fresh->arena, fresh->zone, &fresh->keys));
        ((Zone *)fresh->zone)->keys = fresh->keys.json;
        Published *next = published_with(publisher, fresh);
        ENSURE(next, outcome_fault("memory"));
        pthread_mutex_lock(&publisher->lock);
        Published *old = publisher->now;
        publisher->now = next;
        pthread_mutex_unlock(&publisher->lock);
        published_unref(old);
        return outcome_good();
}

static Text error_json(Arena *arena, Text error) {
        Buf buf = buf_new(arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "error", error);
        json_close(&out, '}');
        return buf_done(&buf);
}

static Text changes_json(Arena *arena, const Zone *before, const Zone *after, Text canonical) {
        Buf buf = buf_new(arena, 1024 + canonical.len);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_texts(&out, "changes", zone_diff(arena, before, after));
        json_put_text(&out, "canonical", canonical);
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome apply_locked(Publisher *publisher, Arena *arena, Text slug, Text document, bool publish, Text *answer) {
        Built *fresh = NULL;
        Rows latest;
        Text error = TEXT_NONE, canonical = TEXT_NONE;
        const Value params[] = {value_text(slug)};
        const Zone *before = zone_now(publisher, slug);
        TRY(ledger_read(publisher->reader, READ_zone_latest, params, 1, arena, &latest));
        int64_t version = latest.n ? rows_int(&latest, 0, 0) : 0;
        Outcome end = build(publisher, slug, publish ? version : version + 1, document, before, &fresh, &error, &canonical);
        if (outcome_ok(end))
                *answer = changes_json(arena, before, fresh->zone, canonical);
        else if (outcome_refused(end)) {
                *answer = error_json(arena, error.len ? error : text_of(end.why));
                end = outcome_good();
                publish = false;
        }
        if (outcome_ok(end) && publish) {
                end = swap(publisher, fresh);
                if (outcome_ok(end))
                        return end; /* the snapshot has it now */
        }
        built_unref(fresh);
        return end;
}

Outcome publisher_apply(Publisher *publisher, Arena *arena, Text zone, Text document, bool publish, Text *answer) {
        pthread_mutex_lock(&publisher->building);
        Outcome end = apply_locked(publisher, arena, zone, document, publish, answer);
        pthread_mutex_unlock(&publisher->building);
        return end;
}

/* The zone again as it is in the ledger: after its keys changed. */
static Outcome republish(Publisher *publisher, Arena *arena, Text slug) {
        Rows latest;
        Text answer;
        const Value params[] = {value_text(slug)};
        TRY(ledger_read(publisher->reader, READ_zone_latest, params, 1, arena, &latest));
        ENSURE(latest.n, outcome_refuse(0, "there is no such zone"));
        return apply_locked(publisher, arena, slug, rows_text(&latest, 0, 1), true, &answer);
}

static Outcome rotate_locked(Publisher *publisher, Arena *arena, Text zone, Text algorithm, Text *kid) {
        Rows rows;
        const Value params[] = {value_text(zone)};
        ENSURE(algorithm_named(algorithm) != ALGORITHM_NONE, outcome_refuse(0, "the algorithm is RS256, ES256 or EdDSA"));
        TRY(ledger_read(publisher->reader, READ_keys_all, params, 1, arena, &rows));
        TRY(key_make(publisher, arena, zone, algorithm, kid));
        for (size_t i = 0; i < rows.n; i++) {
                if (!text_equal(rows_text(&rows, i, 1), algorithm) || rows_at(&rows, i, 5)->type != VALUE_NULL)
                        continue;
                Commit commit;
                const Value retire[] = {value_text(zone), value_text(rows_text(&rows, i, 0)), value_int(time(NULL))};
                const Batch batch = {.writes = {{.statement = WRITE_key_retire, .params = retire, .n = ARRAY_LEN(retire)}}, .n = 1};
                TRY(server_commit(publisher->server, &batch, &commit));
        }
        return republish(publisher, arena, zone);
}

Outcome publisher_rotate(Publisher *publisher, Arena *arena, Text zone, Text algorithm, Text *kid) {
        pthread_mutex_lock(&publisher->building);
        Outcome end = rotate_locked(publisher, arena, zone, algorithm, kid);
        pthread_mutex_unlock(&publisher->building);
        return end;
}

/* --- start ------------------------------------------------------------------------------------------------------ */

static Outcome zone_first(Publisher *publisher, Arena *arena, Text slug) {
        Commit commit;
        Text document = text_print(arena, "{\"files\":{\"zone.yaml\":\"zone: %.*s\\n\"}}", TEXT_ARG(slug));
        const Value params[] = {value_text(slug), value_int(1), value_text(document), value_int(time(NULL))};
        const Batch batch = {.writes = {{.statement = WRITE_zone_version_add, .params = params, .n = ARRAY_LEN(params)}}, .n = 1};
        TRY(server_commit(publisher->server, &batch, &commit));
        ENSURE(commit.end == COMMIT_OK, outcome_fault("the ledger did not take the new zone"));
        return outcome_good();
}

static Outcome zone_publish(Publisher *publisher, Arena *arena, Text slug, int64_t version, Text document) {
        Built *fresh = NULL;
        Text error = TEXT_NONE, canonical;
        Outcome end = build(publisher, slug, version, document, NULL, &fresh, &error, &canonical);
        if (outcome_refused(end))
                end = outcome_fault(error.len ? text_copy(arena, error).at : "a zone of the ledger cannot be built any more");
        if (outcome_ok(end))
                end = swap(publisher, fresh);
        if (!outcome_ok(end))
                built_unref(fresh);
        return end;
}

static Outcome start(Publisher *publisher, Arena *arena) {
        Rows rows;
        const Text slug = publisher->server->config->zone;
        const Value params[] = {value_text(slug)};
        TRY(ledger_read(publisher->reader, READ_zone_latest, params, 1, arena, &rows));
        if (!rows.n)
                TRY(zone_first(publisher, arena, slug));
        TRY(ledger_read(publisher->reader, READ_zones_all, params, 1, arena, &rows));
        for (size_t i = 0; i < rows.n; i++)
                TRY(zone_publish(publisher, arena, rows_text(&rows, i, 0), rows_int(&rows, i, 1), rows_text(&rows, i, 2)));
        return outcome_good();
}

Outcome publisher_start(Publisher *publisher) {
        static Arena *why; /* a fault's sentence outlives the arena of the start */
        Arena *arena = why = arena_new((size_t)64 << 20);
        ENSURE(arena, outcome_fault("memory"));
        Outcome end = start(publisher, arena);
        if (outcome_ok(end)) {
                arena_free(arena);
                why = NULL;
        }
        return end;
}

Outcome publisher_new(Server *server, Publisher **out) {
        Publisher *publisher = calloc(1, sizeof *publisher);
        ENSURE(publisher, outcome_fault("memory"));
        publisher->server = server;
        pthread_mutex_init(&publisher->lock, NULL);
        pthread_mutex_init(&publisher->building, NULL);
        *out = publisher;
        publisher->now = published_with(publisher, NULL);
        ENSURE(publisher->now, outcome_fault("memory"));
        return ledger_reader(server->ledger, &publisher->reader);
}

void publisher_free(Publisher *publisher) {
        if (!publisher)
                return;
        published_unref(publisher->now);
        ledger_reader_close(publisher->reader);
        pthread_mutex_destroy(&publisher->lock);
        pthread_mutex_destroy(&publisher->building);
        free(publisher);
}
