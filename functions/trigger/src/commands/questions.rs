//! What people ask, looked up.

use std::time::Duration;

use longshore_aws::{deeds::Undone, ids, store::StoreError, together::all};
use longshore_core::{
    config::Pipeline,
    push::Reference,
    release::{Build, OpenFor, Release, ReleaseId},
    route::would,
    slack::{
        answer::{self, Answer, Place, Pushed, Standing},
        command::Question,
    },
};

use tokio::time::timeout;

use crate::Trigger;

/// How many releases are listed.
const LISTED: usize = 10;
/// How many open releases are looked at, the newest of them.
const LOOKED_AT: usize = 200;

/// For how long a build's log is read: Slack waits for three seconds for the answer.
const LOG: Duration = Duration::from_millis(1300);

impl Trigger {
    /// Looks up what is asked; `name` is the command's own.
    pub(super) async fn question(&self, question: &Question, name: &str) -> Result<Answer, Undone> {
        let config = &self.settings.config;
        Ok(match question {
            Question::Help => answer::help(name, config),
            Question::Status(named) => {
                let wanted = |pipeline: &&Pipeline| named.as_ref().is_none_or(|name| *name == pipeline.name);
                let pipelines: Vec<&Pipeline> = config.pipelines().iter().filter(wanted).collect();
                answer::status(&self.standings(&pipelines).await?, ids::now())
            }
            Question::Releases(pipeline) => {
                let listed = self.store.newest_releases(pipeline, None, LISTED).await?;
                let ids = listed.into_iter().map(|listed| listed.id).collect();
                answer::releases(pipeline, &self.records(ids).await?)
            }
            Question::Logs(named) => {
                let mut release = self.deeds().named(named).await?;
                // What a build says that runs still, or ended well, its record does not keep.
                if release.build.tail.is_empty() {
                    match timeout(LOG, self.log_lines(&release, Build::TAIL)).await {
                        Ok(Ok(lines)) => release.build.tail = lines,
                        Ok(Err(error)) => tracing::warn!(release = %release.id, "{error:#}: no log is shown"),
                        Err(_) => tracing::warn!(release = %release.id, "no log is shown: it did not come in time"),
                    }
                }
                answer::logs(&release)
            }
            Question::Why { repository, branch } => {
                let reference = Reference::branch(branch);
                let reference = reference.ok_or_else(|| Undone::Refused(format!("{branch} is no branch")))?;
                let line = self.store.line(repository, &reference).await?.line;
                let pushed = all(would(config, repository, &reference), async |would| {
                    let own = would.pipeline.is_of(repository);
                    let newest = line.newest(&would.pipeline.name).filter(|_| own);
                    let newest = match newest {
                        Some(placed) => self.store.release(&placed.release).await?,
                        None => None,
                    };
                    Ok::<_, StoreError>(Pushed { would, newest })
                });
                answer::why(repository, branch, &pushed.await?)
            }
        })
    }

    /// How some pipelines stand.
    async fn standings(&self, pipelines: &[&Pipeline]) -> Result<Vec<Standing>, StoreError> {
        let mut ids = self.store.open_releases(OpenFor::Build).await?;
        ids.extend(self.store.open_releases(OpenFor::Deployment).await?);
        ids.sort();
        ids.dedup();
        ids.reverse();
        ids.truncate(LOOKED_AT);
        let mut open = self.records(ids).await?;
        open.retain(|release| !release.state.is_end());
        open.sort_by_key(|release| std::cmp::Reverse(release.number));
        let mut environments: Vec<(String, String)> = Vec::new();
        for pipeline in pipelines {
            environments.extend(pipeline.environments.iter().map(|one| (pipeline.name.clone(), one.name.clone())));
        }
        let place = async |(pipeline, name): (String, String)| {
            let (record, live) = self.store.environment_with_live(&pipeline, &name).await?;
            Ok::<_, StoreError>(Place { name, record, live })
        };
        let mut places = all(environments, place).await?.into_iter();
        let standing = |pipeline: &&Pipeline| Standing {
            pipeline: pipeline.name.clone(),
            places: places.by_ref().take(pipeline.environments.len()).collect(),
            open: open.iter().filter(|release| release.pipeline == pipeline.name).cloned().collect(),
        };
        Ok(pipelines.iter().map(standing).collect())
    }

    /// The records of some releases, in their order, as far as they are there.
    async fn records(&self, ids: Vec<ReleaseId>) -> Result<Vec<Release>, StoreError> {
        let found = all(ids, async |id: ReleaseId| self.store.release(&id).await).await?;
        Ok(found.into_iter().flatten().collect())
    }
}
