/* keeper.h - the only holder of keys and long-lived secrets, and the table of what it does with them.
 *
 * knows        the master key file, signing keys by (zone, kid)
 * never knows  HTTP, OAuth, the network, which claims it signs
 * lifetime     one per process, opened before the loops, closed after them. Every operation may be called from any thread:
 *              loaded keys are immutable and counted; a forgotten key finishes the signatures under way
 * memory       the master key is wiped after two keys (sealing, MAC) were derived from it; these stay in guarded pages, read-only.
 *              Private signing keys live in OpenSSL's heap; PKCS #8 bytes pass through guarded pages only.
 *              What `open` returns lives in the caller's arena, which is wiped
 * errors       fault: the environment (file missing, wrong mode or owner, wrong size, memory). Refused row 0: unknown key, bytes
 *              that do not open. keeper_open NEVER makes a new master key when `expect_existing` (the ledger holds sealed rows)
 */
#ifndef CARNET_KEEPER_KEEPER_H
#define CARNET_KEEPER_KEEPER_H
#include "base/text.h"

typedef struct Keeper Keeper;

typedef enum KeeperOperation {
        KEEPER_NONE = 0,
#define OPERATION(name, does) KEEPER_##name,
#include "keeper/operations.def"
#undef OPERATION
        KEEPER_COUNT
} KeeperOperation;

typedef struct KeeperAsk {
        KeeperOperation operation;
        Text zone, kind, id;       /* context of seal, open (all three) and mac (zone, kind) */
        Text algorithm, kid;       /* "ES256" … */
        Text header, type;         /* sign: whole header JSON, or "" and the typ */
        Text bytes;                /* payload, plaintext, sealed bytes, text */
} KeeperAsk;

typedef struct KeeperAnswer {
        Text kid, jwk;             /* generate, load: public JWK JSON */
        Text bytes;                /* sealed key, JWS, sealed, opened, MAC, digest */
} KeeperAnswer;

/* STATE_DIR/master.key: 32 random bytes, mode 0600, owned by us, in a directory that only we can write to. why: on the arena. */
MUST_USE Outcome keeper_open(Arena *arena, Text state_dir, bool expect_existing, Keeper **out);
void keeper_close(Keeper *keeper);
MUST_USE Outcome keeper_do(Keeper *keeper, Arena *arena, const KeeperAsk *ask, KeeperAnswer *answer);

static inline Outcome keeper_generate(Keeper *k, Arena *a, Text zone, Text algorithm, KeeperAnswer *out) {
        return keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_generate, .zone = zone, .algorithm = algorithm}, out);
}

/* generate does not load: store the row first, then load it. Loading twice is fine. */
static inline Outcome keeper_load(Keeper *k, Arena *a, Text zone, Text kid, Text algorithm, Text sealed, KeeperAnswer *out) {
        return keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_load, .zone = zone, .kid = kid, .algorithm = algorithm, .bytes = sealed}, out);
}

static inline Outcome keeper_forget(Keeper *k, Arena *a, Text zone, Text kid) {
        KeeperAnswer none;
        return keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_forget, .zone = zone, .kid = kid}, &none);
}

static inline Outcome keeper_sign(Keeper *k, Arena *a, Text zone, Text kid, Text type, Text claims, Text *jws) {
        KeeperAnswer out = {0};
        TRY(keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_sign, .zone = zone, .kid = kid, .type = type, .bytes = claims}, &out));
        *jws = out.bytes;
        return outcome_good();
}

static inline Outcome keeper_seal(Keeper *k, Arena *a, Text zone, Text kind, Text id, Text bytes, Text *sealed) {
        KeeperAnswer out = {0};
        TRY(keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_seal, .zone = zone, .kind = kind, .id = id, .bytes = bytes}, &out));
        *sealed = out.bytes;
        return outcome_good();
}

static inline Outcome keeper_unseal(Keeper *k, Arena *a, Text zone, Text kind, Text id, Text sealed, Text *bytes) {
        KeeperAnswer out = {0};
        TRY(keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_open, .zone = zone, .kind = kind, .id = id, .bytes = sealed}, &out));
        *bytes = out.bytes;
        return outcome_good();
}

static inline Outcome keeper_mac(Keeper *k, Arena *a, Text zone, Text kind, Text bytes, Text *mac) {
        KeeperAnswer out = {0};
        TRY(keeper_do(k, a, &(KeeperAsk){.operation = KEEPER_mac, .zone = zone, .kind = kind, .bytes = bytes}, &out));
        *mac = out.bytes;
        return outcome_good();
}
#endif
