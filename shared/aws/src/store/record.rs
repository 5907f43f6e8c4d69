//! Records of releases.

use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;
use longshore_core::release::{Fact, OpenFor, Refused, Release, ReleaseId};

use crate::metrics;

use super::{Item, Store, StoreError, failed, held, json, needed_json, number, read_number, text};

/// How often a change is made again onto a record that someone else changed meanwhile.
const ATTEMPTS: usize = 20;

/// A record after a fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The record as it is in the table.
    pub release: Release,
    /// Whether the fact changed it.
    pub changed: bool,
}

impl Store {
    /// The next number of a pipeline. A number that is not used in the end leaves a gap.
    pub async fn next_number(&self, pipeline: &str) -> Result<u64, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("pipeline#{pipeline}")))
            .key("sk", text("counter"))
            .update_expression("ADD #number :one")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(failed)?;
        let next = answer.attributes.as_ref().and_then(|item| read_number(item, "number"));
        next.ok_or_else(|| StoreError::Unreadable(format!("pipeline#{pipeline}"), "it has no number".into()))
    }

    /// The record of a release.
    pub async fn release(&self, id: &ReleaseId) -> Result<Option<Release>, StoreError> {
        let key = format!("release#{id}");
        let Some(item) = self.get(&key, "release").await? else { return Ok(None) };
        needed_json(&key, &item, "record").map(Some)
    }

    /// Takes a fact into a record, and saves it under its version; made again onto whatever others saved meanwhile. `None` when
    /// there is no such release. `known` spares the first reading.
    pub async fn apply(
        &self,
        id: &ReleaseId,
        known: Option<Release>,
        fact: Fact,
        now: Timestamp,
    ) -> Result<Option<Result<Changed, Refused>>, StoreError> {
        let mut known = known;
        for _ in 0..ATTEMPTS {
            let read = match known.take() {
                Some(release) => Some(release),
                None => self.release(id).await?,
            };
            let Some(mut release) = read else { return Ok(None) };
            let had_ended = release.state.is_end();
            match release.apply(fact.clone(), now) {
                Err(refused) => return Ok(Some(Err(refused))),
                Ok(false) => return Ok(Some(Ok(Changed { release, changed: false }))),
                Ok(true) => {}
            }
            if self.save(&mut release).await? {
                tracing::info!(release = %id, state = release.state.word(), version = release.version, "saved");
                if release.state.is_end() && !had_ended {
                    metrics::ended(&release);
                }
                return Ok(Some(Ok(Changed { release, changed: true })));
            }
        }
        Err(StoreError::Contended(id.to_string()))
    }

    /// Saves a record onto the version that it was read at; `false` when another was saved meanwhile.
    async fn save(&self, release: &mut Release) -> Result<bool, StoreError> {
        let read = release.version;
        release.version += 1;
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(record(release)?))
            .condition_expression("#version = :read")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", number(read));
        Ok(held(request.send().await)?.is_some())
    }

    /// The releases that are open for a kind of work, oldest first.
    pub async fn open_releases(&self, open_for: OpenFor) -> Result<Vec<ReleaseId>, StoreError> {
        Ok(release_ids(&self.open(open_for.word()).await?))
    }
}

pub(super) fn release_ids(keys: &[String]) -> Vec<ReleaseId> {
    keys.iter().filter_map(|key| ReleaseId::parse(key.strip_prefix("release#")?)).collect()
}

pub(super) fn record(release: &Release) -> Result<Item, StoreError> {
    let key = format!("release#{}", release.id);
    let json = json(&key, release)?;
    let mut item = Item::from([
        ("pk".to_owned(), text(key)),
        ("sk".to_owned(), text("release")),
        ("version".to_owned(), number(release.version)),
        ("pipeline".to_owned(), text(&release.pipeline)),
        ("number".to_owned(), number(release.number)),
        ("commit".to_owned(), text(&release.commit.id)),
        ("state".to_owned(), text(release.state.word())),
        ("record".to_owned(), text(json)),
    ]);
    if let Some(image) = &release.image {
        item.insert("digest".to_owned(), text(image.digest.as_str()));
    }
    if let Some(open_for) = release.open_for() {
        item.insert("open_for".to_owned(), text(open_for.word()));
    }
    Ok(item)
}
