/* test-crash.c - kill -9 while a child commits (F1): what it was told stands, and the chain is whole. */
#include "store/test-help.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 20

typedef struct Told {
        int64_t seq, number;
} Told;

static int told_to; /* the pipe: what the child was told, it passes on at once */

static void tell(void *arg, uint64_t tag, const Commit *commit) {
        (void)arg;
        Told told = {commit->seq, (int64_t)tag};
        if (commit->end == COMMIT_OK && write(told_to, &told, sizeof told) != sizeof told)
                _exit(1);
}

static void post_here(void *ctx, void (*fn)(void *arg), void *arg) { (void)ctx, fn(arg); }

static void child(const char *file, int64_t number) {
        Ledger *ledger;
        Outcome end = ledger_open(&(LedgerOptions){.file = file, .threads = true}, &ledger);
        if (!outcome_ok(end) || ledger_loop(ledger, post_here, NULL) != 0 || !outcome_ok(ledger_start(ledger)))
                _exit(2);
        for (;; number++) {
                Batch b = {0};
                char jti[32];
                snprintf(jti, sizeof jti, "j-%lld", (long long)number);
                put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), value_text(text_of(jti)), I(4000000000)));
                put_event(&b, "dev", number, "s_1", "{\"ids\":[\"s_1\"],\"parties\":[]}", 0);
                Outcome put_end = ledger_commit(ledger, &(LedgerAsk){.batch = &b, .done = tell, .tag = (uint64_t)number});
                batch_clear(&b);
                if (put_end.end == OUTCOME_FAULT)
                        _exit(3);
                if (ledger_queued(ledger) > 64)
                        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        }
}

static Told round_run(const char *file, int64_t number, long wait_us) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
                close(ends[0]);
                told_to = ends[1];
                child(file, number);
        }
        close(ends[1]);
        Told told, last = {0, number - 1};
        assert_int_equal(read(ends[0], &told, sizeof told), sizeof told); /* it lives and commits */
        last = told;
        nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
        kill(pid, SIGKILL);
        while (read(ends[0], &told, sizeof told) == sizeof told) {
                assert_true(told.seq > last.seq && told.number > last.number);
                last = told;
        }
        close(ends[0]);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        return last;
}

/* All that was acknowledged stands; a jti that was used is refused after the restart. */
static void check(const char *file, Told last) {
        LedgerVerdict verdict;
        good(ledger_verify(file, &verdict));
        assert_string_equal(verdict.broken, "");
        assert_true(verdict.events >= last.seq);
        Ledger *ledger;
        good(ledger_open(&(LedgerOptions){.file = file, .immediate = true}, &ledger));
        Batch b = {0};
        char jti[32];
        snprintf(jti, sizeof jti, "j-%lld", (long long)last.number);
        put(&b, WRITE_jti_add, VALUES(T("dev"), T("c"), value_text(text_of(jti)), I(4000000000)));
        assert_int_equal(run(ledger, &b).end, COMMIT_CONDITION);
        ledger_close(ledger);
}

static void killed_twenty_times(void **state) {
        (void)state;
        char *folder = folder_new(), *file = file_in(folder, "ledger");
        int64_t number = 1;
        for (int i = 0; i < ROUNDS; i++) {
                Told last = round_run(file, number, 500 + i * 1700L);
                check(file, last);
                number = last.number + 100000; /* past what was committed but never told */
        }
        free(file);
        folder_end(folder);
}

int main(void) {
        signal(SIGPIPE, SIG_IGN);
        const struct CMUnitTest tests[] = {cmocka_unit_test(killed_twenty_times)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
