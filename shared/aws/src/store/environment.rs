//! The environments' records: which release was admitted last.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValuesOnConditionCheckFailure};
use longshore_core::release::Release;

use super::{Store, StoreError, failed, number, read_number, text};

/// Whether an environment took a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is the newest that the environment has seen.
    Admitted,
    /// A newer one, of this number, was admitted before.
    Overtaken(u64),
}

impl Store {
    /// Admits a release to an environment, unless a newer one was admitted: one conditional write.
    pub async fn admit(&self, release: &Release, environment: &str) -> Result<Admission, StoreError> {
        let key = format!("environment#{}#{environment}", release.pipeline);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key))
            .key("sk", text("environment"))
            .update_expression("SET newest = :number, #release = :release")
            .condition_expression("attribute_not_exists(newest) OR newest <= :number")
            .expression_attribute_names("#release", "release")
            .expression_attribute_values(":number", number(release.number))
            .expression_attribute_values(":release", text(release.id.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(Admission::Admitted) };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
            return Err(failed(error));
        };
        let newest = match refusal.item() {
            Some(item) => read_number(item, "newest"),
            None => self.get(&key, "environment").await?.and_then(|item| read_number(&item, "newest")),
        };
        newest.map(Admission::Overtaken).ok_or_else(|| StoreError::Unreadable(key, "it has no newest release".into()))
    }
}
