//! What a delivery's releases wait for.

use longshore_core::{
    line::Placed,
    release::{Until, Wait},
};

use super::{Draft, Lines, Made};

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
