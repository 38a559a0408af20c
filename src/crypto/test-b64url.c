#include "crypto/b64url.h"
#include "crypto/hash.h"
#include "crypto/testing.h"

static void every_length_comes_back(void **state) {
        Arena *a = *state;
        uint8_t bytes[300];
        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 167 + 13);
        for (size_t n = 0; n <= sizeof bytes; n++) {
                Text back, encoded = b64url_encode(a, (Text){(char *)bytes, n});
                assert_int_equal(encoded.len, B64URL_SIZE(n));
                assert_good(b64url_decode(a, encoded, &back));
                assert_true(text_equal(back, (Text){(char *)bytes, n}));
        }
        assert_text(b64url_encode(a, TEXT("\xfb\xff\xfe")), "-__-");
        assert_text(b64url_encode(a, TEXT("foob")), "Zm9vYg"); /* RFC 4648 10, without padding */
}

/* B09: of all one- and two-byte texts exactly those spellings decode that encoding gives. */
static void one_spelling_for_each_value(void **state) {
        Arena *a = *state;
        size_t good = 0;
        for (int x = 1; x < 256; x++)
                for (int y = 1; y < 256; y++) {
                        uint8_t out[1];
                        good += b64url_parse((Text){(char[]){(char)x, (char)y}, 2}, out);
                }
        assert_int_equal(good, 256);
        Text out;
        const char *bad[] = {"Zg==", "Zm9vYg==", "Zh", "Zm9vYh", "Zm9", "Z", "Zm9vY", "+_8A", "/_8A", "Zm 9", "Zm9v\n", " Zm9v", "Zm9v ", "Zm\0v"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_refused(b64url_decode(a, (Text){bad[i], i == ARRAY_LEN(bad) - 1 ? 4 : strlen(bad[i])}, &out));
        assert_good(b64url_decode(a, TEXT("Zm9vYg"), &out));
}

static void digests_are_sha256(void **state) {
        Arena *a = *state;
        assert_text(hash_b64url(a, TEXT("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"); /* RFC 7636 B */
        uint8_t one[HASH_SIZE], two[HASH_SIZE];
        hash_sha256_parts((const Text[]){TEXT("ab"), TEXT("c")}, 2, one);
        hash_sha256(TEXT("abc"), two);
        assert_memory_equal(one, two, HASH_SIZE);
}

static void mac_parts_do_not_run_together(void **state) {
        (void)state;
        uint8_t one[HASH_SIZE], two[HASH_SIZE];
        hash_mac(TEXT("key"), (const Text[]){TEXT("ab"), TEXT("c")}, 2, one);
        hash_mac(TEXT("key"), (const Text[]){TEXT("a"), TEXT("bc")}, 2, two);
        assert_memory_not_equal(one, two, HASH_SIZE);
        hash_mac(TEXT("key"), (const Text[]){TEXT("ab"), TEXT("c")}, 2, two);
        assert_memory_equal(one, two, HASH_SIZE);
        hash_mac(TEXT("yek"), (const Text[]){TEXT("ab"), TEXT("c")}, 2, two);
        assert_memory_not_equal(one, two, HASH_SIZE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(every_length_comes_back),
                with_arena(one_spelling_for_each_value),
                with_arena(digests_are_sha256),
                with_arena(mac_parts_do_not_run_together),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
