/* url.h - absolute URIs, compared as whole parsed values (never as prefixes of strings).
 *
 * Strict RFC 3986 reading: scheme, optional authority, path, query, fragment. Refuses controls, spaces, backslashes, bytes
 * over 0x7e, bad percent-encoding, several '@', empty or odd ports. Slices point into the source.
 */
#ifndef CARNET_BASE_URL_H
#define CARNET_BASE_URL_H
#include "base/text.h"

typedef struct Url {
        Text whole, scheme, userinfo, host, path, query, fragment; /* IPv6 hosts keep their brackets */
        bool has_authority, has_userinfo, has_query, has_fragment;
        int port;                                                  /* -1 when absent */
} Url;

MUST_USE Outcome url_parse(Text source, Url *out);                 /* refused row 0 when malformed */
int url_port(const Url *url);                                      /* with the scheme's default; -1 when unknown */
bool url_loopback(const Url *url);                                 /* localhost, 127.0.0.0/8, [::1] */
bool url_same_resource(Text a, Text b);                            /* equal after: scheme/host case, default port, empty path == "/" */
bool url_within(Text prefix, Text full);                           /* same scheme, host, port; path boundary at '/', '?', '#' or end */
bool url_same_redirect(Text registered, Text asked);               /* exact, but a loopback http host's port is free (RFC 8252 7.3) */
Text url_origin(Arena *arena, const Url *url);                     /* scheme://host[:port] */
bool url_dot_segments(Text path);                                  /* holds "." or ".." segments, also percent-encoded */
Text url_encode(Arena *arena, Text raw);                           /* percent-encodes all but unreserved */
#endif
