//! Until when providers were asked for what they could not deliver.

use jiff::Timestamp;

use super::{Item, Store, StoreError, failed, number, read_number, read_text, text};

/// A look at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it was.
    pub at: Timestamp,
    /// When the next one may be.
    pub next: Timestamp,
    /// What the next one has to know of it, in the words of who looks; at most some 300 KB, since an item has no more than 400.
    pub memory: Option<String>,
}

impl Store {
    /// The last look at what is named so; `None` when there was none.
    pub async fn look(&self, what: &str) -> Result<Option<Look>, StoreError> {
        let Some(item) = self.get(&format!("looked#{what}"), "looked").await? else { return Ok(None) };
        let time = |name| read_number(&item, name).and_then(|time| Timestamp::from_millisecond(time).ok());
        let memory = read_text(&item, "memory");
        Ok(time("at").zip(time("next")).map(|(at, next)| Look { at, next, memory }))
    }

    /// Keeps a look, instead of the one before.
    pub async fn keep_look(&self, what: &str, look: &Look) -> Result<(), StoreError> {
        let mut item = Item::from([
            ("pk".to_owned(), text(format!("looked#{what}"))),
            ("sk".to_owned(), text("looked")),
            ("at".to_owned(), number(look.at.as_millisecond())),
            ("next".to_owned(), number(look.next.as_millisecond())),
        ]);
        if let Some(memory) = &look.memory {
            item.insert("memory".to_owned(), text(memory));
        }
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.map_err(failed)?;
        Ok(())
    }
}
