//! The world that the functions act in, and the ledger of what truly happened, which the checks compare records with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use longshore_core::release::{Fact, Passing, Refused, Release, ReleaseId};

use crate::{
    chance::Chance,
    codebuild::CodeBuild,
    ecs::{By, Ecs, Service},
    plan::Plan,
    table::{Admission, Table},
};

/// What comes to the functions by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Build(ReleaseId),
    Service(String),
    Task(ReleaseId),
    Asked(ReleaseId),
    Changed(ReleaseId),
}

/// What is on its way although its sender is gone.
pub type OnItsWay = (Timestamp, Box<dyn FnOnce(&mut World)>);

pub struct World {
    pub began: Timestamp,
    pub now: Timestamp,
    pub chance: Chance,
    pub plan: Plan,
    /// Nothing goes wrong any more.
    pub calm: bool,
    pub table: Table,
    pub codebuild: CodeBuild,
    pub ecs: Ecs,
    pub events: Vec<(Timestamp, Event)>,
    pub on_their_way: Vec<OnItsWay>,
    pub ledger: Ledger,
    /// The first thing that should not be.
    pub violation: Option<String>,
    names: u64,
    /// What happened, by name.
    pub reached: BTreeSet<&'static str>,
    pub trace: Option<Vec<String>>,
}

/// What truly happened.
#[derive(Default)]
pub struct Ledger {
    /// The newest release that was ever admitted to an environment.
    pub admitted: BTreeMap<String, u64>,
    /// Which releases ever were.
    pub entered: BTreeSet<(ReleaseId, String)>,
    /// Which a person approved.
    pub approved: BTreeSet<(ReleaseId, String)>,
    /// Where someone deployed by hand, and when last.
    pub hands: BTreeMap<String, Timestamp>,
    /// What is live in an environment: its number and its image.
    pub live: BTreeMap<String, (u64, char)>,
    /// Which releases ever were live where.
    pub lived: BTreeSet<(ReleaseId, String)>,
    /// Which releases there are.
    pub accepted: BTreeSet<ReleaseId>,
}

impl World {
    pub fn new(seed: u64, plan: impl FnOnce(&mut Chance) -> Plan, traced: bool) -> Self {
        let mut chance = Chance::new(seed);
        let plan = plan(&mut chance);
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let mut ecs = Ecs::default();
        for environment in &plan.pipeline.environments {
            for service in &environment.services {
                let key = format!("{}/{service}", environment.name);
                let arn = ecs.register(&key, '0', None);
                ecs.services.insert(key, Service::new(&arn, now));
            }
        }
        Self {
            began: now,
            now,
            chance,
            plan,
            calm: false,
            table: Table::default(),
            codebuild: CodeBuild::default(),
            ecs,
            events: Vec::new(),
            on_their_way: Vec::new(),
            ledger: Ledger::default(),
            violation: None,
            names: 0,
            reached: BTreeSet::new(),
            trace: traced.then(Vec::new),
        }
    }

    pub fn next_name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    pub fn say(&mut self, what: impl FnOnce() -> String) {
        let seconds = self.now.as_millisecond() - 1_800_000_000_000;
        if let Some(trace) = &mut self.trace {
            trace.push(format!(
                "{:>9.3} {}",
                std::time::Duration::from_millis(seconds.unsigned_abs()).as_secs_f64(),
                what()
            ));
        }
    }

    pub fn wrong(&mut self, what: String) {
        self.say(|| format!("WRONG: {what}"));
        self.violation.get_or_insert(what);
    }

    /// Whether something goes wrong that does so many times in a hundred.
    pub fn is_unlucky(&mut self, often: usize) -> bool {
        !self.calm && self.chance.percent(often)
    }

    /// An event goes out: it may be lost, come twice, or come late.
    pub fn emit(&mut self, event: &Event) {
        let copies = if self.is_unlucky(self.plan.lost_events) {
            0
        } else {
            1 + usize::from(self.is_unlucky(self.plan.doubled_events))
        };
        for _ in 0..copies {
            let late = if self.chance.percent(20) { 120_000 } else { 2_000 };
            let at = self.now + self.chance.millis(late);
            self.events.push((at, event.clone()));
        }
    }

    /// Saves a record, and compares what it says with what is true.
    pub fn save(&mut self, release: Release) -> Option<Release> {
        let before = self.table.releases.get(&release.id).cloned()?;
        let saved = self.table.save(release, self.plan.broken)?;
        self.say(|| format!("#{} v{} {}", saved.number, saved.version, saved.state.word()));
        crate::checks::saved(self, &before, &saved);
        crate::reached::of(&saved, &mut self.reached);
        if before.state != saved.state {
            self.emit(&Event::Changed(saved.id.clone()));
        }
        Some(saved)
    }

    /// Takes a fact into a record in one step, as people's commands do here.
    pub fn take(&mut self, id: &ReleaseId, fact: Fact) -> Option<Result<bool, Refused>> {
        let mut release = self.table.releases.get(id).cloned()?;
        let now = self.now;
        let taken = release.apply(fact, now);
        if taken == Ok(true) {
            self.save(release);
        }
        Some(taken)
    }

    pub fn admit(
        &mut self,
        release: &Release,
        environment: &str,
        (holder, now): (u64, Timestamp),
        passing: Passing,
    ) -> Admission {
        let asked = (&release.id, release.number);
        let admission = self.table.admit(asked, environment, holder, passing, now, self.plan.broken);
        self.say(|| format!("#{} asks {environment}: {admission:?}", release.number));
        if admission == Admission::Admitted {
            crate::checks::admitted(self, release, environment);
            if passing == Passing::ByName {
                self.table.lift_rollback(environment, release.number);
            }
        }
        admission
    }

    /// Writes down what is live.
    pub fn live(&mut self, release: &Release, environment: &str) {
        let now = self.now;
        if self.table.live(release, environment, now) {
            self.say(|| format!("#{} is live in {environment}", release.number));
            crate::checks::live(self, release, environment);
        }
    }

    /// The digit of a release's image, which grows with the commits; `0` is what ran before all.
    pub fn image_of(&self, release: &ReleaseId) -> char {
        let image = self.table.releases.get(release).and_then(|release| release.image.as_ref());
        image.and_then(|image| image.digest.as_str().chars().last()).unwrap_or('0')
    }

    /// UpdateService.
    pub fn update(&mut self, key: &str, arn: &str, force: bool, by: &By) -> Result<Option<String>, String> {
        let now = self.now;
        if *by != By::Hand && self.is_unlucky(self.plan.refusals) {
            self.say(|| format!("{key} may not be told {arn}"));
            return Err("ECS refused the update".to_owned());
        }
        let made = self.ecs.update(key, arn, force, by.clone(), now);
        self.say(|| format!("{key} is told {arn} by {by:?}: {made:?}"));
        crate::checks::told(self, key, by);
        if *by == By::Hand {
            let environment = key.split('/').next().unwrap_or_default().to_owned();
            self.ledger.hands.insert(environment, now);
        }
        Ok(made)
    }
}
