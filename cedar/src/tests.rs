//! The announcement's rules, their twins, and what must not get through.

use crate::decide::{decide, Ask, Verdict};
use crate::document::Document;
use crate::parties::Described;
use crate::set::{build, check, Set, Zone};
use crate::vocabulary::{extensions, Kind, Vocabulary};

pub const LANES: &str = r#"// lanes of the demo
@id("snowflake-never-to-customer-health") forbid (principal, action, resource in Resource::"snowflake")
when { context.chain.contains(Application::"customer-health") };
@id("hubspot-never-to-product-analytics") forbid (principal, action, resource in Resource::"hubspot")
when { context.chain.contains(Application::"product-analytics") };
@id("no-delete-in-any-chain") forbid (principal, action, resource) when { context.classes.contains(Class::"delete") };
@id("only-cowork-starts") forbid (principal in Group::"customer-success", action, resource)
unless { context.origin == Application::"cowork" };
"#;

fn named(slug: &str) -> Described {
    Described { slug: slug.into(), identifier: slug.into(), registered: true, ..Default::default() }
}

fn resource(slug: &str, owner: Option<&str>) -> Described {
    Described { slug: slug.into(), identifier: format!("https://{slug}/"), owner: owner.map(Into::into), entry: owner.is_some(), ..Default::default() }
}

fn zone(text: &str, managed: bool) -> Zone {
    let sara = Described { email: Some("sara@acme.example".into()), groups: vec!["customer-success".into()], ..named("sara") };
    let applications = ["cowork", "churn", "product-analytics", "customer-health"].map(named).to_vec();
    let resources = vec![
        resource("churn", Some("churn")),
        resource("analytics", Some("product-analytics")),
        resource("health", Some("customer-health")),
        resource("snowflake", None),
        resource("hubspot", None),
    ];
    let groups = vec![Described { groups: vec!["staff".into()], ..named("customer-success") }];
    let documents = vec![Document { file: "lanes.cedar".into(), text: text.into() }];
    Zone { documents, managed, parties: [vec![sara, named("tom")], applications, groups, resources] }
}

fn set(text: &str) -> Set {
    let (set, problems) = build(zone(text, true));
    set.unwrap_or_else(|| panic!("{:#?}", problems))
}

fn refused(text: &str) -> Vec<String> {
    let (set, problems) = build(zone(text, false));
    assert!(set.is_none(), "published: {text:.200}");
    problems.iter().filter(|p| !p.warning).map(|p| p.line_text()).collect()
}

/// product-analytics asks for snowflake on behalf of Sara: row 4 of the story.
fn row_4() -> Ask<'static> {
    Ask {
        principals: vec![(Some(Kind::User), "sara"), (Some(Kind::Application), "product-analytics")],
        action: "exchange",
        resource: "snowflake",
        session: "s_1",
        subject: Some("sara"),
        origin: "cowork",
        caller: "product-analytics",
        chain: vec!["cowork", "churn", "product-analytics"],
        chain_length: 3,
        via: Some("analytics"),
        scopes: vec!["session:role:ANALYST"],
        now: 1_764_000_000_000,
        classes: 1,
        proof: 3,
        on_behalf: true,
        declared: true,
        ..Default::default()
    }
}

fn ids<'s>(set: &'s Set, verdict: &Verdict) -> Vec<&'s str> {
    verdict.policies.iter().map(|n| set.policies[*n as usize].id.as_str()).collect()
}

fn outcome(set: &Set, ask: &Ask<'_>) -> Vec<(bool, Vec<String>)> {
    let verdicts = decide(set, ask).unwrap();
    verdicts.iter().map(|v| (v.allowed, ids(set, v).iter().map(|s| s.to_string()).collect())).collect()
}

fn allowed(text: &str, ask: &Ask<'_>) -> bool {
    decide(&set(text), ask).unwrap().iter().all(|v| v.allowed)
}

#[test]
fn the_story_goes_through() {
    let set = set(LANES);
    assert_eq!(outcome(&set, &row_4()), [(true, vec!["managed-user".into()]), (true, vec!["managed-delegation".into()])]);
    assert_eq!(set.policies[0].line, 2);
    assert_eq!(set.policies[2].line, 6);
    assert!(set.policies[3].text.starts_with("@id(\"only-cowork-starts\")") && set.policies[3].text.ends_with(';'));
}

#[test]
fn every_forbid_has_its_twin() {
    let detour = Ask { chain: vec!["cowork", "churn", "customer-health", "product-analytics"], chain_length: 4, ..row_4() };
    let hubspot = Ask { resource: "hubspot", ..row_4() };
    let delete = Ask { classes: 5, ..row_4() };
    let other_origin = Ask { origin: "churn", ..row_4() };
    let cases = [("snowflake-never-to-customer-health", detour), ("hubspot-never-to-product-analytics", hubspot), ("no-delete-in-any-chain", delete), ("only-cowork-starts", other_origin)];
    for (id, ask) in cases {
        let with = set(LANES);
        let outcome = outcome(&with, &ask);
        assert_eq!(outcome[0], (false, vec![id.to_string()]), "{id}");
        let without: String = LANES.split_inclusive(";\n").filter(|p| !p.contains(id)).collect();
        assert!(allowed(&without, &ask), "without {id}");
    }
}

#[test]
fn only_the_group_is_bound() {
    let tom = Ask { principals: vec![(Some(Kind::User), "tom")], subject: Some("tom"), origin: "churn", ..row_4() };
    assert!(allowed(LANES, &tom));
}

#[test]
fn managed_policies_permit_what_they_say() {
    let set = set(LANES);
    let both = |ask: Ask<'_>| decide(&set, &ask).unwrap().iter().map(|v| v.allowed).collect::<Vec<_>>();
    assert_eq!(both(Ask { declared: false, ..row_4() }), [true, false]);
    assert_eq!(both(Ask { action: "reveal", ..row_4() }), [true, false]);
    assert_eq!(both(Ask { action: "offline", ..row_4() }), [true, false]);
    assert_eq!(both(Ask { impersonate: true, ..row_4() }), [false, false]);
    assert_eq!(both(Ask { action: "mcp:call", ..row_4() }), [true, true]);
    let entry = Ask { action: "authorize", resource: "churn", declared: false, caller: "cowork", chain: vec!["cowork"], chain_length: 1, via: None, ..row_4() };
    assert_eq!(both(entry.clone()), [true, true]);
    assert_eq!(both(Ask { resource: "snowflake", ..entry }), [true, false]);
    let alone = Ask { principals: vec![(Some(Kind::Application), "churn")], action: "direct", subject: None, on_behalf: false, caller: "churn", origin: "churn", chain: vec!["churn"], ..row_4() };
    assert_eq!(both(alone.clone()), [true]);
    assert_eq!(both(Ask { declared: false, ..alone }), [false]);
}

#[test]
fn nothing_permits_by_itself() {
    let (set, _) = build(zone("", false));
    assert_eq!(decide(&set.unwrap(), &row_4()).unwrap(), vec![Verdict::default(), Verdict::default()]);
}

#[test]
fn an_error_denies() {
    let text = r#"@id("all") permit (principal, action, resource); @id("long") forbid (principal, action, resource) when { context.chain_length * 9223372036854775807 > 0 };"#;
    let set = set(text);
    let verdict = &decide(&set, &row_4()).unwrap()[0];
    assert!(!verdict.allowed);
    assert_eq!(set.policies[verdict.failed[0].0 as usize].id, "long");
    assert!(verdict.failed[0].1.contains("overflow"), "{}", verdict.failed[0].1);
    assert!(decide(&set, &Ask { chain_length: 0, ..row_4() }).unwrap()[0].allowed);
}

#[test]
fn attributes_and_time_are_seen() {
    let text = r#"permit (principal is User, action, resource) when { principal has email && principal.email like "*@acme.example" && resource has owner && resource.owner.registered
        && context.now > datetime("2025-11-24") && context has via && context.via.identifier == "https://analytics/" && context.scopes.contains("a") && context.foreign.isEmpty() && context.weakest == Proof::"key" };"#;
    let (set, problems) = build(zone(text, false));
    let set = set.unwrap_or_else(|| panic!("{problems:#?}"));
    let ask = Ask { principals: vec![(Some(Kind::User), "sara")], resource: "health", scopes: vec!["a", "b"], weakest: 3, ..row_4() };
    let allowed = |ask: &Ask<'_>| decide(&set, ask).unwrap()[0].allowed;
    // The owner of `health`, reached only through an attribute, is there with strangers too.
    let with_stranger = Ask { strangers: vec![(Kind::Application, named("new"))], caller: "new", ..ask.clone() };
    assert!(allowed(&Ask { via: Some("analytics"), ..ask.clone() }));
    assert!(allowed(&with_stranger));
    assert!(!allowed(&Ask { now: 1_763_000_000_000, ..ask.clone() }));
    assert!(!allowed(&Ask { weakest: 2, ..ask.clone() }));
    assert!(!allowed(&Ask { foreign: vec!["https://idp"], ..ask }));
}

#[test]
fn strangers_come_with_their_request() {
    let text = r#"forbid (principal, action, resource) unless { context.origin.registered };
        forbid (principal in Group::"staff", action, resource) when { context.session == "closed" };"#;
    let set = set(text);
    let client = Described { registered: false, ..named("https://client.example/cowork.json") };
    let ask = Ask { origin: "https://client.example/cowork.json", ..row_4() };
    assert_eq!(decide(&set, &ask).unwrap_err(), "Application::\"https://client.example/cowork.json\" is not known");
    let registered = Ask { strangers: vec![(Kind::Application, Described { registered: true, ..client.clone() })], ..ask.clone() };
    assert!(decide(&set, &registered).unwrap()[0].allowed);
    assert!(!decide(&set, &Ask { strangers: vec![(Kind::Application, client)], ..ask }).unwrap()[0].allowed);
    let bob = Described { groups: vec!["customer-success".into()], ..named("bob") };
    let ask = Ask { principals: vec![(Some(Kind::User), "bob")], strangers: vec![(Kind::User, bob)], ..row_4() };
    assert!(decide(&set, &ask).unwrap()[0].allowed);
    assert!(!decide(&set, &Ask { session: "closed", ..ask }).unwrap()[0].allowed);
    let taken = Ask { strangers: vec![(Kind::Application, named("cowork"))], ..row_4() };
    assert!(decide(&set, &taken).is_err());
    let twice = Ask { strangers: vec![(Kind::Application, named("x")), (Kind::Application, named("x"))], ..row_4() };
    assert!(decide(&set, &twice).is_err());
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let set = set(LANES);
    let bad = [
        Ask { action: "issue", ..row_4() },
        Ask { action: "Exchange", ..row_4() },
        Ask { resource: "snow", ..row_4() },
        Ask { principals: vec![], ..row_4() },
        Ask { principals: vec![(None, "sara")], ..row_4() },
        Ask { principals: vec![(Some(Kind::Application), "sara")], ..row_4() },
        Ask { classes: 16, ..row_4() },
        Ask { proof: 6, ..row_4() },
        Ask { chain: vec!["cowork", "x"], ..row_4() },
        Ask { now: i64::MIN, resource: "x", ..row_4() },
    ];
    assert!(bad.iter().all(|ask| decide(&set, ask).is_err()));
}

#[test]
fn limits_hold_before_cedar_sees_the_text() {
    let deep = |n: usize| format!("permit (principal, action, resource) when {{ {}true{} }};", "(".repeat(n), ")".repeat(n));
    assert!(check(Document { file: "f".into(), text: deep(63) }).0.is_some());
    assert_eq!(refused(&deep(64)), ["lanes.cedar:1:108: brackets are nested deeper than 64"]);
    assert_eq!(refused(&deep(100_000)).len(), 1);
    assert_eq!(refused(&format!("//{}", " ".repeat(300_000))), ["lanes.cedar:1:1: the document has 300002 bytes, more than 262144"]);
    assert_eq!(refused("permit(principal, action, resource);\n\0").len(), 1);
}

#[test]
fn depth_without_brackets_is_limited_too() {
    let when = |body: String| format!("permit (principal, action, resource) when {{ {body} }};");
    let hostile = [
        when(vec!["context.declared"; 14_000].join("&&")),
        when(vec!["1"; 100_000].join("+") + "==1"),
        when(format!("context{}", ".a".repeat(100_000))),
        when("if true then true else ".repeat(10_000) + "true"),
        when("!".repeat(200_000) + "true"),
        when("-".repeat(200_000) + "1 == 1"),
        format!("permit (principal, action, resource) {};", "when { context.declared } ".repeat(9_000)),
        "\"".to_string() + &"(".repeat(200_000),
        "@a(\"x\")".repeat(30_000),
    ];
    hostile.iter().for_each(|text| assert!(!refused(text).is_empty()));
    for harmless in [vec!["context.declared"; 400].join("&&"), format!("context has {}a", "a.".repeat(100_000))] {
        assert!(check(Document { file: "f".into(), text: when(harmless) }).0.is_some());
    }
}

#[test]
fn unknown_parties_are_refused_with_the_nearest() {
    let text = "permit (principal, action, resource);\nforbid (principal, action, resource in Resource::\"snowflak\");";
    assert_eq!(refused(text), ["lanes.cedar:2:40: policy lanes.cedar::policy1 names Resource::\"snowflak\", which does not exist; nearest is Resource::\"snowflake\""]);
    let text = "@id(\"x\")\nforbid (principal, action, resource)\n when { context.chain.contains(Application::\"sara\") };";
    assert_eq!(refused(text), ["lanes.cedar:3:32: policy x names Application::\"sara\", which does not exist; there is User::\"sara\""]);
    for text in [
        r#"permit (principal == User::"nobody", action, resource);"#,
        r#"permit (principal in Group::"nobody", action, resource);"#,
        r#"permit (principal is User in Group::"nobody", action, resource);"#,
        r#"permit (principal, action, resource) when { principal in [Group::"staff", Group::"nobody"] };"#,
        r#"permit (principal, action, resource) when { {a: User::"nobody"}.a == principal };"#,
    ] {
        assert!(refused(text)[0].contains("::\"nobody\", which does not exist"), "{text}");
    }
}

#[test]
fn the_schema_is_held() {
    for text in [
        "permit (principal, action, resource) when { context.nothing };",
        "permit (principal, action, resource) when { context.classes.contains(Class::\"erase\") };",
        "permit (principal, action == Action::\"steal\", resource);",
        "permit (principal is Agent, action, resource);",
        "permit (principal, action, resource) when { context.subject == principal };",
        "permit (principal == ?principal, action, resource);",
        "permit (principal, action, resource) when { 1 };",
        "permit (principal, action, resource)",
        "nonsense",
    ] {
        let errors = refused(text);
        assert!(errors.iter().all(|e| e.starts_with("lanes.cedar:1:")), "{errors:?}");
    }
}

#[test]
fn ids_are_unique_and_plain() {
    let twice = "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);";
    assert_eq!(refused(twice), ["lanes.cedar:2:1: @id(\"a\") is taken by lanes.cedar:1"]);
    assert!(!refused("@id(\"a\\nb\") permit (principal, action, resource);").is_empty());
    assert!(!refused("@id permit (principal, action, resource);").is_empty());
    let (published, problems) = build(zone("@id(\"managed-user\") permit (principal, action, resource);", true));
    assert!(published.is_none());
    assert_eq!(problems[0].line_text(), "managed.cedar:4:1: @id(\"managed-user\") is taken by lanes.cedar:1");
    assert_eq!(set("permit(principal,action,resource);permit(principal,action,resource);").policies[1].id, "lanes.cedar::policy1");
}

#[test]
fn many_unscoped_policies_are_a_warning() {
    let unscoped = "permit (principal, action, resource);\n";
    let warnings = |n: usize| build(zone(&unscoped.repeat(n), false)).1.len();
    assert_eq!((warnings(50), warnings(51)), (0, 1));
}

#[test]
fn names_do_not_inject() {
    let hostile = "x\" ) ; permit (principal, action, resource); //\n\\\"::User::\"sara";
    let mut zone = zone(LANES, true);
    zone.parties[Kind::Application as usize].push(named(hostile));
    zone.parties[Kind::Resource as usize].push(resource("Application::\"cowork\"", None));
    let set = build(zone).0.unwrap();
    let ask = Ask { principals: vec![(Some(Kind::Application), hostile)], caller: hostile, declared: false, ..row_4() };
    assert!(!decide(&set, &ask).unwrap()[0].allowed);
    let posing = ["cowork\"", "Application::\"cowork\"", "cow\u{043e}rk", "cowork\n", "COWORK"];
    for name in posing {
        let ask = Ask { origin: name, strangers: vec![(Kind::Application, named(name))], ..row_4() };
        assert_eq!(outcome(&set, &ask)[0], (false, vec!["only-cowork-starts".to_string()]), "{name}");
    }
}

/// Sara's groups' groups count, and `==` and `in` and `is` fall into the right slices.
#[test]
fn slices_are_sound() {
    let scopes = ["principal", "principal is User", "principal == User::\"sara\"", "principal in Group::\"staff\"", "principal is Application", "principal == Application::\"churn\"", "principal is User in Group::\"customer-success\"", "principal in Application::\"product-analytics\""];
    let actions = ["action", "action == Action::\"exchange\"", "action in [Action::\"operate\", Action::\"direct\"]", "action in Action::\"issue\"", "action in Action::\"operate\""];
    let resources = ["resource", "resource == Resource::\"snowflake\"", "resource in Resource::\"hubspot\"", "resource is Resource", "resource is Resource in Resource::\"snowflake\""];
    let bodies = ["", "when { context.classes.contains(Class::\"delete\") }", "unless { context.origin == Application::\"cowork\" }", "when { context.chain_length * 9223372036854775807 > 0 }"];
    let mut text = String::new();
    let mut n = 0usize;
    for (s, scope) in scopes.iter().enumerate() {
        for (a, action) in actions.iter().enumerate() {
            for (r, resource) in resources.iter().enumerate() {
                let effect = if (s + a + r) % 3 == 0 { "forbid" } else { "permit" };
                text += &format!("@id(\"p{n}\") {effect} ({scope}, {action}, {resource}) {};\n", bodies[(s * 7 + a * 3 + r) % 4]);
                n += 1;
            }
        }
    }
    compare_with_cedar(&text);
    LANES.split_inclusive(";\n").for_each(compare_with_cedar);
}

fn compare_with_cedar(text: &str) {
    let (set, problems) = build(zone(text, true));
    let set = set.unwrap_or_else(|| panic!("{problems:#?}"));
    let stranger = Described { groups: vec!["customer-success".into()], ..named("bob") };
    for action in ["exchange", "direct", "mcp:call", "authorize"] {
        for resource in ["snowflake", "hubspot", "churn"] {
            for (kind, principal) in [(Kind::User, "sara"), (Kind::User, "tom"), (Kind::User, "bob"), (Kind::Application, "churn"), (Kind::Application, "product-analytics")] {
                for (classes, origin, chain_length) in [(1, "cowork", 0), (5, "cowork", 3), (1, "churn", 0), (4, "churn", 2)] {
                    let strangers = if principal == "bob" { vec![(Kind::User, stranger.clone())] } else { vec![] };
                    let ask = Ask { principals: vec![(Some(kind), principal)], action, resource, classes, origin, chain_length, strangers, ..row_4() };
                    let ours = decide(&set, &ask).unwrap().remove(0);
                    assert_eq!(ours, cedars(text, &set, &ask), "{ask:?}");
                }
            }
        }
    }
}

/// The same question, asked of Cedar's own authorizer with every policy and every entity, validated against the schema.
fn cedars(text: &str, set: &Set, ask: &Ask<'_>) -> Verdict {
    use cedar_policy_core::{ast, authorizer::{Authorizer, Decision}, entities::TCComputation, parser::parse_policyset, validator::CoreSchema};
    let v = Vocabulary::get();
    let schema = CoreSchema::new(v.validator.schema());
    let mut all = ast::PolicySet::new();
    let mut order = Vec::new();
    for source in [text, crate::vocabulary::MANAGED] {
        let parsed = parse_policyset(source).unwrap();
        let mut policies: Vec<_> = parsed.policies().collect();
        policies.sort_by_key(|p| p.loc().unwrap().start());
        for policy in policies {
            let id = ast::PolicyID::from_string(order.len().to_string());
            all.add(policy.new_id(id.clone())).unwrap();
            order.push(id);
        }
    }
    let strangers = ask.strangers.iter().map(|(k, d)| set.parties.stranger(*k, d).entity);
    let entities = set.parties.entities().clone().add_entities(strangers, Some(&schema), TCComputation::EnforceAlreadyComputed, extensions()).unwrap();
    let uid = |kind: Kind, slug: &str| (v.uid(kind, slug), None);
    let action = (ast::EntityUID::clone(&v.actions[ask.action].uid), None);
    let context = crate::decide::context_of(set, ask);
    let (kind, principal) = ask.principals[0];
    let request = ast::Request::new(uid(kind.unwrap(), principal), action, uid(Kind::Resource, ask.resource), context, Some(&schema), extensions()).unwrap();
    let response = Authorizer::new().is_authorized(request, &all, &entities);
    let number = |id: &ast::PolicyID| order.iter().position(|o| o == id).unwrap() as u32;
    let mut policies: Vec<u32> = response.diagnostics.reason.iter().map(number).collect();
    policies.sort_unstable();
    let mut failed: Vec<(u32, String)> = Vec::new();
    for error in &response.diagnostics.errors {
        let cedar_policy_core::authorizer::AuthorizationError::PolicyEvaluationError { id, error } = error;
        failed.push((number(id), error.to_string()));
    }
    failed.sort_unstable();
    Verdict { allowed: response.decision == Decision::Allow && failed.is_empty(), policies, failed }
}
