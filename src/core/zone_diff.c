#include "core/zone_diff.h"
#include "base/buf.h"
#include "base/digest.h"

/* One thing that is true of an object. A list has one fact for each item (`key`), a single value the key "". */
typedef struct Fact {
        const char *field;
        Text key, value;
        bool hidden; /* said to have changed, never shown */
} Fact;

typedef struct Facts {
        Arena *arena;
        Fact *at;
        size_t n, size;
        bool broken;
} Facts;

static void fact_add(Facts *facts, Fact fact) {
        if (facts->n == facts->size) {
                size_t size = facts->size ? facts->size * 2 : 16;
                Fact *more = arena_array(facts->arena, Fact, size);
                if (!more) {
                        facts->broken = true;
                        return;
                }
                if (facts->n)
                        memcpy(more, facts->at, facts->n * sizeof *more);
                facts->at = more;
                facts->size = size;
        }
        facts->at[facts->n++] = fact;
}

static void fact_text(Facts *f, const char *field, Text value) {
        if (value.len)
                fact_add(f, (Fact){.field = field, .value = value});
}

static void fact_hidden(Facts *f, const char *field, Text value) {
        if (value.len)
                fact_add(f, (Fact){.field = field, .value = digest_hex(f->arena, value), .hidden = true});
}

static void fact_bool(Facts *f, const char *field, bool value) { fact_text(f, field, value ? TEXT("true") : TEXT("false")); }
static void fact_int(Facts *f, const char *field, int64_t value) { fact_text(f, field, text_print(f->arena, "%lld", (long long)value)); }

static void fact_items(Facts *f, const char *field, Texts items) {
        for (size_t i = 0; i < items.n; i++)
                fact_add(f, (Fact){.field = field, .key = items.at[i], .value = TEXT("")});
}

static Text classes_text(Arena *arena, unsigned classes) {
        Buf buf = buf_new(arena, 64);
        for (unsigned one = CLASS_READ; one <= CLASS_ADMINISTER; one <<= 1)
                if (classes & one)
                        buf_print(&buf, "%s%s", buf.len ? " " : "", class_name((Class)one));
        return buf_done(&buf);
}

/* --- what is true of each kind of thing -------------------------------------------------------------------------- */

static void facts_of_user(Facts *f, const void *object) {
        const User *user = object;
        fact_text(f, "identifier", user->identifier);
        fact_text(f, "email", user->email);
        fact_text(f, "name", user->name);
        fact_items(f, "group", user->groups);
}

static void facts_of_application(Facts *f, const void *object) {
        const Application *a = object;
        fact_text(f, "identifier", a->identifier);
        fact_text(f, "name", a->name);
        fact_items(f, "group", a->groups);
        fact_bool(f, "public", a->is_public);
        fact_bool(f, "direct", a->direct);
        fact_bool(f, "disabled", a->disabled);
        fact_bool(f, "secret", a->has_secret);
        fact_bool(f, "run", a->runs);
        for (size_t i = 0; i < a->n_uids; i++)
                fact_add(f, (Fact){.field = "run uid", .key = text_print(f->arena, "%lld", (long long)a->uids[i])});
        fact_text(f, "client_metadata", a->client_metadata);
        fact_items(f, "redirect_uri", a->redirect_uris);
        fact_hidden(f, "jwks", a->jwks);
        fact_text(f, "jwks_uri", a->jwks_uri);
        for (size_t i = 0; i < a->n_depends; i++) {
                const Dependency *d = &a->depends[i];
                Text value = text_print(f->arena, "[%.*s]%s%s", TEXT_ARG(texts_join(f->arena, d->scopes, ", ")), d->direct ? " direct" : "", d->offline ? " offline" : "");
                fact_add(f, (Fact){.field = "dependency", .key = d->resource->slug, .value = value});
        }
}

static void facts_of_resource(Facts *f, const void *object) {
        const Resource *r = object;
        fact_text(f, "identifier", r->identifier);
        fact_text(f, "owner", r->owner ? r->owner->slug : TEXT_NONE);
        fact_text(f, "provider", r->provider ? r->provider->slug : TEXT_NONE);
        fact_text(f, "algorithm", r->algorithm);
        fact_text(f, "cutoff", text_of(cutoff_name(r->cutoff)));
        fact_int(f, "credential_lifetime_seconds", r->lifetime);
        fact_bool(f, "entry", r->entry);
        fact_bool(f, "prefix", r->prefix);
        fact_bool(f, "disabled", r->disabled);
        for (size_t i = 0; i < r->n_scopes; i++)
                fact_add(f, (Fact){.field = "scope", .key = r->scopes[i].name, .value = classes_text(f->arena, r->scopes[i].classes)});
        fact_items(f, "default scope", r->defaults);
}

static void facts_of_provider(Facts *f, const void *object) {
        const Provider *p = object;
        fact_text(f, "type", p->type == PROVIDER_OAUTH ? TEXT("oauth") : TEXT("federated"));
        fact_text(f, "audience", p->audience);
        fact_text(f, "algorithm", p->algorithm);
        fact_text(f, "scope_claim", p->scope_claim);
        fact_text(f, "user_claim", p->user_claim);
        fact_bool(f, "scope_array", p->scope_array);
        fact_int(f, "minimum_lifetime_seconds", p->lifetime);
        fact_text(f, "authorization_endpoint", p->authorization_endpoint);
        fact_text(f, "token_endpoint", p->token_endpoint);
        fact_text(f, "revocation_endpoint", p->revocation_endpoint);
        fact_text(f, "client_id", p->client_id);
        fact_hidden(f, "client_secret", p->client_secret);
        fact_bool(f, "revoke_at_close", p->revoke_at_close);
        for (size_t i = 0; i < p->scope_from.n; i++)
                fact_add(f, (Fact){.field = "scope", .key = p->scope_from.at[i], .value = p->scope_to.at[i]});
}

static void facts_of_zone(Facts *f, const void *object) {
        const Zone *z = object;
        fact_text(f, "issuer", z->issuer);
        fact_text(f, "default resource", z->default_resource ? z->default_resource->slug : TEXT_NONE);
        fact_hidden(f, "trust.ca", z->ca);
        fact_bool(f, "trust.loopback_documents", z->loopback_documents);
        fact_bool(f, "managed_policies", z->managed);
        fact_bool(f, "cimd", z->cimd);
        fact_bool(f, "dcr", z->dcr);
        fact_int(f, "idle_seconds", z->idle);
        fact_int(f, "absolute_seconds", z->absolute);
        fact_int(f, "stay_idle_seconds", z->stay_idle);
        fact_int(f, "stay_absolute_seconds", z->stay_absolute);
        fact_int(f, "session_tokens_per_minute", z->tokens_per_minute);
        for (size_t i = 0; i < z->n_groups; i++) {
                const PolicyGroup *g = &z->groups[i];
                Texts parents = {(Text *)g->parents, g->parent_count};
                fact_add(f, (Fact){.field = "group", .key = g->slug, .value = text_print(f->arena, "[%.*s]", TEXT_ARG(texts_join(f->arena, parents, ", ")))});
        }
        Buf order = buf_new(f->arena, 256);
        for (size_t i = 0; i < z->n_documents; i++)
                buf_print(&order, "%s%.*s", i ? ", " : "", TEXT_ARG(z->documents[i].file));
        fact_text(f, "policies", buf_done(&order));
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

static const Fact *fact_find(const Facts *facts, const Fact *like) {
        for (size_t i = 0; i < facts->n; i++)
                if (strcmp(facts->at[i].field, like->field) == 0 && text_equal(facts->at[i].key, like->key))
                        return &facts->at[i];
        return NULL;
}

static void put_fact(Buf *line, const Fact *before, const Fact *after) {
        const Fact *any = after ? after : before;
        if (line->len)
                buf_str(line, ", ");
        buf_print(line, "%s%s%.*s", any->field, any->key.len ? " " : "", TEXT_ARG(any->key));
        if (any->hidden)
                buf_str(line, !before ? " set" : !after ? " removed" : " changed");
        else if (!before && any->key.len)
                buf_str(line, " added");
        else if (!before)
                buf_print(line, " %.*s", TEXT_ARG(any->value));
        else if (!after)
                buf_str(line, " removed");
        else
                buf_print(line, " %.*s -> %.*s", TEXT_ARG(before->value), TEXT_ARG(after->value));
}

static Text facts_compare(Arena *arena, const Facts *before, const Facts *after) {
        Buf line = buf_new(arena, 256);
        for (size_t i = 0; i < after->n; i++) {
                const Fact *old = fact_find(before, &after->at[i]);
                if (!old || !text_equal(old->value, after->at[i].value))
                        put_fact(&line, old, &after->at[i]);
        }
        for (size_t i = 0; i < before->n; i++)
                if (!fact_find(after, &before->at[i]))
                        put_fact(&line, &before->at[i], NULL);
        return buf_done(&line);
}

/* A kind of thing in a zone: where the list of it is. */
typedef struct Kind {
        const char *name;
        size_t size;
        const void *(*list)(const Zone *zone, size_t *n);
        bool (*counts)(const Zone *zone, const void *object);
        void (*facts)(Facts *facts, const void *object);
} Kind;

static const void *list_users(const Zone *z, size_t *n) { return *n = z->n_users, z->users; }
static const void *list_applications(const Zone *z, size_t *n) { return *n = z->n_applications, z->applications; }
static const void *list_resources(const Zone *z, size_t *n) { return *n = z->n_resources, z->resources; }
static const void *list_providers(const Zone *z, size_t *n) { return *n = z->n_providers, z->providers; }

static bool resource_counts(const Zone *zone, const void *object) {
        const Resource *resource = object;
        return !resource->anchor && resource != zone->management;
}

static const Kind kinds[] = {
        {"user", sizeof(User), list_users, NULL, facts_of_user},
        {"application", sizeof(Application), list_applications, NULL, facts_of_application},
        {"resource", sizeof(Resource), list_resources, resource_counts, facts_of_resource},
        {"provider", sizeof(Provider), list_providers, NULL, facts_of_provider},
};

/* Every kind of thing begins with its slug. */
static Text slug_of(const void *object) { return *(const Text *)object; }

static const void *kind_find(const Kind *kind, const Zone *zone, Text slug) {
        size_t n = 0;
        const char *list = zone ? kind->list(zone, &n) : NULL;
        for (size_t i = 0; i < n; i++)
                if (text_equal(slug_of(list + i * kind->size), slug))
                        return list + i * kind->size;
        return NULL;
}

static Text object_compare(Arena *arena, void (*facts)(Facts *, const void *), const void *before, const void *after) {
        Facts old = {.arena = arena}, new = {.arena = arena};
        if (before)
                facts(&old, before);
        facts(&new, after);
        return facts_compare(arena, &old, &new);
}

static Outcome kind_diff(Arena *arena, const Kind *kind, const Zone *before, const Zone *after, Texts *out) {
        size_t n = 0;
        const char *list = kind->list(after, &n);
        for (size_t i = 0; i < n; i++) {
                const void *object = list + i * kind->size, *old = kind_find(kind, before, slug_of(object));
                if (kind->counts && !kind->counts(after, object))
                        continue;
                if (!old)
                        TRY(texts_add(arena, out, text_print(arena, "+ %s %.*s", kind->name, TEXT_ARG(slug_of(object)))));
                Text changed = old ? object_compare(arena, kind->facts, old, object) : TEXT_NONE;
                if (changed.len)
                        TRY(texts_add(arena, out, text_print(arena, "~ %s %.*s: %.*s", kind->name, TEXT_ARG(slug_of(object)), TEXT_ARG(changed))));
        }
        list = before ? kind->list(before, &n) : NULL;
        for (size_t i = 0; list && i < n; i++) {
                const void *object = list + i * kind->size;
                bool counts = !kind->counts || kind->counts(before, object);
                if (counts && !kind_find(kind, after, slug_of(object)))
                        TRY(texts_add(arena, out, text_print(arena, "- %s %.*s", kind->name, TEXT_ARG(slug_of(object)))));
        }
        return outcome_good();
}

/* --- policy files ------------------------------------------------------------------------------------------------ */

static const PolicyDocument *document_find(const Zone *zone, Text file) {
        for (size_t i = 0; zone && i < zone->n_documents; i++)
                if (text_equal(zone->documents[i].file, file))
                        return &zone->documents[i];
        return NULL;
}

static bool line_next(Text *rest, Text *line) {
        if (!rest->len)
                return false;
        *line = text_sub(*rest, 0, text_find(*rest, '\n'));
        *rest = text_sub(*rest, line->len + 1, rest->len);
        return true;
}

#define LINES_COUNTED 5000

static size_t lines_count(Text t) {
        size_t n = 0;
        for (Text line; line_next(&t, &line);)
                n++;
        return n;
}

/* Lines of `a` that are nowhere in `b`: enough to say how much changed. */
static size_t lines_missing(Text a, Text b) {
        size_t missing = 0;
        for (Text line; line_next(&a, &line);) {
                bool found = false;
                Text rest = b;
                for (Text other; !found && line_next(&rest, &other);)
                        found = text_equal(line, other);
                missing += !found;
        }
        return missing;
}

static Outcome documents_diff(Arena *arena, const Zone *before, const Zone *after, Texts *out) {
        for (size_t i = 0; i < after->n_documents; i++) {
                const PolicyDocument *now = &after->documents[i], *old = document_find(before, now->file);
                Text line = TEXT_NONE;
                if (!old)
                        line = text_print(arena, "+ policy file %.*s", TEXT_ARG(now->file));
                else if (!text_equal(old->text, now->text) && lines_count(now->text) + lines_count(old->text) > LINES_COUNTED)
                        line = text_print(arena, "~ policy file %.*s", TEXT_ARG(now->file));
                else if (!text_equal(old->text, now->text))
                        line = text_print(arena, "~ policy file %.*s: %zu lines added, %zu removed", TEXT_ARG(now->file), lines_missing(now->text, old->text),
                                          lines_missing(old->text, now->text));
                if (line.len)
                        TRY(texts_add(arena, out, line));
        }
        for (size_t i = 0; before && i < before->n_documents; i++)
                if (!document_find(after, before->documents[i].file))
                        TRY(texts_add(arena, out, text_print(arena, "- policy file %.*s", TEXT_ARG(before->documents[i].file))));
        return outcome_good();
}

static bool policy_in(const Zone *zone, const PolicyInfo *like, bool *same) {
        const PolicyInfo *info;
        for (size_t i = 0; zone && zone->policies && (info = policy_set_at(zone->policies, i)); i++)
                if (text_equal(info->id, like->id)) {
                        *same = text_equal(info->text, like->text);
                        return true;
                }
        return false;
}

static Outcome policies_diff(Arena *arena, const Zone *before, const Zone *after, Texts *out) {
        const PolicyInfo *info;
        bool same = true;
        for (size_t i = 0; after->policies && (info = policy_set_at(after->policies, i)); i++) {
                bool had = policy_in(before, info, &same);
                if (text_is(info->file, "managed.cedar") || (had && same))
                        continue;
                TRY(texts_add(arena, out, text_print(arena, "%s policy %.*s (%.*s:%u)", had ? "~" : "+", TEXT_ARG(info->id), TEXT_ARG(info->file), info->line)));
        }
        for (size_t i = 0; before && before->policies && (info = policy_set_at(before->policies, i)); i++)
                if (!text_is(info->file, "managed.cedar") && !policy_in(after, info, &same))
                        TRY(texts_add(arena, out, text_print(arena, "- policy %.*s (%.*s:%u)", TEXT_ARG(info->id), TEXT_ARG(info->file), info->line)));
        return outcome_good();
}

static Outcome diff(Arena *arena, const Zone *before, const Zone *after, Texts *out) {
        Text zone = before ? object_compare(arena, facts_of_zone, before, after) : TEXT_NONE;
        if (!before)
                TRY(texts_add(arena, out, text_print(arena, "+ zone %.*s", TEXT_ARG(after->slug))));
        if (zone.len)
                TRY(texts_add(arena, out, text_print(arena, "~ zone: %.*s", TEXT_ARG(zone))));
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                TRY(kind_diff(arena, &kinds[i], before, after, out));
        TRY(documents_diff(arena, before, after, out));
        return policies_diff(arena, before, after, out);
}

Texts zone_diff(Arena *arena, const Zone *before, const Zone *after) {
        Texts out = {0};
        return outcome_ok(diff(arena, before, after, &out)) ? out : (Texts){0};
}
