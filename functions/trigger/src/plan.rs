//! What a delivery's releases are: their numbers, what they wait for, and which releases they take the place of.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use longshore_aws::{
    ids,
    store::{KeptLine, Store, StoreError},
};
use longshore_core::{
    config::{Config, Pipeline},
    line::{Placed, Turn},
    push::{Delivery, Push, Reference},
    release::{Commit, Newer, Origin, Release, ReleaseId, Until, Wait},
    route::{Routing, Start},
};

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

/// Numbers that were drawn for a delivery and are good for another decision on it.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    drawn: HashMap<String, BTreeSet<u64>>,
    used: HashMap<String, BTreeSet<u64>>,
}

impl Numbers {
    /// Another decision: what was drawn is unused again. Where a number was drawn before, others have probably used larger ones since,
    /// and so another is drawn now: not between the reading of a line and its writing, where every call lets others be first.
    async fn again(&mut self, store: &Store) -> Result<(), StoreError> {
        self.used.clear();
        for (pipeline, drawn) in &mut self.drawn {
            drawn.insert(store.next_number(pipeline).await?);
        }
        Ok(())
    }

    /// A number of a pipeline that is larger than `above`.
    async fn next(&mut self, store: &Store, pipeline: &str, above: u64) -> Result<u64, StoreError> {
        let used = self.used.entry(pipeline.to_owned()).or_default();
        let drawn = self.drawn.entry(pipeline.to_owned()).or_default();
        loop {
            if let Some(&number) = drawn.difference(used).find(|number| **number > above) {
                used.insert(number);
                return Ok(number);
            }
            drawn.insert(store.next_number(pipeline).await?);
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

/// A release of a push before it is made.
struct Draft<'r> {
    pipeline: &'r Pipeline,
    start: &'r Start,
    placed: Placed,
    /// What it is of, and what it means for others; `None`: another delivery of the same push started it.
    new: Option<(Origin, Turn)>,
    /// The release that the newest push's commit gets, when it is released again.
    again: Option<Placed>,
}

impl Planner<'_> {
    pub(crate) async fn plan(mut self, routing: &Routing<'_>) -> Result<Planned, StoreError> {
        self.numbers.again(self.store).await?;
        let mut planned = Planned::default();
        let mut lines: Vec<(&Reference, KeptLine)> = Vec::new();
        let delivery = self.delivery;
        let repository = delivery.repository.as_deref().unwrap_or_default();
        for (index, push) in delivery.pushes().iter().enumerate() {
            let wanted = self.config.of_repository(repository).any(|pipeline| pipeline.wants(&push.reference));
            if push.deleted() || !wanted {
                continue;
            }
            let known = lines.iter().position(|(reference, _)| **reference == push.reference);
            let mut kept = match known {
                Some(known) => lines.swap_remove(known).1,
                None => self.store.line(repository, &push.reference).await?,
            };
            let drafts = self.drafts(routing, index, push, &mut kept).await?;
            self.make(&drafts, &kept, &mut planned).await?;
            lines.push((&push.reference, kept));
        }
        planned.lines = lines.into_iter().map(|(_, kept)| kept).collect();
        Ok(planned)
    }

    /// Gives each release that a push starts its id, its number and its place in the line.
    async fn drafts<'r>(
        &mut self,
        routing: &'r Routing<'r>,
        index: usize,
        push: &Push,
        kept: &mut KeptLine,
    ) -> Result<Vec<Draft<'r>>, StoreError> {
        let mut drafts = Vec::new();
        let Some(position) = kept.line.place(push) else { return Ok(drafts) };
        for decision in &routing.decisions {
            let pipeline = decision.pipeline;
            for start in decision.starts.iter().filter(|start| start.push == index) {
                if let Some(branch) = &start.elsewhere {
                    let Some(origin) = self.newest(pipeline, branch).await? else {
                        tracing::warn!(pipeline = pipeline.name, %branch, "no commit of it is known yet: it is not started");
                        continue;
                    };
                    let placed = self.placed(pipeline, 0, false).await?;
                    drafts.push(Draft { pipeline, start, placed, new: Some((origin, Turn::default())), again: None });
                    continue;
                }
                if let Some(placed) = kept.line.release(position, &pipeline.name).cloned() {
                    drafts.push(Draft { pipeline, start, placed, new: None, again: None });
                    continue;
                }
                let Some(commit) = Commit::of(push) else { continue };
                let origin = self.origin(push.reference.clone(), commit);
                let turn = kept.line.turn(position, &pipeline.name);
                let placed = self.placed(pipeline, kept.line.highest(&pipeline.name), turn.late_by.is_some()).await?;
                kept.line.started(position, placed.clone());
                let mut again = None;
                if let Some(newest) = &turn.again {
                    let placed = self.placed(pipeline, kept.line.highest(&pipeline.name), false).await?;
                    kept.line.replaced(&newest.release, &placed);
                    again = Some(placed);
                }
                drafts.push(Draft { pipeline, start, placed, new: Some((origin, turn)), again });
            }
        }
        Ok(drafts)
    }

    /// Makes the releases of a push.
    async fn make(&self, drafts: &[Draft<'_>], kept: &KeptLine, planned: &mut Planned) -> Result<(), StoreError> {
        let newer = |placed: &Placed| Newer {
            number: placed.number,
            commit: kept.line.commit(&placed.release).and_then(|commit| commit.get(..7)).unwrap_or_default().to_owned(),
        };
        for draft in drafts {
            planned.answer.push(draft.placed.release.clone());
            let Some((origin, turn)) = &draft.new else { continue };
            let upstream = |name: &String| drafts.iter().find(|other| other.pipeline.name == *name);
            let mut waits: Vec<_> =
                draft.start.after.iter().filter_map(upstream).map(|up| wait(&up.placed, Until::Success)).collect();
            if let (false, None, Some(before)) = (draft.pipeline.supersede, &turn.late_by, turn.older.last()) {
                waits.push(wait(before, Until::End));
            }
            let release = self.release(draft, &draft.placed, origin.clone(), waits);
            let newest = draft.again.as_ref().or(turn.late_by.as_ref());
            planned.releases.push(match newest {
                Some(newest) => release.late(&newer(newest)),
                None => release,
            });
            let by = newer(newest.unwrap_or(&draft.placed));
            if let (Some(again), Some(earlier)) = (&draft.again, &turn.again) {
                if let Some(earlier) = self.store.release(&earlier.release).await? {
                    planned.releases.push(self.again(draft, again, earlier, drafts));
                }
                // By itself: that it was ended before says nothing about the others.
                if draft.pipeline.supersede {
                    planned.superseded.push(Superseded { older: vec![earlier.release.clone()], by: by.clone() });
                }
            }
            let older = turn.older.iter().rev().filter(|placed| !placed.late).map(|placed| placed.release.clone());
            if !draft.pipeline.supersede {
                continue;
            }
            if turn.late_by.is_some() {
                // Until now they may have been thought of in another order, in which the newest of them was ended by an older one.
                let alone = |release| Superseded { older: vec![release], by: by.clone() };
                planned.superseded.extend(older.map(alone));
            } else {
                planned.superseded.push(Superseded { older: older.collect(), by });
            }
        }
        Ok(())
    }

    /// A release of the same commit as an earlier one, which was presumed older than it is.
    fn again(&self, draft: &Draft<'_>, placed: &Placed, earlier: Release, drafts: &[Draft<'_>]) -> Release {
        let mut waits = earlier.waits;
        for wait in waits.iter_mut().filter(|wait| wait.until == Until::Success) {
            let upstream = drafts.iter().find(|draft| draft.pipeline.name == wait.pipeline);
            if let Some(again) = upstream.and_then(|upstream| upstream.again.as_ref()) {
                *wait = self::wait(again, Until::Success);
            }
        }
        let origin = self.origin(earlier.reference, earlier.commit);
        self.release(draft, placed, origin, waits)
    }

    fn release(&self, draft: &Draft<'_>, placed: &Placed, origin: Origin, waits: Vec<Wait>) -> Release {
        let channel = self.config.slack.as_ref().map(|slack| slack.channel.as_str());
        let id = placed.release.clone();
        Release::new(id, placed.number, draft.pipeline, origin, waits, channel, self.now)
    }

    fn origin(&self, reference: Reference, commit: Commit) -> Origin {
        let repository = self.delivery.repository.clone().unwrap_or_default();
        Origin { delivery: self.delivery.id.clone(), repository, reference, commit }
    }

    /// The newest known commit of a pipeline in another repository.
    async fn newest(&self, pipeline: &Pipeline, branch: &Reference) -> Result<Option<Origin>, StoreError> {
        let kept = self.store.line(&pipeline.repository, branch).await?;
        let Some((commit, release)) = kept.line.head() else { return Ok(None) };
        let release = match release {
            Some(release) => self.store.release(release).await?,
            None => None,
        };
        let commit = release.map_or_else(|| Commit::bare(commit), |release| release.commit);
        let repository = pipeline.repository.clone();
        Ok(Some(Origin { repository, ..self.origin(branch.clone(), commit) }))
    }

    async fn placed(&mut self, pipeline: &Pipeline, above: u64, late: bool) -> Result<Placed, StoreError> {
        let number = self.numbers.next(self.store, &pipeline.name, above).await?;
        Ok(Placed { release: ids::release_id(), pipeline: pipeline.name.clone(), number, late })
    }
}

fn wait(placed: &Placed, until: Until) -> Wait {
    let Placed { release, pipeline, number, .. } = placed.clone();
    Wait { release, pipeline, number, until, met: None }
}
