#include "crypto/sigcache.h"
#include <sodium.h>
#include <stdlib.h>

#define WAYS 8
#define KEY_SIZE 16      /* half a key's digest: finding a second key of the same half takes 2^128 tries */
#define GENERATIONS 4096

typedef struct Entry {
        uint8_t token[HASH_SIZE];
        uint8_t key[KEY_SIZE];
        uint32_t generation; /* of the key's slot when it was added; 0: empty */
        uint32_t used;       /* clock bit */
} Entry;

typedef struct Set {
        Entry entry[WAYS];
} Set;

struct SigCache {
        Set *sets;
        size_t mask;
        uint8_t seed[crypto_shorthash_KEYBYTES]; /* which set a token falls into must not be a stranger's choice */
        uint32_t hand;
        uint32_t generations[GENERATIONS];       /* by key digest; forgetting a key counts its slot on */
};

static size_t power_below(size_t n) {
        size_t p = 1;
        while (p <= n / 2)
                p *= 2;
        return p;
}

SigCache *sigcache_new(size_t bytes) {
        SigCache *cache = sodium_init() < 0 ? NULL : calloc(1, sizeof *cache);
        if (!cache)
                return NULL;
        size_t n = power_below(bytes / sizeof(Set));
        cache->mask = n - 1;
        cache->sets = calloc(n, sizeof(Set));
        if (!cache->sets) {
                free(cache);
                return NULL;
        }
        crypto_shorthash_keygen(cache->seed);
        for (size_t i = 0; i < GENERATIONS; i++)
                cache->generations[i] = 1;
        return cache;
}

void sigcache_free(SigCache *cache) {
        if (!cache)
                return;
        free(cache->sets);
        free(cache);
}

static uint32_t *generation_of(SigCache *cache, const Jwk *key) {
        const uint8_t *d = jwk_digest(key);
        return &cache->generations[((unsigned)d[30] << 8 | d[31]) % GENERATIONS];
}

static Set *set_of(SigCache *cache, const uint8_t token[HASH_SIZE]) {
        uint64_t h;
        crypto_shorthash((uint8_t *)&h, token, 16, cache->seed);
        return &cache->sets[h & cache->mask];
}

static Entry *find(SigCache *cache, const uint8_t token[HASH_SIZE], const Jwk *key) {
        uint32_t generation = *generation_of(cache, key);
        Set *set = set_of(cache, token);
        for (size_t i = 0; i < WAYS; i++) {
                Entry *e = &set->entry[i];
                if (e->generation == generation && memcmp(e->token, token, HASH_SIZE) == 0 &&
                    memcmp(e->key, jwk_digest(key), KEY_SIZE) == 0)
                        return e;
        }
        return NULL;
}

/* The first empty entry, else the next that was not used since the hand passed last. */
static Entry *victim(SigCache *cache, Set *set) {
        for (size_t i = 0; i < WAYS; i++)
                if (set->entry[i].generation == 0)
                        return &set->entry[i];
        for (size_t i = 0; i < 2 * WAYS; i++) {
                Entry *e = &set->entry[cache->hand++ % WAYS];
                if (!e->used)
                        return e;
                e->used = 0;
        }
        return &set->entry[cache->hand++ % WAYS];
}

static void add_digest(SigCache *cache, const uint8_t token[HASH_SIZE], const Jwk *key) {
        if (find(cache, token, key))
                return;
        Entry *e = victim(cache, set_of(cache, token));
        memcpy(e->token, token, HASH_SIZE);
        memcpy(e->key, jwk_digest(key), KEY_SIZE);
        e->generation = *generation_of(cache, key);
        e->used = 0;
}

static bool has_digest(SigCache *cache, const uint8_t token[HASH_SIZE], const Jwk *key) {
        Entry *e = find(cache, token, key);
        if (e)
                e->used = 1;
        return e != NULL;
}

void sigcache_add(SigCache *cache, Text token, const Jwk *key) {
        uint8_t digest[HASH_SIZE];
        hash_sha256(token, digest);
        add_digest(cache, digest, key);
}

bool sigcache_has(SigCache *cache, Text token, const Jwk *key) {
        uint8_t digest[HASH_SIZE];
        hash_sha256(token, digest);
        return has_digest(cache, digest, key);
}

void sigcache_forget(SigCache *cache, const Jwk *key) {
        uint32_t *generation = generation_of(cache, key);
        if (++*generation == 0) /* after 2^32 forgets: 0 means empty */
                *generation = 1;
}

Outcome sigcache_verify(SigCache *cache, const Jws *jws, const Jwk *key) {
        uint8_t digest[HASH_SIZE];
        if (!cache)
                return jws_verify(jws, key);
        ENSURE(jws->algorithm == jwk_algorithm(key), outcome_malformed("alg does not fit the key"));
        hash_sha256(jws->token, digest);
        if (has_digest(cache, digest, key))
                return outcome_good();
        TRY(jws_verify(jws, key));
        add_digest(cache, digest, key);
        return outcome_good();
}
