#include "keeper/keeper.h"
#include "crypto/jws.h"
#include "crypto/testing.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct World {
        Arena *arena;
        char dir[64];
        Text state, key_file;
        Keeper *keeper;
} World;

static int setup(void **state) {
        World *w = calloc(1, sizeof *w);
        if (!w)
                return -1;
        strcpy(w->dir, "/tmp/carnet-keeper-XXXXXX");
        w->arena = arena_new(8 << 20);
        if (!mkdtemp(w->dir))
                return -1;
        w->state = text_of(w->dir);
        w->key_file = text_print(w->arena, "%s/master.key", w->dir);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        World *w = *state;
        keeper_close(w->keeper);
        unlink(w->key_file.at);
        unlink(text_print(w->arena, "%s/master.key.new", w->dir).at);
        unlink(text_print(w->arena, "%s/other", w->dir).at);
        rmdir(w->dir);
        arena_free(w->arena);
        free(w);
        return 0;
}

static int setup_open(void **state) {
        if (setup(state) != 0)
                return -1;
        World *w = *state;
        return outcome_ok(keeper_open(w->arena, w->state, false, &w->keeper)) ? 0 : -1;
}

static Outcome open_again(World *w, bool expect_existing) {
        keeper_close(w->keeper);
        w->keeper = NULL;
        return keeper_open(w->arena, w->state, expect_existing, &w->keeper);
}

static void write_file(const char *path, const char *bytes, size_t n) {
        unlink(path);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
}

static void f21_a_missing_key_is_never_replaced(void **state) {
        World *w = *state;
        struct stat st;
        assert_fault(open_again(w, true));
        assert_int_equal(stat(w->key_file.at, &st), -1); /* and nothing was made */
        assert_good(open_again(w, false));
        assert_int_equal(stat(w->key_file.at, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, 32);
        assert_good(open_again(w, true));
        assert_good(open_again(w, false)); /* there: loaded, not made anew */
}

static void f21_bad_key_files_are_refused(void **state) {
        World *w = *state;
        static const char bytes[33] = "0123456789abcdef0123456789abcdef";
        const char *other = text_print(w->arena, "%s/other", w->dir).at;
        for (int expected = 0; expected < 2; expected++) {
                write_file(w->key_file.at, bytes, 32);
                assert_good(open_again(w, expected));
                const mode_t modes[] = {0644, 0640, 0660, 0604, 0700, 04600};
                for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
                        assert_int_equal(chmod(w->key_file.at, modes[i]), 0);
                        assert_fault(open_again(w, expected));
                }
                assert_int_equal(chmod(w->key_file.at, 0400), 0);
                assert_good(open_again(w, expected));
                write_file(w->key_file.at, bytes, 31);
                assert_fault(open_again(w, expected));
                write_file(w->key_file.at, bytes, 33);
                assert_fault(open_again(w, expected));
                write_file(w->key_file.at, "", 0);
                assert_fault(open_again(w, expected));
                write_file(w->key_file.at, (const char[32]){0}, 32);
                assert_fault(open_again(w, expected));
                write_file(other, bytes, 32);
                unlink(w->key_file.at);
                assert_int_equal(symlink(other, w->key_file.at), 0);
                assert_fault(open_again(w, expected));
                unlink(w->key_file.at);
                assert_int_equal(link(other, w->key_file.at), 0);
                assert_fault(open_again(w, expected));
                unlink(other);
                assert_good(open_again(w, expected));
                unlink(w->key_file.at);
                assert_int_equal(mkdir(w->key_file.at, 0700), 0);
                assert_fault(open_again(w, expected));
                rmdir(w->key_file.at);
        }
}

static void directories_of_others_are_refused(void **state) {
        World *w = *state;
        assert_int_equal(chmod(w->dir, 0777), 0);
        assert_fault(open_again(w, false));
        assert_int_equal(chmod(w->dir, 0770), 0);
        assert_fault(open_again(w, false));
        assert_int_equal(chmod(w->dir, 0755), 0);
        assert_good(open_again(w, false));
        Keeper *none;
        assert_fault(keeper_open(w->arena, TEXT("/nonexistent"), false, &none));
        assert_fault(keeper_open(w->arena, TEXT_NONE, false, &none));
}

static void keys_sign_after_a_restart(void **state) {
        World *w = *state;
        const char *algorithms[] = {"ES256", "RS256", "EdDSA"};
        for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
                KeeperAnswer made, loaded;
                Text token, alg = text_of(algorithms[i]);
                Jwk *public;
                Jws jws;
                assert_good(keeper_generate(w->keeper, w->arena, TEXT("dev"), alg, &made));
                assert_refused(keeper_sign(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("at+jwt"), TEXT("{}"), &token)); /* not loaded */
                assert_good(open_again(w, true));
                assert_good(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, alg, made.bytes, &loaded));
                assert_true(text_equal(loaded.jwk, made.jwk));
                assert_good(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, alg, made.bytes, &loaded));
                assert_good(keeper_sign(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("at+jwt"), TEXT("{\"a\":1}"), &token));
                assert_good(jwk_read_text(w->arena, made.jwk, &public));
                assert_good(jws_read(w->arena, token, &jws));
                assert_good(jws_verify(&jws, public));
                assert_true(text_equal(jws.kid, made.kid));
                jwk_unref(public);
                /* another zone does not sign with it, and after forgetting nobody does */
                assert_refused(keeper_sign(w->keeper, w->arena, TEXT("prod"), made.kid, TEXT("at+jwt"), TEXT("{}"), &token));
                assert_good(keeper_forget(w->keeper, w->arena, TEXT("prod"), made.kid));
                assert_good(keeper_sign(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("at+jwt"), TEXT("{}"), &token));
                assert_good(keeper_forget(w->keeper, w->arena, TEXT("dev"), made.kid));
                assert_refused(keeper_sign(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("at+jwt"), TEXT("{}"), &token));
        }
        KeeperAnswer none;
        assert_refused(keeper_generate(w->keeper, w->arena, TEXT("dev"), TEXT("HS256"), &none));
}

static void f21_sealed_keys_load_only_as_what_they_are(void **state) {
        World *w = *state;
        KeeperAnswer made, other, out;
        assert_good(keeper_generate(w->keeper, w->arena, TEXT("dev"), TEXT("ES256"), &made));
        assert_good(keeper_generate(w->keeper, w->arena, TEXT("dev"), TEXT("ES256"), &other));
        assert_good(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("ES256"), made.bytes, &out));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("RS256"), made.bytes, &out));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("none"), made.bytes, &out));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("prod"), made.kid, TEXT("ES256"), made.bytes, &out));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("dev"), other.kid, TEXT("ES256"), made.bytes, &out));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("ES256"), TEXT_NONE, &out));
        /* under another master key nothing opens */
        keeper_close(w->keeper);
        unlink(w->key_file.at);
        assert_good(keeper_open(w->arena, w->state, false, &w->keeper));
        assert_refused(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("ES256"), made.bytes, &out));
}

static void signing_keys_do_not_leave(void **state) {
        World *w = *state;
        KeeperAnswer made;
        Text out = TEXT_NONE;
        assert_good(keeper_generate(w->keeper, w->arena, TEXT("dev"), TEXT("ES256"), &made));
        assert_refused(keeper_unseal(w->keeper, w->arena, TEXT("dev"), TEXT("signing-key"), made.kid, made.bytes, &out));
        assert_refused(keeper_unseal(w->keeper, w->arena, TEXT("dev"), TEXT("grant"), made.kid, made.bytes, &out));
        assert_refused(keeper_seal(w->keeper, w->arena, TEXT("dev"), TEXT("signing-key"), made.kid, TEXT("x"), &out));
        assert_good(keeper_seal(w->keeper, w->arena, TEXT("dev"), TEXT("grant"), TEXT("g"), TEXT("upstream"), &out));
        assert_good(keeper_unseal(w->keeper, w->arena, TEXT("dev"), TEXT("grant"), TEXT("g"), out, &out));
        assert_text(out, "upstream");
}

static void macs_differ_by_zone_and_kind(void **state) {
        World *w = *state;
        Text one, two;
        assert_good(keeper_mac(w->keeper, w->arena, TEXT("dev"), TEXT("form"), TEXT("x"), &one));
        assert_int_equal(one.len, 43);
        const Text others[][3] = {{TEXT("prod"), TEXT("form"), TEXT("x")}, {TEXT("dev"), TEXT("cookie"), TEXT("x")}, {TEXT("dev"), TEXT("form"), TEXT("y")}, {TEXT("devf"), TEXT("orm"), TEXT("x")}, {TEXT("dev"), TEXT("formx"), TEXT("")}};
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                assert_good(keeper_mac(w->keeper, w->arena, others[i][0], others[i][1], others[i][2], &two));
                assert_false(text_same_secret(one, two));
        }
        assert_good(open_again(w, true));
        assert_good(keeper_mac(w->keeper, w->arena, TEXT("dev"), TEXT("form"), TEXT("x"), &two));
        assert_true(text_same_secret(one, two));
        KeeperAnswer out;
        assert_good(keeper_do(w->keeper, w->arena, &(KeeperAsk){.operation = KEEPER_digest, .bytes = TEXT("abc")}, &out));
        assert_int_equal(out.bytes.len, 32);
        assert_fault(keeper_do(w->keeper, w->arena, &(KeeperAsk){0}, &out));
        assert_fault(keeper_do(w->keeper, w->arena, &(KeeperAsk){.operation = KEEPER_COUNT}, &out));
}

typedef struct Signer {
        Keeper *keeper;
        Text kid;
        int signed_ok, other;
} Signer;

static void *sign_many(void *arg) {
        Signer *s = arg;
        for (int i = 0; i < 1000000 && s->signed_ok < 300; i++) {
                Arena *a = arena_new(1 << 16);
                Text token, mac;
                Outcome o = keeper_sign(s->keeper, a, TEXT("dev"), s->kid, TEXT("at+jwt"), TEXT("{}"), &token);
                s->signed_ok += outcome_ok(o);
                s->other += o.end == OUTCOME_FAULT || !outcome_ok(keeper_mac(s->keeper, a, TEXT("dev"), TEXT("k"), TEXT("x"), &mac));
                arena_free(a);
        }
        return NULL;
}

static void loops_sign_while_keys_come_and_go(void **state) {
        World *w = *state;
        KeeperAnswer made, out;
        pthread_t threads[3];
        Signer signers[3];
        assert_good(keeper_generate(w->keeper, w->arena, TEXT("dev"), TEXT("ES256"), &made));
        assert_good(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("ES256"), made.bytes, &out));
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                signers[i] = (Signer){.keeper = w->keeper, .kid = made.kid};
                assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &signers[i]), 0);
        }
        for (int i = 0; i < 40; i++) {
                assert_good(keeper_forget(w->keeper, w->arena, TEXT("dev"), made.kid));
                assert_good(keeper_load(w->keeper, w->arena, TEXT("dev"), made.kid, TEXT("ES256"), made.bytes, &out));
        }
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                pthread_join(threads[i], NULL);
                assert_int_equal(signers[i].other, 0);
                assert_int_equal(signers[i].signed_ok, 300);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(f21_a_missing_key_is_never_replaced, setup, teardown),
                cmocka_unit_test_setup_teardown(f21_bad_key_files_are_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(directories_of_others_are_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(keys_sign_after_a_restart, setup_open, teardown),
                cmocka_unit_test_setup_teardown(f21_sealed_keys_load_only_as_what_they_are, setup_open, teardown),
                cmocka_unit_test_setup_teardown(signing_keys_do_not_leave, setup_open, teardown),
                cmocka_unit_test_setup_teardown(macs_differ_by_zone_and_kind, setup_open, teardown),
                cmocka_unit_test_setup_teardown(loops_sign_while_keys_come_and_go, setup_open, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
