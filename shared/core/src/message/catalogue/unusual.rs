//! What is out of the ordinary: releases by name, several environments and services, and texts that mean no good.

use super::{
    Sample,
    made::{Making, arn, at, build_end, decision, image, into, person, stage, web},
};
use crate::{
    message::Known,
    release::{Commit, Deed, DeploymentFact, Obstacle, Outcome, Person, Release, ReleaseId, ServiceFact, Verdict},
    report::Status,
};

pub(super) fn all() -> Vec<Sample> {
    vec![
        again(Deed::Rollback).sample("rollback", "Someone takes an environment back to an earlier release."),
        again(Deed::Rollback)
            .cleared(&["web"])
            .service(89, 0, ServiceFact::Registered(arn("web:8")))
            .service(90, 0, ServiceFact::Updated)
            .service(120, 0, concluded())
            .here(121, DeploymentFact::Finished)
            .sample("rollback-live", "The earlier release serves again."),
        web()
            .with(|release| (release.commit, release.brought) = (Commit::unknown(), Vec::new()))
            .knowing(|known| *known = Known::default())
            .turned(|release| {
                release.clone().wished(person("grace", "the door is stuck"), None, false).expect("a wish")
            })
            .building()
            .sample("wished", "Someone asked for a branch's head, and only CodeBuild knows which commit that is."),
        web()
            .imaged()
            .here(80, DeploymentFact::Admitted)
            .here(81, DeploymentFact::Blocked("the image has 2 findings at or above HIGH".into()))
            .turned(|release| by(release, Deed::Retry))
            .sample("retry", "Someone tries a release once more."),
        again(Deed::Deploy).sample("by-name", "Someone takes a release to an environment by name."),
        several().sample("environments", "Several environments, one after the other, each with several services."),
        crowd().sample("crowd", "As many stages, environments and services as nobody has."),
        hostile().sample("hostile", "Texts from outside that would mention everybody, link, format and break out."),
        turned()
            .sample("right-to-left", "Texts that are written from right to left, and marks that turn the direction."),
        empty().sample("empty", "A commit of which hardly anything is known."),
        elsewhere().sample("first", "A pipeline's first release, of another provider, by nobody whom Slack knows."),
    ]
}

fn concluded() -> ServiceFact {
    ServiceFact::Concluded { verdict: Verdict::Live, reason: None, why: None }
}

/// A release of one that was live.
fn again(deed: Deed) -> Making {
    let release = web().imaged().live().turned(|release| by(release, deed));
    release.with(|release| (release.accepted, release.changed) = (at(0), at(0)))
}

/// What someone asks for by its name.
fn by(release: &Release, deed: Deed) -> Release {
    let id = ReleaseId::parse("01JD0000000000000000000009").expect("an id");
    let person = Person { at: at(900), ..person("grace", "the door is stuck") };
    release.again(id, 9, "production", deed, person).expect("it can be asked for")
}

fn several() -> Making {
    let environment = |name: &str, more: &str| {
        format!("{{ name = \"{name}\", cluster = \"{name}\", services = [\"web\", \"worker\"]{more} }}")
    };
    let approval = ", approval = { by = [\"U0GRACE12\"] }";
    let all = [environment("staging", ""), environment("production", approval), environment("disaster", "")];
    let services = ["web", "worker"];
    into(&format!("[{}]", all.join(", ")))
        .imaged()
        .cleared(&services)
        .updated(&services)
        .service(130, 0, concluded())
        .service(140, 1, concluded())
        .here(141, DeploymentFact::Finished)
        .there(142, 1, DeploymentFact::Held(Obstacle::Approval { expires: at(86_542) }))
        .there(200, 1, DeploymentFact::Decided(decision(true, "grace", "")))
        .there(201, 1, DeploymentFact::Admitted)
}

fn crowd() -> Making {
    let services: Vec<_> = (0..30).map(|number| format!("service-with-a-long-name-{number}")).collect();
    let named: Vec<_> = services.iter().map(|name| format!("\"{name}\"")).collect();
    let environment = |number| {
        format!("{{ name = \"region-{number}\", cluster = \"region-{number}\", services = [{}] }}", named.join(", "))
    };
    let all: Vec<_> = (0..20).map(environment).collect();
    let staged = (0..39).fold(into(&format!("[{}]", all.join(", "))).building(), |making, number| {
        let name = format!("stage {number} of a build that tells much about itself");
        making.fact(10 + number, stage(&name, Status::Succeeded, &"It went well. ".repeat(3)))
    });
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    staged.fact(70, image()).cleared(&services).updated(&services)
}

/// What somebody could write who means no good.
const HOSTILE: &str = "<!channel> <@U0ADA> <https://evil.example|GitHub> &amp; *bold* _it_ ~st~ `code` ```fence``` :tada: <script>\n> quoted\u{1b}[2J\u{7}";

fn hostile() -> Making {
    web()
        .with(|release| {
            release.commit.message = HOSTILE.replace('\n', " ");
            release.commit.author = HOSTILE.into();
            release.commit.url = Some("https://evil.example/|x> <!here>".into());
            for commit in &mut release.brought {
                (commit.message, commit.author) = (HOSTILE.into(), HOSTILE.into());
            }
        })
        .knowing(|known| {
            let since = known.since.as_mut().expect("what was live before");
            for commit in &mut since.commits {
                (commit.message, commit.author) = (HOSTILE.into(), HOSTILE.into());
            }
            (known.author.as_mut().expect("an author").name, since.more) = (HOSTILE.into(), true);
            known.approvers.insert("production".into(), vec!["<!channel>".into()]);
        })
        .building()
        .fact(20, stage(HOSTILE, Status::Failed, HOSTILE))
        .fact(30, build_end(Outcome::Failed, HOSTILE, &[HOSTILE, "```", "<!here>"]))
}

/// Hebrew and Arabic, and a text that hides what it says.
fn turned() -> Making {
    web()
        .with(|release| {
            release.commit.message = "פתח את הדלת (#12)".into();
            release.commit.author = "عائشة".into();
            release.reference = crate::push::Reference::branch("ענף/דלת").expect("a branch");
        })
        .knowing(|known| known.author = None)
        .building()
        .fact(20, stage("בדיקות", Status::Failed, "safe \u{202e}gpj.exe\u{2066} 2 נכשלו"))
        .fact(30, build_end(Outcome::Failed, "", &["נכשל: 2"]))
}

fn empty() -> Making {
    web()
        .with(|release| {
            release.commit = Commit::bare(&"c".repeat(40));
            release.brought = Vec::new();
            release.delivery = String::new();
            release.repository = "git.example/acme/web".into();
        })
        .knowing(|known| *known = Known::default())
}

fn elsewhere() -> Making {
    web()
        .with(|release| {
            release.repository = "git.example:7990/ACME/web".into();
            release.delivery = "bitbucket/1".into();
            release.commit.url = None;
        })
        .knowing(|known| *known = Known::default())
}
