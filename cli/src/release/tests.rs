use anstream::adapter::strip_str;
use longshore_core::release::{Person, Probe, Run, Stage, State, StoppedTask, Verdict};

use super::*;
use crate::sample::{at, end, release};

/// A release that failed in every way at once.
fn failed() -> Release {
    let mut release = release(14);
    release.build.log = Some("https://logs.example/1".into());
    release.build.stages = vec![Stage {
        name: "test".into(),
        status: Status::Succeeded,
        started: at(2),
        ended: Some(at(30)),
        message: Some("12 passed".into()),
    }];
    end(&mut release, 0, Verdict::Live, None);
    end(&mut release, 1, Verdict::RolledBack, Some("the circuit breaker went back"));
    release.state = State::RolledBack;
    release.reason = Some("production: the circuit breaker went back".into());
    release.ended = Some(at(91));
    let production = &mut release.deployments[1];
    let by = Person { name: "arn:aws:iam::123456789012:user/bob".into(), reason: Some("seen".into()), at: at(45) };
    production.decision = Some(longshore_core::release::Decision { approved: true, by });
    production.runs = vec![Run {
        task: "arn:aws:ecs:eu-central-1:123456789012:task/production/0f1e".into(),
        started: at(46),
        ended: Some(at(48)),
        exit: Some(0),
        failure: None,
        log: vec!["migrated".into()],
    }];
    production.probe = Some(Probe { since: at(60), failures: 2, last: Some("503".into()), passed: None });
    let task = StoppedTask::new("t1", "EssentialContainerExited", vec![("web".into(), Some(1), None)]);
    let (events, targets) = (vec!["(service web) failed".into()], vec!["10.0.0.1:8080 unhealthy".into()]);
    production.services[0].why = Some(Why::new(events, vec![task], targets, vec!["no \u{1b}[2Jtide".into()]));
    release
}

#[test]
fn a_release_that_failed_says_why_and_who_let_it_in() {
    insta::assert_snapshot!(strip_str(&shown(&failed(), at(3600))), @"");
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\n#99 live";
    let mut release = failed();
    release.commit.message = hostile.into();
    release.commit.author = hostile.into();
    release.reason = Some(hostile.into());
    release.build.stages[0].name = hostile.into();
    release.build.stages[0].message = Some(hostile.into());
    let production = &mut release.deployments[1];
    production.reason = Some(hostile.into());
    production.notes = vec![hostile.into()];
    production.runs[0].log = vec![hostile.into()];
    production.services[0].why = Some(Why::new(vec![hostile.into()], Vec::new(), Vec::new(), vec![hostile.into()]));
    let shown = strip_str(&shown(&release, at(0))).to_string();
    assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
    assert!(!shown.lines().any(|line| line.trim_start().starts_with("#99")), "{shown}");
}
