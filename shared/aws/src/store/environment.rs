//! The environments' records: which release was admitted last, who works on it, what was live there, and whether it is locked.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};
use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    environment::{Environment, Live},
    release::{Lock, Passing, Release},
};

use super::{Item, Store, StoreError, failed, held, json, number, read_json, read_number, read_text, text};

/// Whether an environment took a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is the newest that the environment has seen, and the caller alone works on it.
    Admitted(Hold),
    /// A newer one, of this number, was admitted before.
    Overtaken(u64),
    /// Someone locked the environment.
    Locked(Lock),
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
    /// Admits a release to an environment, unless a newer one was admitted or it is locked, and lets the caller work on it: one conditional
    /// write. `holder` names the invocation.
    pub async fn admit(
        &self,
        release: &Release,
        environment: &str,
        holder: &str,
        passing: Passing,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let key = key(&release.pipeline, environment);
        let free = "(attribute_not_exists(newest) OR newest <= :number) AND \
                    (attribute_not_exists(held_until) OR held_until < :now OR #holder = :holder)";
        let unlocked = "(attribute_not_exists(locked_until) OR locked_until <= :now)";
        let condition = match passing {
            Passing::Automation => format!("{free} AND attribute_not_exists(rollback_lock) AND {unlocked}"),
            Passing::Wished => format!("{free} AND {unlocked}"),
            Passing::Past | Passing::ByName => free.to_owned(),
        };
        let request = self
            .environment_update(&key)
            .update_expression("SET newest = :number, #release = :release, #holder = :holder, held_until = :until")
            .condition_expression(condition)
            .expression_attribute_names("#release", "release")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":number", number(release.number))
            .expression_attribute_values(":release", text(release.id.as_str()))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":until", number((now + Hold::LIFE).as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else {
            if matches!(passing, Passing::ByName | Passing::Wished) {
                self.lift_rollback(&key, release.number).await?;
            }
            return Ok(Admission::Admitted(Hold { key, holder: holder.to_owned() }));
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error() else {
            return Err(failed(error));
        };
        let item = match refusal.item() {
            Some(item) => item.clone(),
            None => self.get(&key, "environment").await?.unwrap_or_default(),
        };
        let environment = read(&key, &item)?;
        let lock = match passing {
            Passing::Automation => environment.lock,
            Passing::Wished => read_json(&key, &item, "lock")?,
            Passing::Past | Passing::ByName => None,
        };
        match (environment.newest, lock) {
            (Some(newest), _) if newest > release.number => Ok(Admission::Overtaken(newest)),
            (_, Some(lock)) if lock.holds(now) => Ok(Admission::Locked(lock)),
            _ => Ok(Admission::Busy),
        }
    }

    /// Gives the right back; it may have lapsed.
    pub async fn leave(&self, hold: &Hold) -> Result<(), StoreError> {
        let request = self
            .environment_update(&hold.key)
            .update_expression("REMOVE #holder, held_until")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", text(&hold.holder));
        conditional(request).await.map(drop)
    }

    /// An environment's record; one that nothing was deployed to is empty.
    pub async fn environment(&self, pipeline: &str, environment: &str) -> Result<Environment, StoreError> {
        let key = key(pipeline, environment);
        let item = self.get(&key, "environment").await?.unwrap_or_default();
        read(&key, &item)
    }

    /// The same, and the release that is live there.
    pub async fn environment_with_live(
        &self,
        pipeline: &str,
        environment: &str,
    ) -> Result<(Environment, Option<Release>), StoreError> {
        let record = self.environment(pipeline, environment).await?;
        let live = match record.live.first() {
            Some(live) => self.release(&live.release).await?,
            None => None,
        };
        Ok((record, live))
    }

    /// Locks an environment, whoever locked it before. What is being deployed there goes on to its end.
    pub async fn lock(&self, pipeline: &str, environment: &str, lock: &Lock) -> Result<(), StoreError> {
        let key = key(pipeline, environment);
        let mut request = self.environment_update(&key).update_expression("SET #lock = :lock, locked_until = :until");
        // One without an end is far off.
        let until = lock.until.map_or(i64::MAX / 1000, Timestamp::as_millisecond);
        request = request.expression_attribute_values(":lock", text(json(&key, lock)?));
        request = request.expression_attribute_values(":until", number(until));
        request.expression_attribute_names("#lock", "lock").send().await.map_err(failed)?;
        Ok(())
    }

    /// Takes an environment's lock away; `false` where there was none.
    pub async fn unlock(&self, pipeline: &str, environment: &str) -> Result<bool, StoreError> {
        let request = self
            .environment_update(&key(pipeline, environment))
            .update_expression("REMOVE #lock, locked_until, rollback_lock, rollback_of")
            .condition_expression("attribute_exists(#lock) OR attribute_exists(rollback_lock)")
            .expression_attribute_names("#lock", "lock");
        conditional(request).await
    }

    /// Writes down that a release is live in an environment, before those that were live there earlier. Known already: nothing changes.
    pub async fn live(&self, release: &Release, environment: &str, now: Timestamp) -> Result<(), StoreError> {
        const ATTEMPTS: usize = 20;
        let key = key(&release.pipeline, environment);
        for _ in 0..ATTEMPTS {
            let item = self.get(&key, "environment").await?.unwrap_or_default();
            let before = read_text(&item, "live");
            let mut record = read(&key, &item)?;
            if !record.went_live(Live::of(release, now)) {
                return Ok(());
            }
            let request = self
                .environment_update(&key)
                .update_expression("SET live = :live")
                .expression_attribute_values(":live", text(json(&key, &record.live)?));
            let request = match before {
                Some(before) => {
                    request.condition_expression("live = :before").expression_attribute_values(":before", text(before))
                }
                None => request.condition_expression("attribute_not_exists(live)"),
            };
            if conditional(request).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended(key))
    }

    /// The lock of a rollback goes with the next release that someone asks for by name.
    async fn lift_rollback(&self, key: &str, release: u64) -> Result<(), StoreError> {
        let request = self
            .environment_update(key)
            .update_expression("REMOVE rollback_lock, rollback_of")
            .condition_expression("attribute_exists(rollback_of) AND rollback_of < :number")
            .expression_attribute_values(":number", number(release));
        conditional(request).await.map(drop)
    }

    fn environment_update(&self, key: &str) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&self.table);
        request.key("pk", text(key)).key("sk", text("environment"))
    }
}

pub(super) fn key(pipeline: &str, environment: &str) -> String {
    format!("environment#{pipeline}#{environment}")
}

fn read(key: &str, item: &Item) -> Result<Environment, StoreError> {
    // That of a rollback has no end, and stands before a person's own, which holds beside it.
    let lock = match read_json(key, item, "rollback_lock")? {
        Some(lock) => Some(lock),
        None => read_json(key, item, "lock")?,
    };
    Ok(Environment {
        newest: read_number(item, "newest"),
        release: read_text(item, "release").and_then(|id| longshore_core::release::ReleaseId::parse(&id)),
        live: read_json(key, item, "live")?.unwrap_or_default(),
        lock,
    })
}

/// Sends an update under a condition; `false` when that does not hold.
async fn conditional(request: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    Ok(held(request.send().await)?.is_some())
}
