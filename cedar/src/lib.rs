//! Cedar behind a small C ABI. The contract is src/policy/cedar.h; src/policy/cedar.c calls what is exported here.
//!
//! Every entry point catches a panic, and then nothing is published and nothing is allowed.

#![deny(unsafe_op_in_unsafe_fn)]

mod abi;
pub mod decide;
pub mod document;
mod nearest;
pub mod parties;
pub mod report;
mod scan;
pub mod set;
mod slices;
#[cfg(test)]
mod tests;
pub mod vocabulary;

use abi::{CAnswer, CInfo, CProblem, CReport, CRequest, CText, CZone};
use cedar_policy_core::ast::Effect;
use decide::Verdict;
use report::{Problem, Problems};
use set::Set;
use std::ffi::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::Arc;
use vocabulary::Kind;

/// What a PolicySet of the header points to.
pub struct Handle {
    set: Set,
    infos: Vec<CInfo>,
}

// SAFETY: `infos` point into `set`, which never changes and lives as long; everything in a Set may be shared (checked below).
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

#[allow(dead_code)]
fn a_set_may_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Set>();
}

impl Handle {
    fn new(set: Set) -> Handle {
        let effect = |e: Effect| if e == Effect::Permit { 1 } else { 2 };
        let info = |p: &set::Policy| CInfo { id: CText::of(&p.id), file: CText::of(&p.file), text: CText::of(&p.text), line: p.line, effect: effect(p.effect) };
        let infos = set.policies.iter().map(info).collect();
        Handle { set, infos }
    }
}

/// A report with what it points to.
#[repr(C)]
struct Report {
    face: CReport,
    lines: Vec<CProblem>,
    texts: Vec<(Problem, String)>,
}

fn report_new(problems: Vec<Problem>) -> *mut CReport {
    let texts: Vec<(Problem, String)> = problems.into_iter().map(|p| (p.line_text(), p)).map(|(line, p)| (p, line)).collect();
    let problem = |(p, line): &(Problem, String)| CProblem {
        file: CText::of(&p.file),
        line: p.line,
        column: p.column,
        warning: p.warning,
        message: CText::of(&p.message),
        line_text: CText::of(line),
    };
    let lines: Vec<CProblem> = texts.iter().map(problem).collect();
    let error_count = texts.iter().filter(|(p, _)| !p.warning).count();
    let face = CReport { problems: lines.as_ptr(), count: lines.len(), error_count };
    Box::into_raw(Box::new(Report { face, lines, texts })).cast()
}

fn single(why: String) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.error(why);
    problems.into_sorted()
}

/// Runs `work`, hands out its problems, and gives its result if nothing failed.
fn reported<T>(out: *mut *mut CReport, work: impl FnOnce() -> Result<(Option<T>, Vec<Problem>), String>) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("Cedar failed inside: nothing is published".to_string()));
    let (done, problems) = outcome.unwrap_or_else(|why| (None, single(why)));
    if !out.is_null() {
        // SAFETY: the caller's contract.
        unsafe { *out = report_new(problems) };
    }
    done
}

/// # Safety
/// The contract of policy_set_build() in cedar.h.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_build(zone: *const CZone, out: *mut *mut CReport) -> *const Handle {
    let built = reported(out, || {
        // SAFETY: the caller's contract.
        let zone = unsafe { zone.as_ref() }.ok_or("no zone")?;
        Ok(set::build(unsafe { abi::zone(zone) }?))
    });
    built.map_or(ptr::null(), |set| Arc::into_raw(Arc::new(Handle::new(set))))
}

/// # Safety
/// The contract of policy_check_text() in cedar.h.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_check(file: CText, text: CText, out: *mut *mut CReport) -> bool {
    // SAFETY: the caller's contract.
    reported(out, || Ok(set::check(unsafe { abi::document(file, text) }?))).is_some()
}

/// # Safety
/// `report` came from this library and is not used again.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_report_free(report: *mut CReport) {
    // SAFETY: made by report_new().
    drop(unsafe { Box::from_raw(report.cast::<Report>()) });
}

/// # Safety
/// `handle` is a live reference.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_hold(handle: *const Handle) {
    // SAFETY: the caller's contract.
    unsafe { Arc::increment_strong_count(handle) };
}

/// # Safety
/// `handle` is a reference, which is not used again.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_release(handle: *const Handle) {
    // SAFETY: the caller's contract.
    let _ = catch_unwind(AssertUnwindSafe(|| unsafe { Arc::decrement_strong_count(handle) }));
}

/// # Safety
/// `handle` is a live reference.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_infos(handle: *const Handle, count: *mut usize) -> *const CInfo {
    // SAFETY: the caller's contract.
    unsafe {
        *count = (*handle).infos.len();
        (*handle).infos.as_ptr()
    }
}

/// # Safety
/// `handle` is a live reference; `kind` is a PolicyKind.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_has(handle: *const Handle, user: bool, slug: CText) -> bool {
    let kind = if user { Kind::User } else { Kind::Application };
    // SAFETY: the caller's contract.
    let known = AssertUnwindSafe(|| unsafe { abi::text(slug) }.is_ok_and(|s| unsafe { &*handle }.set.parties.get(kind, s).is_some()));
    catch_unwind(known).unwrap_or(false)
}

/// # Safety
/// The contract of policy_decide() in cedar.h; `answer` was zeroed.
#[no_mangle]
pub unsafe extern "C" fn carnet_cedar_decide(handle: *const Handle, request: *const CRequest, answer: *mut CAnswer) {
    // SAFETY: the caller's contract.
    let (handle, request, answer) = unsafe { (&*handle, &*request, &mut *answer) };
    let decided = catch_unwind(AssertUnwindSafe(|| unsafe { abi::ask(request) }.and_then(|ask| decide::decide(&handle.set, &ask))));
    match decided.unwrap_or_else(|_| Err("Cedar failed inside".to_string())) {
        Ok(verdicts) => answer_with(handle, request.asked(), &verdicts, answer),
        Err(why) => say(&why, answer),
    }
}

fn answer_with(handle: &Handle, asked: usize, verdicts: &[Verdict], answer: &mut CAnswer) {
    for (n, place) in answer.verdicts.iter_mut().take(asked).enumerate() {
        let verdict = verdicts.get(n).unwrap_or(&verdicts[0]);
        place.allowed = verdict.allowed;
        place.policy_count = name(handle, verdict.policies.iter().copied(), &mut place.policies);
        place.failed_count = name(handle, verdict.failed.iter().map(|f| f.0), &mut place.failed);
    }
    answer.verdict_count = asked as u32;
    answer.allowed = asked > 0 && verdicts.iter().all(|v| v.allowed);
    if let Some((number, why)) = verdicts.iter().flat_map(|v| &v.failed).next() {
        say(&format!("policy {}: {why}", handle.set.policies[*number as usize].id), answer);
    }
}

fn name(handle: &Handle, numbers: impl Iterator<Item = u32>, places: &mut [*const CInfo]) -> u32 {
    let named = numbers.zip(places).map(|(number, place)| *place = &handle.infos[number as usize]);
    named.count() as u32
}

/// Cut at a character, ended by NUL.
fn say(why: &str, answer: &mut CAnswer) {
    let line = report::one_line(why);
    let mut end = line.len().min(abi::ERROR_SIZE - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    for (place, byte) in answer.error.iter_mut().zip(line[..end].bytes().chain([0])) {
        *place = byte as c_char;
    }
}

#[no_mangle]
pub extern "C" fn carnet_cedar_text(managed: bool) -> CText {
    CText::of(if managed { vocabulary::MANAGED } else { vocabulary::SCHEMA })
}

/// Sizes of the structs, for the C side to compare with its own.
#[no_mangle]
pub extern "C" fn carnet_cedar_sizes(count: *mut usize) -> *const usize {
    // SAFETY: a pointer to a size_t.
    unsafe { *count = abi::SIZES.len() };
    abi::SIZES.as_ptr()
}
