/* sandbox.h - giving up what a server never needs.
 *
 * Order: files and sockets first, then sandbox_basics(), and sandbox_syscalls() once every library has been set up (a denied
 * call answers EPERM, so a library that tries falls back).
 */
#ifndef CARNET_RUNTIME_SANDBOX_H
#define CARNET_RUNTIME_SANDBOX_H
#include "base/outcome.h"

MUST_USE Outcome sandbox_basics(void);   /* no new privileges, no core dumps, not dumpable, descriptors up to the hard limit */
MUST_USE Outcome sandbox_syscalls(void); /* no exec, ptrace, mounts, modules, bpf, keyrings, namespaces… on all threads */
#endif
