//! What a delivery's releases are: their numbers, what they wait for, and which releases they take the place of.

mod lines;
mod numbers;
mod waits;

use std::collections::BTreeSet;

use jiff::Timestamp;
use longshore_aws::{
    ids,
    store::{KeptLine, Store, StoreError},
};
use longshore_core::{
    config::{Config, Pipeline},
    line::{Line, Placed, Position},
    push::{Delivery, Push, Reference},
    release::{Brought, Commit, Newer, Origin, Release, ReleaseId, Until},
    route::{self, Routing, Start},
};

pub(crate) use lines::Lines;
pub(crate) use numbers::Numbers;

/// What is to be recorded of a delivery, and what is to be done once it is.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    /// The releases that answer the delivery, new or of the same push told before.
    pub answer: Vec<ReleaseId>,
    /// New releases, in the configuration's order.
    pub releases: Vec<Release>,
    /// The lines that it moves.
    pub lines: Vec<KeptLine>,
    /// Which releases are superseded.
    pub superseded: Vec<Superseded>,
}

/// Releases that another takes the place of.
#[derive(Debug)]
pub(crate) struct Superseded {
    /// Newest first. Where one has ended already, so have those before it.
    pub older: Vec<ReleaseId>,
    /// By what.
    pub by: Newer,
}

/// What a delivery starts. A pipeline of another repository, of whose branch no commit is known yet, is not started, and neither is what
/// would come after it.
pub(crate) async fn routed<'c>(
    store: &Store,
    config: &'c Config,
    delivery: &Delivery,
) -> Result<Routing<'c>, StoreError> {
    let (mut unknown, mut lines) = (BTreeSet::new(), Lines::default());
    loop {
        let routing = route::route_but(config, delivery, &unknown);
        let known = unknown.len();
        for decision in &routing.decisions {
            let elsewhere = decision.starts.iter().find_map(|start| start.elsewhere.as_ref());
            let Some(branch) = elsewhere else { continue };
            let line = lines.of(store, &decision.pipeline.repository, branch).await?;
            if lines.get(line).head().is_none() {
                unknown.insert(decision.pipeline.name.as_str());
            }
        }
        if unknown.len() == known {
            return Ok(routing);
        }
    }
}

/// Decides what a delivery's releases are. Nothing is written but the pipelines' counters.
pub(crate) struct Planner<'p> {
    pub store: &'p Store,
    pub config: &'p Config,
    pub delivery: &'p Delivery,
    pub numbers: &'p mut Numbers,
    pub now: Timestamp,
}

/// A release before it is made.
struct Draft<'r> {
    pipeline: &'r Pipeline,
    placed: Placed,
    /// The position of its line.
    line: usize,
    made: Made<'r>,
}

impl Draft<'_> {
    /// The upstreams of its pipeline that its push starts.
    fn upstreams(&self) -> impl Iterator<Item = &String> {
        let after = match &self.made {
            Made::New(start, _) => start.after.as_slice(),
            Made::Before | Made::Again(_) => &[],
        };
        after.iter()
    }

    /// Whether it is a release of this pipeline that will be built.
    fn is_new(&self, pipeline: &str) -> bool {
        self.pipeline.name == pipeline && !self.placed.late && matches!(self.made, Made::New(..))
    }
}

/// Why there is a release.
enum Made<'r> {
    /// A push starts it.
    New(&'r Start, Origin),
    /// Another delivery of the same push started it.
    Before,
    /// Its commit was released before, by this release, as if it were older than it is.
    Again(Placed),
}

impl<'p> Planner<'p> {
    pub(crate) async fn plan(mut self, routing: &Routing<'_>) -> Result<Planned, StoreError> {
        self.numbers.again(self.store).await?;
        let mut planned = Planned::default();
        let mut lines = Lines::default();
        let delivery = self.delivery;
        let repository = delivery.repository.as_deref().unwrap_or_default();
        for (index, push) in delivery.pushes().iter().enumerate() {
            if !self.config.of_repository(repository).any(|pipeline| pipeline.wants(&push.reference)) {
                continue;
            }
            let line = lines.of(self.store, repository, &push.reference).await?;
            let Some(position) = lines.line(line).place(push, self.now) else {
                lines.line(line).deleted(push.before.as_deref(), push.at);
                continue;
            };
            let starts = routing
                .decisions
                .iter()
                .flat_map(|decision| decision.starts.iter().map(move |start| (decision.pipeline, start)));
            let starts: Vec<_> = starts.filter(|(_, start)| start.push == index).collect();
            let mut drafts = Vec::new();
            for (pipeline, start) in starts.iter().filter(|(_, start)| start.elsewhere.is_none()) {
                drafts.extend(self.own(pipeline, start, push, (line, position), &mut lines).await?);
            }
            // Then another delivery of the same push started what comes after them, too.
            let before = !drafts.is_empty() && drafts.iter().all(|draft| matches!(draft.made, Made::Before));
            for (pipeline, start) in starts {
                if let Some(branch) = &start.elsewhere {
                    drafts.extend(self.elsewhere(pipeline, (start, before), branch, &mut lines).await?);
                }
            }
            let answer = drafts.iter().map(|draft| draft.placed.release.clone());
            planned.answer.extend(answer);
            drafts.extend(self.again(&drafts, line, &mut lines).await?);
            self.make(&drafts, &lines, &mut planned).await?;
        }
        planned.lines = lines.moved();
        Ok(planned)
    }

    /// A release of what was pushed.
    async fn own<'r>(
        &mut self,
        pipeline: &'r Pipeline,
        start: &'r Start,
        push: &Push,
        (line, position): (usize, Position),
        lines: &mut Lines,
    ) -> Result<Option<Draft<'r>>, StoreError> {
        let kept = lines.line(line);
        if let Some(placed) = kept.release(position, &pipeline.name).cloned() {
            return Ok(Some(Draft { pipeline, placed, line, made: Made::Before }));
        }
        let Some(commit) = Commit::of(push) else { return Ok(None) };
        let late = kept.is_late(position, &pipeline.name);
        let placed = self.placed(pipeline, kept.highest(&pipeline.name), late).await?;
        kept.started(position, placed.clone());
        let made = Made::New(start, self.origin(push.reference.clone(), commit, push.brought.clone()));
        Ok(Some(Draft { pipeline, placed, line, made }))
    }

    /// A release of the newest known commit of a pipeline in another repository.
    async fn elsewhere<'r>(
        &mut self,
        pipeline: &'r Pipeline,
        (start, before): (&'r Start, bool),
        branch: &Reference,
        lines: &mut Lines,
    ) -> Result<Option<Draft<'r>>, StoreError> {
        let line = lines.of(self.store, &pipeline.repository, branch).await?;
        let kept = lines.line(line);
        if before {
            let newest = kept.newest(&pipeline.name).cloned();
            return Ok(newest.map(|placed| Draft { pipeline, placed, line, made: Made::Before }));
        }
        // Known when it was routed, and deleted since.
        let Some(head) = kept.head() else { return Ok(None) };
        let placed = self.placed(pipeline, kept.highest(&pipeline.name), false).await?;
        let (commit, release) = kept.at(head);
        let release = match release {
            Some(release) => self.store.release(release).await?,
            None => None,
        };
        let (commit, brought) =
            release.map_or_else(|| (Commit::bare(commit), Vec::new()), |release| (release.commit, release.brought));
        kept.started(head, placed.clone());
        let origin = Origin { repository: pipeline.repository.clone(), ..self.origin(branch.clone(), commit, brought) };
        Ok(Some(Draft { pipeline, placed, line, made: Made::New(start, origin) }))
    }

    /// Releases of commits that were released before: they turned out to be newer than was presumed, or an older push that comes late starts
    /// an upstream of theirs.
    async fn again(
        &mut self,
        drafts: &[Draft<'_>],
        line: usize,
        lines: &mut Lines,
    ) -> Result<Vec<Draft<'p>>, StoreError> {
        let kept = lines.line(line);
        let mut newest = kept.overtaken();
        loop {
            let is_again = |name: &str| newest.iter().any(|placed| placed.pipeline == name);
            let is_built = |name: &String| is_again(name) || drafts.iter().any(|other| other.is_new(name));
            let mut late = drafts.iter().filter(|draft| draft.line == line && draft.placed.late);
            let more = late.find(|late| !is_again(&late.pipeline.name) && late.upstreams().any(is_built));
            let Some(more) = more.and_then(|late| kept.newest(&late.pipeline.name)) else { break };
            newest.push(more.clone());
        }
        let config: &'p Config = self.config;
        let mut again = Vec::new();
        for earlier in newest {
            let Some(pipeline) = config.pipeline(&earlier.pipeline) else { continue };
            let placed = self.placed(pipeline, kept.highest(&pipeline.name), false).await?;
            kept.replaced(&earlier.release, &placed);
            again.push(Draft { pipeline, placed, line, made: Made::Again(earlier) });
        }
        Ok(again)
    }

    /// Makes the releases of a push, and says which others they take the place of.
    async fn make(&self, drafts: &[Draft<'_>], lines: &Lines, planned: &mut Planned) -> Result<(), StoreError> {
        for draft in drafts {
            let line = lines.get(draft.line);
            let Draft { pipeline, placed, .. } = draft;
            let newest = newer(line, line.newest(&pipeline.name).unwrap_or(placed));
            let (origin, mut waits, earlier) = match &draft.made {
                Made::Before => continue,
                Made::New(_, origin) => (origin.clone(), waits::upstreams(draft, drafts, lines), None),
                Made::Again(earlier) => {
                    let Some(record) = self.store.release(&earlier.release).await? else { continue };
                    let origin = self.origin(record.reference, record.commit, record.brought);
                    (origin, waits::again(record.waits, draft, drafts, lines), Some(earlier))
                }
            };
            if !placed.late {
                waits.extend(self.taken_over(draft, &waits, drafts, line, planned).await?);
                if !pipeline.supersede {
                    let previous = line.before(&placed.release, &pipeline.name).next();
                    waits.extend(previous.into_iter().chain(earlier).map(|before| waits::wait(before, Until::End)));
                }
            }
            let channel = self.config.slack.as_ref().map(|slack| slack.channel.as_str());
            let id = placed.release.clone();
            let release = Release::new(id, placed.number, pipeline, origin, waits, channel, self.now);
            planned.releases.push(if placed.late { release.late(&newest) } else { release });
            if !pipeline.supersede {
                continue;
            }
            // A release of the same commit is as good, until this one's upstream in another repository has succeeded.
            let elsewhere = matches!(&draft.made, Made::New(start, _) if start.elsewhere.is_some());
            let as_good = |older: &&Placed| elsewhere && line.commit(&older.release) == line.commit(&placed.release);
            let older = line.older(&pipeline.name).filter(|older| !as_good(older));
            let older = older.map(|placed| placed.release.clone());
            if placed.late || earlier.is_some() {
                // Until now they were thought of in another order, in which the newest of them may have been ended by an older one.
                let earlier = earlier.map(|earlier| earlier.release.clone());
                let alone = |release| Superseded { older: vec![release], by: newest.clone() };
                planned.superseded.extend(earlier.into_iter().chain(older).map(alone));
            } else {
                planned.superseded.push(Superseded { older: older.collect(), by: newest });
            }
        }
        Ok(())
    }

    fn origin(&self, reference: Reference, commit: Commit, brought: Vec<Brought>) -> Origin {
        let repository = self.delivery.repository.clone().unwrap_or_default();
        Origin { delivery: self.delivery.id.clone(), repository, reference, commit, brought }
    }

    async fn placed(&mut self, pipeline: &Pipeline, above: u64, late: bool) -> Result<Placed, StoreError> {
        let number = self.numbers.next(self.store, &pipeline.name, above).await?;
        Ok(Placed { release: ids::release_id(), pipeline: pipeline.name.clone(), number, late })
    }
}

/// What the releases that this one takes the place of are told.
pub(crate) fn newer(line: &Line, placed: &Placed) -> Newer {
    let commit = line.commit(&placed.release).and_then(|commit| commit.get(..7)).unwrap_or_default();
    Newer { number: placed.number, commit: commit.to_owned() }
}
