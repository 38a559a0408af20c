/* escape.h - text into pages. The five characters that can end an element or an attribute; controls become U+FFFD. */
#ifndef CARNET_WIRE_ESCAPE_H
#define CARNET_WIRE_ESCAPE_H
#include "base/buf.h"

void buf_html(Buf *buf, Text t);
Text html_escape(Arena *arena, Text t);
#endif
