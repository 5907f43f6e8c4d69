//! What people name: releases, and where they go back to.

use longshore_core::{
    release::{Release, State},
    slack::command::Named,
    text::list,
};

use super::{Deeds, To, Undone};

/// How many releases are named where one is not there.
const NAMED: usize = 5;

impl From<Option<&Named>> for To {
    fn from(named: Option<&Named>) -> Self {
        match named {
            None => Self::Earlier,
            Some(Named::Id(id)) => Self::Release(id.clone()),
            Some(Named::Number { number, .. }) => Self::Number(*number),
        }
    }
}

impl Deeds<'_> {
    /// The release that is named; else a sentence with those that there are.
    pub async fn named(&self, named: &Named) -> Result<Release, Undone> {
        let id = match named {
            Named::Id(id) => id.clone(),
            Named::Number { pipeline, number } => {
                let found = self.store.newest_releases(pipeline, number.checked_add(1), 1).await?;
                match found.into_iter().find(|listed| listed.number == *number) {
                    Some(listed) => listed.id,
                    None => return Err(self.missing(pipeline, *number).await?),
                }
            }
        };
        self.release(&id).await
    }

    /// That a pipeline has no release of this number.
    async fn missing(&self, pipeline: &str, number: u64) -> Result<Undone, Undone> {
        let newest = self.store.newest_releases(pipeline, None, NAMED).await?;
        let why = if newest.is_empty() {
            format!("there is no release {pipeline}#{number}: there is no release of {pipeline} yet")
        } else {
            let numbers = list(newest.iter().map(|listed| format!("#{}", listed.number)), "and");
            format!("there is no release {pipeline}#{number}: the newest are {numbers}")
        };
        Ok(Undone::Refused(why))
    }

    /// The environment in which a release waits for an approval, where nobody names one: the one that it is going into.
    pub fn awaited(release: &Release) -> Result<&str, Undone> {
        let waiting = release.deployments.iter().find(|deployment| deployment.verdict.is_none());
        if let Some(waiting) = waiting.filter(|_| release.state == State::Deploying) {
            return Ok(&waiting.environment);
        }
        let (pipeline, number, state) = (&release.pipeline, release.number, release.state.spoken());
        Err(Undone::Refused(format!("{pipeline} #{number} waits for no approval: it is {state}")))
    }
}
