/* zone_policies.c - a zone's parties and Cedar files made into its policy set; Cedar's complaints made into one sentence. */
#include "core/zone_reader.h"

static Outcome documents_list(ZoneReader *z, const YamlNode *root) {
        const YamlNode *list = section_at(root, "policies");
        PolicyDocument *documents = arena_array(z->arena, PolicyDocument, section_size(list) + 1);
        ENSURE(documents, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(list); i++) {
                const YamlNode *name = list->at[i].value;
                documents[i].file = name->text;
                ENSURE(!text_is(name->text, "managed.cedar"), zone_fail(z, name, "policies: \"%.*s\" is taken", TEXT_ARG(name->text)));
                TRY(zone_file_used(z, name, &documents[i].text));
        }
        z->zone->documents = documents;
        z->zone->n_documents = section_size(list);
        z->zone->managed = section_bool(root, "managed_policies", true);
        return outcome_good();
}

/* A Cedar file that nobody lists would be a rule that its author believes in. */
static Outcome documents_all_named(ZoneReader *z) {
        const char *name;
        Json *text;
        json_object_foreach((Json *)z->files, name, text)
                ENSURE(!text_ends(text_of(name), TEXT(".cedar")) || texts_have(z->used, text_of(name)),
                       zone_fail(z, NULL, "policies: the file \"%s\" is not listed", name));
        return outcome_good();
}

static Outcome parties_fill(ZoneReader *z, PolicyZone *policy) {
        const Zone *zone = z->zone;
        PolicyUser *users = arena_array(z->arena, PolicyUser, zone->n_users + 1);
        PolicyApplication *applications = arena_array(z->arena, PolicyApplication, zone->n_applications + 1);
        PolicyResource *resources = arena_array(z->arena, PolicyResource, zone->n_resources + 1);
        ENSURE(users && applications && resources, outcome_fault("memory"));
        for (size_t i = 0; i < zone->n_users; i++) {
                const User *user = &zone->users[i];
                users[i] = (PolicyUser){.slug = user->slug, .identifier = user->identifier, .email = user->email.len ? user->email : TEXT_NONE,
                                        .groups = user->groups.at, .group_count = user->groups.n};
        }
        for (size_t i = 0; i < zone->n_applications; i++) {
                const Application *a = &zone->applications[i];
                applications[i] = (PolicyApplication){.slug = a->slug, .identifier = a->identifier, .registered = a->registered,
                                                      .groups = a->groups.at, .group_count = a->groups.n};
        }
        for (size_t i = 0; i < zone->n_resources; i++) {
                const Resource *resource = &zone->resources[i];
                resources[i] = (PolicyResource){.slug = resource->slug, .identifier = resource->identifier,
                                                .owner = resource->owner ? resource->owner->slug : TEXT_NONE, .entry = resource->entry};
        }
        *policy = (PolicyZone){.documents = zone->documents, .document_count = zone->n_documents, .managed = zone->managed,
                               .groups = zone->groups, .group_count = zone->n_groups, .users = users, .user_count = zone->n_users,
                               .applications = applications, .application_count = zone->n_applications, .resources = resources,
                               .resource_count = zone->n_resources};
        return outcome_good();
}

/* The first complaint, and how many more there are. */
static Outcome report_fail(ZoneReader *z, const PolicyReport *report) {
        if (!report || !report->count) {
                z->error = TEXT("the policies cannot be used");
                return outcome_malformed("policies");
        }
        const PolicyProblem *first = &report->problems[0];
        Text line = first->line_text.len ? first->line_text : first->message;
        z->error = report->error_count > 1 ? text_print(z->arena, "%.*s (and %zu more)", TEXT_ARG(line), report->error_count - 1) : text_copy(z->arena, line);
        return outcome_malformed("policies");
}

Outcome zone_read_documents(ZoneReader *z, const YamlNode *root) {
        TRY(documents_list(z, root));
        return documents_all_named(z);
}

Outcome zone_read_policies(ZoneReader *z) {
        PolicyZone policy;
        PolicyReport *report = NULL;
        TRY(parties_fill(z, &policy));
        z->zone->policies = policy_set_build(&policy, &report);
        Outcome end = z->zone->policies ? outcome_good() : report_fail(z, report);
        policy_report_free(report);
        return end;
}
