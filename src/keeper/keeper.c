#include "keeper/keeper.h"
#include "crypto/b64url.h"
#include "crypto/jws.h"
#include "crypto/seal.h"
#include "keeper/keys.h"
#include "keeper/master.h"
#include <sodium.h>
#include <stdlib.h>

#define VERSION 1 /* of the derivation and the sealed form */
#define KIND_SIGNING_KEY TEXT("signing-key")

struct Keeper {
        Keys *keys;
        Secret *sealer, *macer;    /* opened once, read-only for good: opening and shutting is not for several threads */
        Text sealing_key, mac_key; /* their bytes */
};

/* One purpose, one key (libsodium's KDF, keyed BLAKE2b). */
static Outcome derive(Secret *master, uint64_t number, Secret **out) {
        uint8_t bytes[SEAL_KEY];
        Text from = secret_open(master);
        int failed = crypto_kdf_derive_from_key(bytes, sizeof bytes, number, "carnet-1", (const uint8_t *)from.at);
        secret_shut(master);
        *out = failed ? NULL : secret_new(bytes, sizeof bytes);
        sodium_memzero(bytes, sizeof bytes);
        ENSURE(*out, outcome_fault("memory"));
        return outcome_good();
}

static Outcome keeper_fill(Keeper *k, Secret *master) {
        TRY(derive(master, 1, &k->sealer));
        TRY(derive(master, 2, &k->macer));
        k->sealing_key = secret_open(k->sealer);
        k->mac_key = secret_open(k->macer);
        k->keys = keys_new();
        ENSURE(k->keys, outcome_fault("memory"));
        return outcome_good();
}

Outcome keeper_open(Arena *arena, Text state_dir, bool expect_existing, Keeper **out) {
        Secret *master = NULL;
        ENSURE(sodium_init() >= 0, outcome_fault("libsodium does not start"));
        TRY(master_open(arena, state_dir, expect_existing, &master));
        Keeper *k = calloc(1, sizeof *k);
        Outcome o = k ? keeper_fill(k, master) : outcome_fault("memory");
        secret_free(master);
        if (outcome_ok(o))
                *out = k;
        else
                keeper_close(k);
        return o;
}

void keeper_close(Keeper *k) {
        if (!k)
                return;
        keys_free(k->keys);
        secret_free(k->sealer);
        secret_free(k->macer);
        free(k);
}

static Outcome seal_under(Keeper *k, Arena *arena, SealContext context, Text bytes, Text *out) {
        return seal_close(arena, k->sealing_key, VERSION, context, bytes, out);
}

static Outcome seal_key(Keeper *k, Arena *arena, Text zone, const Jwk *key, KeeperAnswer *answer) {
        Secret *pkcs8 = NULL;
        TRY(jwk_export(key, &pkcs8));
        Outcome o = seal_under(k, arena, (SealContext){zone, KIND_SIGNING_KEY, jwk_kid(key)}, secret_open(pkcs8), &answer->bytes);
        secret_free(pkcs8);
        TRY(o);
        answer->kid = text_copy(arena, jwk_kid(key));
        answer->jwk = jwk_print(arena, key);
        ENSURE(answer->kid.len && answer->jwk.len, outcome_fault("memory"));
        return outcome_good();
}

static Outcome do_generate(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        Jwk *key = NULL;
        TRY(jwk_generate(algorithm_named(ask->algorithm), &key));
        Outcome o = seal_key(k, arena, ask->zone, key, answer);
        jwk_unref(key);
        return o;
}

/* The kid is a thumbprint and part of what the bytes are sealed under: a row cannot stand in for another's. */
static Outcome open_key(Keeper *k, const KeeperAsk *ask, Jwk **out) {
        Arena *own = arena_new(64 * 1024); /* wiped at once: private key bytes do not wait for the request's end */
        Text pkcs8;
        ENSURE(own, outcome_fault("memory"));
        Outcome o = seal_open(own, k->sealing_key, VERSION, (SealContext){ask->zone, KIND_SIGNING_KEY, ask->kid}, ask->bytes, &pkcs8);
        if (outcome_ok(o))
                o = jwk_import(algorithm_named(ask->algorithm), pkcs8, out);
        arena_free(own);
        if (outcome_ok(o) && !text_equal(jwk_kid(*out), ask->kid)) {
                jwk_unref(*out);
                return outcome_malformed("the sealed key is not the one its kid names");
        }
        return o;
}

static Outcome do_load(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        Jwk *key = NULL;
        TRY(open_key(k, ask, &key));
        Outcome o = keys_put(k->keys, ask->zone, key);
        answer->kid = text_copy(arena, jwk_kid(key));
        answer->jwk = jwk_print(arena, key);
        jwk_unref(key);
        TRY(o);
        ENSURE(answer->kid.len && answer->jwk.len, outcome_fault("memory"));
        return outcome_good();
}

static Outcome do_forget(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        (void)arena, (void)answer;
        keys_drop(k->keys, ask->zone, ask->kid); /* not there: as wanted */
        return outcome_good();
}

static Outcome do_sign(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        Jwk *key = keys_get(k->keys, ask->zone, ask->kid);
        ENSURE(key, outcome_malformed("the keeper holds no such signing key"));
        Outcome o = jws_sign(arena, key, ask->header, ask->type, ask->bytes, &answer->bytes);
        jwk_unref(key);
        return o;
}

/* Signing keys are sealed under a kind of their own, which no caller may open as bytes. */
static Outcome do_seal(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        ENSURE(!text_equal(ask->kind, KIND_SIGNING_KEY), outcome_malformed("signing keys do not leave the keeper"));
        return seal_under(k, arena, (SealContext){ask->zone, ask->kind, ask->id}, ask->bytes, &answer->bytes);
}

static Outcome do_open(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        ENSURE(!text_equal(ask->kind, KIND_SIGNING_KEY), outcome_malformed("signing keys do not leave the keeper"));
        return seal_open(arena, k->sealing_key, VERSION, (SealContext){ask->zone, ask->kind, ask->id}, ask->bytes, &answer->bytes);
}

static Outcome do_mac(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        uint8_t raw[HASH_SIZE];
        ENSURE(ask->kind.len, outcome_malformed("a MAC needs a kind"));
        hash_mac(k->mac_key, (const Text[]){ask->zone, ask->kind, ask->bytes}, 3, raw);
        answer->bytes = b64url_encode(arena, (Text){(const char *)raw, sizeof raw});
        ENSURE(answer->bytes.len, outcome_fault("memory"));
        return outcome_good();
}

static Outcome do_digest(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        (void)k;
        answer->bytes = hash_bytes(arena, ask->bytes);
        ENSURE(answer->bytes.len, outcome_fault("memory"));
        return outcome_good();
}

static Outcome (*const operations[KEEPER_COUNT])(Keeper *, Arena *, const KeeperAsk *, KeeperAnswer *) = {
#define OPERATION(name, does) [KEEPER_##name] = do_##name,
#include "keeper/operations.def"
#undef OPERATION
};

Outcome keeper_do(Keeper *k, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer) {
        ENSURE(ask->operation > KEEPER_NONE && ask->operation < KEEPER_COUNT, outcome_fault("no such operation"));
        *answer = (KeeperAnswer){0};
        return operations[ask->operation](k, arena, ask, answer);
}
