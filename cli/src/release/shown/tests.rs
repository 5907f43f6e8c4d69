use anstream::adapter::strip_str;
use longshore_core::config::{Before, Check};
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
    production.plan.before = vec![Before {
        run: "web".into(),
        container: None,
        command: vec!["./migrate".into(), "--to".into(), "latest".into()],
        timeout: Before::TIMEOUT,
    }];
    production.plan.check = Some(Check { url: "https://acme.example/health".into(), expect: 200, lasts: Check::LASTS });
    production.probe = Some(Probe { since: at(60), failures: 2, last: Some("503".into()), passed: None });
    let task = StoppedTask::new("t1", "EssentialContainerExited", vec![("web".into(), Some(1), None)]);
    let (events, targets) = (vec!["(service web) failed".into()], vec!["10.0.0.1:8080 unhealthy".into()]);
    production.services[0].why = Some(Why::new(events, vec![task], targets, vec!["no \u{1b}[2Jtide".into()]));
    release
}

#[test]
fn a_release_that_failed_says_why_and_who_let_it_in() {
    insta::assert_snapshot!(strip_str(&shown(&failed(), at(3600))), @r"
    web #14 rolled_back after 1 min 31 s
    production: the circuit breaker went back
      release   01JD0000000000000000000014
      trace     01934000000000000000000000000024
      commit    0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e Change 14
      author    Ada, 2026-11-21 19:53 UTC
      source    github.com/acme/web refs/heads/main
      page      https://github.com/acme/web/commit/1
      delivery  github/d-1
      accepted  2026-11-21 19:54 UTC, 60 min ago
      image     r.example/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      build     web:1 succeeded in 39 s
      log       https://logs.example/1
        test  ok  28 s  12 passed

    staging live
      service  web from staging-web:13 to staging-web:14: live

    production rolled back: the circuit breaker went back
      approved  by arn:aws:iam::123456789012:user/bob: seen
      service   web from production-web:13 to production-web:14: rolled_back
      check     https://acme.example/health 2 failures: 503
      ran first: ./migrate --to latest ok, exit code 0 (task 0f1e)
        | migrated
      why web did not come up
        task t1 stopped: EssentialContainerExited
          container web: exit code 1
        target 10.0.0.1:8080 unhealthy
        event (service web) failed
        | no tide

    What happened
      2026-11-21 19:54:00  main at 0e0e0e0 by Ada accepted
      2026-11-21 19:54:01  build web:1 started
      2026-11-21 19:54:30    test ok in 28 s: 12 passed
      2026-11-21 19:54:40  build succeeded
      2026-11-21 19:54:45  production: approved by arn:aws:iam::123456789012:user/bob: seen
      2026-11-21 19:54:46  production: runs ./migrate --to latest
      2026-11-21 19:54:48  production: ./migrate --to latest ok in 2 s
      2026-11-21 19:54:50  staging: deployment begun
      2026-11-21 19:54:50  production: deployment begun
      2026-11-21 19:54:51  staging: web goes from staging-web:13 to staging-web:14
      2026-11-21 19:54:51  production: web goes from production-web:13 to production-web:14
      2026-11-21 19:55:30  staging: live in 40 s
      2026-11-21 19:55:30  production: rolled back after 40 s: the circuit breaker went back
      2026-11-21 19:55:31  release #14 was rolled back: production: the circuit breaker went back
    ");
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

#[test]
fn a_failed_build_says_what_it_said_last() {
    let mut release = failed();
    release.build.tail = vec!["not ok 2 - the tide is high".into(), "make: *** Error 1".into()];
    let text = strip_str(&shown(&release, at(3600))).to_string();
    let expected = "  what the build said last\n    | not ok 2 - the tide is high\n    | make: *** Error 1\n";
    assert!(text.contains(expected), "{text}");
}
