#include "runtime/http_private.h"
#include "wire/header.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* All addresses are 16 bytes: IPv4 as ::ffff:a.b.c.d, so that a mapped one cannot pass for something else. */
static bool address_read(Text t, uint8_t out[16], bool *v4) {
        char buf[INET6_ADDRSTRLEN];
        if (!t.len || t.len >= sizeof buf)
                return false;
        memcpy(buf, t.at, t.len);
        buf[t.len] = 0;
        memcpy(out, mapped, sizeof mapped);
        *v4 = inet_pton(AF_INET, buf, out + 12) == 1;
        return *v4 || inet_pton(AF_INET6, buf, out) == 1;
}

static Outcome network_read(Text t, Network *out) {
        size_t slash = text_find(t, '/');
        bool v4;
        int64_t bits = -1;
        ENSURE(address_read(text_sub(t, 0, slash), out->bytes, &v4), outcome_malformed("a trusted proxy is an address or a CIDR block"));
        if (slash < t.len)
                TRY(text_int(text_sub(t, slash + 1, t.len), &bits));
        else
                bits = v4 ? 32 : 128;
        ENSURE(bits >= 0 && bits <= (v4 ? 32 : 128), outcome_malformed("a CIDR block has too many bits"));
        out->bits = (unsigned)bits + (v4 ? 96 : 0);
        return outcome_good();
}

Outcome proxies_read(Texts list, Network **out, size_t *n) {
        if (!list.n)
                return outcome_good();
        Network *networks = calloc(list.n, sizeof *networks);
        ENSURE(networks, outcome_fault("memory"));
        for (size_t i = 0; i < list.n; i++) {
                Outcome o = network_read(list.at[i], &networks[i]);
                if (!outcome_ok(o)) {
                        free(networks);
                        return o;
                }
        }
        *out = networks;
        *n = list.n;
        return outcome_good();
}

static bool network_has(const Network *network, const uint8_t address[16]) {
        unsigned whole = network->bits / 8, rest = network->bits % 8;
        if (memcmp(network->bytes, address, whole))
                return false;
        return !rest || !((network->bytes[whole] ^ address[whole]) >> (8 - rest));
}

static bool trusted(const HttpServer *server, Text address) {
        uint8_t bytes[16];
        bool v4;
        if (!address_read(address, bytes, &v4))
                return false;
        for (size_t i = 0; i < server->n_proxies; i++)
                if (network_has(&server->proxies[i], bytes))
                        return true;
        return false;
}

static Text last_element(Text *list) {
        size_t from = list->len;
        while (from && list->at[from - 1] != ',')
                from--;
        Text last = text_trim(text_sub(*list, from, list->len));
        *list = text_sub(*list, 0, from ? from - 1 : 0);
        return last;
}

/* X-Forwarded-For grows to the right: the first from the right that is not a proxy of ours is the client. What stands further left is
 * the client's own word. A repeated or unreadable field counts as absent. */
void peer_behind_proxies(HttpServer *server, HttpExchange *x) {
        HttpPeer *peer = &x->request.peer;
        if (!server->n_proxies || peer->unix_socket || !trusted(server, peer->socket))
                return;
        Text forwarded = http_header_count(x, "X-Forwarded-For") == 1 ? http_header(x, "X-Forwarded-For") : TEXT_NONE;
        while (forwarded.len) {
                Text address = last_element(&forwarded);
                uint8_t bytes[16];
                bool v4;
                if (!address_read(address, bytes, &v4))
                        break;
                peer->address = address;
                if (!trusted(server, address))
                        break;
        }
        if (http_header_count(x, "X-Forwarded-Proto") == 1) {
                Text list = http_header(x, "X-Forwarded-Proto");
                peer->secure = text_equal_nocase(last_element(&list), TEXT("https"));
        }
}

static void peer_of_unix(int fd, HttpPeer *out) {
        struct ucred cred;
        socklen_t len = sizeof cred;
        *out = (HttpPeer){.unix_socket = true, .loopback = true, .uid = (uid_t)-1, .gid = (gid_t)-1};
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
                return;
        out->uid = cred.uid;
        out->gid = cred.gid;
        out->pid = cred.pid;
}

void peer_of_socket(int fd, bool is_unix, char address[64], HttpPeer *out) {
        if (is_unix) {
                peer_of_unix(fd, out);
                return;
        }
        *out = (HttpPeer){.uid = (uid_t)-1, .gid = (gid_t)-1};
        struct sockaddr_storage at;
        socklen_t len = sizeof at;
        address[0] = 0;
        if (getpeername(fd, (struct sockaddr *)&at, &len))
                return;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&at;
        if (at.ss_family == AF_INET) {
                const struct sockaddr_in *four = (const struct sockaddr_in *)&at;
                inet_ntop(AF_INET, &four->sin_addr, address, 64);
                out->loopback = ntohl(four->sin_addr.s_addr) >> 24 == 127;
        } else if (at.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
                inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, address, 64);
                out->loopback = six->sin6_addr.s6_addr[12] == 127;
        } else if (at.ss_family == AF_INET6) {
                inet_ntop(AF_INET6, &six->sin6_addr, address, 64);
                out->loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        }
        out->address = out->socket = text_of(address);
}
