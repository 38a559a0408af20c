//! The parties of a zone as Cedar entities, with their names parsed and their groups closed over.

use crate::report::Problems;
use crate::vocabulary::{extensions, Kind, Vocabulary};
use cedar_policy_core::ast::{Entity, EntityUID, Literal, RestrictedExpr, Value};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A party as the zone describes it.
#[derive(Debug, Clone, Default)]
pub struct Described {
    pub slug: String,
    pub identifier: String,
    pub email: Option<String>,
    pub registered: bool,
    pub entry: bool,
    pub owner: Option<String>,
    /// Slugs of groups that it is in.
    pub groups: Vec<String>,
}

/// A party as Cedar sees it.
pub struct Party {
    pub uid: Arc<EntityUID>,
    pub value: Value,
    pub entity: Arc<Entity>,
}

impl Party {
    fn new(entity: Arc<Entity>) -> Party {
        let uid = Arc::new(entity.uid().clone());
        Party { value: Value::from(Literal::EntityUID(uid.clone())), uid, entity }
    }

    pub fn literal(&self) -> Literal {
        Literal::EntityUID(self.uid.clone())
    }
}

type Shelf = HashMap<SmolStr, Party>;

pub struct Parties {
    shelves: [Shelf; 4],
    entities: Entities,
}

impl Parties {
    /// `described` by kind, in the order of `Kind::ALL`.
    pub fn new(described: &[Vec<Described>; 4], problems: &mut Problems) -> Parties {
        let mut made: HashMap<EntityUID, Entity> = HashMap::new();
        for kind in Kind::ALL {
            for d in &described[kind as usize] {
                let entity = describe(kind, d);
                if made.insert(entity.uid().clone(), entity).is_some() {
                    problems.error(format_args!("{} is described twice", uid(kind, &d.slug)));
                }
            }
        }
        add_implied_groups(&mut made);
        check_owners(described, &made, problems);
        Parties::close(made, problems)
    }

    fn close(made: HashMap<EntityUID, Entity>, problems: &mut Problems) -> Parties {
        let all: Vec<Entity> = made.into_values().collect();
        let schema = None::<&NoEntitiesSchema>;
        let closed = Entities::from_entities(all, schema, TCComputation::ComputeNow, extensions());
        let mut arcs: Vec<Arc<Entity>> = match closed {
            Ok(entities) => entities.iter().map(|e| Arc::new(e.clone())).collect(),
            Err(error) => {
                problems.error(error);
                Vec::new()
            }
        };
        let mut shelves: [Shelf; 4] = Default::default();
        for entity in &arcs {
            let kind = Vocabulary::get().kind_of(entity.uid().entity_type()).expect("we made it");
            let slug = SmolStr::new(AsRef::<str>::as_ref(entity.uid().eid()));
            shelves[kind as usize].insert(slug, Party::new(entity.clone()));
        }
        arcs.extend(Vocabulary::get().actions.values().map(|a| a.entity.clone()));
        Parties { shelves, entities: store(arcs) }
    }

    pub fn get(&self, kind: Kind, slug: &str) -> Option<&Party> {
        self.shelves[kind as usize].get(slug)
    }

    pub fn by_uid(&self, uid: &EntityUID) -> Option<&Party> {
        let kind = Vocabulary::get().kind_of(uid.entity_type())?;
        self.get(kind, uid.eid().as_ref())
    }

    pub fn slugs(&self, kind: Kind) -> Vec<&str> {
        let mut slugs: Vec<&str> = self.shelves[kind as usize].keys().map(SmolStr::as_str).collect();
        slugs.sort_unstable();
        slugs
    }

    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// A party that the zone does not have, for one request. Its groups are the zone's.
    pub fn stranger(&self, kind: Kind, d: &Described) -> Party {
        let mut entity = describe(kind, d);
        let parents: HashSet<EntityUID> = entity.parents().cloned().collect();
        for group in &d.groups {
            let known = self.get(Kind::Group, group).into_iter();
            for up in known.flat_map(|g| g.entity.ancestors()).filter(|up| !parents.contains(up)) {
                entity.add_indirect_ancestor(up.clone());
            }
        }
        Party::new(Arc::new(entity))
    }
}

/// A store of entities whose ancestors are closed already.
pub fn store(entities: impl IntoIterator<Item = Arc<Entity>>) -> Entities {
    let schema = None::<&NoEntitiesSchema>;
    let added = Entities::new().add_entities(entities, schema, TCComputation::AssumeAlreadyComputed, extensions());
    added.expect("no entity twice with different contents")
}

fn uid(kind: Kind, slug: &str) -> EntityUID {
    Vocabulary::get().uid(kind, slug)
}

fn describe(kind: Kind, d: &Described) -> Entity {
    let string = |s: &str| RestrictedExpr::val(s);
    let mut attrs: Vec<(SmolStr, RestrictedExpr)> = Vec::new();
    if kind != Kind::Group {
        attrs.push(("identifier".into(), string(&d.identifier)));
    }
    match kind {
        Kind::Group => (),
        Kind::User => attrs.extend(d.email.iter().map(|e| ("email".into(), string(e)))),
        Kind::Application => attrs.push(("registered".into(), RestrictedExpr::val(d.registered))),
        Kind::Resource => {
            attrs.push(("entry".into(), RestrictedExpr::val(d.entry)));
            let owner = d.owner.iter().map(|o| uid(Kind::Application, o));
            attrs.extend(owner.map(|o| ("owner".into(), RestrictedExpr::val(o))));
        }
    }
    let parents = d.groups.iter().map(|g| uid(Kind::Group, g)).collect();
    Entity::new(uid(kind, &d.slug), attrs, HashSet::new(), parents, [], extensions()).expect("attributes are plain values")
}

/// A group exists once a party is in it.
fn add_implied_groups(made: &mut HashMap<EntityUID, Entity>) {
    let implied: HashSet<EntityUID> = made.values().flat_map(|e| e.parents()).filter(|g| !made.contains_key(g)).cloned().collect();
    made.extend(implied.into_iter().map(|g| (g.clone(), Entity::with_uid(g))));
}

fn check_owners(described: &[Vec<Described>; 4], made: &HashMap<EntityUID, Entity>, problems: &mut Problems) {
    for d in &described[Kind::Resource as usize] {
        let missing = d.owner.iter().filter(|o| !made.contains_key(&uid(Kind::Application, o)));
        for owner in missing {
            problems.error(format_args!("resource {}: its owner {owner} is not an application of the zone", d.slug));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(slug: &str, groups: &[&str]) -> Described {
        Described { slug: slug.into(), groups: groups.iter().map(|g| g.to_string()).collect(), ..Default::default() }
    }

    fn build(users: Vec<Described>, groups: Vec<Described>) -> (Parties, Vec<String>) {
        let mut problems = Problems::default();
        let parties = Parties::new(&[users, vec![], groups, vec![]], &mut problems);
        (parties, problems.into_sorted().into_iter().map(|p| p.message).collect())
    }

    #[test]
    fn groups_are_closed_over() {
        let (parties, problems) = build(vec![named("sara", &["cs"])], vec![named("cs", &["staff"]), named("staff", &["all"])]);
        assert_eq!(problems, Vec::<String>::new());
        let sara = parties.get(Kind::User, "sara").unwrap();
        assert!(sara.entity.is_descendant_of(&uid(Kind::Group, "all")));
        let bob = parties.stranger(Kind::User, &named("bob", &["cs"]));
        assert!(bob.entity.is_descendant_of(&uid(Kind::Group, "all")));
        assert!(!parties.stranger(Kind::User, &named("eve", &[])).entity.is_descendant_of(&uid(Kind::Group, "all")));
    }

    #[test]
    fn cycles_and_doubles_are_refused() {
        let (_, problems) = build(vec![], vec![named("a", &["b"]), named("b", &["a"])]);
        assert_eq!(problems.len(), 1);
        let (_, problems) = build(vec![named("a", &[]), named("a", &[])], vec![]);
        assert_eq!(problems, ["User::\"a\" is described twice"]);
    }
}
