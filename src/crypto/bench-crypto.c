/* Microseconds of one core for what a token costs. `meson test --benchmark --suite crypto -v` */
#include "crypto/jwt.h"
#include "crypto/sigcache.h"
#include <stdio.h>
#include <time.h>

#define CLAIMS                                                                                                         \
        "{\"iss\":\"http://localhost:8080/z/dev\",\"sub\":\"sara\",\"aud\":\"http://localhost:8002/mcp\",\"client_id\":\"churn\","      \
        "\"scope\":\"query\",\"sid\":\"s_01jd0000000000000000000000\",\"jti\":\"d_01jd0000000000000000000000\",\"iat\":1790000000,"     \
        "\"exp\":1790000300,\"act\":{\"sub\":\"churn\",\"act\":{\"sub\":\"cowork\"}},\"anc\":[\"a_01jd0000000000000000000000\","         \
        "\"s_01jd0000000000000000000000\",\"h_01jd0000000000000000000000\"]}"

typedef struct Bench {
        Arena *arena;
        Jwk *key;
        Text token;
        Jws jws;
        SigCache *cache;
} Bench;

static Outcome do_sign(Bench *b) { return jws_sign(b->arena, b->key, TEXT_NONE, TEXT("at+jwt"), TEXT(CLAIMS), &b->token); }
static Outcome do_read(Bench *b) { return jws_read(b->arena, b->token, &b->jws); }
static Outcome do_verify(Bench *b) { return jws_verify(&b->jws, b->key); }
static Outcome do_cached(Bench *b) { return sigcache_verify(b->cache, &b->jws, b->key); }

static Outcome do_claims(Bench *b) {
        JwtClaims c;
        return jwt_read(b->arena, &b->jws, &c);
}

static Outcome do_import(Bench *b) {
        Jwk *key;
        TRY(jwk_read_text(b->arena, jwk_print(b->arena, b->key), &key));
        jwk_unref(key);
        return outcome_good();
}

static double now_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const char *alg, const char *what, Outcome (*fn)(Bench *), const Bench *from) {
        double best = 1e9;
        for (int round = 0; round < 5; round++) {
                int n = 0;
                double spent = 0;
                while (spent < 40000) { /* a fresh arena for each hundred, as a request has */
                        Bench b = *from;
                        b.arena = arena_new(64 << 20);
                        double start = now_us();
                        for (int i = 0; i < 100; i++, n++)
                                if (!outcome_ok(fn(&b)))
                                        printf("# %s failed\n", what);
                        spent += now_us() - start;
                        arena_free(b.arena);
                }
                best = spent / n < best ? spent / n : best;
        }
        printf("%-6s %-22s %8.2f us\n", alg, what, best);
}

int main(void) {
        for (Algorithm alg = ALGORITHM_NONE + 1; alg < ALGORITHM_COUNT; alg++) {
                Bench b = {.arena = arena_new(1 << 20), .cache = sigcache_new(1 << 20)};
                if (!outcome_ok(jwk_generate(alg, &b.key)) || !outcome_ok(do_sign(&b)) || !outcome_ok(do_read(&b)))
                        return 1;
                const char *name = algorithm_name(alg);
                measure(name, "sign", do_sign, &b);
                measure(name, "read (split, header)", do_read, &b);
                measure(name, "verify", do_verify, &b);
                measure(name, "verify, cached", do_cached, &b);
                measure(name, "claims", do_claims, &b);
                measure(name, "read a JWK", do_import, &b);
                sigcache_free(b.cache);
                jwk_unref(b.key);
                arena_free(b.arena);
        }
        return 0;
}
