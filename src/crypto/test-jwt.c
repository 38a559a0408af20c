#include "crypto/jwt.h"
#include "crypto/testing.h"

#define NOW INT64_C(1790000000)

static Outcome read(Arena *a, const char *claims, JwtClaims *out) {
        return jwt_read_texts(a, TEXT("{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"at+jwt\"}"), text_of(claims), out);
}

static void claims_are_read(void **state) {
        Arena *a = *state;
        JwtClaims c;
        assert_good(read(a, "{\"iss\":\"i\",\"sub\":\"s\",\"jti\":\"j\",\"aud\":[\"x\",\"y\"],\"exp\":20,\"iat\":10,\"nbf\":11,\"scope\":\"q\"}", &c));
        assert_text(c.iss, "i");
        assert_text(c.sub, "s");
        assert_text(c.jti, "j");
        assert_int_equal(c.aud.n, 2);
        assert_true(c.aud_array && c.exp == 20 && c.iat == 10 && c.nbf == 11);
        assert_text(c.typ, "at+jwt");
        assert_text(c.kid, "k");
        assert_text(json_text(c.all, "scope"), "q");
}

static void f10_times_are_whole_and_sane(void **state) {
        Arena *a = *state;
        JwtClaims c;
        assert_good(read(a, "{\"exp\":253402300799}", &c));
        assert_good(read(a, "{\"exp\":4294967297}", &c)); /* past 32 bits, both ways */
        assert_true(c.exp == INT64_C(4294967297));
        const char *bad[] = {"0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "253402300800", "1e9", "1790000000.5", "1e400", "\"1790000000\"", "null", "true", "[1]", "{}", "NaN", "0x10", "01"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_refused(read(a, text_print(a, "{\"exp\":%s}", bad[i]).at, &c));
                assert_refused(read(a, text_print(a, "{\"exp\":9,\"iat\":%s}", bad[i]).at, &c));
                assert_refused(read(a, text_print(a, "{\"exp\":9,\"nbf\":%s}", bad[i]).at, &c));
        }
}

static void other_types_are_refused(void **state) {
        Arena *a = *state;
        JwtClaims c;
        const char *bad[] = {"{\"iss\":7}", "{\"sub\":null}", "{\"jti\":[\"a\"]}", "{\"sub\":\"\"}", "{\"sub\":\"a\",\"sub\":\"b\"}", "[]", "\"x\"", "{", "{\"sub\":\"a\\u0000\"}"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_refused(read(a, bad[i], &c));
        assert_good(read(a, "{\"sub\":\"a\"}", &c));
}

static void b13_audience_is_compared_whole(void **state) {
        Arena *a = *state;
        JwtClaims c;
        const Text api = TEXT("https://api.example");
        assert_good(read(a, "{\"aud\":\"https://api.example\"}", &c));
        assert_true(jwt_aud_only(&c, api) && jwt_aud_has(&c, api));
        assert_good(read(a, "{\"aud\":[\"https://api.example\"]}", &c));
        assert_true(jwt_aud_only(&c, api));
        assert_false(jwt_aud_only(&c, TEXT_NONE)); /* an audience that is not set matches nothing */
        const char *others[] = {"\"https://api.example.evil\"", "\"https://api.exampl\"", "\"https://api.example/\"", "\"HTTPS://api.example\"", "\"https://api.example \"", "[\"https://x.example\",\"y\"]"};
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                assert_good(read(a, text_print(a, "{\"aud\":%s}", others[i]).at, &c));
                assert_false(jwt_aud_only(&c, api) || jwt_aud_has(&c, api));
        }
        assert_good(read(a, "{\"aud\":[\"https://api.example\",\"https://evil.example\"]}", &c)); /* superset */
        assert_false(jwt_aud_only(&c, api));
        assert_true(jwt_aud_has(&c, api));
        assert_good(read(a, "{\"sub\":\"a\"}", &c));
        assert_false(jwt_aud_only(&c, api) || jwt_aud_has(&c, api) || jwt_aud_has(&c, TEXT_NONE));
        const char *bad[] = {"\"\"", "[]", "[\"a\",7]", "null", "{}", "7", "[\"\"]"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_refused(read(a, text_print(a, "{\"aud\":%s}", bad[i]).at, &c));
}

static Outcome times(Arena *a, const char *claims, JwtTimes t) {
        JwtClaims c;
        TRY(read(a, claims, &c));
        return jwt_time_ok(&c, t);
}

static void a03_times_are_checked(void **state) {
        Arena *a = *state;
        const JwtTimes t = {.now = NOW, .leeway = 30, .max_age = 300}, need = {.now = NOW, .max_age = 300, .need_iat = true};
        assert_good(times(a, "{\"exp\":1790000060,\"iat\":1790000000}", t));
        assert_good(times(a, "{\"exp\":1790000060}", t));
        assert_good(times(a, "{\"exp\":1789999971,\"iat\":1789999900}", t)); /* within leeway */
        assert_refused(times(a, "{\"exp\":1789999970,\"iat\":1789999900}", t));
        assert_refused(times(a, "{\"iat\":1790000000}", t));                  /* no exp */
        assert_refused(times(a, "{\"exp\":1821536000,\"iat\":1790000000}", t)); /* a year */
        assert_refused(times(a, "{\"exp\":1821536000}", t));
        assert_refused(times(a, "{\"exp\":1821536000,\"iat\":1821535900}", t)); /* iat in the future */
        assert_refused(times(a, "{\"exp\":1790000200,\"iat\":1790000031}", t));
        assert_refused(times(a, "{\"exp\":1790000200,\"nbf\":1790000031}", t));
        assert_refused(times(a, "{\"exp\":1790000010,\"iat\":1790000010}", t));
        assert_refused(times(a, "{\"exp\":1790000060}", need));
        assert_good(times(a, "{\"exp\":1790000060,\"iat\":1790000000}", need));
        /* leeway is capped */
        assert_refused(times(a, "{\"exp\":1789999940}", (JwtTimes){.now = NOW, .leeway = 100000}));
        assert_good(times(a, "{\"exp\":1789999941}", (JwtTimes){.now = NOW, .leeway = 100000}));
}

static void b11_typ_must_be_the_wanted_one(void **state) {
        Arena *a = *state;
        JwtClaims c;
        assert_good(read(a, "{}", &c));
        assert_true(jwt_typ_is(&c, TEXT("at+jwt")));
        assert_false(jwt_typ_is(&c, TEXT("client-authentication+jwt")));
        assert_good(jwt_read_texts(a, TEXT("{\"alg\":\"ES256\"}"), TEXT("{}"), &c));
        assert_false(jwt_typ_is(&c, TEXT("at+jwt")));
        assert_false(jwt_typ_is(&c, TEXT("")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(claims_are_read),
                with_arena(f10_times_are_whole_and_sane),
                with_arena(other_types_are_refused),
                with_arena(b13_audience_is_compared_whole),
                with_arena(a03_times_are_checked),
                with_arena(b11_typ_must_be_the_wanted_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
