//! A published set: policies with their places, the zone's parties, and the index.

use crate::document::{named_in, Document, Ids, Read};
use crate::parties::{Described, Parties};
use crate::report::{Place, Problem, Problems};
use crate::slices::{unscoped, Slices, Standing};
use crate::vocabulary::{Kind, MANAGED, MANAGED_FILE};
use cedar_policy_core::ast::{Effect, Entity, EntityUID, Expr};
use std::collections::HashMap;
use std::sync::Arc;

/// More unscoped policies than this are worth a warning: each costs every decision.
pub const UNSCOPED_MAX: usize = 50;
/// Parsing, validating and freeing recurse with the depth of a document; this is address space, not memory.
const STACK: usize = 256 * 1024 * 1024;

pub struct Policy {
    pub id: String,
    pub file: String,
    pub text: String,
    pub line: u32,
    pub effect: Effect,
    /// Scope and conditions as one expression.
    pub condition: Expr,
    /// The parties that it names: it can look at their attributes.
    pub names: Vec<Arc<Entity>>,
}

pub struct Set {
    pub policies: Vec<Policy>,
    pub parties: Parties,
    pub slices: Slices,
    principals: HashMap<EntityUID, Standing>,
    resources: HashMap<EntityUID, Standing>,
}

/// What to publish. `parties` in the order of `Kind::ALL`.
#[derive(Default)]
pub struct Zone {
    pub documents: Vec<Document>,
    pub managed: bool,
    pub parties: [Vec<Described>; 4],
}

pub fn build(zone: Zone) -> (Option<Set>, Vec<Problem>) {
    on_a_deep_stack(move || {
        let mut problems = Problems::default();
        let set = publish(zone, &mut problems);
        (set.filter(|_| !problems.any_error()), problems.into_sorted())
    })
}

/// A document by itself: its parties may be of any zone.
pub fn check(document: Document) -> (Option<()>, Vec<Problem>) {
    on_a_deep_stack(move || {
        let mut problems = Problems::default();
        let read = document.read(0, &mut Ids::new(), &mut problems);
        warn_of_unscoped(&read, &mut problems);
        ((!problems.any_error()).then_some(()), problems.into_sorted())
    })
}

fn on_a_deep_stack<T: Send + 'static>(work: impl FnOnce() -> (Option<T>, Vec<Problem>) + Send + 'static) -> (Option<T>, Vec<Problem>) {
    let failed = |why: &str| {
        let mut problems = Problems::default();
        problems.error(why);
        (None, problems.into_sorted())
    };
    let thread = std::thread::Builder::new().name("cedar".into()).stack_size(STACK).spawn(work);
    match thread.map(|t| t.join()) {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => failed("Cedar failed inside: nothing is published"),
        Err(error) => failed(&format!("no thread to publish on: {error}")),
    }
}

fn publish(mut zone: Zone, problems: &mut Problems) -> Option<Set> {
    if zone.managed {
        zone.documents.push(Document { file: MANAGED_FILE.into(), text: MANAGED.into() });
    }
    let parties = Parties::new(&zone.parties, problems);
    let mut ids = Ids::new();
    let mut read = Vec::new();
    for (number, document) in zone.documents.iter().enumerate() {
        read.extend(document.read(number, &mut ids, problems));
    }
    read.iter().for_each(|r: &Read| zone.documents[r.document].check_named(r, &parties, problems));
    warn_of_unscoped(&read, problems);
    (!problems.any_error()).then(|| Set::new(&zone.documents, &read, parties))
}

fn warn_of_unscoped(read: &[Read], problems: &mut Problems) {
    let count = read.iter().filter(|r| unscoped(&r.ast)).count();
    if count > UNSCOPED_MAX {
        problems.warn(format_args!(
            "{count} policies have no scope (principal, action, resource): each of them costs every decision; more than {UNSCOPED_MAX} are slow"
        ));
    }
}

impl Set {
    fn new(documents: &[Document], read: &[Read], parties: Parties) -> Set {
        let mut slices = Slices::default();
        read.iter().enumerate().for_each(|(n, r)| slices.add(n, &r.ast));
        let policies = read.iter().map(|r| policy(&documents[r.document], r, &parties)).collect();
        let standing = |kinds: &[Kind], of: &dyn Fn(&Entity) -> Standing| {
            let all = kinds.iter().flat_map(|k| parties.slugs(*k).into_iter().map(|s| (*k, s)));
            let known = all.filter_map(|(k, s)| parties.get(k, s));
            known.map(|p| (EntityUID::clone(&p.uid), of(&p.entity))).collect()
        };
        let principals = standing(&[Kind::User, Kind::Application], &|e| slices.as_principal(e));
        let resources = standing(&[Kind::Resource], &|e| slices.as_resource(e));
        Set { policies, parties, principals, resources, slices }
    }

    pub fn principal_standing(&self, uid: &EntityUID) -> Option<&Standing> {
        self.principals.get(uid)
    }

    pub fn resource_standing(&self, uid: &EntityUID) -> Option<&Standing> {
        self.resources.get(uid)
    }
}

fn policy(document: &Document, read: &Read, parties: &Parties) -> Policy {
    let condition = read.ast.condition();
    let place = Place { file: &document.file, text: &document.text, offset: read.offset };
    let mut names: Vec<Arc<Entity>> = named_in(&condition).filter_map(|(uid, _)| parties.by_uid(uid).map(|p| p.entity.clone())).collect();
    names.sort_by_key(|e| e.uid().to_string());
    names.dedup_by(|a, b| a.uid() == b.uid());
    Policy {
        id: read.id.clone(),
        file: document.file.clone(),
        text: document.text.get(read.offset..read.end).unwrap_or("").to_string(),
        line: place.line_column().0,
        effect: read.ast.effect(),
        condition,
        names,
    }
}
