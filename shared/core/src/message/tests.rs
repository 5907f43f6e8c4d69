use proptest::prelude::*;

use super::*;
use crate::{
    release::{
        Controller, DeploymentFact, Fact, Image, Newer, Release, ReleaseId, ServiceFact, State, Until, Verdict, Wait,
        Where,
    },
    report::Progress,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn drawn(release: &Release) -> String {
    let thread: Vec<_> = thread(release, &Known::default()).into_iter().map(|reply| reply.0).collect();
    let view = view(release, &Known::default());
    let mut text = format!("{} {}\n", view.attachments[0]["color"].as_str().unwrap_or_default(), view.text);
    let blocks = view.attachments[0]["blocks"].as_array().expect("blocks");
    // Buttons have tests of their own.
    for block in blocks.iter().filter(|block| block["type"] != "actions") {
        let elements = block["elements"].as_array().cloned().unwrap_or_else(|| vec![block["text"].clone()]);
        let texts: Vec<_> = elements.iter().map(|element| element["text"].as_str().unwrap_or_default()).collect();
        text += &texts.join("  ");
        text += "\n";
    }
    format!("{text}--\n{}", thread.join("\n"))
}

/// The buttons of a message: what stands on each, and what is asked first.
fn buttons(release: &Release) -> Vec<String> {
    let view = view(release, &Known::default());
    let actions = view.attachments[0]["blocks"].as_array().into_iter().flatten();
    let elements = actions.filter(|block| block["type"] == "actions").filter_map(|block| block["elements"].as_array());
    let text = |element: &Value| {
        let text = |object: &Value| object["text"].as_str().unwrap_or_default().to_owned();
        let confirm = &element["confirm"];
        let asked = if confirm.is_null() { String::new() } else { format!("? {}", text(&confirm["text"])) };
        format!("{} {}{asked}", text(&element["text"]), element["action_id"].as_str().unwrap_or_default())
    };
    elements.flatten().map(text).collect()
}

fn progress(phase: &str, status: Status, message: Option<&str>) -> Fact {
    Fact::Progress(Progress { phase: phase.into(), status, message: message.map(str::to_owned) })
}

fn through(facts: Vec<(i64, Fact)>) -> Release {
    let mut release = crate::release::sample();
    for (second, fact) in facts {
        release.apply(fact, at(second)).expect("a fact in its place");
    }
    release
}

fn built() -> Vec<(i64, Fact)> {
    let digest = crate::image::Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
    let image = Image { repository: "r.example/web".into(), digest, tag: Some("v1".into()) };
    vec![
        (1, Fact::BuildStarted { id: "web-build:1".into(), page: Some("https://logs.example/1".into()) }),
        (2, progress("build", Status::Started, None)),
        (30, progress("build", Status::Succeeded, None)),
        (30, progress("test", Status::Started, None)),
        (45, progress("test", Status::Succeeded, Some("12 checks"))),
        (50, Fact::ImageReported(image)),
    ]
}

const HERE: Where = Where { deployment: 0, service: 0 };

fn updated() -> Vec<(i64, Fact)> {
    let arn = |revision: u8| format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/web:{revision}");
    let mut facts = built();
    facts.extend([
        (51, Fact::Deployment(0, DeploymentFact::Admitted)),
        (
            51,
            HERE.fact(ServiceFact::Based {
                task_definition: arn(7),
                astray: false,
                before: None,
                controller: Controller::Ecs,
                idle: false,
            }),
        ),
        (51, Fact::Deployment(0, DeploymentFact::Cleared)),
        (52, HERE.fact(ServiceFact::Registered(arn(8)))),
        (53, HERE.fact(ServiceFact::Updated)),
    ]);
    facts
}

#[test]
fn a_release_that_was_accepted_is_queued() {
    insta::assert_snapshot!(drawn(&through(vec![])), @r"
    #8d8d8d web #7: queued (0123456)
    :hourglass_flowing_sand: *web* #7 · queued
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    github.com/acme/web · 01JD0000000000000000000000
    --
    ");
}

#[test]
fn a_build_shows_its_current_stage() {
    insta::assert_snapshot!(drawn(&through(built()[..4].to_vec())), @r"
    #1d9bd1 web #7: building: test (0123456)
    :hammer_and_wrench: *web* #7 · building: test
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :hourglass_flowing_sand: test
    github.com/acme/web · <https://logs.example/1|build log> · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    ");
}

#[test]
fn failed_container_tests_say_which_stage_failed() {
    let mut facts = built()[..4].to_vec();
    facts.push((40, progress("test", Status::Failed, Some("2 of 12 checks failed"))));
    facts.push((41, Fact::BuildEnded { outcome: Outcome::Failed, reason: Some("exit status 1".into()) }));
    insta::assert_snapshot!(drawn(&through(facts)), @r"
    #e01e5a web #7: failed after 41 s (0123456)
    :x: *web* #7 · failed after 41 s
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :x: test · 10 s
    :x: build failed
    > test: 2 of 12 checks failed
    github.com/acme/web · <https://logs.example/1|build log> · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    :x: test · 10 s
    > 2 of 12 checks failed
    :hammer_and_wrench: build failed after 40 s
    > test: 2 of 12 checks failed
    ");
}

#[test]
fn a_deployment_shows_its_revisions_and_then_that_it_is_live() {
    insta::assert_snapshot!(drawn(&through(updated())), @r"
    #1d9bd1 web #7: deploying to production (0123456)
    :rocket: *web* #7 · deploying to production
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    :package: image `sha256:abababababab`
    :rocket: production: web → `web:8`
    github.com/acme/web · <https://logs.example/1|build log> · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    > 12 checks
    :rocket: production: service web goes from `web:7` to `web:8`
    ");
    let mut facts = updated();
    facts.push((95, HERE.fact(ServiceFact::Concluded { verdict: Verdict::Live, reason: None, why: None })));
    facts.push((95, Fact::Deployment(0, DeploymentFact::Finished)));
    insta::assert_snapshot!(drawn(&through(facts)), @r"
    #2eb67d web #7: live in 1 min 35 s (0123456)
    :white_check_mark: *web* #7 · live in 1 min 35 s
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    :package: image `sha256:abababababab`
    :white_check_mark: production live: web → `web:8` · 44 s
    github.com/acme/web · <https://logs.example/1|build log> · 1 min 45 s from commit to live · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    > 12 checks
    :rocket: production: service web goes from `web:7` to `web:8`
    :white_check_mark: production live: web → `web:8` · 44 s
    ");
}

#[test]
fn a_rolled_back_deployment_says_so_and_why() {
    let mut facts = updated();
    let reason = Some("tasks failed to start".to_owned());
    facts.push((95, HERE.fact(ServiceFact::Concluded { verdict: Verdict::RolledBack, reason, why: None })));
    insta::assert_snapshot!(drawn(&through(facts)), @r"
    #e01e5a web #7: rolled back after 1 min 35 s (0123456)
    :rewind: *web* #7 · rolled back after 1 min 35 s
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    :package: image `sha256:abababababab`
    :rewind: production rolled back · 44 s
    > production: web: tasks failed to start
    github.com/acme/web · <https://logs.example/1|build log> · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    :white_check_mark: test · 15 s
    > 12 checks
    :rocket: production: service web goes from `web:7` to `web:8`
    :rewind: production rolled back · 44 s
    > web: tasks failed to start
    ");
}

/// The sample, waiting for `base #3` to succeed and for the release before it to end.
fn waiting() -> Release {
    let wait = |digit, pipeline: &str, number, until| {
        let release = ReleaseId::parse(&format!("01JD000000000000000000000{digit}")).expect("an id");
        Wait { release, pipeline: pipeline.into(), number, until, met: None }
    };
    let mut release = crate::release::sample();
    release.waits = vec![wait(1, "base", 3, Until::Success), wait(2, "web", 6, Until::End)];
    (release.state, release.build.due) = (State::Waiting, None);
    release
}

#[test]
fn a_release_that_waits_says_what_for() {
    insta::assert_snapshot!(drawn(&waiting()), @r"
    #8d8d8d web #7: waits for base #3 and web #6 (0123456)
    :hourglass_flowing_sand: *web* #7 · waits for base #3 and web #6
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    github.com/acme/web · 01JD0000000000000000000000
    --
    ");
}

#[test]
fn a_cancelled_release_says_what_it_waited_for_in_vain() {
    let mut release = waiting();
    let reason = "base #3 failed: test: 2 of 12 checks failed".to_owned();
    release.apply(Fact::Cancelled(reason), at(90)).expect("a fact in its place");
    insta::assert_snapshot!(drawn(&release), @r"
    #8d8d8d web #7: cancelled (0123456)
    :no_entry_sign: *web* #7 · cancelled
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    > base #3 failed: test: 2 of 12 checks failed
    github.com/acme/web · 01JD0000000000000000000000
    --
    ");
}

#[test]
fn a_superseded_release_says_by_what() {
    let newer = Newer { number: 8, commit: "89abcde".into() };
    let mut facts = built()[..4].to_vec();
    facts.push((40, Fact::Superseded(newer)));
    facts.push((42, Fact::BuildEnded { outcome: Outcome::Stopped, reason: Some("BUILD stopped".into()) }));
    insta::assert_snapshot!(drawn(&through(facts)), @r"
    #ecb22e web #7: superseded (0123456)
    :fast_forward: *web* #7 · superseded
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :white_check_mark: build · 28 s
    :x: test · 12 s
    :x: build was stopped
    > release #8 (89abcde) is of a newer push
    github.com/acme/web · <https://logs.example/1|build log> · 01JD0000000000000000000000
    --
    :white_check_mark: build · 28 s
    :x: test · 12 s
    :hammer_and_wrench: build was stopped after 41 s
    > release #8 (89abcde) is of a newer push
    ");
}

#[test]
fn a_build_that_codebuild_does_not_take_says_why() {
    let delayed = || Fact::BuildDelayed("StartBuild failed: ThrottlingException: Rate exceeded".into());
    insta::assert_snapshot!(drawn(&through(vec![(1, delayed()), (12, delayed())])), @r"
    #8d8d8d web #7: queued (0123456)
    :hourglass_flowing_sand: *web* #7 · queued
    `main` at <https://github.com/acme/web/commit/0123456|0123456> by Ada  Say hello
    :hourglass_flowing_sand: CodeBuild does not take the build yet: StartBuild failed: ThrottlingException: Rate exceeded
    github.com/acme/web · 01JD0000000000000000000000
    --
    ");
}

#[test]
fn a_release_has_the_buttons_that_its_state_allows() {
    let cancel = "Cancel cancel? Nothing more is done for it.";
    assert_eq!(buttons(&through(vec![])), [cancel]);
    assert_eq!(buttons(&through(built()[..3].to_vec())), [cancel]);
    let mut asked = built();
    asked.push((51, Fact::Deployment(0, DeploymentFact::Held(crate::release::Obstacle::Approval { expires: at(99) }))));
    assert_eq!(buttons(&through(asked)), ["Approve approve", "Reject reject", cancel]);
    let begun = "Cancel cancel? What was begun goes back to what ran before.";
    assert_eq!(buttons(&through(updated())), [begun]);
    let person = || crate::release::Person { name: "ada".into(), reason: None, at: at(54) };
    let mut off = updated();
    off.push((54, Fact::CalledOff(person())));
    assert_eq!(buttons(&through(off)), [] as [&str; 0], "once is enough");
    let failed = vec![(1, Fact::BuildRefused("no such project".into()))];
    assert_eq!(buttons(&through(failed)), ["Retry retry? Its commit is built once more."]);
    let mut blocked = built();
    blocked.push((51, Fact::Deployment(0, DeploymentFact::Admitted)));
    blocked.push((52, Fact::Deployment(0, DeploymentFact::Blocked("no such platform".into()))));
    assert_eq!(buttons(&through(blocked)), ["Retry retry? Its image is deployed once more."]);
    let mut live = updated();
    let verdict = ServiceFact::Concluded { verdict: Verdict::Live, reason: None, why: None };
    live.extend([(60, HERE.fact(verdict)), (61, Fact::Deployment(0, DeploymentFact::Finished))]);
    let text = "Roll back revert? production goes from web #7 back to what was live before it, and is locked until someone unlocks it.";
    assert_eq!(buttons(&through(live)), [text]);
    let superseded = vec![(1, Fact::Superseded(Newer { number: 8, commit: "abcdef0".into() }))];
    assert_eq!(buttons(&through(superseded)), [] as [&str; 0]);
}

proptest! {
    /// Slack's limits, and no markup from outside, for any text that reaches a message.
    #[test]
    fn any_text_stays_within_slacks_limits_and_mentions_nobody(
        texts in prop::collection::vec("(<!channel>|<@U1>|&|\\PC|\n|`){0,400}", 6),
        stages in 0_usize..60,
    ) {
        let mut release = through(built());
        release.reference.name.clone_from(&texts[0]);
        release.commit.message = crate::text::shorten(&texts[1], 200);
        release.commit.author = crate::text::shorten(&texts[2], 80);
        release.commit.url = Some(texts[3].clone());
        release.reason = Some(texts[4].clone());
        for stage in 0..stages {
            let name = crate::text::shorten(&format!("{stage} {}", texts[5]), 60);
            let status = if stage % 2 == 0 { Status::Started } else { Status::Failed };
            release.apply(progress(&name, status, Some(&texts[4])), at(60)).expect("a report");
        }
        let view = view(&release, &Known::default());
        let blocks = view.attachments[0]["blocks"].as_array().expect("blocks");
        prop_assert!(blocks.len() <= 50);
        let mut total = 0;
        for block in blocks {
            let elements = block["elements"].as_array().cloned().unwrap_or_else(|| vec![block["text"].clone()]);
            prop_assert!(elements.len() <= 10);
            for element in elements {
                let text = element["text"].as_str().or(element["text"]["text"].as_str()).expect("a text");
                prop_assert!((1..=3000).contains(&text.chars().count()));
                total += text.chars().count();
                if element["type"] == "mrkdwn" {
                    prop_assert!(!text.contains("<!") && !text.contains("<@"), "{}", text);
                }
            }
        }
        prop_assert!(total < 13_000);
        for reply in thread(&release, &Known::default()) {
            prop_assert!(!reply.0.contains("<!") && !reply.0.contains("<@"));
            prop_assert!((1..=3000).contains(&reply.0.chars().count()), "{}", reply.0.chars().count());
        }
    }
}
