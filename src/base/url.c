#include "base/url.h"
#include "base/buf.h"

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_unreserved(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

static bool charset_ok(Text t) {
        for (size_t i = 0; i < t.len; i++) {
                char c = t.at[i];
                if (c <= 0x20 || c > 0x7e || strchr("\\\"<>^`{}|", c))
                        return false;
                if (c == '%' && !(i + 2 < t.len && is_hex(t.at[i + 1]) && is_hex(t.at[i + 2])))
                        return false;
        }
        return true;
}

static Text take_scheme(Text t) {
        size_t n = text_find(t, ':');
        if (n == t.len || n == 0 || !is_alpha(t.at[0]))
                return TEXT_NONE;
        for (size_t i = 0; i < n; i++)
                if (!is_alpha(t.at[i]) && !is_digit(t.at[i]) && !strchr("+-.", t.at[i]))
                        return TEXT_NONE;
        return text_sub(t, 0, n);
}

static bool host_ok(Text host) {
        if (host.len && host.at[0] == '[') {
                for (size_t i = 1; i + 1 < host.len; i++)
                        if (!is_hex(host.at[i]) && host.at[i] != ':' && host.at[i] != '.')
                                return false; /* no zone ids */
                return host.len > 3 && host.at[host.len - 1] == ']';
        }
        for (size_t i = 0; i < host.len; i++)
                if (!is_unreserved(host.at[i]))
                        return false;
        return true;
}

static bool port_ok(Text port, int *out) {
        int64_t value;
        if (!port.len || port.len > 5 || !is_digit(port.at[0]) || !outcome_ok(text_int(port, &value)) || value < 1 ||
            value > 65535)
                return false;
        *out = (int)value;
        return true;
}

static Outcome parse_authority(Text a, Url *out) {
        size_t at = text_find(a, '@');
        if (at < a.len) {
                out->has_userinfo = true;
                out->userinfo = text_sub(a, 0, at);
                a = text_sub(a, at + 1, a.len);
                ENSURE(text_find(a, '@') == a.len, outcome_malformed("several @ in the authority"));
        }
        size_t colon = a.len;
        if (a.len && a.at[0] == '[') {
                size_t end = text_find(a, ']');
                ENSURE(end < a.len, outcome_malformed("unclosed IPv6 address"));
                colon = end + 1;
                ENSURE(colon == a.len || a.at[colon] == ':', outcome_malformed("bad host"));
        } else
                colon = text_find(a, ':');
        out->host = text_sub(a, 0, colon);
        ENSURE(host_ok(out->host), outcome_malformed("bad host"));
        if (colon < a.len)
                ENSURE(port_ok(text_sub(a, colon + 1, a.len), &out->port), outcome_malformed("bad port"));
        return outcome_good();
}

Outcome url_parse(Text source, Url *out) {
        *out = (Url){.whole = source, .port = -1};
        ENSURE(source.len && source.len <= 2048, outcome_malformed("URI empty or over 2048 bytes"));
        ENSURE(charset_ok(source), outcome_malformed("characters that a URI cannot hold"));
        out->scheme = take_scheme(source);
        ENSURE(out->scheme.len, outcome_malformed("not an absolute URI"));
        Text rest = text_sub(source, out->scheme.len + 1, source.len);
        size_t n = text_find(rest, '#');
        if (n < rest.len) {
                out->has_fragment = true;
                out->fragment = text_sub(rest, n + 1, rest.len);
                rest = text_sub(rest, 0, n);
        }
        n = text_find(rest, '?');
        if (n < rest.len) {
                out->has_query = true;
                out->query = text_sub(rest, n + 1, rest.len);
                rest = text_sub(rest, 0, n);
        }
        if (text_starts(rest, TEXT("//"))) {
                rest = text_sub(rest, 2, rest.len);
                n = text_find(rest, '/');
                out->has_authority = true;
                TRY(parse_authority(text_sub(rest, 0, n), out));
                rest = text_sub(rest, n, rest.len);
        }
        out->path = rest;
        ENSURE(out->has_authority || rest.len, outcome_malformed("nothing after the scheme"));
        return outcome_good();
}

int url_port(const Url *url) {
        if (url->port != -1)
                return url->port;
        if (text_equal_nocase(url->scheme, TEXT("https")))
                return 443;
        return text_equal_nocase(url->scheme, TEXT("http")) ? 80 : -1;
}

static bool loopback_v4(Text host) {
        int dots = 0;
        for (size_t i = 0; i < host.len; i++) {
                if (host.at[i] == '.')
                        dots++;
                else if (!is_digit(host.at[i]))
                        return false;
        }
        return dots == 3 && text_starts(host, TEXT("127."));
}

bool url_loopback(const Url *url) {
        return text_equal_nocase(url->host, TEXT("localhost")) || text_equal(url->host, TEXT("[::1]")) || loopback_v4(url->host);
}

static bool same_place(const Url *a, const Url *b) {
        return text_equal_nocase(a->scheme, b->scheme) && a->has_authority == b->has_authority &&
               text_equal_nocase(a->host, b->host) && url_port(a) == url_port(b) && a->has_userinfo == b->has_userinfo &&
               text_equal(a->userinfo, b->userinfo);
}

static Text path_or_slash(const Url *url) { return url->has_authority && !url->path.len ? TEXT("/") : url->path; }

bool url_same_resource(Text a, Text b) {
        Url x, y;
        if (text_equal(a, b))
                return true;
        if (!outcome_ok(url_parse(a, &x)) || !outcome_ok(url_parse(b, &y)))
                return false;
        return same_place(&x, &y) && text_equal(path_or_slash(&x), path_or_slash(&y)) && x.has_query == y.has_query &&
               text_equal(x.query, y.query) && x.has_fragment == y.has_fragment && text_equal(x.fragment, y.fragment);
}

bool url_within(Text prefix, Text full) {
        Url p, f;
        if (!outcome_ok(url_parse(prefix, &p)) || !outcome_ok(url_parse(full, &f)) || !same_place(&p, &f))
                return false;
        if (p.has_query || p.has_fragment || url_dot_segments(f.path))
                return url_same_resource(prefix, full);
        Text at = path_or_slash(&p), whole = path_or_slash(&f);
        if (!text_starts(whole, at))
                return false;
        return whole.len == at.len || at.at[at.len - 1] == '/' || whole.at[at.len] == '/';
}

bool url_same_redirect(Text registered, Text asked) {
        Url r, a;
        if (text_equal(registered, asked))
                return true;
        if (!outcome_ok(url_parse(registered, &r)) || !outcome_ok(url_parse(asked, &a)))
                return false;
        /* RFC 8252 7.3: the port of a loopback redirect is chosen by the client at run time; everything else is exact. */
        return text_equal(r.scheme, TEXT("http")) && text_equal(a.scheme, TEXT("http")) && url_loopback(&r) &&
               text_equal(r.host, a.host) && !r.has_userinfo && !a.has_userinfo && text_equal(r.path, a.path) &&
               r.has_query == a.has_query && text_equal(r.query, a.query) && !r.has_fragment && !a.has_fragment;
}

Text url_origin(Arena *arena, const Url *url) {
        if (url->port == -1)
                return text_print(arena, "%.*s://%.*s", TEXT_ARG(url->scheme), TEXT_ARG(url->host));
        return text_print(arena, "%.*s://%.*s:%d", TEXT_ARG(url->scheme), TEXT_ARG(url->host), url->port);
}

static size_t dots_in(Text segment) {
        size_t dots = 0;
        for (size_t i = 0; i < segment.len; dots++) {
                if (segment.at[i] == '.')
                        i++;
                else if (i + 2 < segment.len && segment.at[i] == '%' && segment.at[i + 1] == '2' && (segment.at[i + 2] | 32) == 'e')
                        i += 3;
                else
                        return 0;
        }
        return dots;
}

bool url_dot_segments(Text path) {
        while (path.len) {
                size_t n = text_find(path, '/');
                size_t dots = dots_in(text_sub(path, 0, n));
                if (dots == 1 || dots == 2)
                        return true;
                path = text_sub(path, n + 1, path.len);
        }
        return false;
}

Text url_encode(Arena *arena, Text raw) {
        static const char hex[] = "0123456789ABCDEF";
        Buf buf = buf_new(arena, raw.len + 16);
        for (size_t i = 0; i < raw.len; i++) {
                unsigned char c = (unsigned char)raw.at[i];
                if (is_unreserved((char)c))
                        buf_char(&buf, (char)c);
                else
                        buf_put(&buf, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
        }
        return buf_done(&buf);
}
