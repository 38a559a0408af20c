//! An index of policies by their scopes: a decision looks only at those whose scope may match. A policy whose scope does not
//! match is neither satisfied nor can it fail, so leaving it out changes nothing.

use crate::vocabulary::{own_bit_of, Action, Vocabulary};
use cedar_policy_core::ast::{self, Entity, EntityReference, EntityType, EntityUID, PrincipalOrResourceConstraint as Constraint};
use std::collections::HashMap;

/// What a scope asks of the principal or of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Wants {
    Any,
    Type(EntityType),
    /// This entity, or anything in it. (`==` is filed here too: looking at one policy too many is harmless.)
    Under(EntityUID),
}

impl Wants {
    fn of(constraint: &Constraint) -> Wants {
        match constraint {
            Constraint::Any => Wants::Any,
            Constraint::Is(ty) => Wants::Type(EntityType::clone(ty)),
            Constraint::Eq(EntityReference::EUID(uid)) | Constraint::In(EntityReference::EUID(uid)) => Wants::Under(EntityUID::clone(uid)),
            Constraint::IsIn(_, EntityReference::EUID(uid)) => Wants::Under(EntityUID::clone(uid)),
            // Templates are refused; should one come here, it is looked at always.
            Constraint::Eq(EntityReference::Slot(_)) | Constraint::In(EntityReference::Slot(_)) => Wants::Any,
            Constraint::IsIn(_, EntityReference::Slot(_)) => Wants::Any,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Filed {
    actions: u64,
    policy: u32,
}

/// Numbers for what scopes want: few, and small to look up by.
#[derive(Default)]
struct Numbers(HashMap<Wants, u32>);

impl Numbers {
    fn file(&mut self, wants: Wants) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(wants).or_insert(next)
    }

    /// Every number that this entity satisfies.
    fn satisfied(&self, entity: &Entity) -> Vec<u32> {
        let of_type = Wants::Type(entity.uid().entity_type().clone());
        let under = std::iter::once(entity.uid()).chain(entity.ancestors()).map(|uid| Wants::Under(uid.clone()));
        let all = [Wants::Any, of_type].into_iter().chain(under);
        all.filter_map(|w| self.0.get(&w).copied()).collect()
    }
}

/// The places in the index that one party satisfies.
#[derive(Clone)]
pub struct Standing(Vec<u32>);

#[derive(Default)]
pub struct Slices {
    principals: Numbers,
    resources: Numbers,
    filed: HashMap<(u32, u32), Vec<Filed>>,
}

impl Slices {
    pub fn add(&mut self, number: usize, policy: &ast::Policy) {
        let principal = self.principals.file(Wants::of(policy.principal_constraint().as_inner()));
        let resource = self.resources.file(Wants::of(policy.resource_constraint().as_inner()));
        let actions = Vocabulary::get().action_mask(policy.action_constraint());
        let filed = Filed { actions, policy: number as u32 };
        self.filed.entry((principal, resource)).or_default().push(filed);
    }

    pub fn as_principal(&self, entity: &Entity) -> Standing {
        Standing(self.principals.satisfied(entity))
    }

    pub fn as_resource(&self, entity: &Entity) -> Standing {
        Standing(self.resources.satisfied(entity))
    }

    /// Policies that may match, in the order of the set.
    pub fn candidates(&self, principal: &Standing, action: &Action, resource: &Standing) -> Vec<u32> {
        let bit = own_bit_of(action.mask);
        let mut out = Vec::new();
        for p in &principal.0 {
            for r in &resource.0 {
                let filed = self.filed.get(&(*p, *r)).into_iter().flatten();
                out.extend(filed.filter(|f| f.actions & bit != 0).map(|f| f.policy));
            }
        }
        out.sort_unstable();
        out
    }
}

/// Matches every request: such a policy is in every slice.
pub fn unscoped(policy: &ast::Policy) -> bool {
    *policy.principal_constraint().as_inner() == Constraint::Any
        && *policy.resource_constraint().as_inner() == Constraint::Any
        && *policy.action_constraint() == ast::ActionConstraint::Any
}
