/* b64url.h - base64url as JOSE has it (RFC 7515 2): no padding, no white space, no '+' or '/', and the unused bits of the
 * last character zero, so that every byte string has exactly one spelling.
 */
#ifndef CARNET_CRYPTO_B64URL_H
#define CARNET_CRYPTO_B64URL_H
#include "base/text.h"

#define B64URL_SIZE(n) (((n)*4 + 2) / 3)       /* characters for n bytes */
#define B64URL_BYTES(n) ((n)*3 / 4)            /* bytes in n characters */

void b64url_write(char *out, const void *bytes, size_t n);             /* B64URL_SIZE(n) characters, no NUL */
bool b64url_parse(Text encoded, uint8_t *out);                         /* B64URL_BYTES(len) bytes; false when malformed */
Text b64url_encode(Arena *arena, Text bytes);
MUST_USE Outcome b64url_decode(Arena *arena, Text encoded, Text *out); /* refused row 0 when malformed */
#endif
