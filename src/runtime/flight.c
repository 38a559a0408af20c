#include "base/url.h"
#include "runtime/fetch_private.h"
#include "wire/header.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_BYTES 65536u
#define DEFAULT_MS 5000

static bool copy_headers(Flight *f, const FetchRequest *from) {
        HttpHeader *headers = arena_array(f->arena, HttpHeader, from->n_headers);
        for (size_t i = 0; headers && i < from->n_headers; i++)
                headers[i] = (HttpHeader){text_copy(f->arena, from->headers[i].name), text_copy(f->arena, from->headers[i].value)};
        f->request.headers = headers;
        return headers;
}

/* Lengths stand before the texts, so that no two requests can print the same key. */
static void make_key(Flight *f) {
        const FetchRequest *r = &f->request;
        if (strcmp(r->method, "GET") != 0)
                return;
        Buf key = buf_new(f->arena, 512);
        buf_print(&key, "%u %zu %d %p %zu:", r->rules, r->max_bytes, r->timeout_ms, (const void *)r->types, r->url.len);
        buf_text(&key, r->url);
        buf_print(&key, "%zu:", r->ca_pem.len);
        buf_text(&key, r->ca_pem);
        for (size_t i = 0; i < r->n_headers; i++) {
                buf_print(&key, "%zu:%zu:", r->headers[i].name.len, r->headers[i].value.len);
                buf_text(&key, r->headers[i].name);
                buf_text(&key, r->headers[i].value);
        }
        f->key = buf_done(&key);
}

Flight *flight_new(const FetchRequest *request) {
        size_t max = request->max_bytes ? request->max_bytes : DEFAULT_BYTES;
        Flight *f = calloc(1, sizeof *f);
        Arena *arena = arena_new(8 * max + (256u << 10) + 4 * (request->body.len + request->ca_pem.len + request->url.len));
        if (!f || !arena) {
                free(f);
                arena_free(arena);
                return NULL;
        }
        f->arena = arena;
        f->counts = 1;
        f->request = *request;
        f->request.method = request->method ? text_copy(arena, text_of(request->method)).at : "GET";
        f->request.max_bytes = max;
        f->request.timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_MS;
        f->request.url = text_copy(arena, request->url);
        f->request.body = text_copy(arena, request->body);
        f->request.ca_pem = text_copy(arena, request->ca_pem);
        if (!copy_headers(f, request) || !f->request.method || !f->request.url.at || !f->request.body.at || !f->request.ca_pem.at) {
                flight_release(f);
                return NULL;
        }
        make_key(f);
        return f;
}

void flight_count(Flight *f) { f->counts++; }

void flight_release(Flight *f) {
        if (--f->counts)
                return;
        if (f->easy)
                curl_easy_cleanup(f->easy);
        curl_slist_free_all(f->headers);
        arena_free(f->arena);
        free(f);
}

/* --- what libcurl asks while it flies --- */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to) {
        Flight *f = arg;
        if (purpose != CURLSOCKTYPE_IPCXN || !fetch_may_dial(&to->addr, f->request.rules)) {
                f->refused = "the address may not be dialled";
                return CURL_SOCKET_BAD;
        }
        return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Also for connections kept from earlier requests, which may have had other rules. */
static int on_before_request(void *arg, char *ip, char *local_ip, int port, int local_port) {
        (void)local_ip, (void)port, (void)local_port;
        Flight *f = arg;
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        const struct sockaddr *to = NULL;
        if (inet_pton(AF_INET, ip, &four.sin_addr) == 1)
                to = (struct sockaddr *)&four;
        else if (inet_pton(AF_INET6, ip, &six.sin6_addr) == 1)
                to = (struct sockaddr *)&six;
        if (to && fetch_may_dial(to, f->request.rules))
                return CURL_PREREQFUNC_OK;
        f->refused = "the address may not be dialled";
        return CURL_PREREQFUNC_ABORT;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg) {
        (void)one;
        Flight *f = arg;
        if (f->body.len + n > f->request.max_bytes) {
                f->refused = "the answer is too large";
                return 0;
        }
        buf_put(&f->body, bytes, n);
        return f->body.broken ? 0 : n;
}

static void keep(Flight *f, Text name, Text value) {
        const struct {
                const char *name;
                Text *to;
        } wanted[] = {{"content-type", &f->answer.type},   {"cache-control", &f->answer.cache_control},
                      {"etag", &f->answer.etag},           {"location", &f->answer.location},
                      {"retry-after", &f->answer.retry_after}, {"www-authenticate", &f->answer.www_authenticate}};
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
                if (text_equal_nocase(name, text_of(wanted[i].name)))
                        *wanted[i].to = text_copy(f->arena, value);
        if (text_equal_nocase(name, TEXT("content-encoding")) && !text_equal_nocase(value, TEXT("identity")))
                f->refused = "the answer is compressed, unasked";
}

static Text line_end_off(Text t) {
        while (t.len && (t.at[t.len - 1] == '\n' || t.at[t.len - 1] == '\r'))
                t.len--;
        return text_trim(t);
}

static size_t on_header(char *bytes, size_t one, size_t n, void *arg) {
        (void)one;
        Flight *f = arg;
        Text line = line_end_off((Text){bytes, n});
        f->header_bytes += n;
        if (f->header_bytes > FETCH_HEADERS_MAX)
                f->refused = "the answer's head is too large";
        if (text_starts(line, TEXT("HTTP/")))
                f->answer = (FetchAnswer){0}; /* an interim answer's fields are not the answer's */
        size_t colon = text_find(line, ':');
        if (colon < line.len)
                keep(f, text_sub(line, 0, colon), text_trim(text_sub(line, colon + 1, line.len)));
        return f->refused ? 0 : n;
}

/* --- take-off --- */

static bool port_ok(const Url *url, unsigned rules) {
        int port = url_port(url);
        return port == 443 || port == 80 || port >= 1024 || (port > 0 && rules & (FETCH_LOOPBACK | FETCH_PRIVATE));
}

/* The strict reading comes first: what url.h and libcurl might read differently does not get as far as libcurl. */
static Outcome url_check(const FetchRequest *r) {
        Url url;
        ENSURE(outcome_ok(url_parse(r->url, &url)) && url.has_authority && url.host.len, outcome_malformed("not a URL"));
        ENSURE(!url.has_userinfo && !url.has_fragment, outcome_malformed("a URL with user information or a fragment"));
        ENSURE(text_find(url.host, '%') == url.host.len && url.host.at[url.host.len - 1] != '.', outcome_malformed("an odd host name"));
        ENSURE(!url_dot_segments(url.path), outcome_malformed("a URL with dot segments"));
        bool plain = r->rules & FETCH_PLAIN || (r->rules & FETCH_LOOPBACK && url_loopback(&url));
        bool https = text_equal_nocase(url.scheme, TEXT("https"));
        ENSURE(https || (plain && text_equal_nocase(url.scheme, TEXT("http"))), outcome_malformed("not an https URL"));
        ENSURE(port_ok(&url, r->rules), outcome_malformed("a port no web server has"));
        return outcome_good();
}

static Outcome header_list(Flight *f) {
        struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 Continue */
        for (size_t i = 0; list && i < f->request.n_headers; i++) {
                const HttpHeader *h = &f->request.headers[i];
                bool ok = h->name.len && header_value_ok(h->name) && header_value_ok(h->value);
                Text line = text_print(f->arena, h->value.len ? "%.*s: %.*s" : "%.*s;%.*s", TEXT_ARG(h->name), TEXT_ARG(h->value));
                struct curl_slist *more = ok && line.at ? curl_slist_append(list, line.at) : NULL;
                if (!more) {
                        curl_slist_free_all(list);
                        return outcome_malformed("a header field cannot be sent");
                }
                list = more;
        }
        f->headers = list;
        return list ? outcome_good() : outcome_fault("memory");
}

static void set_body(Flight *f) {
        const FetchRequest *r = &f->request;
        if (strcmp(r->method, "GET") == 0)
                return;
        curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, r->body.at);
        curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_limits(Flight *f) {
        CURL *e = f->easy;
        curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)f->request.timeout_ms);
        curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->request.max_bytes);
        curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(e, CURLOPT_PROXY, ""); /* not even from the environment */
        curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(e, CURLOPT_USERAGENT, "carnet");
}

static void set_callbacks(Flight *f) {
        CURL *e = f->easy;
        curl_easy_setopt(e, CURLOPT_PRIVATE, f);
        curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f);
        curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_before_request);
        curl_easy_setopt(e, CURLOPT_PREREQDATA, f);
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
        curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
}

Outcome flight_open(Flight *f) {
        TRY(url_check(&f->request));
        TRY(header_list(f));
        f->easy = curl_easy_init();
        f->body = buf_new(f->arena, 4096);
        ENSURE(f->easy && !f->body.broken, outcome_fault("memory"));
        set_limits(f);
        set_callbacks(f);
        set_body(f);
        curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
        if (f->request.ca_pem.len) {
                struct curl_blob blob = {(void *)f->request.ca_pem.at, f->request.ca_pem.len, CURL_BLOB_NOCOPY};
                curl_easy_setopt(f->easy, CURLOPT_CAINFO_BLOB, &blob);
        }
        ENSURE(curl_easy_setopt(f->easy, CURLOPT_URL, f->request.url.at) == CURLE_OK, outcome_malformed("not a URL"));
        return outcome_good();
}

/* --- landing --- */

static bool type_ok(const FetchRequest *r, Text type) {
        for (size_t i = 0; r->types && r->types[i]; i++)
                if (media_type_is(type, r->types[i]) || (strcmp(r->types[i], "application/json") == 0 && media_type_json(type)))
                        return true;
        return !r->types;
}

static bool conditional(const FetchRequest *r) {
        for (size_t i = 0; i < r->n_headers; i++)
                if (text_equal_nocase(r->headers[i].name, TEXT("If-None-Match")))
                        return true;
        return false;
}

static Outcome failure(CURLcode code) {
        switch (code) {
        case CURLE_FILESIZE_EXCEEDED: return outcome_malformed("the answer is too large");
        case CURLE_COULDNT_RESOLVE_HOST: return outcome_fault("the host name does not resolve");
        case CURLE_COULDNT_CONNECT: return outcome_fault("nobody answers there");
        case CURLE_OPERATION_TIMEDOUT: return outcome_fault("it took too long");
        case CURLE_PEER_FAILED_VERIFICATION: return outcome_fault("its certificate does not verify");
        case CURLE_SSL_CONNECT_ERROR: return outcome_fault("TLS failed");
        default: return outcome_fault("the transfer failed");
        }
}

static Outcome verdict(const Flight *f, CURLcode code) {
        ENSURE(!f->refused, outcome_malformed(f->refused));
        ENSURE(code == CURLE_OK, failure(code));
        ENSURE(!f->body.broken, outcome_fault("memory"));
        int status = f->answer.status;
        bool not_modified = status == 304 && conditional(&f->request);
        ENSURE(status / 100 != 3 || not_modified, outcome_malformed("it answers with a redirect"));
        ENSURE(status / 100 != 2 || type_ok(&f->request, f->answer.type), outcome_malformed("the answer has another media type"));
        return outcome_good();
}

void flight_land(Flight *f, CURLcode code) {
        long status = 0;
        if (f->easy)
                curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        f->answer.status = (int)status;
        f->answer.body = buf_done(&f->body);
        f->answer.outcome = verdict(f, code);
        if (f->easy)
                curl_easy_cleanup(f->easy);
        curl_slist_free_all(f->headers);
        f->easy = NULL;
        f->headers = NULL;
}
