#include "policy/cedar.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>

/* The announcement's rules (delegation's lanes), one text each so that a twin can leave one out. */
static const char *const RULES[] = {
        "@id(\"snowflake-never-to-customer-health\") forbid (principal, action, resource in Resource::\"snowflake\")\n"
        "when { context.chain.contains(Application::\"customer-health\") };\n",
        "@id(\"hubspot-never-to-product-analytics\") forbid (principal, action, resource in Resource::\"hubspot\")\n"
        "when { context.chain.contains(Application::\"product-analytics\") };\n",
        "@id(\"no-delete-in-any-chain\") forbid (principal, action, resource) when { context.classes.contains(Class::\"delete\") };\n",
        "@id(\"only-cowork-starts\") forbid (principal in Group::\"customer-success\", action, resource)\n"
        "unless { context.origin == Application::\"cowork\" };\n",
};
static const char *const IDS[] = {
        "snowflake-never-to-customer-health", "hubspot-never-to-product-analytics", "no-delete-in-any-chain", "only-cowork-starts",
};
static const uint32_t LINES[] = {1, 3, 5, 6};
enum { NO_RULE = -1 };

static const Text SARA_GROUPS[] = {{"customer-success", 16}};

static PolicySet *publish(Text text, bool managed, PolicyReport **report) {
        const PolicyDocument documents[] = {{TEXT("lanes.cedar"), text}};
        const PolicyUser users[] = {
                {.slug = TEXT("sara"), .identifier = TEXT("sara@acme.example"), .email = TEXT("sara@acme.example"), .groups = SARA_GROUPS, .group_count = 1},
        };
        const PolicyApplication applications[] = {
                {.slug = TEXT("cowork"), .identifier = TEXT("https://localhost:9443/cowork.json"), .registered = true},
                {.slug = TEXT("churn"), .identifier = TEXT("churn"), .registered = true},
                {.slug = TEXT("product-analytics"), .identifier = TEXT("product-analytics"), .registered = true},
                {.slug = TEXT("customer-health"), .identifier = TEXT("customer-health"), .registered = true},
        };
        const PolicyResource resources[] = {
                {.slug = TEXT("churn"), .identifier = TEXT("http://localhost:8001/mcp"), .owner = TEXT("churn"), .entry = true},
                {.slug = TEXT("analytics"), .identifier = TEXT("http://localhost:8002/mcp"), .owner = TEXT("product-analytics"), .entry = true},
                {.slug = TEXT("health"), .identifier = TEXT("http://localhost:8003/mcp"), .owner = TEXT("customer-health"), .entry = true},
                {.slug = TEXT("snowflake"), .identifier = TEXT("snowflake://acme.snowflakecomputing.com")},
                {.slug = TEXT("hubspot"), .identifier = TEXT("https://api.hubapi.com")},
                {.slug = TEXT("anchor:churn"), .identifier = TEXT("churn"), .owner = TEXT("churn")},
        };
        const PolicyZone zone = {
                .documents = documents, .document_count = 1, .managed = managed,
                .users = users, .user_count = ARRAY_LEN(users),
                .applications = applications, .application_count = ARRAY_LEN(applications),
                .resources = resources, .resource_count = ARRAY_LEN(resources),
        };
        return policy_set_build(&zone, report);
}

static PolicySet *published(const char *text) {
        PolicyReport *report = NULL;
        PolicySet *set = publish(text_of(text), true, &report);
        if (!set)
                print_error("%.*s\n", TEXT_ARG(report->problems[0].line_text));
        assert_non_null(set);
        policy_report_free(report);
        return set;
}

static PolicySet *rules_without(int left_out) {
        char text[2048] = "";
        for (int i = 0; i < (int)ARRAY_LEN(RULES); i++)
                if (i != left_out)
                        strcat(text, RULES[i]);
        return published(text);
}

/* The message of the first problem must contain `expected`. */
static void refused(const char *text, size_t len, const char *expected) {
        PolicyReport *report = NULL;
        assert_null(publish((Text){text, len}, false, &report));
        assert_true(report->error_count > 0 && !report->problems[0].warning);
        char line[512];
        snprintf(line, sizeof(line), "%.*s", TEXT_ARG(report->problems[0].line_text));
        if (!strstr(line, expected))
                fail_msg("%s\nlacks %s", line, expected);
        policy_report_free(report);
}

static const Text CHAIN[] = {{"cowork", 6}, {"churn", 5}, {"product-analytics", 17}};
static const Text DETOUR[] = {{"cowork", 6}, {"churn", 5}, {"customer-health", 15}, {"product-analytics", 17}};
static const Text ANALYST[] = {{"session:role:ANALYST", 20}};

/* product-analytics asks for snowflake on behalf of Sara. */
static PolicyRequest asked(void) {
        return (PolicyRequest){
                .principals = {{POLICY_USER, TEXT("sara")}, {POLICY_APPLICATION, TEXT("product-analytics")}}, .principal_count = 2,
                .action = TEXT("exchange"), .resource = TEXT("snowflake"), .session = TEXT("s_1"), .subject = TEXT("sara"),
                .origin = TEXT("cowork"), .caller = TEXT("product-analytics"), .chain = CHAIN, .chain_count = 3, .chain_length = 3,
                .via = TEXT("analytics"), .scopes = ANALYST, .scope_count = 1, .now = 1764000000000, .classes = POLICY_READ,
                .proof = POLICY_PROOF_KEY, .weakest = POLICY_PROOF_NONE, .on_behalf = true, .declared = true,
        };
}

/* Asks of a set that lacks rule `left_out`; returns whether it was allowed, and releases the set. */
static bool allowed_without(int left_out, const PolicyRequest *request) {
        PolicySet *set = rules_without(left_out);
        PolicyAnswer answer;
        bool allowed = policy_decide(set, request, &answer);
        policy_set_release(set);
        return allowed;
}

static void the_story_is_allowed(void **state) {
        (void)state;
        PolicySet *set = rules_without(NO_RULE);
        PolicyRequest request = asked();
        PolicyAnswer answer;
        assert_true(policy_decide(set, &request, &answer));
        assert_int_equal(answer.verdict_count, 2);
        assert_true(text_is(answer.verdicts[0].policies[0]->id, "managed-user"));
        assert_true(text_is(answer.verdicts[1].policies[0]->id, "managed-delegation"));
        assert_true(text_is(answer.verdicts[1].policies[0]->file, "managed.cedar"));
        assert_int_equal(answer.verdicts[1].policies[0]->effect, POLICY_PERMIT);
        assert_null(policy_answer_refusing(&answer));
        assert_string_equal(answer.error, "");
        policy_set_release(set);
}

/* Rule `rule` refuses the request and is named; without the rule it is allowed. */
static void forbidden_by(int rule, const PolicyRequest *request) {
        PolicySet *set = rules_without(NO_RULE);
        PolicyAnswer answer;
        assert_false(policy_decide(set, request, &answer));
        const PolicyVerdict *refusing = policy_answer_refusing(&answer);
        assert_non_null(refusing);
        assert_int_equal(refusing->policy_count, 1);
        assert_true(text_is(refusing->policies[0]->id, IDS[rule]));
        assert_true(text_is(refusing->policies[0]->file, "lanes.cedar"));
        assert_int_equal(refusing->policies[0]->line, LINES[rule]);
        assert_int_equal(refusing->policies[0]->effect, POLICY_FORBID);
        policy_set_release(set);
        assert_true(allowed_without(rule, request));
}

static void every_rule_refuses_and_its_twin_passes(void **state) {
        (void)state;
        PolicyRequest detour = asked(), hubspot = asked(), purge = asked(), other = asked();
        detour.chain = DETOUR;
        detour.chain_count = 4;
        hubspot.resource = TEXT("hubspot");
        purge.classes |= POLICY_DELETE;
        other.origin = TEXT("churn");
        forbidden_by(0, &detour);
        forbidden_by(1, &hubspot);
        forbidden_by(2, &purge);
        forbidden_by(3, &other);
}

static void nobody_has_standing_access(void **state) {
        (void)state;
        PolicyRequest own = asked();
        own.principals[0] = own.principals[1] = (PolicyPrincipal){POLICY_APPLICATION, TEXT("churn")};
        own.action = TEXT("direct");
        own.resource = TEXT("anchor:churn");
        own.subject = own.via = TEXT_NONE;
        own.caller = own.origin = TEXT("churn");
        own.chain = &CHAIN[1];
        own.chain_count = 1;
        own.on_behalf = false;
        assert_true(allowed_without(NO_RULE, &own));
        own.declared = false;
        PolicySet *set = rules_without(NO_RULE);
        PolicyAnswer answer;
        assert_false(policy_decide(set, &own, &answer));
        assert_int_equal(answer.verdict_count, 2);
        assert_int_equal(policy_answer_refusing(&answer)->policy_count, 0);
        policy_set_release(set);
}

static void what_fails_denies(void **state) {
        (void)state;
        PolicySet *set = published("permit (principal, action, resource);\n@id(\"long\") forbid (principal, action, resource)\n"
                                   "when { context.chain_length * 9223372036854775807 > 0 };");
        PolicyRequest request = asked();
        PolicyAnswer answer;
        assert_false(policy_decide(set, &request, &answer));
        assert_true(text_is(policy_answer_refusing(&answer)->failed[0]->id, "long"));
        assert_non_null(strstr(answer.error, "policy long: "));
        request.chain_length = 0;
        assert_true(policy_decide(set, &request, &answer));
        policy_set_release(set);
}

static void nonsense_is_not_understood(void **state) {
        (void)state;
        PolicySet *set = rules_without(NO_RULE);
        PolicyAnswer answer;
        PolicyRequest bad[] = {asked(), asked(), asked(), asked(), asked(), asked(), asked(), asked()};
        bad[0].action = TEXT("issue");
        bad[1].principal_count = 0;
        bad[2].principal_count = 3;
        bad[3].principals[0].kind = 0;
        bad[4].session = TEXT("\xff");
        bad[5].chain = NULL;
        bad[6].proof = 6;
        bad[7].classes = 16;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_false(policy_decide(set, &bad[i], &answer));
                assert_int_equal(answer.verdict_count, 0);
                assert_true(answer.error[0]);
                assert_null(policy_answer_refusing(&answer));
        }
        assert_false(policy_decide(NULL, &bad[0], &answer));
        policy_set_release(set);
}

static void strangers_are_not_taken_for_parties(void **state) {
        (void)state;
        PolicySet *set = rules_without(NO_RULE);
        PolicyRequest request = asked();
        PolicyAnswer answer;
        const Text hostile[] = {TEXT("cowork\""), TEXT("Application::\"cowork\""), TEXT("cowork\n"), TEXT("x\" || true //")};
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
                const PolicyApplication extra = {.slug = hostile[i], .identifier = hostile[i]};
                request.origin = hostile[i];
                assert_false(policy_decide(set, &request, &answer));
                assert_int_equal(answer.verdict_count, 0);
                request.extra_applications = &extra;
                request.extra_application_count = 1;
                assert_false(policy_decide(set, &request, &answer));
                assert_true(text_is(policy_answer_refusing(&answer)->policies[0]->id, "only-cowork-starts"));
                request.extra_application_count = 0;
        }
        const PolicyApplication cowork = {.slug = TEXT("cowork"), .identifier = TEXT("mine")};
        request = asked();
        request.extra_applications = &cowork;
        request.extra_application_count = 1;
        assert_false(policy_decide(set, &request, &answer));
        assert_non_null(strstr(answer.error, "is a party of the zone"));
        assert_true(policy_set_has_application(set, TEXT("cowork")) && policy_set_has_user(set, TEXT("sara")));
        assert_false(policy_set_has_application(set, TEXT("sara")) || policy_set_has_user(set, TEXT("\xff")));
        policy_set_release(set);
}

static void a_new_user_brings_groups(void **state) {
        (void)state;
        PolicySet *set = rules_without(NO_RULE);
        PolicyRequest request = asked();
        const PolicyUser bob = {.slug = TEXT("bob"), .identifier = TEXT("bob"), .groups = SARA_GROUPS, .group_count = 1};
        PolicyUser alone = bob;
        alone.group_count = 0;
        request.principals[0].slug = request.subject = TEXT("bob");
        request.origin = TEXT("churn");
        request.extra_users = &bob;
        request.extra_user_count = 1;
        PolicyAnswer answer;
        assert_false(policy_decide(set, &request, &answer));
        request.extra_users = &alone;
        assert_true(policy_decide(set, &request, &answer));
        policy_set_release(set);
}

static void broken_documents_are_refused(void **state) {
        (void)state;
        static char big[300 * 1024], deep[4096];
        memset(big, ' ', sizeof(big));
        refused(big, sizeof(big), "more than 262144");
        memset(deep, '(', sizeof(deep));
        refused(deep, sizeof(deep), "lanes.cedar:1:65: brackets are nested deeper than 64");
        const char *unknown = "permit (principal, action, resource);\n\nforbid (principal, action, resource in Resource::\"snowflak\");";
        refused(unknown, strlen(unknown), "lanes.cedar:3:");
        refused(unknown, strlen(unknown), "nearest is Resource::\"snowflake\"");
        const char *erase = "permit (principal, action, resource) when { context.classes.contains(Class::\"erase\") };";
        refused(erase, strlen(erase), "lanes.cedar:1:");
        const char *twice = "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") permit (principal, action, resource);";
        refused(twice, strlen(twice), "lanes.cedar:2:1: @id(\"a\") is taken by lanes.cedar:1");
        refused("\xff", 1, "not UTF-8");
}

static void a_text_is_checked_by_itself(void **state) {
        (void)state;
        PolicyReport *report = NULL;
        assert_true(policy_check_text(TEXT("m.cedar"), policy_managed_text(), &report));
        assert_int_equal(report->count, 0);
        policy_report_free(report);
        assert_true(policy_check_text(TEXT("x"), TEXT("forbid (principal, action, resource == Resource::\"any\");"), NULL));
        assert_false(policy_check_text(TEXT("x"), TEXT("forbid (principal, action);"), &report));
        assert_true(report->error_count > 0);
        policy_report_free(report);
        policy_report_free(NULL);
        assert_true(text_starts(policy_schema_text(), TEXT("// What a zone's policies")));
}

static void policies_can_be_listed(void **state) {
        (void)state;
        PolicySet *set = published("permit (principal, action == Action::\"reveal\", resource);\n@id(\"b\")\nforbid (principal, action, resource);\n");
        assert_int_equal(policy_set_count(set), 6);
        assert_true(text_is(policy_set_at(set, 0)->id, "lanes.cedar::policy0"));
        assert_int_equal(policy_set_at(set, 1)->line, 2);
        assert_true(text_is(policy_set_at(set, 1)->text, "@id(\"b\")\nforbid (principal, action, resource);"));
        assert_true(text_is(policy_set_at(set, 5)->id, "managed-direct"));
        assert_null(policy_set_at(set, 6));
        assert_int_equal(policy_set_count(NULL), 0);
        policy_set_release(set);
        policy_set_release(NULL);
}

static void *decide_often(void *set) {
        PolicyRequest request = asked();
        PolicyAnswer answer;
        size_t allowed = 0;
        for (int i = 0; i < 2000; i++) {
                PolicySet *held = policy_set_hold(set);
                allowed += policy_decide(held, &request, &answer);
                policy_set_release(held);
        }
        return (void *)allowed;
}

static void one_set_serves_many_threads(void **state) {
        (void)state;
        PolicySet *set = rules_without(NO_RULE);
        pthread_t threads[4];
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, decide_often, set), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *allowed = NULL;
                assert_int_equal(pthread_join(threads[i], &allowed), 0);
                assert_int_equal((size_t)allowed, 2000);
        }
        policy_set_release(set);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_story_is_allowed),
                cmocka_unit_test(every_rule_refuses_and_its_twin_passes),
                cmocka_unit_test(nobody_has_standing_access),
                cmocka_unit_test(what_fails_denies),
                cmocka_unit_test(nonsense_is_not_understood),
                cmocka_unit_test(strangers_are_not_taken_for_parties),
                cmocka_unit_test(a_new_user_brings_groups),
                cmocka_unit_test(broken_documents_are_refused),
                cmocka_unit_test(a_text_is_checked_by_itself),
                cmocka_unit_test(policies_can_be_listed),
                cmocka_unit_test(one_set_serves_many_threads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
