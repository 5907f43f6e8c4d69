//! Making the releases of the catalogue.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Sample;
use crate::{
    config::Config,
    image::Digest,
    message::{Known, Member, Since},
    push::Reference,
    release::{
        Brought, Commit, Controller, Decision, DeploymentFact, Fact, Image, Origin, Outcome, Person, Release,
        ReleaseId, ServiceFact, Verdict, Where,
    },
    report::{Progress, Status},
};

/// The second that all of them were accepted in: 15 January 2027, 08:00 UTC.
const START: i64 = 1_800_000_000;

/// A release on its way, with the seconds since it was accepted.
#[derive(Debug, Clone)]
pub(super) struct Making {
    release: Release,
    known: Known,
}

/// A moment, in seconds since the release was accepted.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(START + second)
}

/// Release 7 of `web`, into production and its one service.
pub(super) fn web() -> Making {
    into("[{ name = \"production\", cluster = \"production\", services = [\"web\"] }]")
}

/// The same with other environments, as longshore.toml has them.
pub(super) fn into(environments: &str) -> Making {
    let text = format!(
        "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n\
        environment = {environments}\n"
    );
    let config = Config::read(&text).expect("a configuration");
    let commit = |digit: char, message: &str, author: &str| Brought {
        id: digit.to_string().repeat(40),
        message: message.into(),
        author: author.into(),
    };
    let brought = vec![commit('b', "Paint the door", "grace"), commit('c', "Open the door", "ada")];
    let origin = Origin {
        delivery: "github/72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit {
            id: "c".repeat(40),
            message: "Open the door".into(),
            author: "ada".into(),
            email: Some("ada@example.com".into()),
            url: Some(format!("https://github.com/acme/web/commit/{}", "c".repeat(40))),
            at: Some(at(-75)),
        },
        brought: brought.clone(),
    };
    let id = ReleaseId::parse("01JD0000000000000000000007").expect("an id");
    let pipeline = config.pipelines().first().expect("a pipeline");
    let release = Release::new(id, 7, pipeline, origin, Vec::new(), Some("#deploys"), at(0));
    let known = Known {
        author: Some(Member { id: "U0ADA1234".into(), name: "Ada Lovelace".into() }),
        since: Some(Since { number: 6, commit: "a".repeat(40), commits: brought, more: false }),
        approvers: BTreeMap::from([("production".into(), vec!["<@U0GRACE12>".into(), "<!subteam^S0OPS1234>".into()])]),
    };
    Making { release, known }
}

/// Someone, with what they say.
pub(super) fn person(name: &str, reason: &str) -> Person {
    let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    Person { name: name.into(), reason, at: at(0) }
}

/// Yes or no.
pub(super) fn decision(approved: bool, name: &str, reason: &str) -> Decision {
    Decision { approved, by: person(name, reason) }
}

/// The ARN of a revision: `web:8`.
pub(super) fn arn(revision: &str) -> String {
    format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/{revision}")
}

/// What an image is reported as.
pub(super) fn image() -> Fact {
    let digest = Digest::parse(&format!("sha256:{}", "9b3f".repeat(16))).expect("a digest");
    let repository = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web".into();
    Fact::ImageReported(Image { repository, digest, tag: Some("cccccccccccc-00000007".into()), base: None })
}

/// A stage of the build.
pub(super) fn stage(name: &str, status: Status, message: &str) -> Fact {
    let message = Some(message.to_owned()).filter(|message| !message.is_empty());
    Fact::Progress(Progress { phase: name.into(), status, message })
}

/// The end of the build.
pub(super) fn build_end(outcome: Outcome, reason: &str, tail: &[&str]) -> Fact {
    let tail = tail.iter().map(|line| (*line).to_owned()).collect();
    Fact::BuildEnded { outcome, reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()), tail }
}

impl Making {
    /// Takes a fact; every one of them has to change something.
    pub(super) fn fact(mut self, second: i64, fact: Fact) -> Self {
        let said = format!("{fact:?}");
        assert_eq!(self.release.apply(fact, at(second)), Ok(true), "{said}");
        self
    }

    /// Something that happens to the deployment into an environment, by its position.
    pub(super) fn there(self, second: i64, environment: usize, fact: DeploymentFact) -> Self {
        self.fact(second, Fact::Deployment(environment, fact))
    }

    /// Something that happens to the first deployment.
    pub(super) fn here(self, second: i64, fact: DeploymentFact) -> Self {
        self.there(second, 0, fact)
    }

    /// Something that happens to a service of the first deployment, by its position.
    pub(super) fn service(self, second: i64, service: usize, fact: ServiceFact) -> Self {
        self.fact(second, Where { deployment: 0, service }.fact(fact))
    }

    /// Changes the record as it is accepted.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Release)) -> Self {
        change(&mut self.release);
        self
    }

    /// Changes what was looked up.
    pub(super) fn knowing(mut self, change: impl FnOnce(&mut Known)) -> Self {
        change(&mut self.known);
        self
    }

    /// Makes another release of it.
    pub(super) fn turned(mut self, turn: impl FnOnce(&Release) -> Release) -> Self {
        self.release = turn(&self.release);
        self
    }

    /// CodeBuild takes the build, and it has a log.
    pub(super) fn building(self) -> Self {
        let console = "https://eu-central-1.console.aws.amazon.com";
        let page = format!("{console}/codesuite/codebuild/123456789012/projects/web-build/build/web-build%3A1/");
        let log = format!("{console}/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/web-build");
        self.fact(1, Fact::BuildStarted { id: "web-build:1".into(), page: Some(page) })
            .fact(4, Fact::BuildLogged(log))
            .fact(5, stage("build", Status::Started, ""))
    }

    /// It is built, tested and pushed.
    pub(super) fn imaged(self) -> Self {
        self.building()
            .fact(47, stage("build", Status::Succeeded, ""))
            .fact(47, stage("container tests", Status::Started, ""))
            .fact(62, stage("container tests", Status::Succeeded, "12 of 12 checks"))
            .fact(70, image())
            .fact(75, build_end(Outcome::Succeeded, "", &[]))
    }

    /// The first environment takes it, and its services are read.
    pub(super) fn cleared(self, services: &[&str]) -> Self {
        let admitted = self.here(80, DeploymentFact::Admitted);
        let read = |making: Self, (position, name): (usize, &&str)| {
            let based = ServiceFact::Based {
                task_definition: arn(&format!("{name}:7")),
                astray: false,
                before: None,
                controller: Controller::Ecs,
                idle: false,
            };
            making.service(81, position, based)
        };
        services.iter().enumerate().fold(admitted, read).here(82, DeploymentFact::Cleared)
    }

    /// Its services are told to run the new revision.
    pub(super) fn updated(self, services: &[&str]) -> Self {
        let told = |making: Self, (position, name): (usize, &&str)| {
            let registered = ServiceFact::Registered(arn(&format!("{name}:8")));
            making.service(83, position, registered).service(84, position, ServiceFact::Updated)
        };
        services.iter().enumerate().fold(self, told)
    }

    /// The first environment's one service runs it, and nothing comes after that.
    pub(super) fn live(self) -> Self {
        let concluded = ServiceFact::Concluded { verdict: Verdict::Live, reason: None, why: None };
        self.cleared(&["web"]).updated(&["web"]).service(150, 0, concluded).here(151, DeploymentFact::Finished)
    }

    /// The sample.
    pub(super) fn sample(self, name: &'static str, title: &'static str) -> Sample {
        Sample { name, title, release: self.release, known: self.known }
    }
}
