//! Which release of a pipeline is built once more, and whether what it was built on has changed.

use longshore_aws::store::{Store, StoreError};
use longshore_core::{
    image::{Base, Digest},
    release::{Deed, Release, State, Verdict},
};

use super::registry::Registries;

/// How many releases are looked through for one that is live.
const MOST: usize = 50;

/// A pipeline, as it was found.
pub struct Looked {
    /// Its name.
    pub pipeline: String,
    /// The release whose commit is meant; none where there is none.
    pub release: Option<Box<Release>>,
    /// The number of its newest release.
    pub newest: u64,
    /// What came of looking.
    pub finding: Finding,
}

/// What came of looking.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is to be built, whatever its base is.
    Wanted,
    /// What it was built on is another image now.
    Changed {
        /// What it was.
        base: Base,
        /// What it is.
        now: Digest,
    },
    /// What it was built on is what it was.
    Unchanged,
    /// It is not built now: why.
    Left(String),
    /// Whether its base changed could not be found out: why.
    Unknown(String),
}

/// Looks at a pipeline; `registries` where only a changed base counts. What fails is the finding, so that the other pipelines are looked at.
pub async fn look(store: &Store, pipeline: &str, registries: Option<&Registries<'_>>) -> Looked {
    let (newest, release, finding) = match found(store, pipeline, registries).await {
        Ok((newest, Some((release, finding)))) => (newest, Some(Box::new(release)), finding),
        Ok((newest, None)) => (newest, None, Finding::Left("nothing of it is live".to_owned())),
        Err(error) => (0, None, Finding::Unknown(error.to_string())),
    };
    Looked { pipeline: pipeline.to_owned(), release, newest, finding }
}

/// The number of the newest release, and the one whose commit is meant.
async fn found(
    store: &Store,
    pipeline: &str,
    registries: Option<&Registries<'_>>,
) -> Result<(u64, Option<(Release, Finding)>), StoreError> {
    let listed = store.newest_releases(pipeline, None, MOST).await?;
    let newest = listed.first().map_or(0, |listed| listed.number);
    for one in listed {
        let Some(release) = store.release(&one.id).await? else { continue };
        let finding = match (standing(&release), registries) {
            (Standing::NeverLive, _) => continue,
            (Standing::Left(why), _) => Finding::Left(why),
            (Standing::Counts, None) => Finding::Wanted,
            (Standing::Counts, Some(registries)) => compared(&release, registries).await,
        };
        return Ok((newest, Some((release, finding))));
    }
    Ok((newest, None))
}

/// Whether a release is the one whose commit is meant.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// It is.
    Counts,
    /// It is, and it is not built now: why.
    Left(String),
    /// An older one may be.
    NeverLive,
}

fn standing(release: &Release) -> Standing {
    let number = release.number;
    let is_live = release.deployments.iter().any(|deployment| deployment.verdict == Some(Verdict::Live));
    let went_back = release.asked.as_ref().is_some_and(|asked| asked.deed == Deed::Rollback);
    match release.state {
        State::Live if went_back => Standing::Left(format!("#{number} went back to an earlier release on purpose")),
        State::Built | State::Live => Standing::Counts,
        // It is in some environments, and waits at the next: the same commit again takes its place everywhere.
        State::Deploying if is_live && !went_back => Standing::Counts,
        State::Waiting | State::Requested | State::Building | State::Deploying => {
            Standing::Left(format!("#{number} is on its way"))
        }
        State::Failed | State::RolledBack | State::Superseded | State::Cancelled if is_live => {
            let ending = release.state.ending();
            let cure = "say by `longshore build` which commit";
            Standing::Left(format!("#{number} is live in some environments, and {ending}: {cure}"))
        }
        State::Failed | State::RolledBack | State::Superseded | State::Cancelled => Standing::NeverLive,
    }
}

async fn compared(release: &Release, registries: &Registries<'_>) -> Finding {
    let bases: Vec<_> = release.image.iter().chain(&release.others).filter_map(|image| image.base.as_deref()).collect();
    if bases.is_empty() {
        return Finding::Unknown("its build told no base image".to_owned());
    }
    let mut unknown = None;
    for base in bases {
        match registries.newer(base).await {
            Ok(None) => {}
            Ok(Some(now)) => return Finding::Changed { base: base.clone(), now },
            Err(why) => unknown = Some(format!("{why:#}")),
        }
    }
    unknown.map_or(Finding::Unchanged, Finding::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_newest_release_that_is_live_counts_and_a_person_decides_where_it_is_not_plain() {
        let said = |change: fn(&mut Release)| {
            let mut release = sample::release(7);
            release.state = State::Live;
            release.asked = None;
            for deployment in &mut release.deployments {
                deployment.verdict = Some(Verdict::Live);
            }
            change(&mut release);
            standing(&release)
        };
        assert_eq!(said(|_| {}), Standing::Counts);
        assert_eq!(said(|release| release.state = State::Built), Standing::Counts);
        assert_eq!(said(|release| release.state = State::Deploying), Standing::Counts, "live in one, and waiting");
        let on_its_way = Standing::Left("#7 is on its way".to_owned());
        assert_eq!(said(|release| release.state = State::Building), on_its_way);
        let nowhere = |release: &mut Release, verdict| {
            release.deployments.iter_mut().for_each(|deployment| deployment.verdict = verdict);
        };
        let (mut deploying, mut failed) = (sample::release(7), sample::release(7));
        (deploying.state, failed.state) = (State::Deploying, State::Failed);
        nowhere(&mut deploying, None);
        nowhere(&mut failed, Some(Verdict::Failed));
        assert_eq!((standing(&deploying), standing(&failed)), (on_its_way, Standing::NeverLive));
        let Standing::Left(partly) = said(|release| release.state = State::Failed) else { panic!("a reason") };
        assert!(partly.contains("is live in some environments, and failed"), "{partly}");
    }
}
