/* header.h - reading the values of header fields that HTTP leaves to everyone.
 *
 * errors       a value that cannot be read is a "no", never a guess
 */
#ifndef CARNET_WIRE_HEADER_H
#define CARNET_WIRE_HEADER_H
#include "base/text.h"

bool media_type_is(Text value, const char *type);               /* "application/json; charset=…" is "application/json"; no case */
bool media_type_json(Text value);                               /* application/json or application/…+json */
bool header_accepts(Text accept, const char *type);             /* absent means anything; q=0 is no; ranges understood */
bool header_list_has(Text value, const char *word);             /* comma-separated tokens, without case */
bool header_value_ok(Text value);                               /* no controls: may be sent */
int64_t cache_max_age(Text cache_control);                      /* seconds; 0 for no-store/no-cache; -1 when not said. Clamped to a day */
bool traceparent_ok(Text value);                                /* W3C trace context 00-<32>-<16>-<2>, not all zero */
Text traceparent_trace(Text value);                             /* the 32 digits; empty when not ok */
#endif
