/* sse.h - Server-Sent Events, written (WHATWG HTML 9.2). Data may hold line breaks; ids and names that do are dropped. */
#ifndef CARNET_WIRE_SSE_H
#define CARNET_WIRE_SSE_H
#include "base/buf.h"

void sse_event(Buf *buf, Text id, const char *event, Text data); /* id empty, event NULL: left out */
void sse_comment(Buf *buf, Text comment);                        /* keeps proxies awake */
#endif
