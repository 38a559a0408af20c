#include "crypto/jwk-inner.h"
#include "crypto/scratch.h"
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_BITS 2048

static EVP_PKEY *generate(Algorithm algorithm) {
        switch (algorithm) {
        case ALGORITHM_ES256:
                return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        case ALGORITHM_RS256:
                return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
        case ALGORITHM_EDDSA:
                return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        default:
                return NULL;
        }
}

Outcome jwk_generate(Algorithm algorithm, Jwk **out) {
        ENSURE(algorithm > ALGORITHM_NONE && algorithm < ALGORITHM_COUNT, outcome_malformed("no such algorithm"));
        EVP_PKEY *pkey = generate(algorithm);
        ENSURE(scratch_settle(pkey), outcome_fault("key generation failed"));
        return jwk_make(algorithm, pkey, true, TEXT_NONE, out);
}

Outcome jwk_export(const Jwk *key, Secret **pkcs8) {
        ENSURE(key->secret, outcome_fault("a public key has nothing to export"));
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
        ENSURE(info, outcome_fault("the key does not export"));
        unsigned char *der = NULL;
        int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
        *pkcs8 = len > 0 ? secret_new(der, (size_t)len) : NULL;
        OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
        PKCS8_PRIV_KEY_INFO_free(info); /* wipes the key inside */
        ENSURE(*pkcs8, outcome_fault("memory"));
        return outcome_good();
}

static EVP_PKEY *read_pkcs8(Text pkcs8) {
        const unsigned char *at = (const unsigned char *)pkcs8.at, *end = at + pkcs8.len;
        PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
        EVP_PKEY *pkey = info && at == end ? EVP_PKCS82PKEY(info) : NULL;
        PKCS8_PRIV_KEY_INFO_free(info);
        return pkey;
}

/* F21: a key of the wrong type or curve is refused, never used for what it happens to be. */
static bool fits(Algorithm algorithm, EVP_PKEY *pkey) {
        char group[32] = "";
        size_t len;
        switch (algorithm) {
        case ALGORITHM_ES256:
                return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) &&
                       (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
        case ALGORITHM_RS256:
                return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= 2048 && EVP_PKEY_get_bits(pkey) <= 4096;
        case ALGORITHM_EDDSA:
                return EVP_PKEY_is_a(pkey, "ED25519");
        default:
                return false;
        }
}

/* Do the private and the public half belong together? A signature by a torn key would give the key away. */
static bool sound(EVP_PKEY *pkey) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        bool ok = ctx && EVP_PKEY_pairwise_check(ctx) > 0;
        EVP_PKEY_CTX_free(ctx);
        return ok;
}

Outcome jwk_import(Algorithm expected, Text pkcs8, Jwk **out) {
        ENSURE(pkcs8.len && pkcs8.len <= JWK_MAX, outcome_malformed("no private key"));
        EVP_PKEY *pkey = read_pkcs8(pkcs8);
        ENSURE(scratch_settle(pkey), outcome_malformed("not a private key in PKCS #8"));
        if (!scratch_settle(fits(expected, pkey) && sound(pkey))) {
                EVP_PKEY_free(pkey);
                return outcome_malformed("the private key is of another type, curve or size, or broken");
        }
        return jwk_make(expected, pkey, true, TEXT_NONE, out);
}
