//! What people want done, from when it was taken until they were told what became of it: `command#<key>`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use longshore_core::slack::command::{Errand, Key, Outcome};
use secrecy::{ExposeSecret, SecretString};

use super::{Item, Store, StoreError, held, json, needed_json, number, read_json, read_number, read_text, text};

/// The value of the sparse index for errands that are not over.
const OPEN_FOR: &str = "command";
const SK: &str = "command";
/// For how long an errand is remembered: longer than a request with its signature counts.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// An errand, and the right to see to it: one invocation has it at a time, for at most [`TakenErrand::LIFE`].
pub struct TakenErrand {
    /// Which.
    pub key: Key,
    /// What is wanted.
    pub errand: Errand,
    /// Where whoever wants it is answered: as good as a token.
    pub response_url: Option<SecretString>,
    /// What became of it, once it was done or refused.
    pub outcome: Option<Outcome>,
    /// How often it was tried to tell that.
    pub tellings: u32,
    /// Whether an earlier holder may have done it and died before that was written down.
    pub maybe_done: bool,
    until: i64,
}

impl TakenErrand {
    /// For how long the right lasts when its holder dies: longer than a function may run.
    pub const LIFE: SignedDuration = SignedDuration::from_secs(40);
}

/// Without the address.
impl fmt::Debug for TakenErrand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenErrand").field("key", &self.key).field("errand", &self.errand).finish_non_exhaustive()
    }
}

impl Store {
    /// Writes an errand down, once for each key; `false`: it was written down before.
    pub async fn keep_errand(
        &self,
        key: &Key,
        errand: &Errand,
        response_url: Option<&SecretString>,
    ) -> Result<bool, StoreError> {
        let pk = pk(key);
        let mut item = Item::from([
            ("pk".to_owned(), text(&pk)),
            ("sk".to_owned(), text(SK)),
            ("open_for".to_owned(), text(OPEN_FOR)),
            ("errand".to_owned(), text(json(&pk, errand)?)),
            ("expires".to_owned(), number((errand.received + REMEMBERED).as_second())),
        ]);
        if let Some(url) = response_url {
            item.insert("response_url".to_owned(), text(url.expose_secret()));
        }
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        Ok(held(request.condition_expression("attribute_not_exists(pk)").send().await)?.is_some())
    }

    /// Whether an errand was written down.
    pub async fn knows_errand(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(&pk(key), SK).await?.is_some())
    }

    /// What became of an errand; `None` before that is known, and a day after it was written down.
    pub async fn errand_outcome(&self, key: &Key) -> Result<Option<Outcome>, StoreError> {
        let pk = pk(key);
        let Some(item) = self.get(&pk, SK).await? else { return Ok(None) };
        read_json(&pk, &item, "outcome")
    }

    /// The errands that are not over.
    pub async fn open_errands(&self) -> Result<Vec<Key>, StoreError> {
        let keys = self.open(OPEN_FOR).await?;
        Ok(keys.iter().filter_map(|key| Key::parse(key.strip_prefix("command#")?)).collect())
    }

    /// Takes the right to see to an errand; `None` while someone else has it, before it is time to tell again, and when it is over.
    pub async fn take_errand(&self, key: &Key, now: Timestamp) -> Result<Option<TakenErrand>, StoreError> {
        let pk = pk(key);
        let until = (now + TakenErrand::LIFE).as_millisecond();
        let due = " AND (attribute_not_exists(not_before) OR not_before <= :now)";
        let Some(item) = self.lease(&pk, SK, until, now, due).await? else { return Ok(None) };
        Ok(Some(TakenErrand {
            key: key.clone(),
            errand: needed_json(&pk, &item, "errand")?,
            response_url: read_text(&item, "response_url").map(SecretString::from),
            outcome: read_json(&pk, &item, "outcome")?,
            tellings: read_number(&item, "tellings").unwrap_or(0),
            maybe_done: read_number(&item, "attempts").unwrap_or(1) > 1_u64,
            until,
        }))
    }

    /// Writes down what became of an errand, and keeps the right. `false` when that was lost.
    pub async fn errand_came_to(&self, taken: &TakenErrand, outcome: &Outcome) -> Result<bool, StoreError> {
        let outcome = json(&pk(&taken.key), outcome)?;
        self.write_errand(taken, "SET outcome = :outcome", &[(":outcome", text(outcome))]).await
    }

    /// Counts that it is told now, and that it is told again at that time if it is not over by then. `false` when the right was lost.
    pub async fn errand_is_told(&self, taken: &TakenErrand, again: Timestamp) -> Result<bool, StoreError> {
        let values = [(":one", number(1)), (":again", number(again.as_millisecond()))];
        self.write_errand(taken, "SET not_before = :again ADD tellings :one", &values).await
    }

    /// Gives the right back.
    pub async fn leave_errand(&self, taken: &TakenErrand) -> Result<bool, StoreError> {
        self.write_errand(taken, "REMOVE lease", &[]).await
    }

    /// An errand is over: nothing more is done or told. The address goes.
    pub async fn close_errand(&self, taken: &TakenErrand) -> Result<bool, StoreError> {
        self.write_errand(taken, "REMOVE lease, open_for, response_url, not_before", &[]).await
    }

    async fn write_errand(
        &self,
        taken: &TakenErrand,
        update: &str,
        values: &[(&str, aws_sdk_dynamodb::types::AttributeValue)],
    ) -> Result<bool, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(&taken.key)))
            .key("sk", text(SK))
            .update_expression(update)
            .condition_expression("lease = :until")
            .expression_attribute_values(":until", number(taken.until));
        for (name, value) in values {
            request = request.expression_attribute_values(*name, value.clone());
        }
        Ok(held(request.send().await)?.is_some())
    }
}

fn pk(key: &Key) -> String {
    format!("command#{key}")
}
