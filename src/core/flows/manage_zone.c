/* manage_zone.c - GET of what the zone file made: the zone, its applications, resources, providers, users, policies. */
#include "core/manage.h"

typedef void Print(JsonOut *out, const Zone *zone, const void *object);

/* A kind of object: its list in the zone, and its JSON. Every object begins with its slug. */
typedef struct Kind {
        const char *name;
        size_t size;
        const void *(*list)(const Zone *zone, size_t *n);
        Print *print;
} Kind;

static void put_head(JsonOut *out, const Zone *zone, Text slug, bool customer) {
        json_put_text(out, "id", slug);
        json_put_text(out, "slug", slug);
        json_put_text(out, "zone_id", zone->slug);
        json_put_str(out, "owner_type", customer ? "customer" : "platform");
}

/* --- applications ------------------------------------------------------------------------------------------------ */

static void put_credential(JsonOut *out, const char *type, Text identifier) {
        json_open(out, NULL, '{');
        json_put_str(out, "type", type);
        json_put_text(out, "identifier", identifier);
        json_close(out, '}');
}

static void put_credentials(JsonOut *out, const Application *a) {
        json_open(out, "credentials", '[');
        if (a->has_secret)
                put_credential(out, "password", a->identifier);
        if (a->jwks.len || a->jwks_uri.len)
                put_credential(out, "public-key", a->identifier);
        if (a->runs)
                put_credential(out, "run", a->identifier);
        if (a->client_metadata.len)
                put_credential(out, "url", a->client_metadata);
        if (a->is_public && !a->client_metadata.len)
                put_credential(out, "public", a->identifier);
        json_close(out, ']');
}

static void put_dependencies(JsonOut *out, const Application *a) {
        json_open(out, "dependencies", '[');
        for (size_t i = 0; i < a->n_depends; i++) {
                const Dependency *d = &a->depends[i];
                json_open(out, NULL, '{');
                json_put_text(out, "resource_id", d->resource->slug);
                json_put_texts(out, "scopes", d->scopes);
                json_put_bool(out, "direct", d->direct);
                json_put_bool(out, "offline", d->offline);
                json_close(out, '}');
        }
        json_close(out, ']');
        json_put_int(out, "dependencies_count", (int64_t)a->n_depends);
}

static void print_application(JsonOut *out, const Zone *zone, const void *object) {
        const Application *a = object;
        put_head(out, zone, a->slug, true);
        json_put_text(out, "name", a->name);
        json_put_text(out, "identifier", a->identifier);
        json_put_str(out, "consent", "required");
        json_put_bool(out, "registered", a->registered);
        json_put_bool(out, "public", a->is_public);
        json_put_bool(out, "direct", a->direct);
        json_put_bool(out, "disabled", a->disabled);
        json_put_str(out, "proof", proof_name(a->proof));
        json_put_texts(out, "groups", a->groups);
        put_credentials(out, a);
        put_dependencies(out, a);
        json_open(out, "protocols", '{');
        json_open(out, "oauth2", '{');
        json_put_texts(out, "redirect_uris", a->redirect_uris);
        json_close(out, '}');
        json_close(out, '}');
}

/* --- resources, providers, users ----------------------------------------------------------------------------------- */

static void put_scopes(JsonOut *out, const Resource *resource) {
        json_open(out, "scopes", '[');
        for (size_t i = 0; i < resource->n_scopes; i++)
                json_put_text(out, NULL, resource->scopes[i].name);
        json_close(out, ']');
        json_open(out, "scope_classes", '{');
        for (size_t i = 0; i < resource->n_scopes; i++) {
                json_open(out, resource->scopes[i].name.at, '[');
                for (unsigned one = CLASS_READ; one <= CLASS_ADMINISTER; one <<= 1)
                        if (resource->scopes[i].classes & one)
                                json_put_str(out, NULL, class_name((Class)one));
                json_close(out, ']');
        }
        json_close(out, '}');
}

static void print_resource(JsonOut *out, const Zone *zone, const void *object) {
        const Resource *resource = object;
        put_head(out, zone, resource->slug, !resource->anchor && resource != zone->management);
        json_put_text(out, "identifier", resource->identifier);
        json_put_text_if(out, "application_id", resource->owner ? resource->owner->slug : TEXT_NONE);
        json_put_text_if(out, "credential_provider_id", resource->provider ? resource->provider->slug : TEXT_NONE);
        put_scopes(out, resource);
        json_put_texts(out, "default_scopes", resource->defaults);
        json_put_text(out, "algorithm", resource->algorithm);
        json_put_str(out, "cutoff", cutoff_name(resource->cutoff));
        if (resource->lifetime)
                json_put_int(out, "credential_lifetime_seconds", resource->lifetime);
        json_put_bool(out, "entry", resource->entry);
        json_put_bool(out, "prefix", resource->prefix);
        json_put_bool(out, "disabled", resource->disabled);
}

static void put_upstream(JsonOut *out, const Provider *p) {
        json_put_text(out, "client_id", p->client_id);
        json_put_bool(out, "client_secret_set", p->client_secret.len != 0);
        json_put_bool(out, "revoke_at_close", p->revoke_at_close);
        json_open(out, "protocols", '{');
        json_open(out, "oauth2", '{');
        json_put_text(out, "authorization_endpoint", p->authorization_endpoint);
        json_put_text(out, "token_endpoint", p->token_endpoint);
        json_put_text_if(out, "revocation_endpoint", p->revocation_endpoint);
        json_close(out, '}');
        json_close(out, '}');
}

static void print_provider(JsonOut *out, const Zone *zone, const void *object) {
        const Provider *p = object;
        put_head(out, zone, p->slug, true);
        json_put_str(out, "type", p->type == PROVIDER_OAUTH ? "oauth" : "federated");
        if (p->type == PROVIDER_OAUTH) {
                put_upstream(out, p);
                return;
        }
        json_put_text(out, "audience", p->audience);
        json_put_text(out, "algorithm", p->algorithm);
        json_put_text(out, "scope_claim", p->scope_claim);
        json_put_bool(out, "scope_array", p->scope_array);
        json_put_text(out, "user_claim", p->user_claim);
}

static void print_user(JsonOut *out, const Zone *zone, const void *object) {
        const User *user = object;
        put_head(out, zone, user->slug, true);
        json_put_text(out, "identifier", user->identifier);
        json_put_text_if(out, "email", user->email);
        json_put_text_if(out, "name", user->name);
        json_put_texts(out, "groups", user->groups);
}

static const void *list_applications(const Zone *z, size_t *n) { return *n = z->n_applications, z->applications; }
static const void *list_resources(const Zone *z, size_t *n) { return *n = z->n_resources, z->resources; }
static const void *list_providers(const Zone *z, size_t *n) { return *n = z->n_providers, z->providers; }
static const void *list_users(const Zone *z, size_t *n) { return *n = z->n_users, z->users; }

static const Kind kinds[] = {
        {"applications", sizeof(Application), list_applications, print_application},
        {"resources", sizeof(Resource), list_resources, print_resource},
        {"providers", sizeof(Provider), list_providers, print_provider},
        {"users", sizeof(User), list_users, print_user},
};

static const Kind *kind_of(const Request *r) {
        Text name = path_part(r, 2);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (text_is(name, kinds[i].name))
                        return &kinds[i];
        return NULL;
}

static Text object_json(Request *r, const Kind *kind, const void *object) {
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        kind->print(&out, r->zone, object);
        json_close(&out, '}');
        return buf_done(&buf);
}

/* In the order of the zone file; the cursor is the last slug. */
static Outcome objects_list(Request *r) {
        const Kind *kind = kind_of(r);
        Text after = manage_query(r, "after");
        size_t n = 0, from = 0;
        int64_t limit;
        List list;
        ENSURE(kind, outcome_fault("a route without a kind"));
        TRY(manage_limit(r, &limit));
        const char *objects = kind->list(r->zone, &n);
        for (size_t i = 0; after.len && i < n; i++)
                if (text_equal(*(const Text *)(objects + i * kind->size), after))
                        from = i + 1;
        ENSURE(!after.len || from, refuse(r, REFUSAL_MALFORMED, "after names nothing of the list"));
        list_begin(&list, r, limit);
        for (size_t i = from; i < n && !list_full(&list); i++)
                list_item(&list, object_json(r, kind, objects + i * kind->size), *(const Text *)(objects + i * kind->size));
        list_answer(&list, r);
        return outcome_good();
}

static Outcome object_show(Request *r) {
        const Kind *kind = kind_of(r);
        size_t n = 0;
        ENSURE(kind, outcome_fault("a route without a kind"));
        const char *objects = kind->list(r->zone, &n);
        for (size_t i = 0; i < n; i++)
                if (text_equal(*(const Text *)(objects + i * kind->size), manage_state(r)->id)) {
                        answer_json(r, 200, object_json(r, kind, objects + i * kind->size));
                        return outcome_good();
                }
        return refuse(r, REFUSAL_NOT_FOUND, "there is nothing of that name");
}

/* --- policies ----------------------------------------------------------------------------------------------------- */

static Text policy_json(Request *r, const PolicyInfo *info) {
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "id", info->id);
        json_put_text(&out, "zone_id", r->zone->slug);
        json_put_str(&out, "owner_type", text_is(info->file, "managed.cedar") ? "platform" : "customer");
        json_put_text(&out, "file", info->file);
        json_put_int(&out, "line", info->line);
        json_put_str(&out, "effect", info->effect == POLICY_FORBID ? "forbid" : "permit");
        json_put_text(&out, "cedar_raw", info->text);
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome policies_list(Request *r) {
        Text after = manage_query(r, "after");
        int64_t limit;
        size_t from = 0;
        List list;
        const PolicyInfo *info;
        TRY(manage_limit(r, &limit));
        for (size_t i = 0; after.len && (info = policy_set_at(r->zone->policies, i)); i++)
                if (text_equal(info->id, after))
                        from = i + 1;
        ENSURE(!after.len || from, refuse(r, REFUSAL_MALFORMED, "after names nothing of the list"));
        list_begin(&list, r, limit);
        for (size_t i = from; (info = policy_set_at(r->zone->policies, i)) && !list_full(&list); i++)
                list_item(&list, policy_json(r, info), info->id);
        list_answer(&list, r);
        return outcome_good();
}

/* --- zones --------------------------------------------------------------------------------------------------------- */

static void put_zone(JsonOut *out, const Zone *zone) {
        json_put_text(out, "id", zone->slug);
        json_put_text(out, "slug", zone->slug);
        json_put_text(out, "name", zone->slug);
        json_put_text(out, "issuer", zone->issuer);
        json_put_int(out, "version", zone->version);
        json_put_text_if(out, "default_resource_id", zone->default_resource ? zone->default_resource->slug : TEXT_NONE);
        json_open(out, "protocols", '{');
        json_open(out, "oauth2", '{');
        json_put_text(out, "issuer", zone->issuer);
        json_put_bool(out, "dcr_enabled", zone->dcr);
        json_put_bool(out, "pkce_required", true);
        json_open(out, "cimd", '{');
        json_put_bool(out, "enabled", zone->cimd);
        json_close(out, '}');
        json_close(out, '}');
        json_close(out, '}');
}

static void put_counts(JsonOut *out, const Zone *zone) {
        json_open(out, "counts", '{');
        json_put_int(out, "users", (int64_t)zone->n_users);
        json_put_int(out, "applications", (int64_t)zone->n_applications);
        json_put_int(out, "resources", (int64_t)zone->n_resources);
        json_put_int(out, "providers", (int64_t)zone->n_providers);
        json_put_int(out, "policies", (int64_t)policy_set_count(zone->policies));
        json_close(out, '}');
}

static Outcome zone_show(Request *r) {
        Rows range, cuts;
        const Value zone[] = {value_text(r->zone->slug)};
        TRY(need_read(r, READ_event_range, zone, 1, &range));
        TRY(need_read(r, READ_cut_range, zone, 1, &cuts));
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        put_zone(&out, r->zone);
        put_counts(&out, r->zone);
        json_put_bool(&out, "dev", r->zone->dev);
        json_put_int(&out, "oldest_event", range.n ? rows_int(&range, 0, 0) : 0);
        json_put_int(&out, "newest_event", range.n ? rows_int(&range, 0, 1) : 0);
        json_put_int(&out, "newest_cut", cuts.n ? rows_int(&cuts, 0, 1) : 0);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

static Outcome zones_list(Request *r) {
        List list;
        list_begin(&list, r, MANAGE_PAGE);
        for (size_t i = 0; r->snapshot && i < r->snapshot->n && !list_full(&list); i++) {
                Buf buf = buf_new(r->arena, 512);
                JsonOut out = json_out(&buf);
                json_open(&out, NULL, '{');
                put_zone(&out, r->snapshot->zones[i]);
                json_close(&out, '}');
                list_item(&list, buf_done(&buf), r->snapshot->zones[i]->slug);
        }
        list_answer(&list, r);
        return outcome_good();
}

static const Step list_steps[] = {{"admin", manage_admin}, {"list", objects_list}, {"record", record_oauth}};
const Flow flow_manage_list = {"manage-list", list_steps, ARRAY_LEN(list_steps)};
static const Step show_steps[] = {{"admin", manage_admin}, {"show", object_show}, {"record", record_oauth}};
const Flow flow_manage_show = {"manage-show", show_steps, ARRAY_LEN(show_steps)};
static const Step policies_steps[] = {{"admin", manage_admin}, {"list", policies_list}, {"record", record_oauth}};
const Flow flow_manage_policies = {"manage-policies", policies_steps, ARRAY_LEN(policies_steps)};
static const Step zone_steps[] = {{"admin", manage_admin}, {"show", zone_show}, {"record", record_oauth}};
const Flow flow_manage_zone = {"manage-zone", zone_steps, ARRAY_LEN(zone_steps)};
static const Step zones_steps[] = {{"admin", manage_admin}, {"list", zones_list}, {"record", record_oauth}};
const Flow flow_manage_zones = {"manage-zones", zones_steps, ARRAY_LEN(zones_steps)};
