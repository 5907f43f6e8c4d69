//! What a delivery's releases wait for.

use longshore_aws::store::StoreError;
use longshore_core::{
    line::{Line, Placed},
    release::{Met, Release, ReleaseId, State, Until, Wait},
};

use super::{Draft, Lines, Made, Planned, Planner};

/// How many releases are looked at for what an upstream came to last.
const LOOKED_AT: usize = 4;

/// What a release of a push waits for: the releases of its upstreams that the same push starts. Where a newer one has the upstream's place
/// already, it is that one.
pub(super) fn upstreams(draft: &Draft<'_>, drafts: &[Draft<'_>], lines: &Lines) -> Vec<Wait> {
    let upstream = |name: &String| {
        let upstream = drafts.iter().find(|other| other.pipeline.name == *name)?;
        let newest = lines.get(upstream.line).newest(name).filter(|_| upstream.placed.late);
        Some(wait(newest.unwrap_or(&upstream.placed), Until::Success))
    };
    draft.upstreams().filter_map(upstream).collect()
}

/// What a release waits for whose commit was released before: the same upstreams, released again where that is so, and those that an older
/// push starts which came late.
pub(super) fn again(before: Vec<Wait>, draft: &Draft<'_>, drafts: &[Draft<'_>], lines: &Lines) -> Vec<Wait> {
    let mut waits: Vec<Wait> = before.into_iter().filter(|wait| wait.until == Until::Success).collect();
    let of_pipeline = drafts.iter().filter(|other| other.pipeline.name == draft.pipeline.name);
    let late = of_pipeline.flat_map(|other| upstreams(other, drafts, lines));
    let again = drafts.iter().filter(|other| matches!(other.made, Made::Again(_)));
    let again = again.filter(|other| draft.pipeline.after.contains(&other.pipeline.name));
    for newer in late.chain(again.map(|other| wait(&other.placed, Until::Success))) {
        waits.retain(|wait| wait.pipeline != newer.pipeline);
        waits.push(newer);
    }
    waits
}

pub(super) fn wait(placed: &Placed, until: Until) -> Wait {
    let Placed { release, pipeline, number, .. } = placed.clone();
    Wait { release, pipeline, number, until, met: None }
}

impl Planner<'_> {
    /// What a release waits for of upstreams that its own push does not start, and whose last change is as much in its commit. A change
    /// that succeeded already is handed on, so that the build is told of it; one that failed is none.
    pub(super) async fn taken_over(
        &self,
        draft: &Draft<'_>,
        own: &[Wait],
        drafts: &[Draft<'_>],
        line: &Line,
        planned: &Planned,
    ) -> Result<Vec<Wait>, StoreError> {
        let Draft { pipeline, placed, .. } = draft;
        let mut taken = Vec::new();
        let is_own = |name: &&String| own.iter().any(|wait| wait.pipeline == **name);
        for name in pipeline.after.iter().filter(|name| !is_own(name)) {
            if self.config.pipeline(name).is_some_and(|upstream| upstream.is_of(&pipeline.repository)) {
                for upstream in line.up_to(&placed.release, name).take(LOOKED_AT) {
                    let made_now = drafts.iter().any(|other| other.placed.release == upstream.release);
                    let record = if made_now { None } else { self.record(&upstream.release, planned).await? };
                    let met = record.as_ref().filter(|record| record.state.is_success()).map(Met::from);
                    if made_now || met.is_some() || record.is_some_and(|record| !record.state.is_end()) {
                        taken.push(Wait { met, ..wait(upstream, Until::Success) });
                        break;
                    }
                }
            } else {
                // Its releases are in another line: what the releases before this one were told of it.
                for before in line.before(&placed.release, &pipeline.name).take(LOOKED_AT) {
                    let Some(record) = self.record(&before.release, planned).await? else { continue };
                    let waits = record.state == State::Waiting;
                    let told = |wait: &Wait| wait.until == Until::Success && (waits || wait.met.is_some());
                    if let Some(wait) = record.waits.into_iter().find(|wait| wait.pipeline == *name && told(wait)) {
                        taken.push(wait);
                        break;
                    }
                }
            }
        }
        Ok(taken)
    }

    async fn record(&self, id: &ReleaseId, planned: &Planned) -> Result<Option<Release>, StoreError> {
        match planned.releases.iter().find(|release| release.id == *id) {
            Some(release) => Ok(Some(release.clone())),
            None => self.store.release(id).await,
        }
    }
}
