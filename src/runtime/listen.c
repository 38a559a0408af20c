#include "runtime/listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

static Outcome close_and(int fd, const char *why) {
        close(fd);
        return outcome_fault(why);
}

/* "host:port" with the host in brackets when it holds colons; numeric only, so that nothing is looked up. */
static Outcome address_read(Text address, char host[64], char port[8]) {
        size_t colon = address.len;
        while (colon && address.at[colon - 1] != ':')
                colon--;
        ENSURE(colon, outcome_malformed("an address is host:port"));
        Text h = text_sub(address, 0, colon - 1), p = text_sub(address, colon, address.len);
        if (h.len > 1 && h.at[0] == '[' && h.at[h.len - 1] == ']')
                h = text_sub(h, 1, h.len - 1);
        else if (text_find(h, ':') < h.len)
                return outcome_malformed("an IPv6 address stands in brackets");
        if (text_is(h, "localhost"))
                h = TEXT("127.0.0.1");
        ENSURE(h.len < 64 && p.len && p.len < 6, outcome_malformed("an address is host:port"));
        snprintf(host, 64, "%.*s", TEXT_ARG(h));
        snprintf(port, 8, "%.*s", TEXT_ARG(p));
        return outcome_good();
}

static Outcome open_tcp(const struct addrinfo *ai, bool reuse_port, int *fd) {
        int on = 1, s = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ENSURE(s >= 0, outcome_fault("socket"));
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (reuse_port && setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on))
                return close_and(s, "SO_REUSEPORT");
        if (bind(s, ai->ai_addr, ai->ai_addrlen))
                return close_and(s, errno == EADDRINUSE ? "the address is in use" : "bind");
        if (listen(s, BACKLOG))
                return close_and(s, errno == EADDRINUSE ? "the address is in use" : "listen");
        *fd = s;
        return outcome_good();
}

Outcome listen_tcp(Text address, bool reuse_port, int *fd) {
        char host[64], port[8];
        TRY(address_read(address, host, port));
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
        ENSURE(!getaddrinfo(host[0] ? host : NULL, port, &hints, &found), outcome_malformed("not a numeric address and port"));
        Outcome o = open_tcp(found, reuse_port, fd);
        freeaddrinfo(found);
        return o;
}

/* A socket file whose owner died refuses connections: only such a one may be replaced. */
static bool stale(const struct sockaddr_un *un) {
        struct stat st;
        if (lstat(un->sun_path, &st) || !S_ISSOCK(st.st_mode))
                return false;
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool dead = s >= 0 && connect(s, (const struct sockaddr *)un, sizeof *un) && errno == ECONNREFUSED;
        if (s >= 0)
                close(s);
        return dead;
}

Outcome listen_unix(Text path, unsigned mode, int *fd) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        ENSURE(path.len && path.len < sizeof un.sun_path && text_utf8(path), outcome_malformed("a socket path is 1 to 107 bytes"));
        memcpy(un.sun_path, path.at, path.len);
        if (stale(&un))
                unlink(un.sun_path);
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ENSURE(s >= 0, outcome_fault("socket"));
        /* Before listen() nobody gets in, so the mode is right from the first connection on. */
        if (bind(s, (struct sockaddr *)&un, sizeof un))
                return close_and(s, errno == EADDRINUSE ? "the socket is in use" : "bind");
        if (chmod(un.sun_path, mode) || listen(s, BACKLOG))
                return close_and(s, "listen");
        *fd = s;
        return outcome_good();
}

static bool bound(int fd, struct sockaddr_storage *at) {
        socklen_t len = sizeof *at;
        return !getsockname(fd, (struct sockaddr *)at, &len);
}

int listen_port(int fd) {
        struct sockaddr_storage at;
        if (!bound(fd, &at))
                return 0;
        if (at.ss_family == AF_INET)
                return ntohs(((struct sockaddr_in *)&at)->sin_port);
        return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&at)->sin6_port) : 0;
}

bool listen_loopback(int fd) {
        struct sockaddr_storage at;
        if (!bound(fd, &at))
                return false;
        if (at.ss_family == AF_INET)
                return ntohl(((struct sockaddr_in *)&at)->sin_addr.s_addr) >> 24 == 127;
        return at.ss_family == AF_UNIX || (at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&at)->sin6_addr));
}
