//! The function `trigger`: pushes become releases, and builds are started, followed and stopped, as `functions/trigger` does it.

use jiff::SignedDuration;
use longshore_core::{
    line::Placed,
    push::{Actor, Cause, Head, Push, Reference},
    release::{BuildStep, Commit, Fact, Met, Newer, Origin, Outcome, Release, ReleaseId, Until, Wait},
};

use crate::{
    deploy::apply,
    plan::Broken,
    runtime::{Caller, Lost},
    world::World,
};

/// For how long an invocation goes on.
const TIME: SignedDuration = SignedDuration::from_secs(12);

/// An invocation of `trigger`.
pub struct Trigger {
    caller: Caller,
    broken: Option<Broken>,
}

/// The commit of a push, by its position.
pub fn commit(position: usize) -> String {
    format!("{position:040x}")
}

fn push(world: &World, position: usize) -> Push {
    Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Push,
        before: Some(commit(position - 1)),
        base: None,
        after: Some(commit(position)),
        created: false,
        forced: false,
        at: Some(world.began + SignedDuration::from_mins(i64::try_from(position).unwrap_or_default())),
        head: Head::default(),
        actor: Actor::default(),
        files: None,
        brought: Vec::new(),
    }
}

/// Records a push as a release, with its place in the line and in the order of numbers; again for a delivery that comes again. The
/// releases whose place it takes are told by the tick too, so that this may be the last that happens.
fn accept(world: &mut World, position: usize) -> (ReleaseId, Vec<ReleaseId>) {
    let push = push(world, position);
    let now = world.now;
    let pipeline = world.plan.pipeline.clone();
    let mut line = world.table.line.clone();
    let at = line.place(&push, now).expect("no deletion");
    if let Some(known) = line.release(at, &pipeline.name) {
        return (known.release.clone(), Vec::new());
    }
    let late = line.is_late(at, &pipeline.name);
    let number = world.table.next_number();
    let id = world.table.next_id();
    let placed = Placed { release: id.clone(), pipeline: pipeline.name.clone(), number, late };
    line.started(at, placed);
    let older: Vec<_> = line.older(&pipeline.name).map(|placed| placed.release.clone()).collect();
    let previous = line.before(&id, &pipeline.name).next().filter(|_| !pipeline.supersede && !late);
    let wait = |before: &Placed| Wait {
        release: before.release.clone(),
        pipeline: before.pipeline.clone(),
        number: before.number,
        until: Until::End,
        met: None,
    };
    let waits = previous.map(wait).into_iter().collect();
    let origin = Origin {
        delivery: format!("github/{position}"),
        repository: pipeline.repository.clone(),
        reference: push.reference.clone(),
        commit: Commit::of(&push).expect("a commit"),
        brought: Vec::new(),
    };
    let mut release = Release::new(id.clone(), number, &pipeline, origin, waits, None, now);
    if late {
        world.reached.insert("a push that came late");
        let newest = line.newest(&pipeline.name).expect("a newer one");
        release = release.late(&Newer { number: newest.number, commit: String::new() });
    }
    world.say(|| format!("push {position} is #{number}{}", if late { ", late" } else { "" }));
    world.table.line = line;
    world.table.releases.insert(id.clone(), release);
    world.ledger.accepted.insert(id.clone());
    (id, if pipeline.supersede { older } else { Vec::new() })
}

impl Trigger {
    pub fn new(caller: Caller, broken: Option<Broken>) -> Self {
        Self { caller, broken }
    }

    /// A delivery of a push, by its position from 1.
    pub async fn deliver(&self, position: usize) -> Result<(), Lost> {
        let (id, older) = self.caller.call(move |world| accept(world, position)).await?;
        self.look_after(&id).await?;
        for id in older {
            self.look_after(&id).await?;
        }
        Ok(())
    }

    /// Looks after these, one after the other; one that fails does not keep the others waiting.
    pub async fn look_after_all(&self, releases: Vec<ReleaseId>) {
        for id in releases {
            if self.caller.now().duration_since(self.caller.began) > TIME {
                return;
            }
            self.look_after(&id).await.ok();
        }
    }

    /// Does what is next for a release's build.
    pub async fn look_after(&self, id: &ReleaseId) -> Result<(), Lost> {
        let id = id.clone();
        let read = self.caller.call(move |world| {
            let release = world.table.releases.get(&id).cloned()?;
            let newer = world.table.line.newer(&id, release.number, &release.pipeline).cloned();
            Some((release, newer))
        });
        let Some((mut release, newer)) = read.await? else { return Ok(()) };
        if let Some(newer) = newer.filter(|_| release.may_be_superseded()) {
            let newer = Newer { number: newer.number, commit: String::new() };
            release = apply(&self.caller, release, Fact::Superseded(newer)).await?;
        }
        self.advance(release).await
    }

    /// Looks after the release that waits for one that ended.
    pub async fn ended(&self, id: &ReleaseId) -> Result<(), Lost> {
        let known = id.clone();
        let next = self.caller.call(move |world| world.table.line.next(&known, "web").map(|next| next.release.clone()));
        match next.await? {
            Some(next) => self.look_after(&next).await,
            None => Ok(()),
        }
    }

    async fn advance(&self, mut release: Release) -> Result<(), Lost> {
        loop {
            let step = release.build_step(self.caller.now());
            let version = release.version;
            self.caller.say(|| format!("#{} build: {step:?}", release.number));
            if let Some(fact) = self.perform(&release, step).await? {
                release = apply(&self.caller, release, fact).await?;
            }
            let more = match step {
                BuildStep::Wait | BuildStep::Follow | BuildStep::Find | BuildStep::Stop => release.version != version,
                BuildStep::Start { .. } | BuildStep::GiveUp => release.build_step(self.caller.now()) == BuildStep::Stop,
                BuildStep::Nothing => false,
            };
            if !more {
                return Ok(());
            }
        }
    }

    async fn perform(&self, release: &Release, step: BuildStep) -> Result<Option<Fact>, Lost> {
        let lost = |_: Lost| Fact::BuildDelayed("StartBuild failed".to_owned());
        let given_up = |_: Lost| Fact::BuildGivenUp("the build could not be started".to_owned());
        Ok(match step {
            BuildStep::Nothing => None,
            BuildStep::Wait => self.awaited(release).await?,
            BuildStep::Start { look_first } => Some(self.start(release, look_first).await.unwrap_or_else(lost)),
            BuildStep::GiveUp => Some(self.start(release, true).await.unwrap_or_else(given_up)),
            BuildStep::Follow => self.follow(release).await?,
            BuildStep::Stop => {
                let id = release.build.id.clone().unwrap_or_default();
                self.caller.call(move |world| world.codebuild.stop(&id)).await?;
                self.follow(release).await?
            }
            BuildStep::Find => Some(match self.find(release).await? {
                Some(id) => Fact::BuildStarted { id, page: None },
                None => Fact::BuildNotStarted,
            }),
        })
    }

    async fn awaited(&self, release: &Release) -> Result<Option<Fact>, Lost> {
        for wait in release.waits.iter().filter(|wait| wait.met.is_none()) {
            let id = wait.release.clone();
            let other = self.caller.call(move |world| world.table.releases.get(&id).cloned()).await?;
            match other {
                None => return Ok(Some(Fact::Cancelled("it is gone".to_owned()))),
                Some(other) if other.state.is_end() => {
                    return Ok(Some(Fact::Awaited(other.id.clone(), Met::from(&other))));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    async fn find(&self, release: &Release) -> Result<Option<String>, Lost> {
        let id = release.id.clone();
        self.caller.call(move |world| world.codebuild.find(&id)).await
    }

    async fn start(&self, release: &Release, look_first: bool) -> Result<Fact, Lost> {
        let found = if look_first { self.find(release).await? } else { None };
        if let Some(id) = found {
            return Ok(Fact::BuildStarted { id, page: None });
        }
        let (id, knows_tokens) = (release.id.clone(), self.broken != Some(Broken::Tokens));
        let same = release.number > 1;
        let started = self.caller.call(move |world| {
            if world.is_unlucky(world.plan.lost_requests) {
                return None;
            }
            let (now, image) = (world.now, image(world, &id, same));
            Some(world.codebuild.start(&id, image, knows_tokens, now))
        });
        let id = started.await?.ok_or(Lost)?;
        Ok(Fact::BuildStarted { id, page: None })
    }

    async fn follow(&self, release: &Release) -> Result<Option<Fact>, Lost> {
        let id = release.build.id.clone().unwrap_or_default();
        let outcome: Option<Outcome> = self.caller.call(move |world| world.codebuild.outcome(&id)).await?;
        Ok(outcome.map(|outcome| Fact::BuildEnded { outcome, reason: None, tail: Vec::new() }))
    }
}

/// The image that a build makes: that of its commit, or the one before where nothing changed.
fn image(world: &mut World, id: &ReleaseId, may_be_same: bool) -> char {
    let commit = world.table.releases.get(id).map(|release| release.commit.id.clone()).unwrap_or_default();
    let own = commit.chars().last().unwrap_or('0');
    let same = may_be_same && world.chance.percent(world.plan.same_image);
    let before = own.to_digit(16).unwrap_or_default().saturating_sub(1).max(1);
    if same { char::from_digit(before, 16).unwrap_or(own) } else { own }
}
