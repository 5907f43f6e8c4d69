//! Until when providers were asked for what they could not deliver.

use jiff::Timestamp;

use super::{Item, Store, StoreError, failed, number, read_number, text};

/// A look at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// When it was.
    pub at: Timestamp,
    /// From when on the next one has to look.
    pub from: Timestamp,
    /// When the next one may be.
    pub next: Timestamp,
}

impl Store {
    /// The last look at what is named so; `None` when there was none.
    pub async fn look(&self, what: &str) -> Result<Option<Look>, StoreError> {
        let Some(item) = self.get(&format!("looked#{what}"), "looked").await? else { return Ok(None) };
        let time = |name| read_number(&item, name).and_then(|time| Timestamp::from_millisecond(time).ok());
        Ok(time("at").zip(time("from")).zip(time("next")).map(|((at, from), next)| Look { at, from, next }))
    }

    /// Keeps a look, instead of the one before.
    pub async fn keep_look(&self, what: &str, look: Look) -> Result<(), StoreError> {
        let item = Item::from([
            ("pk".to_owned(), text(format!("looked#{what}"))),
            ("sk".to_owned(), text("looked")),
            ("at".to_owned(), number(look.at.as_millisecond())),
            ("from".to_owned(), number(look.from.as_millisecond())),
            ("next".to_owned(), number(look.next.as_millisecond())),
        ]);
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.map_err(failed)?;
        Ok(())
    }
}
