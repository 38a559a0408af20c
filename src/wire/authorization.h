/* authorization.h - the Authorization header field: Basic (RFC 7617, RFC 6749 2.3.1) and Bearer (RFC 6750).
 *
 * knows        that published clients send Basic both raw and form-encoded: the caller gets both readings and tries both
 * never knows  who the client is
 * errors       refused row 0 when the scheme matches and the rest is unreadable (then the answer is invalid_client, never
 *              invalid_request). authorization_scheme() tells "another scheme" and "absent" apart before
 */
#ifndef CARNET_WIRE_AUTHORIZATION_H
#define CARNET_WIRE_AUTHORIZATION_H
#include "base/text.h"

typedef struct Basic {
        Text id, secret;                 /* as sent */
        Text decoded_id, decoded_secret; /* form-decoded; equal to the raw ones when nothing is encoded */
        bool differs;                    /* the second reading is well-formed and another one: try it too */
} Basic;

Text authorization_scheme(Text field);                                 /* "Basic"; empty when absent or malformed */
bool authorization_is(Text field, const char *scheme);                 /* scheme names compare without case */
MUST_USE Outcome basic_read(Arena *arena, Text field, Basic *out);
Text basic_write(Arena *arena, Text id, Text secret);                  /* form-encoded, "Basic …" */
MUST_USE Outcome bearer_read(Text field, Text *token);                 /* a slice of the field; b64token syntax checked */
#endif
