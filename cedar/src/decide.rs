//! One decision: typed values in, one verdict for every principal out. Deny is where everything ends that is not a permit.

use crate::parties::{store, Described, Party};
use crate::set::Set;
use crate::slices::Standing;
use crate::vocabulary::{extensions, Action, Kind, Vocabulary};
use cedar_policy_core::ast::{Context, Effect, Entity, EntityUID, EntityUIDEntry, Expr, ExtensionFunction, Literal, Name, PartialValue, Request, SlotEnv, Value, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// The typed request; names as in the schema's Hop.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    pub principals: Vec<(Option<Kind>, &'a str)>,
    pub action: &'a str,
    pub resource: &'a str,
    pub session: &'a str,
    pub subject: Option<&'a str>,
    pub origin: &'a str,
    pub caller: &'a str,
    pub chain: Vec<&'a str>,
    pub chain_length: i64,
    pub via: Option<&'a str>,
    pub scopes: Vec<&'a str>,
    pub foreign: Vec<&'a str>,
    pub now: i64,
    pub classes: u32,
    pub proof: u32,
    pub weakest: u32,
    pub on_behalf: bool,
    pub impersonate: bool,
    pub declared: bool,
    pub strangers: Vec<(Kind, Described)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// Numbers of policies: the forbids that apply, else the permits.
    pub policies: Vec<u32>,
    /// Policies that could not be evaluated, and why.
    pub failed: Vec<(u32, String)>,
}

/// A request understood: every name found, the context made.
struct Asked<'s> {
    principals: Vec<Found<'s>>,
    action: &'static Action,
    resource: Found<'s>,
    context: Context,
    /// Entities that the request names, for when strangers are among them.
    named: Vec<Arc<Entity>>,
}

/// A party of the zone, or a stranger of this request.
struct Found<'s> {
    uid: Arc<EntityUID>,
    standing: Cow<'s, Standing>,
}

pub fn decide(set: &Set, ask: &Ask<'_>) -> Result<Vec<Verdict>, String> {
    let strangers = admit(set, ask)?;
    let asked = understand(set, ask, &strangers)?;
    let slices: Vec<Vec<u32>> = asked.principals.iter().map(|p| slice(set, &asked, p)).collect();
    let small;
    let entities = if strangers.is_empty() {
        set.parties.entities()
    } else {
        small = reachable(set, &asked, &slices);
        &small
    };
    let principals = asked.principals.iter().zip(&slices);
    Ok(principals.map(|(p, slice)| verdict(set, &asked, p, slice, entities)).collect())
}

/// Strangers must be strangers: one with the name of a party would be taken for it.
fn admit(set: &Set, ask: &Ask<'_>) -> Result<Vec<Party>, String> {
    let mut admitted: Vec<Party> = Vec::with_capacity(ask.strangers.len());
    for (kind, described) in &ask.strangers {
        let party = set.parties.stranger(*kind, described);
        if set.parties.get(*kind, &described.slug).is_some() {
            return Err(format!("{} is a party of the zone, not an extra one", party.uid));
        }
        if admitted.iter().any(|p| p.uid == party.uid) {
            return Err(format!("{} is given twice", party.uid));
        }
        admitted.push(party);
    }
    Ok(admitted)
}

struct Finder<'a> {
    set: &'a Set,
    strangers: &'a [Party],
    named: Vec<Arc<Entity>>,
}

impl<'a> Finder<'a> {
    fn find(&mut self, kind: Kind, slug: &str) -> Result<&'a Party, String> {
        let stranger = |p: &&Party| p.uid.entity_type() == Vocabulary::get().entity_type(kind) && AsRef::<str>::as_ref(p.uid.eid()) == slug;
        let known = self.set.parties.get(kind, slug);
        let party = known.or_else(|| self.strangers.iter().find(stranger));
        let party = party.ok_or_else(|| format!("{} is not known", Vocabulary::get().uid(kind, slug)))?;
        if !self.strangers.is_empty() {
            self.named.push(party.entity.clone());
        }
        Ok(party)
    }

    fn principal<'s>(&mut self, kind: Kind, slug: &str) -> Result<Found<'s>, String>
    where
        'a: 's,
    {
        let party = self.find(kind, slug)?;
        let known = self.set.principal_standing(&party.uid);
        let standing = known.map_or_else(|| Cow::Owned(self.set.slices.as_principal(&party.entity)), Cow::Borrowed);
        Ok(Found { uid: party.uid.clone(), standing })
    }

    fn resource<'s>(&mut self, slug: &str) -> Result<Found<'s>, String>
    where
        'a: 's,
    {
        let party = self.find(Kind::Resource, slug)?;
        let known = self.set.resource_standing(&party.uid);
        let standing = known.map_or_else(|| Cow::Owned(self.set.slices.as_resource(&party.entity)), Cow::Borrowed);
        Ok(Found { uid: party.uid.clone(), standing })
    }
}

fn understand<'a>(set: &'a Set, ask: &Ask<'_>, strangers: &'a [Party]) -> Result<Asked<'a>, String> {
    let mut finder = Finder { set, strangers, named: Vec::new() };
    let action = Vocabulary::get().actions.get(ask.action).filter(|a| a.requestable);
    let action = action.ok_or_else(|| format!("there is no action {:?}", ask.action))?;
    let mut principals = Vec::with_capacity(2);
    for (kind, slug) in &ask.principals {
        let kind = kind.filter(|k| matches!(k, Kind::User | Kind::Application)).ok_or("a principal is a user or an application")?;
        principals.push(finder.principal(kind, slug)?);
    }
    if principals.is_empty() {
        return Err("no principal".to_string());
    }
    let resource = finder.resource(ask.resource)?;
    let context = context(&mut finder, ask)?;
    Ok(Asked { principals, action, resource, context, named: finder.named })
}

fn context(finder: &mut Finder<'_>, ask: &Ask<'_>) -> Result<Context, String> {
    let v = Vocabulary::get();
    if ask.classes >> v.classes.len() != 0 {
        return Err(format!("there is no class {:#x}", ask.classes));
    }
    let proof = |n: u32| v.proofs.get(n as usize).cloned().ok_or_else(|| format!("there is no proof {n}"));
    let mut chain = Vec::with_capacity(ask.chain.len());
    for slug in &ask.chain {
        chain.push(finder.find(Kind::Application, slug)?.literal());
    }
    let classes = v.classes.iter().enumerate().filter(|(n, _)| ask.classes >> n & 1 == 1).map(|(_, c)| c.clone());
    let mut pairs = vec![
        (SmolStr::new_static("caller"), finder.find(Kind::Application, ask.caller)?.value.clone()),
        (SmolStr::new_static("chain"), Value::set_of_lits(chain, None)),
        (SmolStr::new_static("chain_length"), Value::from(ask.chain_length)),
        (SmolStr::new_static("classes"), Value::set_of_lits(classes, None)),
        (SmolStr::new_static("declared"), Value::from(ask.declared)),
        (SmolStr::new_static("foreign"), strings(&ask.foreign)),
        (SmolStr::new_static("impersonate"), Value::from(ask.impersonate)),
        (SmolStr::new_static("now"), datetime(ask.now)?),
        (SmolStr::new_static("on_behalf"), Value::from(ask.on_behalf)),
        (SmolStr::new_static("origin"), finder.find(Kind::Application, ask.origin)?.value.clone()),
        (SmolStr::new_static("proof"), proof(ask.proof)?),
        (SmolStr::new_static("scopes"), strings(&ask.scopes)),
        (SmolStr::new_static("session"), Value::from(ask.session)),
        (SmolStr::new_static("weakest"), proof(ask.weakest)?),
    ];
    if let Some(subject) = ask.subject {
        pairs.push((SmolStr::new_static("subject"), finder.find(Kind::User, subject)?.value.clone()));
    }
    if let Some(via) = ask.via {
        pairs.push((SmolStr::new_static("via"), finder.find(Kind::Resource, via)?.value.clone()));
    }
    Ok(Context::Value(Arc::new(BTreeMap::from_iter(pairs))))
}

fn strings(list: &[&str]) -> Value {
    Value::set_of_lits(list.iter().map(|s| Literal::from(*s)), None)
}

thread_local! {
    /// The last instant made on this thread: many requests share a millisecond, and one costs a parse.
    static NOW: RefCell<Option<(i64, Value)>> = const { RefCell::new(None) };
}

fn datetime(now: i64) -> Result<Value, String> {
    NOW.with_borrow_mut(|last| match last {
        Some((at, value)) if *at == now => Ok(value.clone()),
        _ => {
            let value = datetime_new(now)?;
            *last = Some((now, value.clone()));
            Ok(value)
        }
    })
}

/// `datetime("1970-01-01").offset(duration("…ms"))`, without an expression around it.
fn datetime_new(now: i64) -> Result<Value, String> {
    let clock = Clock::get();
    let since = call(clock.duration, &[Value::from(format!("{now}ms"))])?;
    call(clock.offset, &[clock.epoch.clone(), since])
}

/// Looking these up parses their names.
struct Clock {
    epoch: Value,
    duration: &'static ExtensionFunction,
    offset: &'static ExtensionFunction,
}

impl Clock {
    fn get() -> &'static Clock {
        static ONCE: OnceLock<Clock> = OnceLock::new();
        ONCE.get_or_init(|| {
            let function = |name| extensions().func(&Name::from_str(name).expect("a name")).expect("an extension's function");
            let epoch = call(function("datetime"), &[Value::from("1970-01-01")]).expect("a date");
            Clock { epoch, duration: function("duration"), offset: function("offset") }
        })
    }
}

fn call(function: &ExtensionFunction, args: &[Value]) -> Result<Value, String> {
    match function.call(args).map_err(|e| e.to_string())? {
        PartialValue::Value(value) => Ok(value),
        PartialValue::Residual(_) => Err("not a value".to_string()),
    }
}

fn slice(set: &Set, asked: &Asked<'_>, principal: &Found<'_>) -> Vec<u32> {
    set.slices.candidates(&principal.standing, asked.action, &asked.resource.standing)
}

/// With strangers: a small store of its own. A policy can look at what the request names, at what it names itself, and at the
/// owners of those that are resources; nothing else has a path from there.
fn reachable(set: &Set, asked: &Asked<'_>, slices: &[Vec<u32>]) -> Entities {
    let mut all = asked.named.clone();
    for number in slices.iter().flatten() {
        all.extend(set.policies[*number as usize].names.iter().cloned());
    }
    let owners: Vec<Arc<Entity>> = all.iter().filter_map(|e| owner(set, e)).collect();
    all.extend(owners);
    all.push(asked.action.entity.clone());
    all.sort_unstable_by_key(Arc::as_ptr);
    all.dedup_by(|a, b| Arc::ptr_eq(a, b));
    store(all)
}

fn owner(set: &Set, entity: &Entity) -> Option<Arc<Entity>> {
    match entity.get("owner")? {
        PartialValue::Value(Value { value: ValueKind::Lit(Literal::EntityUID(uid)), .. }) => set.parties.by_uid(uid).map(|p| p.entity.clone()),
        _ => None,
    }
}

fn verdict(set: &Set, asked: &Asked<'_>, principal: &Found<'_>, slice: &[u32], entities: &Entities) -> Verdict {
    let known = |uid: &Arc<EntityUID>| EntityUIDEntry::Known { euid: uid.clone(), loc: None };
    let (who, what) = (known(&principal.uid), known(&asked.resource.uid));
    let request = Request::new_unchecked(who, known(&asked.action.uid), what, Some(asked.context.clone()));
    let evaluator = Evaluator::new(request, entities, extensions());
    let (mut permits, mut forbids, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for number in slice {
        let policy = &set.policies[*number as usize];
        match (satisfied(&evaluator, &policy.condition), policy.effect) {
            (Ok(true), Effect::Permit) => permits.push(*number),
            (Ok(true), Effect::Forbid) => forbids.push(*number),
            (Ok(false), _) => (),
            (Err(error), _) => failed.push((*number, error)),
        }
    }
    // Cedar leaves out a policy that fails; a forbid that fails must not thereby permit.
    let allowed = forbids.is_empty() && failed.is_empty() && !permits.is_empty();
    Verdict { allowed, policies: if forbids.is_empty() { permits } else { forbids }, failed }
}

fn satisfied(evaluator: &Evaluator<'_>, condition: &Expr) -> Result<bool, String> {
    let value = evaluator.interpret(condition, &SlotEnv::new()).map_err(|e| e.to_string())?;
    match value.value {
        ValueKind::Lit(Literal::Bool(satisfied)) => Ok(satisfied),
        _ => Err("the condition is not a Boolean".to_string()),
    }
}

#[cfg(test)]
pub fn context_of(set: &Set, ask: &Ask<'_>) -> Context {
    let strangers = admit(set, ask).unwrap();
    understand(set, ask, &strangers).unwrap().context
}
