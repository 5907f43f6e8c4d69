//! The environments' records: which release was admitted last, and who works on it.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use longshore_core::release::Release;

use super::{Store, StoreError, failed, number, read_number, record::is_condition, text};

/// Whether an environment took a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is the newest that the environment has seen, and the caller alone works on it.
    Admitted(Hold),
    /// A newer one, of this number, was admitted before.
    Overtaken(u64),
    /// Another invocation works on the environment now.
    Busy,
}

/// The right to change an environment's services: one invocation has it at a time, for at most [`Hold::LIFE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    key: String,
    holder: String,
}

impl Hold {
    /// For how long it lasts when its holder dies: longer than a function may run, so that no call of a dead holder comes after it.
    pub const LIFE: SignedDuration = SignedDuration::from_secs(40);
}

impl Store {
    /// Admits a release to an environment, unless a newer one was admitted, and lets the caller work on it: one conditional write.
    /// `holder` names the invocation.
    pub async fn admit(
        &self,
        release: &Release,
        environment: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let key = format!("environment#{}#{environment}", release.pipeline);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key))
            .key("sk", text("environment"))
            .update_expression("SET newest = :number, #release = :release, #holder = :holder, held_until = :until")
            .condition_expression(
                "(attribute_not_exists(newest) OR newest <= :number) AND \
                 (attribute_not_exists(held_until) OR held_until < :now OR #holder = :holder)",
            )
            .expression_attribute_names("#release", "release")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":number", number(release.number))
            .expression_attribute_values(":release", text(release.id.as_str()))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":until", number((now + Hold::LIFE).as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else {
            return Ok(Admission::Admitted(Hold { key, holder: holder.to_owned() }));
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
            return Err(failed(error));
        };
        let newest: Option<u64> = match refusal.item() {
            Some(item) => read_number(item, "newest"),
            None => self.get(&key, "environment").await?.and_then(|item| read_number(&item, "newest")),
        };
        match newest {
            Some(newest) if newest > release.number => Ok(Admission::Overtaken(newest)),
            _ => Ok(Admission::Busy),
        }
    }

    /// Gives the right back; it may have lapsed.
    pub async fn leave(&self, hold: &Hold) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&hold.key))
            .key("sk", text("environment"))
            .update_expression("REMOVE #holder, held_until")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", text(&hold.holder));
        match request.send().await {
            Err(error) if !is_condition(&error) => Err(failed(error)),
            _ => Ok(()),
        }
    }
}
