//! Where in the file something was written. The configuration was read before: what is not as it should be does not come here.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::glob::Pattern;

/// The table of a pipeline, or of an environment, and all of whose place.
pub(super) struct Places<'t> {
    table: &'t DeTable<'t>,
    pub span: Range<usize>,
}

/// An element of an array of texts.
pub(super) struct Entry {
    /// As it was written, with its `!`.
    pub text: String,
    pub span: Range<usize>,
}

/// A pattern of a list, and where it is.
#[derive(Clone)]
pub(super) struct Written {
    pub pattern: Pattern,
    /// Whether it has a `!` before it.
    pub excluded: bool,
    /// As it was written, with its `!`.
    pub text: String,
    pub span: Range<usize>,
}

/// Those of all pipelines, in the file's order.
pub(super) fn pipelines<'t>(document: &'t DeTable<'t>) -> Vec<Places<'t>> {
    tables(document, "pipeline")
}

fn tables<'t>(table: &'t DeTable<'t>, key: &str) -> Vec<Places<'t>> {
    let Some(DeValue::Array(items)) = table.get(key).map(Spanned::get_ref) else { return Vec::new() };
    let inner = |item: &'t Spanned<DeValue<'t>>| match item.get_ref() {
        DeValue::Table(table) => Some(Places { table, span: item.span() }),
        _ => None,
    };
    items.iter().filter_map(inner).collect()
}

impl<'t> Places<'t> {
    /// Its environments.
    pub fn environments(&self) -> Vec<Places<'t>> {
        tables(self.table, "environment")
    }

    /// A table within.
    pub fn inner(&self, key: &str) -> Option<Places<'t>> {
        let value = self.table.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Places { table, span: value.span() }),
            _ => None,
        }
    }

    /// Where a key's value is.
    pub fn span(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(Spanned::span)
    }

    /// The texts of an array.
    pub fn entries(&self, key: &str) -> Vec<Entry> {
        let Some(DeValue::Array(items)) = self.table.get(key).map(Spanned::get_ref) else { return Vec::new() };
        let entry = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) => Some(Entry { text: text.to_string(), span: item.span() }),
            _ => None,
        };
        items.iter().filter_map(entry).collect()
    }

    /// The patterns of an array.
    pub fn patterns(&self, key: &str) -> Vec<Written> {
        let written = |Entry { text, span }: Entry| {
            let (excluded, pattern) = match text.strip_prefix('!') {
                Some(pattern) => (true, Pattern::parse(pattern).ok()?),
                None => (false, Pattern::parse(&text).ok()?),
            };
            Some(Written { pattern, excluded, text, span })
        };
        self.entries(key).into_iter().filter_map(written).collect()
    }
}
