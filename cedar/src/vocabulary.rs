//! The schema's names, parsed once for the process: types, actions, enum members, keys of the context.

use cedar_policy_core::ast::{ActionConstraint, Eid, Entity, EntityType, EntityUID, Literal, Name, Value};
use cedar_policy_core::entities::{Dereference, Entities};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{Validator, ValidatorSchema};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

pub const SCHEMA: &str = include_str!("../schema.cedarschema");
pub const MANAGED: &str = include_str!("../managed.cedar");
pub const MANAGED_FILE: &str = "managed.cedar";

pub const CLASSES: [&str; 4] = ["read", "write", "delete", "administer"];
pub const PROOFS: [&str; 6] = ["none", "asserted", "secret", "key", "workload", "mtls"];

/// The kinds of party that a zone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    User,
    Application,
    Group,
    Resource,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::User, Kind::Application, Kind::Group, Kind::Resource];

    pub fn name(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Application => "Application",
            Kind::Group => "Group",
            Kind::Resource => "Resource",
        }
    }
}

pub struct Action {
    pub uid: Arc<EntityUID>,
    pub entity: Arc<Entity>,
    /// This action's own bit, and those of the groups it is in.
    pub mask: u64,
    pub requestable: bool,
}

pub struct Vocabulary {
    pub validator: Validator,
    pub actions: HashMap<SmolStr, Action>,
    pub classes: [Literal; 4],
    pub proofs: [Value; 6],
    types: [EntityType; 4],
}

pub fn extensions() -> &'static Extensions<'static> {
    Extensions::all_available()
}

pub fn entity_type(name: &str) -> EntityType {
    EntityType::from(Name::from_str(name).expect("a name of the schema"))
}

pub fn uid_of(ty: EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(ty, Eid::new(id), None)
}

impl Vocabulary {
    pub fn get() -> &'static Vocabulary {
        static ONCE: OnceLock<Vocabulary> = OnceLock::new();
        ONCE.get_or_init(Vocabulary::parse)
    }

    fn parse() -> Vocabulary {
        let (schema, _) = ValidatorSchema::from_cedarschema_str(SCHEMA, extensions()).expect("our schema is valid");
        let member = |ty: &str, id: &str| Literal::EntityUID(Arc::new(uid_of(entity_type(ty), id)));
        Vocabulary {
            actions: actions(&schema),
            classes: CLASSES.map(|c| member("Class", c)),
            proofs: PROOFS.map(|p| Value::from(member("Proof", p))),
            types: Kind::ALL.map(|k| entity_type(k.name())),
            validator: Validator::new(schema),
        }
    }

    pub fn entity_type(&self, kind: Kind) -> &EntityType {
        &self.types[kind as usize]
    }

    pub fn uid(&self, kind: Kind, slug: &str) -> EntityUID {
        uid_of(self.entity_type(kind).clone(), slug)
    }

    pub fn kind_of(&self, ty: &EntityType) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| self.entity_type(*k) == ty)
    }

    /// Bits of the actions that a policy's scope can match.
    pub fn action_mask(&self, scope: &ActionConstraint) -> u64 {
        let bits = |uid: &EntityUID| self.matching(|a| a.mask & self.own_bit(uid) != 0);
        match scope {
            ActionConstraint::Any => u64::MAX,
            ActionConstraint::Eq(uid) => bits(uid),
            ActionConstraint::In(uids) => uids.iter().fold(0, |mask, uid| mask | bits(uid)),
        }
    }

    fn own_bit(&self, uid: &EntityUID) -> u64 {
        let id: &str = uid.eid().as_ref();
        self.actions.get(id).map_or(0, |a| own_bit_of(a.mask))
    }

    fn matching(&self, wanted: impl Fn(&Action) -> bool) -> u64 {
        let chosen = self.actions.values().filter(|a| wanted(a));
        chosen.fold(0, |mask, a| mask | own_bit_of(a.mask))
    }
}

/// Groups are numbered after the actions in them, so an action's own bit is its lowest.
pub fn own_bit_of(mask: u64) -> u64 {
    mask & mask.wrapping_neg()
}

fn actions(schema: &ValidatorSchema) -> HashMap<SmolStr, Action> {
    let entities = schema.action_entities().expect("actions of our schema");
    let mut uids: Vec<EntityUID> = schema.actions().cloned().collect();
    let ancestors = |uid: &EntityUID| -> Vec<EntityUID> { entity(&entities, uid).ancestors().cloned().collect() };
    uids.sort_by_key(|uid| (std::cmp::Reverse(ancestors(uid).len()), uid.to_string()));
    assert!(uids.len() <= 64, "one bit for every action");
    let bit: HashMap<&EntityUID, u64> = uids.iter().enumerate().map(|(n, uid)| (uid, 1 << n)).collect();
    let made = uids.iter().map(|uid| {
        let mask = ancestors(uid).iter().fold(bit[uid], |mask, up| mask | bit[up]);
        let requestable = schema.principals_for_action(uid).is_some_and(|mut p| p.next().is_some());
        let action = Action { uid: Arc::new(uid.clone()), entity: entity(&entities, uid), mask, requestable };
        (SmolStr::new(AsRef::<str>::as_ref(uid.eid())), action)
    });
    made.collect()
}

fn entity(entities: &Entities, uid: &EntityUID) -> Arc<Entity> {
    match entities.entity(uid) {
        Dereference::Data(entity) => Arc::new(entity.clone()),
        _ => panic!("action {uid} has no entity"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_and_code_name_the_same_members() {
        let v = Vocabulary::get();
        assert_eq!(v.actions.len(), 14);
        assert_eq!(v.actions.values().filter(|a| a.requestable).count(), 12);
        for ty in ["Class", "Proof"] {
            let members = if ty == "Class" { CLASSES.to_vec() } else { PROOFS.to_vec() };
            let list = members.iter().map(|m| format!("\"{m}\"")).collect::<Vec<_>>().join(", ");
            assert!(SCHEMA.contains(&format!("entity {ty} enum [{list}];")), "{ty}");
        }
    }

    #[test]
    fn masks_follow_groups() {
        let v = Vocabulary::get();
        let action = |id: &str| v.actions[id].uid.clone();
        let group = v.action_mask(&ActionConstraint::Eq(action("issue")));
        assert_eq!(v.actions["issue"].mask & group, v.actions["issue"].mask);
        assert_eq!(group.count_ones(), 8);
        let both = v.action_mask(&ActionConstraint::In(vec![action("exchange"), action("operate")]));
        assert_eq!(both.count_ones(), 7);
        assert_ne!(own_bit_of(v.actions["kafka:produce"].mask) & both, 0);
        assert_eq!(own_bit_of(v.actions["direct"].mask) & both, 0);
    }
}
