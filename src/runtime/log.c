#include "runtime/log.h"
#include "base/json.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define NAMES 64
#define BURST 50
#define PER_SECOND 10

typedef struct Rate {
        uint64_t name;   /* hash of the event's */
        int64_t at_ms;
        double tokens;
        uint64_t left_out;
} Rate;

struct Log {
        pthread_mutex_t lock; /* of the rates; lines are written whole */
        int fd;
        LogLevel least;
        bool json;
        Rate rates[NAMES];
};

static const char *const levels[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

Log *log_new(int fd, LogLevel least, bool json) {
        Log *log = calloc(1, sizeof *log);
        if (!log)
                return NULL;
        log->fd = fd;
        log->least = least;
        log->json = json;
        pthread_mutex_init(&log->lock, NULL);
        return log;
}

void log_free(Log *log) {
        if (!log)
                return;
        pthread_mutex_destroy(&log->lock);
        free(log);
}

bool log_level_read(Text name, LogLevel *out) {
        for (LogLevel l = LOG_DEBUG; l <= LOG_ERROR; l++) {
                if (!text_is(name, levels[l]))
                        continue;
                *out = l;
                return true;
        }
        return false;
}

static int64_t monotonic_ms(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Event names are constants of ours, so the table seldom has two in one place; when it has, they share a rate. */
static bool may_write(Log *log, const char *event, uint64_t *left_out) {
        uint64_t name = text_hash(text_of(event), 1);
        int64_t now = monotonic_ms();
        pthread_mutex_lock(&log->lock);
        Rate *r = &log->rates[name % NAMES];
        if (!r->name)
                *r = (Rate){.name = name, .at_ms = now, .tokens = BURST};
        r->tokens += (double)(now - r->at_ms) * PER_SECOND / 1000;
        r->at_ms = now;
        if (r->tokens > BURST)
                r->tokens = BURST;
        bool yes = r->tokens >= 1;
        r->tokens -= yes;
        r->left_out += !yes;
        *left_out = yes ? r->left_out : 0;
        if (yes)
                r->left_out = 0;
        pthread_mutex_unlock(&log->lock);
        return yes;
}

static Text time_text(Arena *arena) {
        struct timespec now;
        struct tm tm;
        char second[32];
        clock_gettime(CLOCK_REALTIME, &now);
        strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
        return text_print(arena, "%s.%03ldZ", second, now.tv_nsec / 1000000);
}

static void put_json(Buf *buf, Arena *arena, LogLevel level, const char *event, const LogField *fields, size_t n) {
        JsonOut out = json_out(buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "time", time_text(arena));
        json_put_str(&out, "level", levels[level]);
        json_put_str(&out, "event", event);
        for (size_t i = 0; i < n; i++) {
                if (fields[i].name && fields[i].is_number)
                        json_put_int(&out, fields[i].name, fields[i].number);
                else if (fields[i].name)
                        json_put_text(&out, fields[i].name, fields[i].text);
        }
        json_close(&out, '}');
}

static bool bare(Text t) {
        for (size_t i = 0; i < t.len; i++)
                if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == '"' || t.at[i] == '=' || t.at[i] == '\\')
                        return false;
        return t.len > 0;
}

/* Strangers' bytes reach here (paths, client names): nothing of theirs can begin a line or end a quote. */
static void put_quoted(Buf *buf, Text t) {
        buf_char(buf, '"');
        for (size_t i = 0; i < t.len; i++) {
                unsigned char c = (unsigned char)t.at[i];
                if (c == '"' || c == '\\')
                        buf_put(buf, (char[]){'\\', (char)c}, 2);
                else if (c < 0x20 || c == 0x7f)
                        buf_print(buf, "\\x%02x", c);
                else
                        buf_char(buf, (char)c);
        }
        buf_char(buf, '"');
}

static void put_logfmt(Buf *buf, Arena *arena, LogLevel level, const char *event, const LogField *fields, size_t n) {
        Text at = time_text(arena);
        buf_print(buf, "time=%.*s level=%s event=", TEXT_ARG(at), levels[level]);
        put_quoted(buf, text_of(event));
        for (size_t i = 0; i < n; i++) {
                if (!fields[i].name)
                        continue;
                buf_print(buf, " %s=", fields[i].name);
                if (fields[i].is_number)
                        buf_int(buf, fields[i].number);
                else if (bare(fields[i].text))
                        buf_text(buf, fields[i].text);
                else
                        put_quoted(buf, fields[i].text);
        }
}

void log_fields(Log *log, LogLevel level, const char *event, const LogField *fields, size_t n) {
        uint64_t left_out = 0;
        if (!log || level < log->least || level > LOG_ERROR || !may_write(log, event, &left_out))
                return;
        Arena *arena = arena_new(4 * LINE_MAX_BYTES);
        if (!arena)
                return;
        Buf buf = buf_new(arena, 512);
        LogField *all = arena_array(arena, LogField, n + 1);
        if (all) {
                memcpy(all, fields, n * sizeof *all);
                all[n] = left_out ? LOG_INT("left_out", (int64_t)left_out) : (LogField){0};
                (log->json ? put_json : put_logfmt)(&buf, arena, level, event, all, n + 1);
                buf_char(&buf, '\n');
        }
        Text line = buf_done(&buf);
        if (line.len && write(log->fd, line.at, line.len) < 0)
                left_out = 0; /* there is nowhere left to say so */
        arena_free(arena);
}
