/* listen.h - listening sockets.
 *
 * errors       faults whose reason names the call; refused row 0 for an address that cannot be read
 */
#ifndef CARNET_RUNTIME_LISTEN_H
#define CARNET_RUNTIME_LISTEN_H
#include "base/text.h"

MUST_USE Outcome listen_tcp(Text address, bool reuse_port, int *fd); /* "127.0.0.1:8080", "[::1]:0", ":8080"; SO_REUSEPORT for many loops */
MUST_USE Outcome listen_unix(Text path, unsigned mode, int *fd);     /* replaces a socket nobody listens on, never another file */
int listen_port(int fd);                                             /* the bound port; 0 for Unix sockets */
bool listen_loopback(int fd);                                        /* bound to a loopback address, or a Unix socket */
#endif
