#include "crypto/password.h"
#include <sodium.h>

/* Of 32 random bytes nobody kept: no password matches, and checking against it costs what any check costs. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$/Dpo+nVzUcagFcN8Yi/NVw$ryf3dNxf1/U+SLtfWXAH4/DvifsA3gnVSxJ9T5lT6Ks";
static const char parameters[] = "$argon2id$v=19$m=65536,t=2,p=1$";

Outcome password_hash(Arena *arena, Text password, Text *out) {
        char string[crypto_pwhash_STRBYTES];
        ENSURE(password.len && password.len <= PASSWORD_MAX, outcome_malformed("a password has 1 to 1024 bytes"));
        ENSURE(text_utf8(password), outcome_malformed("a password is UTF-8 text"));
        ENSURE(sodium_init() >= 0 && crypto_pwhash_str(string, password.at, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                                       crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0,
               outcome_fault("memory"));
        *out = text_copy(arena, text_of(string));
        ENSURE(out->len, outcome_fault("memory"));
        return outcome_good();
}

/* Strings of other cost are foreign: neither a cheaper check nor a dearer one can come out of the ledger. */
Outcome password_check(Text stored, Text password, bool *right) {
        char string[crypto_pwhash_STRBYTES] = {0};
        *right = false;
        ENSURE(sodium_init() >= 0, outcome_fault("libsodium does not start"));
        bool known = stored.len < sizeof string && text_starts(stored, text_of(parameters));
        if (password.len > PASSWORD_MAX)
                password = TEXT_NONE; /* never right; costs the same */
        known = known && password.len;
        memcpy(string, known ? stored.at : nobody, known ? stored.len : sizeof nobody - 1);
        bool matches = crypto_pwhash_str_verify(string, password.at ? password.at : "", password.len) == 0;
        *right = matches && known;
        return outcome_good();
}
