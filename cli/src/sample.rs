//! Releases for the tests of what is shown.

use jiff::{SignedDuration, Timestamp};
use longshore_core::{
    config::Config,
    image::Digest,
    push::Reference,
    release::{Commit, Image, Origin, Outcome, Release, ReleaseId, State, Verdict},
};

/// A moment: so many seconds after a fixed one.
pub fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T19:54:00Z".parse().expect("a time");
    start + SignedDuration::from_secs(second)
}

/// A release of `web` that has its image, and goes to staging and then to production: it is deploying, and was admitted nowhere.
pub fn release(number: u8) -> Release {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web\"\n\
        image = \"web\"\nenvironment = [{ name = \"staging\", cluster = \"staging\", services = [\"web\"] }, \
        { name = \"production\", cluster = \"production\", services = [\"web\"] }]\n";
    let config = Config::read(text).expect("a configuration");
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit {
            id: format!("{number:02x}").repeat(20),
            message: format!("Change {number}"),
            author: "Ada".into(),
            email: None,
            url: Some("https://github.com/acme/web/commit/1".into()),
            at: Some(at(-60)),
        },
        brought: Vec::new(),
    };
    let id = ReleaseId::parse(&format!("01JD0000000000000000000{number:03}")).expect("an id");
    let mut release = Release::new(id, number.into(), &config.pipelines()[0], origin, Vec::new(), None, at(0));
    release.state = State::Deploying;
    release.build.id = Some("web:1".into());
    release.build.started = Some(at(1));
    release.build.ended = Some(at(40));
    release.build.outcome = Some(Outcome::Succeeded);
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    release.image = Some(Image::new("r.example/web", digest));
    release
}

/// Ends the deployment to an environment, by position; its service goes to the revision with the release's number, from the one before.
pub fn end(release: &mut Release, position: usize, verdict: Verdict, reason: Option<&str>) {
    let number = release.number;
    let deployment = &mut release.deployments[position];
    deployment.admitted = Some(at(50));
    deployment.ended = Some(at(90));
    deployment.verdict = Some(verdict);
    deployment.reason = reason.map(str::to_owned);
    let arn = |number: u64| {
        format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/{}-web:{number}", deployment.environment)
    };
    let (base, new) = (arn(number - 1), arn(number));
    let service = &mut deployment.services[0];
    service.updated = Some(at(51));
    service.base = Some(base);
    service.task_definition = Some(new);
    service.verdict = Some(verdict);
}
