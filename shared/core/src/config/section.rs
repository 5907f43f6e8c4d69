//! One table of the file while it is read.

use std::{
    collections::HashSet,
    ops::{Range, RangeInclusive},
};

use jiff::SignedDuration;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Problem, values::duration};
use crate::text;

/// A table: it knows which keys were asked for, so that the others are unknown.
pub(super) struct Section<'t, 'p> {
    table: &'t DeTable<'t>,
    title: &'static str,
    pub span: Range<usize>,
    asked: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'t, 'p> Section<'t, 'p> {
    pub fn new(
        table: &'t DeTable<'t>,
        title: &'static str,
        span: Range<usize>,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self { table, title, span, asked: Vec::new(), problems }
    }

    pub fn inner<'q>(&'q mut self, table: &'t DeTable<'t>, title: &'static str, span: Range<usize>) -> Section<'t, 'q> {
        Section::new(table, title, span, self.problems)
    }

    pub fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem { span, message: message.into(), help });
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key's value is; where there is none, the table.
    pub fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Spanned::span)
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// A problem with what a key holds.
    fn wrong(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message = format!("`{key}` must be {wanted}, not {}", value.get_ref().type_str());
        self.problem(value.span(), message, None);
    }

    pub fn string(&mut self, key: &'static str) -> Option<(&'t str, Range<usize>)> {
        let value = self.value(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some((text.as_ref(), value.span()));
        }
        self.wrong(key, value, "a string");
        None
    }

    /// A text that may be there, read by `read`; what it cannot be is a problem.
    pub fn read<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Option<T>, wanted: &str) -> Option<T> {
        let (text, span) = self.string(key)?;
        let found = read(text);
        if found.is_none() {
            self.problem(span, format!("`{key}` cannot be \"{text}\""), Some(format!("it must be {wanted}")));
        }
        found
    }

    pub fn valid(
        &mut self,
        key: &str,
        text: &str,
        span: Range<usize>,
        is: fn(&str) -> bool,
        wanted: &str,
    ) -> Option<String> {
        if is(text) {
            return Some(text.to_owned());
        }
        self.problem(span, format!("`{key}` cannot be \"{text}\""), Some(format!("it must be {wanted}")));
        None
    }

    pub fn optional(&mut self, key: &'static str, is: fn(&str) -> bool, wanted: &str) -> Option<String> {
        let (text, span) = self.string(key)?;
        self.valid(key, text, span, is, wanted)
    }

    pub fn required(&mut self, key: &'static str, is: fn(&str) -> bool, wanted: &str) -> String {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional(key, is, wanted).unwrap_or_default()
    }

    pub fn missing(&mut self, key: &'static str) {
        if !self.misspelt(key) {
            self.problem(self.span.clone(), format!("{} has no `{key}`", self.title), None);
        }
    }

    /// Whether there is a key that is near this one: it is reported as unknown, with the right name, and that says it all.
    pub fn misspelt(&self, key: &str) -> bool {
        let near = |written: &str| written != key && text::nearest(written, [key]).is_some();
        self.table.iter().any(|(written, _)| near(written.get_ref()))
    }

    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(boolean) = value.get_ref() {
            return Some(*boolean);
        }
        self.wrong(key, value, "true or false");
        None
    }

    pub fn integer(&mut self, key: &'static str, limits: RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(key)?;
        let wanted = format!("a whole number from {} to {}", limits.start(), limits.end());
        let DeValue::Integer(written) = value.get_ref() else {
            self.wrong(key, value, &wanted);
            return None;
        };
        // A number that is too large for us is out of limits as well.
        let number = i64::from_str_radix(written.as_str(), written.radix()).ok();
        if let Some(number) = number.filter(|number| limits.contains(number)) {
            return Some(number);
        }
        self.problem(value.span(), format!("`{key}` cannot be {written}"), Some(format!("it must be {wanted}")));
        None
    }

    /// A duration between the two that are given as they are written, both included.
    pub fn duration(&mut self, key: &'static str, [shortest, longest]: [&str; 2]) -> Option<SignedDuration> {
        let (written, span) = self.string(key)?;
        let limits = duration(shortest)..=duration(longest);
        let read = duration(written);
        if read.is_some() && limits.contains(&read) {
            return read;
        }
        let help = format!("it must be a number and s, m, h or d, from \"{shortest}\" to \"{longest}\"");
        self.problem(span, format!("`{key}` cannot be \"{written}\""), Some(help));
        None
    }

    /// The texts of an array; `None` when the key is absent.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<(&'t str, Range<usize>)>> {
        let value = self.value(key)?;
        let mut texts = Vec::new();
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "an array of strings");
            return Some(texts);
        };
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span())),
                _ => self.wrong(key, item, "an array of strings"),
            }
        }
        Some(texts)
    }

    /// The texts of an array that may be absent, and not empty.
    pub fn filled(&mut self, key: &'static str) -> Vec<(&'t str, Range<usize>)> {
        if let Some(value) = self.table.get(key)
            && matches!(value.get_ref(), DeValue::Array(items) if items.is_empty())
        {
            self.problem(value.span(), format!("`{key}` is empty"), Some("name at least one".to_owned()));
        }
        self.list(key).unwrap_or_default()
    }

    pub fn strings(&mut self, key: &'static str, required: bool, is: fn(&str) -> bool, wanted: &str) -> Vec<String> {
        if required && !self.has(key) {
            self.missing(key);
        }
        let listed = if required { self.filled(key) } else { self.list(key).unwrap_or_default() };
        let mut texts: Vec<String> = Vec::new();
        for (text, span) in listed {
            if texts.iter().any(|earlier| earlier == text) {
                self.problem(span, format!("`{key}` names \"{text}\" twice"), None);
            } else if let Some(text) = self.valid(key, text, span, is, wanted) {
                texts.push(text);
            }
        }
        texts
    }

    pub fn table(&mut self, key: &'static str) -> Option<(&'t DeTable<'t>, Range<usize>)> {
        let value = self.value(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        self.wrong(key, value, "a table");
        None
    }

    /// A table of texts: each key, its place, its text and that one's place.
    pub fn texts(&mut self, key: &'static str) -> Vec<(&'t str, Range<usize>, &'t str, Range<usize>)> {
        let mut texts = Vec::new();
        let Some((table, span)) = self.table(key) else { return texts };
        if table.is_empty() {
            self.problem(span, format!("`{key}` is empty"), Some("name at least one".to_owned()));
        }
        for (name, value) in table {
            match value.get_ref() {
                DeValue::String(text) => {
                    texts.push((name.get_ref().as_ref(), name.span(), text.as_ref(), value.span()));
                }
                _ => self.wrong(key, value, "a table of strings"),
            }
        }
        texts
    }

    pub fn tables(&mut self, key: &'static str) -> Vec<(&'t DeTable<'t>, Range<usize>)> {
        let mut tables = Vec::new();
        let Some(value) = self.value(key) else { return tables };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "an array of tables");
            return tables;
        };
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span())),
                _ => self.wrong(key, item, "an array of tables"),
            }
        }
        tables
    }

    pub fn unique(&mut self, names: &mut HashSet<String>, name: &str, what: &str, span: &Range<usize>) {
        if !name.is_empty() && !names.insert(name.to_owned()) {
            self.problem(span.clone(), format!("a second {what} is named \"{name}\""), None);
        }
    }

    /// Reports the keys that nobody asked for.
    pub fn close(self) {
        for (key, _) in self.table {
            let written: &str = key.get_ref();
            if self.asked.contains(&written) {
                continue;
            }
            let help = match text::nearest(written, self.asked.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("{} takes {}", self.title, self.asked.join(", ")),
            };
            let message = format!("unknown key `{written}` in {}", self.title);
            self.problems.push(Problem { span: key.span(), message, help: Some(help) });
        }
    }
}
