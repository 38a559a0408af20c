#include "runtime/fetch.h"
#include <arpa/inet.h>
#include <netinet/in.h>

typedef struct Block {
        uint32_t network;
        unsigned bits;
        unsigned opened_by; /* the rule that allows it; 0: none does */
} Block;

/* IANA's special-purpose registry (RFC 6890 and its successors), multicast and what is reserved. */
static const Block special[] = {
        {0x00000000, 8, 0},              /* 0.0.0.0/8 "this network" */
        {0x0a000000, 8, FETCH_PRIVATE},  /* 10.0.0.0/8 */
        {0x64400000, 10, 0},             /* 100.64.0.0/10 shared by carriers */
        {0x7f000000, 8, FETCH_LOOPBACK}, /* 127.0.0.0/8 */
        {0xa9fe0000, 16, 0},             /* 169.254.0.0/16 link-local: cloud metadata */
        {0xac100000, 12, FETCH_PRIVATE}, /* 172.16.0.0/12 */
        {0xc0000000, 24, 0},             /* 192.0.0.0/24 protocol assignments */
        {0xc0000200, 24, 0},             /* 192.0.2.0/24 documentation */
        {0xc0586300, 24, 0},             /* 192.88.99.0/24 6to4 relays */
        {0xc0a80000, 16, FETCH_PRIVATE}, /* 192.168.0.0/16 */
        {0xc6120000, 15, 0},             /* 198.18.0.0/15 benchmarks */
        {0xc6336400, 24, 0},             /* 198.51.100.0/24 documentation */
        {0xcb007100, 24, 0},             /* 203.0.113.0/24 documentation */
        {0xe0000000, 4, 0},              /* 224.0.0.0/4 multicast */
        {0xf0000000, 4, 0},              /* 240.0.0.0/4 reserved, broadcast */
};

static bool may_dial_4(uint32_t address, unsigned rules) {
        for (size_t i = 0; i < ARRAY_LEN(special); i++)
                if ((address ^ special[i].network) >> (32 - special[i].bits) == 0)
                        return special[i].opened_by & rules;
        return true;
}

/* Only global unicast (2000::/3) is public, and of it not the ranges that carry another address inside or are documentation. All
 * that embeds IPv4 (::ffff:0:0/96, 64:ff9b::/96, 2002::/16, Teredo) is refused whole: an honest name has an A record for that. */
static bool may_dial_6(const uint8_t a[16], unsigned rules) {
        if (IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)a))
                return rules & FETCH_LOOPBACK;
        if ((a[0] & 0xfe) == 0xfc)
                return rules & FETCH_PRIVATE;
        if ((a[0] & 0xe0) != 0x20)
                return false;
        bool ietf = a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02;                           /* 2001::/23, with Teredo and ORCHID */
        bool documentation = (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) || /* 2001:db8::/32 */
                             (a[0] == 0x3f && a[1] == 0xff && (a[2] & 0xf0) == 0);             /* 3fff::/20 */
        bool six_to_four = a[0] == 0x20 && a[1] == 0x02;                                   /* 2002::/16 */
        return !ietf && !documentation && !six_to_four;
}

bool fetch_may_dial(const struct sockaddr *to, unsigned rules) {
        if (to->sa_family == AF_INET)
                return may_dial_4(ntohl(((const struct sockaddr_in *)to)->sin_addr.s_addr), rules);
        if (to->sa_family == AF_INET6)
                return may_dial_6(((const struct sockaddr_in6 *)to)->sin6_addr.s6_addr, rules);
        return false;
}
