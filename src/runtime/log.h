/* log.h - one line per event on a descriptor: logfmt or JSON.
 *
 * knows        levels, fields, a rate per event name (50 at once, then 10 a second; what was left out is counted in the next)
 * never knows  secrets: there is no way to hand it a Secret; callers never pass bodies, tokens, queries
 * threads      any; NULL as log is silence
 *
 *   log_say(log, LOG_INFO, "listening", LOG_TEXT("address", address), LOG_INT("port", port));
 */
#ifndef CARNET_RUNTIME_LOG_H
#define CARNET_RUNTIME_LOG_H
#include "base/text.h"

typedef struct Log Log;
typedef enum LogLevel { LOG_DEBUG = 1, LOG_INFO, LOG_WARN, LOG_ERROR } LogLevel;

typedef struct LogField {
        const char *name; /* NULL: skipped */
        Text text;
        int64_t number;
        bool is_number;
} LogField;

#define LOG_TEXT(n, t) ((LogField){.name = (n), .text = (t)})
#define LOG_STR(n, s) ((LogField){.name = (n), .text = text_of(s)})
#define LOG_INT(n, i) ((LogField){.name = (n), .number = (i), .is_number = true})

Log *log_new(int fd, LogLevel least, bool json); /* borrows the descriptor; NULL without memory */
void log_free(Log *log);
void log_fields(Log *log, LogLevel level, const char *event, const LogField *fields, size_t n);
bool log_level_read(Text name, LogLevel *out);   /* debug info warn error */

#define log_say(log, level, event, ...)                                                                                \
        log_fields((log), (level), (event), (const LogField[]){{0}, ##__VA_ARGS__},                                     \
                   sizeof((const LogField[]){{0}, ##__VA_ARGS__}) / sizeof(LogField))
#endif
