#include "cli/cli.h"
#include <curl/curl.h>
#include <stdarg.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)16 << 20)

struct Api {
        CURL *curl;
        const Cli *cli;
        bool reconnected;
};

typedef struct Sink {
        Arena *arena;
        Buf buf;
        bool (*fn)(void *arg, Text data); /* follow: each `data:` line */
        void *arg;
        Text www_authenticate, location, date, session;
} Sink;

Api *api_new(const Cli *cli) {
        Api *api = calloc(1, sizeof *api);
        if (!api)
                return NULL;
        *api = (Api){.curl = curl_easy_init(), .cli = cli};
        return api;
}

void api_free(Api *api) {
        if (!api)
                return;
        curl_easy_cleanup(api->curl);
        free(api);
}

bool api_reconnected(const Api *api) { return api->reconnected; }

static size_t take_body(char *bytes, size_t size, size_t n, void *arg) {
        Sink *sink = arg;
        if (sink->buf.len + size * n > ANSWER_MAX)
                return 0;
        buf_put(&sink->buf, bytes, size * n);
        return sink->buf.broken ? 0 : size * n;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *arg) {
        Sink *sink = arg;
        Text line = text_trim((Text){bytes, size * n});
        while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == '\n'))
                line.len--;
        size_t colon = text_find(line, ':');
        Text name = text_sub(line, 0, colon), value = text_trim(text_sub(line, colon + 1, line.len));
        if (text_equal_nocase(name, TEXT("www-authenticate")))
                sink->www_authenticate = text_copy(sink->arena, value);
        else if (text_equal_nocase(name, TEXT("location")))
                sink->location = text_copy(sink->arena, value);
        else if (text_equal_nocase(name, TEXT("mcp-session-id")))
                sink->session = text_copy(sink->arena, value);
        else if (text_equal_nocase(name, TEXT("date")))
                sink->date = text_copy(sink->arena, value);
        return size * n;
}

/* Whole lines out of what has come; the rest waits. */
static size_t take_events(char *bytes, size_t size, size_t n, void *arg) {
        Sink *sink = arg;
        buf_put(&sink->buf, bytes, size * n);
        Text rest = buf_done(&sink->buf);
        bool more = true;
        for (size_t end = text_find(rest, '\n'); more && end < rest.len; end = text_find(rest, '\n')) {
                Text line = text_sub(rest, 0, end);
                rest = text_sub(rest, end + 1, rest.len);
                if (text_starts(line, TEXT("data:")))
                        more = sink->fn(sink->arg, text_trim(text_sub(line, 5, line.len)));
        }
        memmove(sink->buf.at, rest.at, rest.len); /* in place: a follower runs for days */
        sink->buf.len = rest.len;
        return more ? size * n : 0;
}

static struct curl_slist *headers_for(const Cli *cli, Arena *arena, bool body) {
        struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
        if (body)
                list = curl_slist_append(list, "Content-Type: application/json");
        if (cli->url && cli->token)
                list = curl_slist_append(list, text_print(arena, "Authorization: Bearer %s", cli->token).at);
        return list;
}

static void target_set(Api *api, Arena *arena, const char *method, Text path) {
        const Cli *cli = api->cli;
        curl_easy_reset(api->curl);
        curl_easy_setopt(api->curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(api->curl, CURLOPT_CUSTOMREQUEST, method);
        if (!cli->url)
                curl_easy_setopt(api->curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
        curl_easy_setopt(api->curl, CURLOPT_URL, text_print(arena, "%s%.*s", cli->url ? cli->url : "http://localhost", TEXT_ARG(path)).at);
}

static ApiAnswer perform(Api *api, Arena *arena, CURLcode *code) {
        ApiAnswer answer = {0};
        long connects = 0;
        *code = curl_easy_perform(api->curl);
        curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &answer.status);
        curl_easy_getinfo(api->curl, CURLINFO_NUM_CONNECTS, &connects);
        api->reconnected = connects > 0;
        if (*code != CURLE_OK) {
                answer.status = 0;
                answer.why = text_print(arena, "%s", curl_easy_strerror(*code));
        }
        return answer;
}

ApiAnswer api_call(Api *api, Arena *arena, const char *method, Text path, Text body) {
        Sink sink = {.arena = arena, .buf = buf_new(arena, 4096)};
        CURLcode code;
        target_set(api, arena, method, path);
        struct curl_slist *headers = headers_for(api->cli, arena, body.len > 0);
        curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(api->curl, CURLOPT_TIMEOUT, 60L);
        curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &sink);
        if (body.len) {
                curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, body.at);
                curl_easy_setopt(api->curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
                curl_easy_setopt(api->curl, CURLOPT_CUSTOMREQUEST, method);
        }
        ApiAnswer answer = perform(api, arena, &code);
        curl_slist_free_all(headers);
        answer.body = buf_done(&sink.buf);
        if (!answer.body.len || !outcome_ok(json_read(arena, answer.body, &answer.json)))
                answer.json = NULL;
        return answer;
}

long api_follow(Api *api, Arena *arena, Text path, bool (*fn)(void *arg, Text data), void *arg) {
        Sink sink = {.arena = arena, .buf = buf_new(arena, 4096), .fn = fn, .arg = arg};
        CURLcode code;
        target_set(api, arena, "GET", path);
        struct curl_slist *headers = headers_for(api->cli, arena, false);
        curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, take_events);
        curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &sink);
        ApiAnswer answer = perform(api, arena, &code);
        curl_slist_free_all(headers);
        return code == CURLE_WRITE_ERROR ? 200 : answer.status;
}

static ApiAnswer web_perform(Sink *sink, const char *method, const char *url, const char *const *headers, Text body) {
        static const Cli plain;
        Api api = {.curl = curl_easy_init(), .cli = &plain};
        struct curl_slist *list = NULL;
        CURLcode code;
        for (; headers && *headers; headers++)
                list = curl_slist_append(list, *headers);
        curl_easy_setopt(api.curl, CURLOPT_URL, url);
        curl_easy_setopt(api.curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(api.curl, CURLOPT_TIMEOUT, 15L);
        curl_easy_setopt(api.curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(api.curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(api.curl, CURLOPT_WRITEDATA, sink);
        curl_easy_setopt(api.curl, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(api.curl, CURLOPT_HEADERDATA, sink);
        if (body.at) {
                curl_easy_setopt(api.curl, CURLOPT_POSTFIELDS, body.at);
                curl_easy_setopt(api.curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
        }
        curl_easy_setopt(api.curl, CURLOPT_CUSTOMREQUEST, method);
        ApiAnswer answer = perform(&api, sink->arena, &code);
        curl_slist_free_all(list);
        curl_easy_cleanup(api.curl);
        answer.body = buf_done(&sink->buf);
        answer.session = sink->session;
        return answer;
}

ApiAnswer web_call(Arena *arena, const char *method, const char *url, const char *const *headers, Text body, Text *www_authenticate, Text *location) {
        Sink sink = {.arena = arena, .buf = buf_new(arena, 4096)};
        ApiAnswer answer = web_perform(&sink, method, url, headers, body);
        if (www_authenticate)
                *www_authenticate = sink.www_authenticate;
        if (location)
                *location = sink.location;
        if (!answer.body.len || !outcome_ok(json_read(arena, answer.body, &answer.json)))
                answer.json = NULL;
        return answer;
}

Text web_date(Arena *arena, const char *url) {
        Sink sink = {.arena = arena, .buf = buf_new(arena, 4096)};
        web_perform(&sink, "GET", url, NULL, TEXT_NONE);
        return sink.date;
}

Text zone_path(const Cli *cli, const char *fmt, ...) {
        char rest[512];
        va_list args;
        va_start(args, fmt);
        vsnprintf(rest, sizeof rest, fmt, args);
        va_end(args);
        return text_print(cli->arena, "/zones/%s%s", cli->zone, rest);
}

int api_once(Cli *cli, const char *method, Text path, Text body, Json **out) {
        Api *api = api_new(cli);
        if (!api)
                return complain(EXIT_REFUSED, "out of memory");
        ApiAnswer answer = api_call(api, cli->arena, method, path, body);
        api_free(api);
        if (!answer.status)
                return complain(EXIT_UNREACHED, "no zone answers at %s: %.*s; start one with `carnet dev`, or name it with --socket", cli->url ? cli->url : cli->socket,
                                TEXT_ARG(answer.why));
        if (answer.status >= 300) {
                Text why = answer.json ? json_text(answer.json, "error_description") : answer.body;
                return complain(EXIT_REFUSED, "%.*s", TEXT_ARG(why.len ? why : TEXT("the zone refused")));
        }
        *out = answer.json;
        return EXIT_DONE;
}
