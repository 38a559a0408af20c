/* cookie.h - one cookie in, one Set-Cookie out (RFC 6265).
 *
 * A cookie that comes twice is not there: whoever could plant the second one may not choose which is read.
 * What is written is always HttpOnly, SameSite=Lax and has a Path.
 */
#ifndef CARNET_WIRE_COOKIE_H
#define CARNET_WIRE_COOKIE_H
#include "base/text.h"

#define COOKIE_SESSION (-1) /* no Max-Age: ends with the browser */

Text cookie_read(Text field, const char *name);                        /* .at NULL when absent, repeated or malformed */
Text cookie_write(Arena *arena, const char *name, Text value, Text path, int max_age_seconds, bool secure);
                                                                        /* max_age 0 removes it; TEXT_NONE when value or path holds a byte cookies do not take */
#endif
