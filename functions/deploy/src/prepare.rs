//! Before any service is told anything: what it runs, whether everything is in place, and the new revisions.

use anyhow::Context;
use jiff::SignedDuration;
use longshore_aws::ids;
use longshore_core::{
    config::{Base, Plan, Severity},
    release::{
        Controller, Deed, Deployment, DeploymentFact, Fact, RELEASE_TAG, Release, ReleaseId, ServiceDeployment,
        ServiceFact, Where, base,
    },
    task_definition::{self, Platform, is_faithful, is_revision, revise},
};
use serde_json::Value;

use crate::{
    Deploy,
    advance::{blocked, failed, place},
    aws::{
        Call, Clients,
        ecr::{self, Findings},
        ecs::{self, revision_number},
    },
};

/// For how long the scan of an image that was just pushed may not have begun.
const SCAN_BEGINS: SignedDuration = SignedDuration::from_mins(3);

impl Deploy {
    /// What the service runs, what it would go back to, and who deploys it.
    pub(crate) async fn base(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let clients = self.clients(deployment).await;
        let found = match clients.ecs.service(&deployment.plan.cluster, &service.service).await? {
            Call::Done(found) => found,
            Call::Refused(why) => return Ok(failed(at, why)),
        };
        let controller = match found.controller {
            ecs::Controller::Ecs => Controller::Ecs,
            ecs::Controller::CodeDeploy if deployment.plan.codedeploy.is_some() => Controller::CodeDeploy,
            ecs::Controller::CodeDeploy => {
                let name = &service.service;
                let why = format!(
                    "the service {name} is under the CodeDeploy controller: say in longshore.toml which \
                     `codedeploy = {{ application = \"…\", group = \"…\" }}` deploys it"
                );
                return Ok(failed(at, why));
            }
            ecs::Controller::External => {
                return Ok(failed(at, format!("the service {} is under an external controller", service.service)));
            }
        };
        let owner = match clients.ecs.describe(&found.task_definition).await? {
            Call::Done(described) => tag(&described, RELEASE_TAG).and_then(|id| ReleaseId::parse(&id)),
            Call::Refused(why) => return Ok(failed(at, format!("{}: {why}", found.task_definition))),
        };
        let known = self.store.environment(&release.pipeline, &deployment.environment).await?;
        let live = known.live.first().map(|live| live.release.clone());
        let owner = self.recorded(owner, deployment, service).await?;
        let live = self.recorded(live, deployment, service).await?;
        let task_definition = base(&found.task_definition, owner.as_ref(), live.as_ref()).to_owned();
        let astray = task_definition != found.task_definition || !found.is_settled();
        let idle = found.desired == 0;
        let before = match clients.ecs.newest_deployment(&deployment.plan.cluster, &service.service).await? {
            Call::Done(newest) => newest,
            // A service under another controller has none.
            Call::Refused(_) => None,
        };
        Ok(at.fact(ServiceFact::Based { task_definition, astray, before, controller, idle }))
    }

    /// A service in the record of another release that went into the same environment.
    async fn recorded(
        &self,
        release: Option<ReleaseId>,
        deployment: &Deployment,
        service: &ServiceDeployment,
    ) -> anyhow::Result<Option<ServiceDeployment>> {
        let Some(id) = release else { return Ok(None) };
        let Some(release) = self.store.release(&id).await? else { return Ok(None) };
        let same = release.deployment_to(&deployment.environment).map(|(_, same)| same.services.as_slice());
        Ok(same.unwrap_or_default().iter().find(|other| other.service == service.service).cloned())
    }

    /// Whether the images are there, run on the machines that the tasks run on, and have no findings that block them. `None`: a scan is
    /// waited for. That the roles can be passed is what ECS checks itself when the revisions are registered, before any service is told.
    pub(crate) async fn preflight(&self, release: &Release, at: usize) -> anyhow::Result<Option<Fact>> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let clients = self.clients(deployment).await;
        let registry = self.accounts.registry();
        let goes_back = release.asked.as_ref().is_some_and(|asked| asked.deed == Deed::Rollback);
        let wanted = match run_on(&clients, deployment).await? {
            Call::Done(wanted) => wanted,
            Call::Refused(why) => return Ok(Some(blocked(at, why))),
        };
        for repository in repositories(release, &deployment.plan) {
            let image = release
                .image_of(repository)
                .with_context(|| format!("a deployment without an image of {repository}"))?;
            let platforms = match registry.platforms(repository, &image.digest).await? {
                Call::Done(platforms) => platforms,
                Call::Refused(why) => return Ok(Some(blocked(at, why))),
            };
            if let Some(why) = elsewhere(repository, &platforms, &wanted) {
                return Ok(Some(blocked(at, why)));
            }
            // What was live was looked at when it first went in, and going back must not depend on what has gone since.
            if !deployment.plan.required.is_nothing() && !goes_back {
                let required = &deployment.plan.required;
                match registry.lacks(repository, &image.digest, &platforms, required).await? {
                    Call::Done(None) => {}
                    Call::Done(Some(why)) | Call::Refused(why) => return Ok(Some(blocked(at, why))),
                }
            }
            let Some(severity) = deployment.plan.block_on.filter(|_| !goes_back) else { continue };
            let new = deployment.admitted.is_some_and(|admitted| ids::now().duration_since(admitted) < SCAN_BEGINS);
            match self.scanned(repository, &platforms, severity, new).await? {
                Scanned::Clean => {}
                Scanned::Pending => return Ok(None),
                Scanned::Blocked(why) => return Ok(Some(blocked(at, why))),
            }
        }
        Ok(Some(Fact::Deployment(at, DeploymentFact::Cleared)))
    }

    /// What ECR's scan found of an image: of a list, of each of its images. A `new` image may only not have been scanned yet.
    async fn scanned(
        &self,
        repository: &str,
        platforms: &[ecr::Platform],
        severity: Severity,
        new: bool,
    ) -> anyhow::Result<Scanned> {
        let mut pending = false;
        for platform in platforms {
            let digest = &platform.digest;
            match self.accounts.registry().findings(repository, digest, severity).await? {
                Call::Done(Findings::Clean) => {}
                Call::Done(Findings::Pending) => pending = true,
                Call::Done(Findings::Found(counts)) => {
                    let counts: Vec<_> =
                        counts.iter().rev().map(|(it, count)| format!("{count} {}", it.word())).collect();
                    return Ok(Scanned::Blocked(format!("the scan of {repository} found {}", counts.join(" and "))));
                }
                Call::Done(Findings::NotScanned(_)) if new => pending = true,
                Call::Done(Findings::NotScanned(why)) | Call::Refused(why) => {
                    let word = severity.word();
                    let why = format!("{repository} is not scanned ({why}), which block_on = \"{word}\" asks for");
                    return Ok(Scanned::Blocked(why));
                }
            }
        }
        Ok(if pending { Scanned::Pending } else { Scanned::Clean })
    }

    /// Registers the new revision, unless an earlier attempt that died did so, or nothing would change.
    pub(crate) async fn register(&self, release: &Release, at: Where) -> anyhow::Result<Fact> {
        let (deployment, service) = place(release, at)?;
        let running = service.base.as_deref().context("a service without a base")?;
        let clients = self.clients(deployment).await;
        if let Some(again) = &service.again {
            return self.bring_back(&clients, release, at, again).await;
        }
        let base = match deployment.plan.base {
            Base::Running => running.to_owned(),
            Base::Latest => match latest(&clients, running).await? {
                Call::Done(latest) => latest,
                Call::Refused(why) => return Ok(failed(at, why)),
            },
        };
        Ok(match self.revision(&clients, release, deployment, &base).await? {
            Call::Refused(why) => failed(at, why),
            // What the base runs is what it would run; it is the base that serves, unless a newer one is to.
            Call::Done(Made::Same) if base == running && !service.astray && !deployment.plan.force => {
                at.fact(ServiceFact::Unchanged(base))
            }
            Call::Done(Made::Same) => at.fact(ServiceFact::Registered(base)),
            Call::Done(Made::New(arn)) => at.fact(ServiceFact::Registered(arn)),
        })
    }

    /// The new revision of a family of scheduled tasks: that of a service, where one runs the family.
    pub(crate) async fn register_family(&self, release: &Release, at: usize, family: usize) -> anyhow::Result<Fact> {
        let deployment = release.deployments.get(at).context("no such deployment")?;
        let name = &deployment.families.get(family).context("no such family")?.family;
        let registered = |arn| Fact::Deployment(at, DeploymentFact::FamilyRegistered(family, arn));
        let revisions = deployment.services.iter().filter_map(|service| service.task_definition.as_deref());
        if let Some(arn) = revisions.into_iter().find(|arn| ecs::family_of(arn) == Some(name)) {
            return Ok(registered(arn.to_owned()));
        }
        let clients = self.clients(deployment).await;
        let base = match clients.ecs.newest_of_family(name).await? {
            Call::Done(Some(base)) => base,
            Call::Done(None) => return Ok(blocked(at, format!("the family {name} has no active revision"))),
            Call::Refused(why) => return Ok(blocked(at, format!("{name}: {why}"))),
        };
        Ok(match self.revision(&clients, release, deployment, &base).await? {
            Call::Done(Made::New(arn)) => registered(arn),
            Call::Done(Made::Same) => registered(base),
            Call::Refused(why) => blocked(at, why),
        })
    }

    /// An earlier revision: as it is, or registered once more where it was deregistered since.
    async fn bring_back(&self, clients: &Clients, release: &Release, at: Where, again: &str) -> anyhow::Result<Fact> {
        let described = match clients.ecs.describe(again).await? {
            Call::Done(described) => described,
            Call::Refused(why) => return Ok(failed(at, format!("{again}: {why}"))),
        };
        if described["taskDefinition"]["status"] == "ACTIVE" {
            return Ok(at.fact(ServiceFact::Registered(again.to_owned())));
        }
        let request = match task_definition::again(&described) {
            Ok(request) => request,
            Err(error) => return Ok(failed(at, format!("{again}: {error}"))),
        };
        Ok(match self.registered_or_register(clients, release, again, &request).await? {
            Call::Done(arn) => at.fact(ServiceFact::Registered(arn)),
            Call::Refused(why) => failed(at, why),
        })
    }

    /// A revision made from a base with the images of a release.
    async fn revision(
        &self,
        clients: &Clients,
        release: &Release,
        deployment: &Deployment,
        base: &str,
    ) -> anyhow::Result<Call<Made>> {
        let described = match clients.ecs.describe(base).await? {
            Call::Done(described) => described,
            Call::Refused(why) => return Ok(Call::Refused(format!("{base}: {why}"))),
        };
        let chosen = release.chosen(&deployment.plan)?;
        let revision = match revise(&described, chosen.images(&deployment.plan), &release.tags()) {
            Ok(revision) => revision,
            Err(error) => return Ok(Call::Refused(format!("{base}: {error}"))),
        };
        if !revision.changed {
            return Ok(Call::Done(Made::Same));
        }
        Ok(self.registered_or_register(clients, release, base, &revision.request).await?.map(Made::New))
    }

    async fn registered_or_register(
        &self,
        clients: &Clients,
        release: &Release,
        base: &str,
        request: &Value,
    ) -> anyhow::Result<Call<String>> {
        if let Some(registered) = registered(clients, base, request).await? {
            return Ok(Call::Done(registered));
        }
        Ok(match clients.ecs.register(request).await? {
            Call::Done((arn, answered)) => {
                tracing::info!(release = %release.id, base, revision = arn, "registered");
                match is_faithful(request, &answered) {
                    Ok(()) => Call::Done(arn),
                    Err(differences) => {
                        let named: Vec<_> = differences.iter().take(5).map(ToString::to_string).collect();
                        Call::Refused(format!("ECS changed what {arn} was to be: {}", named.join("; ")))
                    }
                }
            }
            Call::Refused(why) => Call::Refused(format!("ECS refused the new revision: {why}")),
        })
    }
}

/// A tag in the answer of DescribeTaskDefinition.
pub(crate) fn tag(described: &Value, key: &str) -> Option<String> {
    let tags = described["tags"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key)?["value"].as_str().map(str::to_owned)
}

/// Whether a revision was registered for a release, and not by hand.
pub(crate) fn is_ours(described: &Value) -> bool {
    tag(described, RELEASE_TAG).is_some()
}

/// What came of making a revision.
enum Made {
    /// Its ARN.
    New(String),
    /// Nothing would change.
    Same,
}

/// A revision newer than the base that is what we would register: the release's id is among its tags.
async fn registered(clients: &Clients, base: &str, request: &Value) -> anyhow::Result<Option<String>> {
    let family = request["family"].as_str().unwrap_or_default();
    let Call::Done(newest) = clients.ecs.newest_revisions(family).await? else { return Ok(None) };
    for arn in newest.into_iter().filter(|arn| revision_number(arn) > revision_number(base)) {
        if let Call::Done(described) = clients.ecs.describe(&arn).await?
            && is_revision(&described, request)
        {
            return Ok(Some(arn));
        }
    }
    Ok(None)
}

/// What the tasks of each service run on, where that is known.
async fn run_on<'d>(clients: &Clients, deployment: &'d Deployment) -> anyhow::Result<Call<Vec<(&'d str, Platform)>>> {
    let mut wanted = Vec::new();
    for service in deployment.services.iter().filter(|service| service.again.is_none()) {
        let Some(base) = &service.base else { continue };
        match clients.ecs.describe(base).await? {
            Call::Done(described) => wanted.extend(Platform::of(&described).map(|it| (service.service.as_str(), it))),
            Call::Refused(why) => return Ok(Call::Refused(format!("{base}: {why}"))),
        }
    }
    Ok(Call::Done(wanted))
}

/// Why an image does not run where the tasks of a service run, if so.
fn elsewhere(repository: &str, platforms: &[ecr::Platform], wanted: &[(&str, Platform)]) -> Option<String> {
    let runs = |on: &Platform| platforms.iter().any(|one| one.os == on.os && one.architecture == on.architecture);
    let (name, runs_on) = wanted.iter().find(|(_, on)| !runs(on))?;
    let has = platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    Some(format!("the image {repository} is for {has}, and the tasks of {name} run on {runs_on}"))
}

/// The newest revision of the family of `running`.
async fn latest(clients: &Clients, running: &str) -> anyhow::Result<Call<String>> {
    let family = ecs::family_of(running).unwrap_or_default();
    Ok(match clients.ecs.newest_of_family(family).await? {
        Call::Done(Some(latest)) => Call::Done(latest),
        Call::Done(None) => Call::Refused(format!("the family {family} has no active revision")),
        Call::Refused(why) => Call::Refused(format!("{family}: {why}")),
    })
}

/// The repositories whose images an environment runs.
fn repositories<'a>(release: &'a Release, plan: &'a Plan) -> Vec<&'a str> {
    if plan.images.is_empty() {
        return release.image_repository.iter().map(String::as_str).collect();
    }
    let mut repositories: Vec<_> = plan.images.values().map(String::as_str).collect();
    repositories.sort_unstable();
    repositories.dedup();
    repositories
}

/// What the scans of an image came to.
enum Scanned {
    Clean,
    Pending,
    Blocked(String),
}
