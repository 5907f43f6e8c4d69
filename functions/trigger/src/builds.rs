//! The build of a release: started once, and followed to its end.

mod log;
mod read;

use anyhow::{Context, anyhow, bail};
use aws_sdk_codebuild::types::{Build, EnvironmentVariable, EnvironmentVariableType, ProjectEnvironment};
use jiff::SignedDuration;
use longshore_aws::{clients::told, ids, secrets::expose, telemetry};
use longshore_core::{
    config::Pipeline,
    event::outcome,
    push::Kind,
    release::{BuildStep, Fact, Met, Release, Until},
    token::{self, Purpose},
};

use tracing::Instrument;

use crate::Trigger;
use read::{failing_phase, is_denied, is_final, log, refusal, resolved, started};

/// For how long a build may report: CodeBuild ends a build after 36 hours at the latest (8 queued), and then some.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(48);
/// A build that is not seen this soon after its start may be seen later.
const SEEN_AFTER: SignedDuration = SignedDuration::from_mins(5);

impl Trigger {
    /// Does what is next for a release's build, and returns its record as it is then: as long as a step shows what comes after it.
    pub(crate) async fn advance(&self, release: Release) -> anyhow::Result<Release> {
        let span = telemetry::release(&release);
        self.advance_on(release).instrument(span).await
    }

    async fn advance_on(&self, mut release: Release) -> anyhow::Result<Release> {
        loop {
            let step = release.build_step(ids::now());
            let version = release.version;
            // Boxed, as is everything that calls AWS on the way: these futures are large.
            release = Box::pin(self.perform(release, step)).await?;
            telemetry::know(&release);
            let more = match step {
                // What is followed or stopped may have told where its log is, and has ended besides.
                BuildStep::Wait | BuildStep::Follow | BuildStep::Find | BuildStep::Stop => release.version != version,
                // It may have ended while its build was being started; and CodeBuild may know already which commit it builds.
                BuildStep::Start { .. } | BuildStep::GiveUp => {
                    release.commit.known().is_none() || release.build_step(ids::now()) == BuildStep::Stop
                }
                BuildStep::Nothing => false,
            };
            if !more {
                return Ok(release);
            }
        }
    }

    async fn perform(&self, release: Release, step: BuildStep) -> anyhow::Result<Release> {
        let fact = match step {
            BuildStep::Nothing => None,
            BuildStep::Wait => self.awaited(&release).await?,
            BuildStep::Start { look_first } => {
                Some(self.start_build(&release, look_first).await.unwrap_or_else(|error| {
                    tracing::warn!(release = %release.id, "{error:#}: the tick will try again");
                    Fact::BuildDelayed(format!("{error:#}"))
                }))
            }
            BuildStep::GiveUp => Some(self.start_build(&release, true).await.unwrap_or_else(|error| {
                let minutes = release.start_within.as_mins();
                tracing::error!(release = %release.id, "{error:#}: the build is given up");
                Fact::BuildGivenUp(format!("the build could not be started for {minutes} minutes: {error:#}"))
            })),
            BuildStep::Follow => self.follow_build(&release).await?,
            BuildStep::Stop => self.stop_build(&release).await?,
            BuildStep::Find => match self.find_build(&release).await? {
                Found::Build(build) => Some(started(&build)?),
                // What may not be looked at may not be started or stopped either.
                Found::None | Found::Denied => Some(Fact::BuildNotStarted),
            },
        };
        match fact {
            None => Ok(release),
            Some(fact) => self.save(release, fact).await,
        }
    }

    /// What came of the releases that this one waits for, one fact at a time.
    async fn awaited(&self, release: &Release) -> anyhow::Result<Option<Fact>> {
        for wait in release.waits.iter().filter(|wait| wait.met.is_none()) {
            let name = format!("{} #{}", wait.pipeline, wait.number);
            let Some(other) = self.store.release(&wait.release).await? else {
                return Ok(Some(Fact::Cancelled(format!("{name} is gone"))));
            };
            match wait.until {
                Until::Success if other.state.is_success() => {
                    return Ok(Some(Fact::Awaited(other.id.clone(), Met::from(&other))));
                }
                Until::Success if other.state.is_end() => {
                    let why = other.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                    return Ok(Some(Fact::Cancelled(format!("{name} {}{why}", other.state.ending()))));
                }
                Until::End if other.state.is_end() => {
                    return Ok(Some(Fact::Awaited(other.id.clone(), Met::from(&other))));
                }
                Until::Success | Until::End => {}
            }
        }
        Ok(None)
    }

    /// StopBuild; the build's end comes as an event, or here.
    async fn stop_build(&self, release: &Release) -> anyhow::Result<Option<Fact>> {
        let Some(id) = &release.build.id else { return Ok(None) };
        match self.codebuild.stop_build().id(id).send().await {
            Ok(_) => tracing::info!(release = %release.id, build = id, "the build was stopped"),
            // It is gone, or no build of ours: looking at it tells.
            Err(error) if is_final(&error) => {}
            Err(error) => return Err(anyhow!(told(&error)).context("StopBuild failed")),
        }
        self.follow_build(release).await
    }

    pub(crate) async fn save(&self, release: Release, fact: Fact) -> anyhow::Result<Release> {
        let id = release.id.clone();
        let saved = self.store.apply(&id, Some(release), fact, ids::now()).await?;
        let saved = saved.context("the release is gone")??;
        if saved.changed {
            self.events.changed(&saved.release).await;
        }
        Ok(saved.release)
    }

    /// StartBuild, with the release's id as idempotency token: a repeated call gets the same build.
    async fn start_build(&self, release: &Release, look_first: bool) -> anyhow::Result<Fact> {
        if look_first {
            match self.find_build(release).await? {
                Found::Build(build) => return started(&build),
                Found::None => {}
                Found::Denied => bail!("the builds of {} may not be listed", release.project),
            }
        }
        let answer = self
            .codebuild
            .start_build()
            .project_name(&release.project)
            .source_version(release.source_version())
            // A project may fetch the newest commits alone; one that is asked for by name may be older.
            .set_git_clone_depth_override(release.wished.is_some().then_some(0))
            .idempotency_token(release.id.as_str())
            .set_environment_variables_override(Some(self.variables(release).await?))
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let build = answer.build_value.context("StartBuild answered without a build")?;
                tracing::info!(release = %release.id, build = build.id(), "the build was started");
                started(&build)
            }
            Err(error) if is_final(&error) || is_denied(&error) => {
                // It may be refused because an earlier attempt succeeded, with variables that were made from other settings.
                if let Found::Build(build) = self.find_build(release).await? {
                    return started(&build);
                }
                tracing::error!(
                    release = %release.id, project = release.project, error = told(&error), "CodeBuild refuses the build"
                );
                Ok(Fact::BuildRefused(refusal(&release.project, &error)))
            }
            Err(error) => Err(anyhow!(told(&error)).context("StartBuild failed")),
        }
    }

    /// The variables of the build. The same for every attempt: the same token with other parameters is an error.
    async fn variables(&self, release: &Release) -> anyhow::Result<Vec<EnvironmentVariable>> {
        let secrets = self.secrets.current().await?;
        let Some(key) = expose(&secrets.callback_key).first().copied() else {
            bail!("the secret has no callback_key: a build could not report");
        };
        let token = token::mint(
            key,
            &release.pipeline,
            &release.id,
            Purpose::Build,
            release.build.due.unwrap_or(release.accepted) + TOKEN_LIFE,
        );
        let image = release.image_repository.as_ref();
        let image = image.map(|name| format!("{}/{name}:{}", self.settings.registry, release.image_tag()));
        let reference = match release.reference.kind {
            Kind::Branch => "LONGSHORE_BRANCH",
            Kind::Tag => "LONGSHORE_TAG",
        };
        let mut variables = vec![
            ("LONGSHORE_URL".to_owned(), self.settings.url.clone()),
            ("LONGSHORE_TOKEN".to_owned(), token),
            ("LONGSHORE_RELEASE".to_owned(), release.id.to_string()),
            // By this name, tools that trace join the release's trace of their own accord.
            ("TRACEPARENT".to_owned(), release.id.traceparent()),
            ("LONGSHORE_PIPELINE".to_owned(), release.pipeline.clone()),
            (reference.to_owned(), release.reference.name.clone()),
            // Where CodeBuild is told a branch, it tells the build which commit that is.
            (
                "LONGSHORE_COMMIT".to_owned(),
                release.build.source.as_ref().map_or(&*release.commit.id, |_| "").to_owned(),
            ),
            ("LONGSHORE_IMAGE".to_owned(), image.unwrap_or_default()),
        ];
        for wait in release.waits.iter().filter(|wait| wait.until == Until::Success) {
            let Some(met) = &wait.met else { continue };
            let name = Pipeline::upstream_variable(&wait.pipeline);
            variables.push((format!("{name}_RELEASE"), wait.release.to_string()));
            variables.push((format!("{name}_COMMIT"), met.commit.clone()));
            if let Some(image) = &met.image {
                variables.push((format!("{name}_IMAGE"), image.reference()));
                variables.push((format!("{name}_DIGEST"), image.digest.to_string()));
            }
        }
        let variable = |(name, value): (String, String)| {
            let plain = EnvironmentVariableType::Plaintext;
            EnvironmentVariable::builder().name(name).value(value).r#type(plain).build()
        };
        variables.into_iter().filter(|(_, value)| !value.is_empty()).map(|pair| Ok(variable(pair)?)).collect()
    }

    /// Looks for a build of this release among the project's newest hundred: an earlier attempt may have died before it wrote down
    /// which build it got, and the token has lapsed since.
    async fn find_build(&self, release: &Release) -> anyhow::Result<Found> {
        let listed = self.codebuild.list_builds_for_project().project_name(&release.project).send().await;
        let ids = match listed {
            Ok(listed) => listed.ids.unwrap_or_default(),
            Err(error) if is_final(&error) => return Ok(Found::None),
            Err(error) if is_denied(&error) => return Ok(Found::Denied),
            Err(error) => {
                return Err(anyhow!(told(&error)).context("the builds could not be listed"));
            }
        };
        if ids.is_empty() {
            return Ok(Found::None);
        }
        let builds = self.builds(ids).await?;
        let found = builds.into_iter().find(|build| {
            let variables = build.environment().map(ProjectEnvironment::environment_variables).unwrap_or_default();
            variables.iter().any(|v| v.name() == "LONGSHORE_RELEASE" && v.value() == release.id.as_str())
        });
        Ok(found.map_or(Found::None, |build| Found::Build(Box::new(build))))
    }

    async fn builds(&self, ids: Vec<String>) -> anyhow::Result<Vec<Build>> {
        let answer = self.codebuild.batch_get_builds().set_ids(Some(ids)).send().await;
        let answer = answer.map_err(|error| anyhow!(told(&error)));
        Ok(answer.context("the build could not be read")?.builds.unwrap_or_default())
    }

    /// Reads how the build is; a fact once it has a log, once it is known which commit it is of, and once it has ended.
    async fn follow_build(&self, release: &Release) -> anyhow::Result<Option<Fact>> {
        let Some(id) = &release.build.id else { return Ok(None) };
        let builds = self.builds(vec![id.clone()]).await?;
        let Some(build) = builds.first() else {
            let age = release.build.started.map(|started| ids::now().duration_since(started)).unwrap_or_default();
            if age < SEEN_AFTER {
                return Ok(None);
            }
            // CodeBuild keeps builds for a year: one that is not there was deleted.
            let reason = Some("CodeBuild no longer has the build".to_owned());
            let outcome = longshore_core::release::Outcome::Fault;
            return Ok(Some(Fact::BuildEnded { outcome, reason, tail: Vec::new() }));
        };
        if let (None, Some(log)) = (&release.build.log, log(build)) {
            return Ok(Some(Fact::BuildLogged(log)));
        }
        if let (None, Some(commit)) = (release.commit.known(), resolved(build)) {
            return Ok(Some(Fact::CommitResolved(self.known_commit(release, commit).await)));
        }
        let outcome = build.build_status().and_then(|status| outcome(status.as_str()));
        let Some(outcome) = outcome else { return Ok(None) };
        let tail = self.tail(release, build, outcome).await;
        Ok(Some(Fact::BuildEnded { outcome, reason: failing_phase(build), tail }))
    }
}

/// What a look for a release's build came to.
enum Found {
    /// This build.
    Build(Box<Build>),
    /// The project has none of this release, or is not there.
    None,
    /// The project's builds may not be listed.
    Denied,
}
