//! Releases, as commands name them.

use longshore_aws::deeds::Undone;
use longshore_core::{release::Release, slack::command::Named, text::list};

use crate::Trigger;

/// How many are named where one is not there.
const NAMED: usize = 5;

impl Trigger {
    /// The release that is named; else a sentence with those that there are.
    pub(super) async fn named(&self, named: &Named) -> Result<Release, Undone> {
        let id = match named {
            Named::Id(id) => id.clone(),
            Named::Number { pipeline, number } => {
                let below = number.checked_add(1);
                let found = self.store.newest_releases(pipeline, below, 1).await?;
                match found.into_iter().find(|listed| listed.number == *number) {
                    Some(listed) => listed.id,
                    None => return Err(self.missing(pipeline, *number).await?),
                }
            }
        };
        let release = self.store.release(&id).await?;
        release.ok_or_else(|| Undone::Refused(format!("there is no release {id}")))
    }

    async fn missing(&self, pipeline: &str, number: u64) -> Result<Undone, Undone> {
        let newest = self.store.newest_releases(pipeline, None, NAMED).await?;
        let why = if newest.is_empty() {
            format!("there is no release of {pipeline} yet")
        } else {
            let numbers = list(newest.iter().map(|listed| format!("#{}", listed.number)), "and");
            format!("there is no release {pipeline}#{number}: the newest are {numbers}")
        };
        Ok(Undone::Refused(why))
    }
}
