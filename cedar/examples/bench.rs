//! What a pair of decisions costs: `cargo run --release --example bench`.

use carnet_cedar::decide::{decide, Ask};
use carnet_cedar::document::Document;
use carnet_cedar::parties::Described;
use carnet_cedar::set::{build, Zone};
use carnet_cedar::vocabulary::Kind;
use std::time::Instant;

const DECISIONS: usize = 20_000;

fn named(slug: String) -> Described {
    Described { identifier: slug.clone(), slug, registered: true, ..Default::default() }
}

fn zone(policies: usize) -> Zone {
    let lane = |n: usize| format!("forbid (principal, action, resource == Resource::\"r{n}\") when {{ context.chain.contains(Application::\"a{}\") }};\n", n % 5 + 3);
    let text: Vec<String> = (0..policies).map(lane).collect();
    let documents = text.chunks(1000).enumerate().map(|(n, t)| Document { file: format!("{n}.cedar"), text: t.concat() });
    let sara = Described { groups: vec!["g".into()], ..named("sara".into()) };
    let applications = (0..10).map(|n| named(format!("a{n}"))).collect();
    let resources = (0..policies.max(10)).map(|n| named(format!("r{n}"))).collect();
    Zone { documents: documents.collect(), managed: true, parties: [vec![sara], applications, vec![], resources] }
}

fn ask() -> Ask<'static> {
    Ask {
        principals: vec![(Some(Kind::User), "sara"), (Some(Kind::Application), "a2")],
        action: "exchange",
        resource: "r1",
        session: "s_01jd2c5m8xk3q9",
        subject: Some("sara"),
        origin: "a0",
        caller: "a2",
        chain: vec!["a0", "a1", "a2"],
        chain_length: 3,
        via: Some("r2"),
        scopes: vec!["session:role:ANALYST"],
        classes: 1,
        proof: 3,
        on_behalf: true,
        declared: true,
        ..Default::default()
    }
}

fn main() {
    println!("policies  publish ms   pair p50 us   p99 us   with a stranger p50 us");
    for policies in [3, 1_000, 10_000] {
        let start = Instant::now();
        let (set, problems) = build(zone(policies));
        let published = start.elapsed().as_millis();
        let set = set.unwrap_or_else(|| panic!("{problems:?}"));
        let (p50, p99) = measure(|n| assert!(decide(&set, &Ask { now: n as i64, ..ask() }).unwrap().iter().all(|v| v.allowed)));
        let client = Described { slug: "new".into(), identifier: "https://new".into(), ..Default::default() };
        let stranger = |n: usize| Ask { origin: "new", chain: vec!["new", "a1", "a2"], strangers: vec![(Kind::Application, client.clone())], now: n as i64, ..ask() };
        let (with, _) = measure(|n| assert!(decide(&set, &stranger(n)).unwrap().iter().all(|v| v.allowed)));
        println!("{policies:8} {published:11} {p50:13.1} {p99:8.1} {with:20.1}");
    }
}

fn measure(mut once: impl FnMut(usize)) -> (f64, f64) {
    let mut taken: Vec<u128> = (0..DECISIONS).map(|n| { let start = Instant::now(); once(n); start.elapsed().as_nanos() }).collect();
    taken.sort_unstable();
    (taken[DECISIONS / 2] as f64 / 1e3, taken[DECISIONS * 99 / 100] as f64 / 1e3)
}
