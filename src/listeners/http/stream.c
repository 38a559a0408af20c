/* stream.c - Server-Sent Events from the ledger: the feed of cuts, and the events themselves.
 *
 * Each stream keeps its own cursor and looks for news every 100 ms; a read costs microseconds, and a reader that owes too
 * much is dropped and comes back with its cursor. */
#include "base/json.h"
#include "listeners/http/listener.h"
#include "wire/sse.h"
#include "base/digest.h"

#define LOOK_MS 100
#define HEARTBEAT_LOOKS 10
#define PAGE 100

typedef struct Stream {
        ListenerHost *host;
        HttpExchange *x;
        LoopTimer *timer;
        Text zone, issuer, session;
        bool events;
        int64_t after;
        unsigned looks;
} Stream;

static void put_cut(Buf *buf, Stream *st, const Rows *rows, size_t i) {
        Arena *arena = buf->arena;
        Text kind = rows_text(rows, i, 1), id = rows_text(rows, i, 2), known_as = rows_text(rows, i, 4);
        /* Servers know parties by what their tokens say; of a user, strangers learn nothing from a digest. */
        if (known_as.len && text_is(kind, "user"))
                id = digest_hex(arena, text_print(arena, "%.*s\n%.*s", TEXT_ARG(st->issuer), TEXT_ARG(known_as)));
        else if (known_as.len)
                id = known_as;
        Buf data = buf_new(arena, 128);
        JsonOut out = json_out(&data);
        json_open(&out, NULL, '{');
        json_put_text(&out, "kind", kind);
        json_put_text(&out, "id", id);
        json_put_int(&out, "at", rows_int(rows, i, 3));
        json_close(&out, '}');
        sse_event(buf, text_print(arena, "%lld", (long long)rows_int(rows, i, 0)), "cut", buf_done(&data));
}

static void put_event(Buf *buf, const Rows *rows, size_t i) {
        Text body = rows_text(rows, i, 4);
        Text data = text_print(buf->arena, "{\"seq\":%lld,\"at\":%lld,%.*s", (long long)rows_int(rows, i, 0), (long long)rows_int(rows, i, 1),
                               (int)(body.len ? body.len - 1 : 0), body.at ? body.at + 1 : "");
        sse_event(buf, text_print(buf->arena, "%lld", (long long)rows_int(rows, i, 0)), "event", data);
}

static bool look(Stream *st, Buf *buf) {
        Rows rows;
        Statement statement = !st->events ? READ_cuts_after : st->session.len ? READ_events_of_session : READ_events_after;
        Value params[4] = {value_text(st->zone)};
        size_t n = 1;
        if (statement == READ_events_of_session)
                params[n++] = value_text(st->session);
        params[n++] = value_int(st->after);
        params[n++] = value_int(PAGE);
        if (!outcome_ok(st->host->read(st->host, statement, params, n, buf->arena, &rows)))
                return false;
        for (size_t i = 0; i < rows.n; i++) {
                if (st->events)
                        put_event(buf, &rows, i);
                else
                        put_cut(buf, st, &rows, i);
                st->after = rows_int(&rows, i, 0);
        }
        return true;
}

static void put_heartbeat(Stream *st, Buf *buf) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        sse_event(buf, TEXT_NONE, "heartbeat", text_print(buf->arena, "{\"seq\":%lld,\"at\":%lld}", (long long)st->after, (long long)now.tv_sec));
}

static void stream_turn(void *arg) {
        Stream *st = arg;
        Arena *arena = arena_new(4 << 20);
        Buf buf = arena ? buf_new(arena, 512) : (Buf){.broken = true};
        bool alive = arena && look(st, &buf);
        if (alive && st->looks++ % HEARTBEAT_LOOKS == 0)
                put_heartbeat(st, &buf);
        Text news = arena ? buf_done(&buf) : TEXT_NONE;
        if (!alive || (news.len && !http_stream_write(st->x, news)))
                http_drop(st->x);
        arena_free(arena);
}

static void stream_end(void *arg, HttpEnd end) {
        Stream *st = arg;
        (void)end;
        loop_timer_cancel(st->timer);
}

bool stream_begin(Served *s) {
        Stream *st = arena_new_of(http_arena(s->x), Stream);
        Arena *arena = http_arena(s->x);
        if (!st)
                return false;
        const Zone *zone = s->r->zone;
        *st = (Stream){.host = s->host, .x = s->x, .events = s->r->answer.kind == ANSWER_EVENTS, .after = s->r->answer.feed_after,
                       .zone = text_copy(arena, zone->slug), .issuer = text_copy(arena, zone->issuer),
                       .session = text_copy(arena, s->r->answer.feed_session)};
        const HttpHeader headers[] = {{TEXT("Content-Type"), TEXT("text/event-stream")}, {TEXT("Cache-Control"), TEXT("no-store")}};
        st->timer = loop_every(s->host->loop, LOOK_MS, stream_turn, st);
        if (!st->timer || !http_stream_begin(s->x, 200, headers, ARRAY_LEN(headers))) {
                loop_timer_cancel(st->timer);
                return false;
        }
        s->stream = st;
        s->stream_end = stream_end;
        stream_turn(st);
        return true;
}
