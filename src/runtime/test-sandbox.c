#include "runtime/sandbox.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int in_the_box(void) {
        struct rlimit r;
        if (!outcome_ok(sandbox_basics()) || !outcome_ok(sandbox_syscalls()))
                return 1;
        if (getrlimit(RLIMIT_CORE, &r) || r.rlim_max || prctl(PR_GET_DUMPABLE) || !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
                return 2;
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != -1 || errno != EPERM)
                return 3;
        execl("/bin/true", "true", (char *)NULL);
        return errno == EPERM ? 0 : 4;
}

static void what_is_given_up_stays_given_up(void **state) {
        (void)state;
        pid_t child = fork();
        if (!child)
                _exit(in_the_box());
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_given_up_stays_given_up)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
