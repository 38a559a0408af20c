#include "runtime/sandbox.h"
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static Outcome limit(int what, rlim_t to_at_most) {
        struct rlimit r;
        ENSURE(!getrlimit(what, &r), outcome_fault("getrlimit"));
        r.rlim_cur = to_at_most < r.rlim_max ? to_at_most : r.rlim_max;
        if (!to_at_most)
                r.rlim_max = 0;
        ENSURE(!setrlimit(what, &r), outcome_fault("setrlimit"));
        return outcome_good();
}

Outcome sandbox_basics(void) {
        ENSURE(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), outcome_fault("no_new_privs"));
        ENSURE(!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), outcome_fault("dumpable"));
        TRY(limit(RLIMIT_CORE, 0));
        return limit(RLIMIT_NOFILE, 1 << 20);
}

/* What an intruder would want and this server never does. A list of what is denied, because the libraries under us change what they
 * call with every release, and a server that dies of a new libc is not safer. */
static const int denied[] = {
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
        SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(init_module), SCMP_SYS(finit_module),
        SCMP_SYS(delete_module), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(swapon),
        SCMP_SYS(swapoff), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
        SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(personality), SCMP_SYS(acct), SCMP_SYS(quotactl),
        SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
        SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(syslog), SCMP_SYS(vhangup),
        SCMP_SYS(pidfd_getfd), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount),
        SCMP_SYS(io_uring_setup),
};

Outcome sandbox_syscalls(void) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        ENSURE(filter, outcome_fault("seccomp_init"));
        int bad = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        for (size_t i = 0; !bad && i < ARRAY_LEN(denied); i++)
                bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
        bad = bad ? bad : seccomp_load(filter);
        seccomp_release(filter);
        ENSURE(!bad, outcome_fault("seccomp"));
        return outcome_good();
}
