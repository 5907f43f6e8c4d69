//! Which release of a pipeline is built once more, and whether what it was built on has changed.

use longshore_aws::store::Store;
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

/// Looks at a pipeline; `registries` where only a changed base counts.
pub async fn look(store: &Store, pipeline: &str, registries: Option<&Registries<'_>>) -> anyhow::Result<Looked> {
    let listed = store.newest_releases(pipeline, None, MOST).await?;
    let newest = listed.first().map_or(0, |listed| listed.number);
    let looked = |release, finding| Looked { pipeline: pipeline.to_owned(), release, newest, finding };
    for one in listed {
        let Some(release) = store.release(&one.id).await? else { continue };
        let Some(standing) = standing(&release) else { continue };
        let finding = match (standing, registries) {
            (Some(why), _) => Finding::Left(why),
            (None, None) => Finding::Wanted,
            (None, Some(registries)) => compared(&release, registries).await,
        };
        return Ok(looked(Some(Box::new(release)), finding));
    }
    Ok(looked(None, Finding::Left("nothing of it is live".to_owned())))
}

/// Whether a release is the one that counts, and if so, why it is not built now. `None`: an older one may be.
fn standing(release: &Release) -> Option<Option<String>> {
    let number = release.number;
    let is_live = release.deployments.iter().any(|deployment| deployment.verdict == Some(Verdict::Live));
    let went_back = release.asked.as_ref().is_some_and(|asked| asked.deed == Deed::Rollback);
    match release.state {
        State::Built => Some(None),
        State::Live if went_back => Some(Some(format!("#{number} went back to an earlier release on purpose"))),
        State::Live => Some(None),
        // It is in some environments, and waits at the next: the same commit again takes its place everywhere.
        State::Deploying if is_live && !went_back => Some(None),
        State::Waiting | State::Requested | State::Building | State::Deploying => {
            Some(Some(format!("#{number} is on its way")))
        }
        State::Failed | State::RolledBack | State::Superseded | State::Cancelled if is_live => {
            let ending = release.state.ending();
            Some(Some(format!(
                "#{number} is live in some environments, and {ending}: say by `longshore build` which commit"
            )))
        }
        State::Failed | State::RolledBack | State::Superseded | State::Cancelled => None,
    }
}

async fn compared(release: &Release, registries: &Registries<'_>) -> Finding {
    let bases: Vec<_> = release.image.iter().chain(&release.others).filter_map(|image| image.base.as_ref()).collect();
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
            let mut release = sample::release();
            release.state = State::Live;
            release.asked = None;
            for deployment in &mut release.deployments {
                deployment.verdict = Some(Verdict::Live);
            }
            change(&mut release);
            standing(&release)
        };
        assert_eq!(said(|_| {}), Some(None));
        assert_eq!(said(|release| release.state = State::Built), Some(None));
        assert_eq!(said(|release| release.state = State::Deploying), Some(None), "live in one, and waiting");
        let on_its_way =
            |told: Option<Option<String>>| told.flatten().is_some_and(|why| why.ends_with("is on its way"));
        assert!(on_its_way(said(|release| release.state = State::Building)));
        assert!(on_its_way(said(|release| {
            release.state = State::Deploying;
            release.deployments.iter_mut().for_each(|deployment| deployment.verdict = None);
        })));
        let partly = said(|release| release.state = State::Failed).flatten().expect("a reason");
        assert!(partly.contains("is live in some environments, and failed"), "{partly}");
        assert_eq!(
            said(|release| {
                release.state = State::Failed;
                release.deployments.iter_mut().for_each(|deployment| deployment.verdict = Some(Verdict::Failed));
            }),
            None
        );
    }
}
