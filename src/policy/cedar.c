#include "policy/cedar.h"

/* What the Rust crate in cedar/ exports (cedar/src/lib.rs). */
PolicySet *carnet_cedar_build(const PolicyZone *zone, PolicyReport **report);
bool carnet_cedar_check(Text file, Text text, PolicyReport **report);
void carnet_cedar_report_free(PolicyReport *report);
void carnet_cedar_hold(const PolicySet *set);
void carnet_cedar_release(const PolicySet *set);
const PolicyInfo *carnet_cedar_infos(const PolicySet *set, size_t *count);
bool carnet_cedar_has(const PolicySet *set, bool user, Text slug);
void carnet_cedar_decide(const PolicySet *set, const PolicyRequest *request, PolicyAnswer *answer);
Text carnet_cedar_text(bool managed);
const size_t *carnet_cedar_sizes(size_t *count);

/* A struct that was changed on one side only must not be read by the other: then nothing is published, and so nothing decided. */
static bool sizes_agree(void) {
        const size_t ours[] = {
                sizeof(PolicyDocument), sizeof(PolicyGroup), sizeof(PolicyUser), sizeof(PolicyApplication),
                sizeof(PolicyResource), sizeof(PolicyZone), sizeof(PolicyRequest), sizeof(PolicyInfo),
                sizeof(PolicyVerdict), sizeof(PolicyAnswer), sizeof(PolicyProblem), sizeof(PolicyReport),
        };
        size_t count = 0;
        const size_t *theirs = carnet_cedar_sizes(&count);
        return count == ARRAY_LEN(ours) && memcmp(ours, theirs, sizeof(ours)) == 0;
}

PolicySet *policy_set_build(const PolicyZone *zone, PolicyReport **report) {
        if (report)
                *report = NULL;
        return sizes_agree() ? carnet_cedar_build(zone, report) : NULL;
}

bool policy_check_text(Text file, Text text, PolicyReport **report) {
        if (report)
                *report = NULL;
        return sizes_agree() && carnet_cedar_check(file, text, report);
}

void policy_report_free(PolicyReport *report) {
        if (report)
                carnet_cedar_report_free(report);
}

PolicySet *policy_set_hold(PolicySet *set) {
        if (set)
                carnet_cedar_hold(set);
        return set;
}

void policy_set_release(PolicySet *set) {
        if (set)
                carnet_cedar_release(set);
}

size_t policy_set_count(const PolicySet *set) {
        size_t count = 0;
        if (set)
                carnet_cedar_infos(set, &count);
        return count;
}

const PolicyInfo *policy_set_at(const PolicySet *set, size_t index) {
        size_t count = 0;
        const PolicyInfo *infos = set ? carnet_cedar_infos(set, &count) : NULL;
        return index < count ? &infos[index] : NULL;
}

bool policy_set_has_user(const PolicySet *set, Text slug) { return set && carnet_cedar_has(set, true, slug); }

bool policy_set_has_application(const PolicySet *set, Text slug) { return set && carnet_cedar_has(set, false, slug); }

Text policy_schema_text(void) { return carnet_cedar_text(false); }

Text policy_managed_text(void) { return carnet_cedar_text(true); }

bool policy_decide(const PolicySet *set, const PolicyRequest *request, PolicyAnswer *answer) {
        *answer = (PolicyAnswer){0};
        if (set && request)
                carnet_cedar_decide(set, request, answer);
        return answer->allowed;
}

static bool verdict_forbidden(const PolicyVerdict *verdict) {
        return verdict->policy_count > 0 && verdict->policies[0]->effect == POLICY_FORBID;
}

const PolicyVerdict *policy_answer_refusing(const PolicyAnswer *answer) {
        const PolicyVerdict *found = NULL;
        int best = 0;
        for (uint32_t i = 0; i < answer->verdict_count; i++) {
                const PolicyVerdict *verdict = &answer->verdicts[i];
                int weight = verdict_forbidden(verdict) ? 3 : verdict->failed_count > 0 ? 2 : verdict->allowed ? 0 : 1;
                if (weight > best) {
                        best = weight;
                        found = verdict;
                }
        }
        return found;
}
