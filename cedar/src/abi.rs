//! The C structs of src/policy/cedar.h, byte for byte, and how they become ours. Nothing here decides.
//!
//! Safety of all of it rests on the header's contract: pointers are valid for the call, counts are true, `NULL` goes with 0.

use crate::decide::Ask;
use crate::document::Document;
use crate::parties::Described;
use crate::set::Zone;
use crate::vocabulary::Kind;
use std::ffi::c_char;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CText {
    pub at: *const c_char,
    pub len: usize,
}

#[repr(C)]
pub struct CDocument {
    file: CText,
    text: CText,
}

#[repr(C)]
pub struct CGroup {
    slug: CText,
    parents: *const CText,
    parent_count: usize,
}

#[repr(C)]
pub struct CUser {
    slug: CText,
    identifier: CText,
    email: CText,
    groups: *const CText,
    group_count: usize,
}

#[repr(C)]
pub struct CApplication {
    slug: CText,
    identifier: CText,
    registered: bool,
    groups: *const CText,
    group_count: usize,
}

#[repr(C)]
pub struct CResource {
    slug: CText,
    identifier: CText,
    owner: CText,
    entry: bool,
}

#[repr(C)]
pub struct CZone {
    documents: *const CDocument,
    document_count: usize,
    managed: bool,
    groups: *const CGroup,
    group_count: usize,
    users: *const CUser,
    user_count: usize,
    applications: *const CApplication,
    application_count: usize,
    resources: *const CResource,
    resource_count: usize,
}

#[repr(C)]
pub struct CPrincipal {
    kind: u32,
    slug: CText,
}

#[repr(C)]
pub struct CRequest {
    principals: [CPrincipal; 2],
    principal_count: usize,
    action: CText,
    resource: CText,
    session: CText,
    subject: CText,
    origin: CText,
    caller: CText,
    chain: *const CText,
    chain_count: usize,
    chain_length: i64,
    via: CText,
    scopes: *const CText,
    scope_count: usize,
    foreign: *const CText,
    foreign_count: usize,
    now: i64,
    classes: u32,
    proof: u32,
    weakest: u32,
    on_behalf: bool,
    impersonate: bool,
    declared: bool,
    extra_users: *const CUser,
    extra_user_count: usize,
    extra_applications: *const CApplication,
    extra_application_count: usize,
}

pub const NAMED_MAX: usize = 8;
pub const ERROR_SIZE: usize = 200;

#[repr(C)]
pub struct CInfo {
    pub id: CText,
    pub file: CText,
    pub text: CText,
    pub line: u32,
    pub effect: u32,
}

#[repr(C)]
pub struct CVerdict {
    pub allowed: bool,
    pub policy_count: u32,
    pub failed_count: u32,
    pub policies: [*const CInfo; NAMED_MAX],
    pub failed: [*const CInfo; NAMED_MAX],
}

#[repr(C)]
pub struct CAnswer {
    pub allowed: bool,
    pub verdict_count: u32,
    pub verdicts: [CVerdict; 2],
    pub error: [c_char; ERROR_SIZE],
}

#[repr(C)]
pub struct CProblem {
    pub file: CText,
    pub line: u32,
    pub column: u32,
    pub warning: bool,
    pub message: CText,
    pub line_text: CText,
}

#[repr(C)]
pub struct CReport {
    pub problems: *const CProblem,
    pub count: usize,
    pub error_count: usize,
}

/// What a struct of the header must measure; the C side compares.
pub const SIZES: [usize; 12] = [
    size_of::<CDocument>(),
    size_of::<CGroup>(),
    size_of::<CUser>(),
    size_of::<CApplication>(),
    size_of::<CResource>(),
    size_of::<CZone>(),
    size_of::<CRequest>(),
    size_of::<CInfo>(),
    size_of::<CVerdict>(),
    size_of::<CAnswer>(),
    size_of::<CProblem>(),
    size_of::<CReport>(),
];

type Read<T> = Result<T, String>;

pub unsafe fn slice<'a, T>(at: *const T, count: usize) -> Read<&'a [T]> {
    match (at.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err("a list without its items".to_string()),
        // SAFETY: the caller's contract.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(at, count) }),
    }
}

pub unsafe fn text<'a>(t: CText) -> Read<&'a str> {
    // SAFETY: the caller's contract.
    let bytes = unsafe { slice(t.at.cast::<u8>(), t.len) }?;
    std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_string())
}

unsafe fn optional<'a>(t: CText) -> Read<Option<&'a str>> {
    // SAFETY: the caller's contract.
    if t.at.is_null() { Ok(None) } else { unsafe { text(t) }.map(Some) }
}

unsafe fn texts<'a>(at: *const CText, count: usize) -> Read<Vec<&'a str>> {
    // SAFETY: the caller's contract.
    unsafe { slice(at, count) }?.iter().map(|t| unsafe { text(*t) }).collect()
}

unsafe fn owned(at: *const CText, count: usize) -> Read<Vec<String>> {
    // SAFETY: the caller's contract.
    Ok(unsafe { texts(at, count) }?.into_iter().map(String::from).collect())
}

unsafe fn user(u: &CUser) -> Read<Described> {
    // SAFETY: the caller's contract.
    unsafe {
        Ok(Described {
            slug: text(u.slug)?.to_string(),
            identifier: text(u.identifier)?.to_string(),
            email: optional(u.email)?.map(String::from),
            groups: owned(u.groups, u.group_count)?,
            ..Default::default()
        })
    }
}

unsafe fn application(a: &CApplication) -> Read<Described> {
    // SAFETY: the caller's contract.
    unsafe {
        Ok(Described {
            slug: text(a.slug)?.to_string(),
            identifier: text(a.identifier)?.to_string(),
            registered: a.registered,
            groups: owned(a.groups, a.group_count)?,
            ..Default::default()
        })
    }
}

unsafe fn group(g: &CGroup) -> Read<Described> {
    // SAFETY: the caller's contract.
    unsafe { Ok(Described { slug: text(g.slug)?.to_string(), groups: owned(g.parents, g.parent_count)?, ..Default::default() }) }
}

unsafe fn resource(r: &CResource) -> Read<Described> {
    // SAFETY: the caller's contract.
    unsafe {
        Ok(Described {
            slug: text(r.slug)?.to_string(),
            identifier: text(r.identifier)?.to_string(),
            owner: optional(r.owner)?.map(String::from),
            entry: r.entry,
            ..Default::default()
        })
    }
}

pub unsafe fn document(file: CText, source: CText) -> Read<Document> {
    // SAFETY: the caller's contract.
    let (file, source) = unsafe { (text(file)?, text(source)) };
    let text = source.map_err(|e| format!("{file}: {e}"))?.to_string();
    Ok(Document { file: file.to_string(), text })
}

pub unsafe fn zone(z: &CZone) -> Read<Zone> {
    // SAFETY: the caller's contract.
    unsafe {
        let documents = slice(z.documents, z.document_count)?.iter().map(|d| document(d.file, d.text)).collect::<Read<_>>()?;
        let users = slice(z.users, z.user_count)?.iter().map(|u| user(u)).collect::<Read<_>>()?;
        let applications = slice(z.applications, z.application_count)?.iter().map(|a| application(a)).collect::<Read<_>>()?;
        let groups = slice(z.groups, z.group_count)?.iter().map(|g| group(g)).collect::<Read<_>>()?;
        let resources = slice(z.resources, z.resource_count)?.iter().map(|r| resource(r)).collect::<Read<_>>()?;
        Ok(Zone { documents, managed: z.managed, parties: [users, applications, groups, resources] })
    }
}

fn kind(number: u32) -> Option<Kind> {
    match number {
        1 => Some(Kind::User),
        2 => Some(Kind::Application),
        _ => None,
    }
}

unsafe fn strangers(q: &CRequest) -> Read<Vec<(Kind, Described)>> {
    // SAFETY: the caller's contract.
    unsafe {
        let users = slice(q.extra_users, q.extra_user_count)?.iter().map(|u| user(u).map(|d| (Kind::User, d)));
        let applications = slice(q.extra_applications, q.extra_application_count)?;
        users.chain(applications.iter().map(|a| application(a).map(|d| (Kind::Application, d)))).collect()
    }
}

/// Of two equal principals only the first is asked.
unsafe fn principals<'a>(q: &CRequest) -> Read<Vec<(Option<Kind>, &'a str)>> {
    let given = q.principals.get(..q.principal_count).ok_or("more than two principals")?;
    // SAFETY: the caller's contract.
    let mut read = given.iter().map(|p| Ok((kind(p.kind), unsafe { text(p.slug) }?))).collect::<Read<Vec<_>>>()?;
    read.dedup();
    Ok(read)
}

pub unsafe fn ask<'a>(q: &CRequest) -> Read<Ask<'a>> {
    // SAFETY: the caller's contract.
    unsafe {
        Ok(Ask {
            principals: principals(q)?,
            action: text(q.action)?,
            resource: text(q.resource)?,
            session: text(q.session)?,
            subject: optional(q.subject)?,
            origin: text(q.origin)?,
            caller: text(q.caller)?,
            chain: texts(q.chain, q.chain_count)?,
            chain_length: q.chain_length,
            via: optional(q.via)?,
            scopes: texts(q.scopes, q.scope_count)?,
            foreign: texts(q.foreign, q.foreign_count)?,
            now: q.now,
            classes: q.classes,
            proof: q.proof,
            weakest: q.weakest,
            on_behalf: q.on_behalf,
            impersonate: q.impersonate,
            declared: q.declared,
            strangers: strangers(q)?,
        })
    }
}

impl CRequest {
    pub fn asked(&self) -> usize {
        self.principal_count
    }
}

impl CText {
    pub fn of(text: &str) -> CText {
        CText { at: text.as_ptr().cast(), len: text.len() }
    }
}
