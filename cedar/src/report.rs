//! Problems found in documents: where, what, and the same as one line for people.

use std::fmt::Display;

/// No one reads the hundred-and-first error of a broken document.
const PROBLEMS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub warning: bool,
    pub message: String,
}

impl Problem {
    pub fn line_text(&self) -> String {
        let kind = if self.warning { "warning: " } else { "" };
        match (self.file.is_empty(), self.line) {
            (true, _) => format!("{kind}{}", self.message),
            (false, 0) => format!("{}: {kind}{}", self.file, self.message),
            (false, line) => format!("{}:{}:{}: {kind}{}", self.file, line, self.column, self.message),
        }
    }
}

/// A place in a document.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub offset: usize,
}

impl Place<'_> {
    /// Line and column from 1; columns count characters.
    pub fn line_column(&self) -> (u32, u32) {
        let upto = self.text.get(..self.offset).unwrap_or(self.text);
        let line = upto.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = upto.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line as u32, column as u32)
    }
}

#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    errors: usize,
}

impl Problems {
    pub fn error_at(&mut self, place: Place<'_>, message: impl Display) {
        self.add(Some(place), false, &message.to_string());
    }

    pub fn warn_at(&mut self, place: Place<'_>, message: impl Display) {
        self.add(Some(place), true, &message.to_string());
    }

    /// Of the zone's parties, or of no place in particular.
    pub fn error(&mut self, message: impl Display) {
        self.add(None, false, &message.to_string());
    }

    pub fn warn(&mut self, message: impl Display) {
        self.add(None, true, &message.to_string());
    }

    fn add(&mut self, place: Option<Place<'_>>, warning: bool, message: &str) {
        self.errors += usize::from(!warning);
        if self.found.len() >= PROBLEMS_MAX {
            return;
        }
        let (line, column) = place.map_or((0, 0), |p| p.line_column());
        let file = place.map_or("", |p| p.file).to_string();
        let message = one_line(message);
        self.found.push(Problem { file, line, column, warning, message });
    }

    pub fn any_error(&self) -> bool {
        self.errors > 0
    }

    /// Errors first; otherwise as found, which is the order of documents.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        if self.errors > 0 && self.found.iter().all(|p| p.warning) {
            // Warnings filled the list before the first error came: say at least that there is one.
            self.found.pop();
            self.add(None, false, "there are more errors than are shown");
        }
        self.found.sort_by_key(|p| p.warning);
        self.found
    }
}

/// Control characters become spaces: a message goes into logs and answers that are one line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        let at = |offset| Place { file: "f", text: "ab\ncé x", offset }.line_column();
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(3), (2, 1));
        assert_eq!(at(6), (2, 3));
    }

    #[test]
    fn errors_come_first_and_stay_on_one_line() {
        let mut problems = Problems::default();
        problems.warn("w");
        problems.error_at(Place { file: "f", text: "", offset: 0 }, "a\nb");
        let sorted = problems.into_sorted();
        assert_eq!(sorted[0].line_text(), "f:1:1: a b");
        assert_eq!(sorted[1].line_text(), "warning: w");
    }
}
