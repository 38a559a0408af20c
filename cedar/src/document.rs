//! One Cedar document: limits, syntax, ids, schema, and the parties that it names.

use crate::nearest::nearest;
use crate::parties::Parties;
use crate::report::{Place, Problems};
use crate::scan;
use crate::vocabulary::{Kind, Vocabulary};
use cedar_policy_core::ast::{self, AnyId, EntityUID, Expr, ExprKind, Literal, PolicyID};
use cedar_policy_core::parser::{parse_policyset, Loc};
use cedar_policy_core::validator::ValidationMode;
use miette::Diagnostic;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

/// Evaluation recurses once for every level of an expression.
const EXPRESSION_DEPTH_MAX: usize = 512;
const ID_MAX: usize = 128;

pub struct Document {
    pub file: String,
    pub text: String,
}

/// A policy that was read, with where it stands.
pub struct Read {
    pub id: String,
    pub document: usize,
    pub offset: usize,
    pub end: usize,
    pub ast: ast::Policy,
}

/// Ids so far, and the file and offset where each was first seen.
pub type Ids = HashMap<String, String>;

impl Document {
    fn place(&self, offset: usize) -> Place<'_> {
        Place { file: &self.file, text: &self.text, offset }
    }

    /// Everything about the document that does not depend on the zone's parties.
    pub fn read(&self, number: usize, ids: &mut Ids, problems: &mut Problems) -> Vec<Read> {
        if let Some((offset, reason)) = scan::excess(&self.text) {
            problems.error_at(self.place(offset), reason);
            return Vec::new();
        }
        let parsed = match parse_policyset(&self.text) {
            Ok(parsed) => parsed,
            Err(errors) => {
                errors.iter().for_each(|e| problems.error_at(self.place(offset_of(e)), said(e)));
                return Vec::new();
            }
        };
        for template in parsed.templates() {
            problems.error_at(self.place(start_of(template.loc())), "templates (?principal, ?resource) cannot be published");
        }
        let mut read = self.named(number, &parsed, ids, problems);
        let too_deep = |r: &Read| depth_exceeds(&r.ast.condition(), EXPRESSION_DEPTH_MAX);
        for deep in read.iter().filter(|r| too_deep(r)) {
            problems.error_at(self.place(deep.offset), format_args!("policy {} nests expressions deeper than {EXPRESSION_DEPTH_MAX}", deep.id));
        }
        read.retain(|r| !too_deep(r));
        self.validate(&read, problems);
        read
    }

    fn named(&self, number: usize, parsed: &ast::PolicySet, ids: &mut Ids, problems: &mut Problems) -> Vec<Read> {
        let mut policies: Vec<&ast::Policy> = parsed.static_policies().collect();
        policies.sort_by_key(|p| start_of(p.loc()));
        let mut read = Vec::with_capacity(policies.len());
        for (n, policy) in policies.into_iter().enumerate() {
            let offset = start_of(policy.loc());
            match self.id_of(policy, n, offset, ids) {
                Ok(id) => {
                    let end = policy.loc().map_or(self.text.len(), Loc::end);
                    let ast = policy.new_id(PolicyID::from_string(&id));
                    read.push(Read { id, document: number, offset, end, ast });
                }
                Err(reason) => problems.error_at(self.place(offset), reason),
            }
        }
        read
    }

    fn id_of(&self, policy: &ast::Policy, n: usize, offset: usize, ids: &mut Ids) -> Result<String, String> {
        let key = AnyId::from_str("id").expect("an identifier");
        let id = match policy.annotation(&key) {
            None => format!("{}::policy{n}", self.file),
            Some(annotation) => annotation.val.to_string(),
        };
        if id.is_empty() || id.len() > ID_MAX || id.chars().any(char::is_control) {
            return Err(format!("@id must be 1 to {ID_MAX} bytes without control characters"));
        }
        let here = format!("{}:{}", self.file, self.place(offset).line_column().0);
        match ids.insert(id.clone(), here) {
            None => Ok(id),
            Some(before) => {
                let reason = format!("@id(\"{id}\") is taken by {before}");
                ids.insert(id, before);
                Err(reason)
            }
        }
    }

    fn validate(&self, read: &[Read], problems: &mut Problems) {
        let mut set = ast::PolicySet::new();
        for r in read {
            set.add(r.ast.clone()).expect("ids are unique");
        }
        let result = Vocabulary::get().validator.validate(&set, ValidationMode::Strict);
        // Cedar says the same once for every action: one problem is enough for a place.
        let errors = one_for_a_place(result.validation_errors());
        errors.into_iter().for_each(|(at, said)| problems.error_at(self.place(at), said));
        let warnings = one_for_a_place(result.validation_warnings());
        warnings.into_iter().for_each(|(at, said)| problems.warn_at(self.place(at), said));
    }

    /// A policy may name only parties that exist: a misspelt forbid would forbid nothing.
    pub fn check_named(&self, read: &Read, parties: &Parties, problems: &mut Problems) {
        let condition = read.ast.condition();
        for (uid, loc) in named_in(&condition) {
            if known_elsewhere(uid) || parties.by_uid(uid).is_some() {
                continue;
            }
            let place = self.place(loc.map_or(read.offset, Loc::start));
            problems.error_at(place, format_args!("policy {} names {uid}, which does not exist{}", read.id, hint(uid, parties)));
        }
    }
}

/// Actions, classes and proofs belong to the schema, and strict validation has looked at them.
fn known_elsewhere(uid: &EntityUID) -> bool {
    let ty = uid.entity_type().to_string();
    uid.is_action() || ty == "Class" || ty == "Proof"
}

fn hint(uid: &EntityUID, parties: &Parties) -> String {
    let kind = Vocabulary::get().kind_of(uid.entity_type());
    let near = kind.and_then(|kind| nearest(uid.eid().as_ref(), &parties.slugs(kind)).map(|n| Vocabulary::get().uid(kind, n)));
    let elsewhere = || Kind::ALL.into_iter().find(|k| parties.get(*k, uid.eid().as_ref()).is_some());
    match near {
        Some(near) => format!("; nearest is {near}"),
        None => elsewhere().map_or(String::new(), |k| format!("; there is {}", Vocabulary::get().uid(k, uid.eid().as_ref()))),
    }
}

/// All entities that an expression names, the scope's included.
pub fn named_in(expr: &Expr) -> impl Iterator<Item = (&EntityUID, Option<&Loc>)> {
    expr.subexpressions().filter_map(|e| match e.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some((Arc::as_ref(uid), e.source_loc().or(uid.loc()))),
        _ => None,
    })
}

fn depth_exceeds(expr: &Expr, limit: usize) -> bool {
    let mut open = vec![(expr, 1)];
    while let Some((expr, depth)) = open.pop() {
        if depth > limit {
            return true;
        }
        each_child(expr, &mut |child| open.push((child, depth + 1)));
    }
    false
}

fn each_child<'a>(expr: &'a Expr, visit: &mut impl FnMut(&'a Expr)) {
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => (),
        ExprKind::If { test_expr, then_expr, else_expr } => [test_expr, then_expr, else_expr].into_iter().for_each(|e| visit(e)),
        ExprKind::And { left, right } | ExprKind::Or { left, right } => [left, right].into_iter().for_each(|e| visit(e)),
        ExprKind::BinaryApp { arg1, arg2, .. } => [arg1, arg2].into_iter().for_each(|e| visit(e)),
        ExprKind::UnaryApp { arg: expr, .. }
        | ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => visit(expr),
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().for_each(visit),
        ExprKind::Set(items) => items.iter().for_each(visit),
        ExprKind::Record(fields) => fields.values().for_each(visit),
    }
}

fn start_of(loc: Option<&Loc>) -> usize {
    loc.map_or(0, Loc::start)
}

fn offset_of(error: &impl Diagnostic) -> usize {
    let mut labels = error.labels().into_iter().flatten();
    labels.next().map_or(0, |label| label.offset())
}

fn one_for_a_place<'a, E: Diagnostic + 'a>(found: impl Iterator<Item = &'a E>) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = found.map(|e| (offset_of(e), said(e))).collect();
    all.sort();
    all.dedup_by_key(|(at, _)| *at);
    all
}

fn said(error: &impl Diagnostic) -> String {
    let help = error.help().map(|h| format!(" ({h})")).unwrap_or_default();
    format!("{error}{help}")
}
