#include "wire/sse.h"

static bool one_line(Text t) {
        for (size_t i = 0; i < t.len; i++)
                if (t.at[i] == '\r' || t.at[i] == '\n' || t.at[i] == 0)
                        return false;
        return true;
}

static void field(Buf *buf, const char *name, Text value) {
        buf_str(buf, name);
        buf_str(buf, ": ");
        buf_text(buf, value);
        buf_char(buf, '\n');
}

/* CR, LF and CRLF each end a line of the stream, so each line of data gets a field of its own. */
static void lines(Buf *buf, const char *name, Text data) {
        size_t from = 0;
        for (size_t i = 0; i < data.len; i++) {
                if (data.at[i] != '\n' && data.at[i] != '\r')
                        continue;
                field(buf, name, text_sub(data, from, i));
                if (data.at[i] == '\r' && i + 1 < data.len && data.at[i + 1] == '\n')
                        i++;
                from = i + 1;
        }
        field(buf, name, text_sub(data, from, data.len));
}

void sse_event(Buf *buf, Text id, const char *event, Text data) {
        if (id.len && one_line(id))
                field(buf, "id", id);
        if (event && one_line(text_of(event)))
                field(buf, "event", text_of(event));
        lines(buf, "data", data);
        buf_char(buf, '\n');
}

void sse_comment(Buf *buf, Text comment) {
        lines(buf, "", comment);
        buf_char(buf, '\n');
}
