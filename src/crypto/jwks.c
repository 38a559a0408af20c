#include "crypto/jwk-inner.h"
#include <stdlib.h>

struct JwkSet {
        atomic_uint refs;
        size_t n;
        Jwk *keys[JWKS_KEYS];
};

static Outcome jwks_new(JwkSet **out) {
        JwkSet *set = calloc(1, sizeof *set);
        ENSURE(set, outcome_fault("memory"));
        set->refs = 1;
        *out = set;
        return outcome_good();
}

/* Takes the reference. Two keys of one name and algorithm: which one is meant would depend on order. */
static Outcome jwks_add(JwkSet *set, Jwk *key) {
        bool twice = false;
        for (size_t i = 0; i < set->n; i++)
                twice |= set->keys[i]->algorithm == key->algorithm && text_equal(jwk_kid(set->keys[i]), jwk_kid(key));
        if (twice || set->n == JWKS_KEYS) {
                jwk_unref(key);
                return outcome_malformed(twice ? "two keys have the same kid" : "too many keys");
        }
        set->keys[set->n++] = key;
        return outcome_good();
}

static Outcome read_keys(const Json *keys, JwkSet *set) {
        for (size_t i = 0; i < json_array_size(keys); i++) {
                Jwk *key = NULL;
                bool foreign = false;
                Outcome o = jwk_read_member(json_array_get(keys, i), &key, &foreign);
                if (outcome_refused(o) && foreign)
                        continue; /* RFC 7517 5: implementations SHOULD ignore keys that they do not understand */
                TRY(o);
                TRY(jwks_add(set, key));
        }
        ENSURE(set->n, outcome_malformed("the key set has no key for ES256, RS256 or EdDSA signatures"));
        return outcome_good();
}

Outcome jwks_read(Arena *arena, Text json, JwkSet **out) {
        Json *object;
        JwkSet *set = NULL;
        ENSURE(json.len <= JWKS_MAX, outcome_malformed("the key set is too long"));
        TRY(json_read_object(arena, json, &object));
        const Json *keys = json_object_get(object, "keys");
        ENSURE(json_is_array(keys), outcome_malformed("a key set has an array `keys`"));
        ENSURE(json_array_size(keys) <= JWKS_KEYS, outcome_malformed("too many keys"));
        TRY(jwks_new(&set));
        Outcome o = read_keys(keys, set);
        if (outcome_ok(o))
                *out = set;
        else
                jwks_unref(set);
        return o;
}

Outcome jwks_make(Jwk *const *keys, size_t n, JwkSet **out) {
        JwkSet *set = NULL;
        Outcome o = jwks_new(&set);
        for (size_t i = 0; outcome_ok(o) && i < n; i++)
                o = jwks_add(set, jwk_ref(keys[i]));
        if (outcome_ok(o))
                *out = set;
        else
                jwks_unref(set);
        return o;
}

JwkSet *jwks_ref(JwkSet *set) {
        atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
        return set;
}

void jwks_unref(JwkSet *set) {
        if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
                return;
        for (size_t i = 0; i < set->n; i++)
                jwk_unref(set->keys[i]);
        free(set);
}

size_t jwks_count(const JwkSet *set) { return set->n; }
Jwk *jwks_at(const JwkSet *set, size_t i) { return i < set->n ? set->keys[i] : NULL; }

Jwk *jwks_find(const JwkSet *set, Text kid, Algorithm algorithm) {
        Jwk *found = NULL;
        for (size_t i = 0; i < set->n; i++) {
                Jwk *key = set->keys[i];
                if (key->algorithm != algorithm || (kid.len && !text_equal(kid, jwk_kid(key))))
                        continue;
                if (found)
                        return NULL; /* no kid, several keys: we do not try them all */
                found = key;
        }
        return found;
}

Text jwks_print(Arena *arena, const JwkSet *set) {
        Buf buf = buf_new(arena, 256 * (set->n + 1));
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_open(&out, "keys", '[');
        for (size_t i = 0; i < set->n; i++)
                json_put_raw(&out, NULL, jwk_print(arena, set->keys[i]));
        json_close(&out, ']');
        json_close(&out, '}');
        return buf_done(&buf);
}
