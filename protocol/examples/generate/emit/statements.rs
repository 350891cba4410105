//! Statements that depend on the version: what decoding and encoding share. Pure.

use super::super::schema::{Field, Versions};
use super::{Scope, When, condition};

/// The versions of the structure in which the field is there and not tagged.
pub(super) fn untagged(scope: &Scope<'_>, field: &Field) -> Versions {
    let present = field.versions.intersect(scope.reach);
    let tagged = field.tagged.intersect(present);
    if tagged.is_empty() {
        return present;
    }
    assert!(tagged.last == present.last, "a tagged field stays tagged");
    Versions {
        first: present.first,
        last: tagged.first - 1,
    }
}

/// Statements, each under a condition on the version; neighbours share theirs.
#[derive(Default)]
pub(super) struct Statements {
    text: String,
    guard: Option<String>,
    guarded: String,
}

impl Statements {
    pub(super) fn push(&mut self, statement: &str, versions: Versions, reach: Versions) {
        let guard = match When::of(versions, reach) {
            When::Always => None,
            When::Never => return,
            When::Sometimes => Some(condition(versions, reach)),
        };
        if guard != self.guard {
            self.flush();
            self.guard = guard;
        }
        self.guarded += statement;
    }

    fn flush(&mut self) {
        let guarded = std::mem::take(&mut self.guarded);
        match &self.guard {
            _ if guarded.is_empty() => {}
            Some(guard) => self.text += &format!("if {guard} {{\n{guarded}}}\n"),
            None => self.text += &guarded,
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.text
    }
}

pub(super) fn guarded_flexible(scope: &Scope<'_>, section: String) -> String {
    match scope.flexible {
        When::Always => section,
        When::Never => String::new(),
        When::Sometimes => format!("if flexible {{\n{section}}}\n"),
    }
}
