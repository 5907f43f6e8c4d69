//! The table, with the conditions under which the store writes to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    environment::{Environment, Live},
    line::Line,
    release::{Lock, OpenFor, Passing, Release, ReleaseId},
};

use crate::plan::Broken;

/// For how long an environment is held by an invocation that died.
const HOLD: SignedDuration = SignedDuration::from_secs(40);

#[derive(Default)]
pub struct Table {
    pub releases: BTreeMap<ReleaseId, Release>,
    pub environments: BTreeMap<String, Row>,
    pub line: Line,
    number: u64,
    ids: u64,
}

/// An environment's record.
#[derive(Default, Clone)]
pub struct Row {
    pub record: Environment,
    holder: Option<(u64, Timestamp)>,
    /// A person's lock.
    lock: Option<Lock>,
    /// The lock of a rollback, and its number.
    rollback: Option<(Lock, u64)>,
}

impl Row {
    /// What the record tells: the lock of a rollback has no end, and stands before a person's own.
    fn tell(&mut self) {
        self.record.lock = self.rollback.as_ref().map(|(lock, _)| lock).or(self.lock.as_ref()).cloned();
    }
}

/// What came of asking an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    Overtaken(u64),
    Locked(Lock),
    Busy,
}

impl Table {
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// An id that sorts by its age.
    pub fn next_id(&mut self) -> ReleaseId {
        self.ids += 1;
        ReleaseId::parse(&format!("01JD{:022}", self.ids)).expect("an id")
    }

    /// Saves a record onto the version that it was read at.
    pub fn save(&mut self, mut release: Release, broken: Option<Broken>) -> Option<Release> {
        let kept = self.releases.get(&release.id)?;
        if kept.version != release.version && broken != Some(Broken::Versions) {
            return None;
        }
        release.version = kept.version + 1;
        self.releases.insert(release.id.clone(), release.clone());
        Some(release)
    }

    pub fn open(&self, open_for: OpenFor) -> Vec<ReleaseId> {
        let open = self.releases.values().filter(|release| release.open_for() == Some(open_for));
        open.map(|release| release.id.clone()).collect()
    }

    /// One conditional write: the number, the hold and the lock.
    pub fn admit(
        &mut self,
        release: (&ReleaseId, u64),
        environment: &str,
        holder: u64,
        passing: Passing,
        now: Timestamp,
        broken: Option<Broken>,
    ) -> Admission {
        let (id, number) = release;
        let row = self.environments.entry(environment.to_owned()).or_default();
        let newest = row.record.newest.filter(|newest| *newest > number && broken != Some(Broken::Numbers));
        let lock = row.record.lock.as_ref().filter(|lock| passing == Passing::Automation && lock.holds(now));
        let busy = row.holder.is_some_and(|(by, until)| by != holder && until >= now) && broken != Some(Broken::Holds);
        match (newest, lock) {
            (Some(newest), _) => Admission::Overtaken(newest),
            (None, Some(lock)) if broken != Some(Broken::Locks) => Admission::Locked(lock.clone()),
            _ if busy => Admission::Busy,
            _ => {
                (row.record.newest, row.record.release) = (Some(number), Some(id.clone()));
                row.holder = Some((holder, now + HOLD));
                Admission::Admitted
            }
        }
    }

    /// The lock of a rollback goes with the next release that someone asks for by name.
    pub fn lift_rollback(&mut self, environment: &str, number: u64) {
        let row = self.environments.entry(environment.to_owned()).or_default();
        if row.rollback.as_ref().is_some_and(|(_, of)| *of < number) {
            row.rollback = None;
            row.tell();
        }
    }

    pub fn leave(&mut self, environment: &str, holder: u64) {
        let row = self.environments.entry(environment.to_owned()).or_default();
        row.holder = row.holder.filter(|(by, _)| *by != holder);
    }

    pub fn environment(&self, environment: &str) -> Environment {
        self.environments.get(environment).map(|row| row.record.clone()).unwrap_or_default()
    }

    /// Writes down what is live; whether that was not known.
    pub fn live(&mut self, release: &Release, environment: &str, now: Timestamp) -> bool {
        let row = self.environments.entry(environment.to_owned()).or_default();
        row.record.went_live(Live::of(release, now))
    }

    pub fn lock(&mut self, environment: &str, lock: Lock, of: Option<u64>) {
        let row = self.environments.entry(environment.to_owned()).or_default();
        match of {
            Some(of) => row.rollback = Some((lock, of)),
            None => row.lock = Some(lock),
        }
        row.tell();
    }

    pub fn unlock(&mut self, environment: &str) {
        let row = self.environments.entry(environment.to_owned()).or_default();
        (row.lock, row.rollback) = (None, None);
        row.tell();
    }
}
