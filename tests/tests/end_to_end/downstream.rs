//! Pipelines on one repository that come after one another, and those that have nothing to do with a push.

use std::process::Stdio;

use longshore_core::{
    explain::Explanation,
    release::{Outcome, Release, State},
};
use longshore_tests::{
    Between, Gate, Killer, Local, Push, commit, config, eventually, longshore, release_of, releases_of, variable,
    with_config, with_gate, within, without_events,
};
use serde_json::Value;
use tokio::process::Command;

const REPOSITORY: &str = "github.com/acme/web";
/// Tells which image a build made, where its pipeline has images: one that the test pushed.
const REPORT: &str = r#"[ -z "$LONGSHORE_IMAGE" ] || curl --silent --show-error --fail-with-body \
    --header "Authorization: Bearer $LONGSHORE_TOKEN" --header "Content-Type: application/json" \
    --data "{\"image\":\"${LONGSHORE_IMAGE%:*}:v1\"}" "$LONGSHORE_URL/builds/image""#;

/// A diamond: what comes last stands first in the file.
fn diamond() -> String {
    config(&[
        ("top", REPOSITORY, r#"after = ["left", "right"]"#),
        ("left", REPOSITORY, "after = [\"base\"]\nimage = \"left\""),
        ("right", REPOSITORY, r#"after = ["base"]"#),
        ("base", REPOSITORY, r#"image = "base""#),
    ])
}

/// A push of commit `after` to main, which named the commit before it until then.
fn push<'a>(after: u8, files: &'a [&'a str]) -> Push<'a> {
    Push { repository: "acme/web", branch: "main", before: after - 1, after, files }
}

#[test]
fn a_diamond_of_pipelines_is_built_in_order_and_each_build_knows_its_upstreams() {
    with_gate(&diamond(), async |local, gate| {
        local.script(&[Gate::WAIT, REPORT]).await;
        let base_image = local.push_image("base", "v1").await;
        let left_image = local.push_image("left", "v1").await;
        let mut answered = releases_of(&local.send(&push(1, &["README.md"]).delivery()).await);

        // One delivery, one moment, four releases; one of them can begin.
        let [base, left, right, top] = four(local).await;
        let mut recorded = [&base, &left, &right, &top].map(|release| release.id.clone());
        answered.sort();
        recorded.sort();
        assert_eq!(answered, recorded, "the answer names what was recorded");
        for release in [&left, &right, &top] {
            assert_eq!((&release.delivery, release.accepted), (&base.delivery, base.accepted));
            assert_eq!((release.state, &release.build.id), (State::Waiting, &None));
        }
        local.message(&left.id, ": waits for base #1 (", 0).await;
        local.message(&right.id, ": waits for base #1 (", 0).await;
        local.message(&top.id, ": waits for left #1 and right #1 (", 0).await;
        assert_eq!(local.all_builds().await.len(), 1, "nothing is built before what it waits for");

        gate.open();
        for release in local.all_closed().await {
            assert_eq!(release.state, State::Built, "{:?}", release.reason);
            local.message(&release.id, ": built in ", 1).await;
        }
        each_was_built_once_and_in_order(local).await;
        let image = |name: &str, digest: &str| format!("{}/{name}@{digest}", local.stack.registry);
        let base_image = [image("base", &base_image), base_image];
        let left_image = [image("left", &left_image), left_image];
        assert_eq!(upstreams(local, "base").await, []);
        let wanted = told("BASE", &base, Some(&base_image));
        assert_eq!(upstreams(local, "left").await, wanted);
        assert_eq!(upstreams(local, "right").await, wanted);
        let wanted = [told("LEFT", &left, Some(&left_image)), told("RIGHT", &right, None)].concat();
        assert_eq!(upstreams(local, "top").await, wanted);
        assert_eq!(local.messages().len(), 4, "a message for each");
        assert_eq!(local.stack.host.dead_letters(), []);
    });
}

#[test]
fn what_waits_for_a_build_that_fails_is_cancelled_and_says_what_it_waited_for() {
    let between = Between::default();
    with_config(
        &diamond(),
        |options| options.codebuild = Some(between.middleware()),
        async |local| {
            local.script(&[r#"[ "$LONGSHORE_PIPELINE" != base ]"#]).await;
            local.send(&push(1, &[]).delivery()).await;
            local.all_closed().await;
            let [base, left, right, top] = four(local).await;
            assert_eq!(base.state, State::Failed);
            let because = format!("base #1 failed: {}", base.reason.expect("a reason"));
            is_cancelled(local, &left, &because).await;
            is_cancelled(local, &right, &because).await;
            let by =
                if top.reason.as_ref().is_some_and(|reason| reason.starts_with("right")) { "right" } else { "left" };
            is_cancelled(local, &top, &format!("{by} #1 was cancelled: {because}")).await;
            for project in ["left", "right", "top"] {
                assert_eq!(between.started(project), 0, "{project} was never to be started");
            }

            // One side of it: the other is built all the same.
            local.script(&[r#"[ "$LONGSHORE_PIPELINE" != left ]"#]).await;
            local.send(&push(2, &[]).delivery()).await;
            local.all_closed().await;
            let [base, left, right, top] = four(local).await;
            assert_eq!((base.number, base.state, right.state), (2, State::Built, State::Built));
            assert_eq!(left.state, State::Failed);
            is_cancelled(local, &top, &format!("left #2 failed: {}", left.reason.expect("a reason"))).await;
            assert_eq!(between.started("top"), 0);
            assert_eq!(local.all_builds().await.len(), 1 + 3);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn of_a_monorepo_only_what_a_push_touches_is_built_and_the_rest_says_why_not() {
    let pipelines = [
        ("web", REPOSITORY, r#"paths = ["web/**", "!web/**/*.md"]"#),
        ("api", REPOSITORY, r#"paths = ["api/**", "shared/**"]"#),
        ("docs", REPOSITORY, r#"paths = ["**/*.md"]"#),
    ];
    with_config(
        &config(&pipelines),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let not = |file: &str| format!("the only changed file, \"{file}\", is not among its paths");
            let yes = |file: &str| {
                format!("the branch \"main\" matches \"main\"; the changed file \"{file}\" is among its paths")
            };
            // The branch is known: of a new one, all is built.
            let page = "web/pages/index.html";
            let starts = [("web", true, yes(page)), ("api", false, not(page)), ("docs", false, not(page))];
            only_these_start(local, push(2, &[page]), &starts).await;
            let manual = "web/pages/manual.md";
            let starts = [("web", false, not(manual)), ("api", false, not(manual)), ("docs", true, yes(manual))];
            only_these_start(local, push(3, &[manual]), &starts).await;
            let both = ["shared/types.rs", "web/main.rs"];
            let none = "none of the 2 changed files is among its paths, for example \"shared/types.rs\"".to_owned();
            let starts = [("web", true, yes(both[1])), ("api", true, yes(both[0])), ("docs", false, none)];
            only_these_start(local, push(4, &both), &starts).await;
            let starts = ["web", "api", "docs"].map(|name| (name, false, not("LICENSE")));
            only_these_start(local, push(5, &["LICENSE"]), &starts).await;

            let records = local.all_closed().await;
            let built: Vec<_> =
                records.iter().map(|release| (release.pipeline.as_str(), &*release.commit.id)).collect();
            let (two, three, four) = (commit(2), commit(3), commit(4));
            assert_eq!(built, [("api", &*four), ("docs", &*three), ("web", &*two), ("web", &*four)]);
            assert_eq!(local.all_builds().await.len(), 4);
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}

#[test]
fn a_tick_starts_what_waits_when_the_event_of_the_end_is_lost() {
    with_config(
        &diamond(),
        |options| options.template = without_events(&["Release Changed"]),
        async |local| {
            local.script(&["true"]).await;
            local.send(&push(1, &[]).delivery()).await;
            let [base, ..] = four(local).await;
            assert_eq!(local.closed(&base.id).await.state, State::Built, "CodeBuild's event tells its end");
            local.stack.host.idle().await;
            let [_, left, right, _] = four(local).await;
            assert_eq!((left.state, right.state), (State::Waiting, State::Waiting), "nobody told them");
            for release in local.all_closed_by_ticks().await {
                assert_eq!(release.state, State::Built, "{:?}", release.reason);
            }
            each_was_built_once_and_in_order(local).await;
        },
    );
}

#[test]
fn a_trigger_that_is_killed_while_it_starts_what_waits_starts_nothing_twice() {
    let (gate, killer) = (Gate::new(), Killer::after("StartBuild"));
    with_config(
        &diamond(),
        |options| {
            gate.install(options);
            options.codebuild = Some(killer.middleware());
        },
        async |local| {
            local.script(&[Gate::WAIT]).await;
            local.send(&push(1, &[]).delivery()).await;
            killer.arm(&local.stack);
            gate.open();
            eventually("trigger is killed", async || (killer.killed() > 0).then_some(())).await;
            for release in local.all_closed_by_ticks().await {
                assert_eq!(release.state, State::Built, "{:?}", release.reason);
            }
            each_was_built_once_and_in_order(local).await;
        },
    );
}

/// The newest releases of the diamond: base, left, right, top.
async fn four(local: &Local) -> [Release; 4] {
    let records = local.records().await;
    ["base", "left", "right", "top"].map(|name| {
        let newest = records.iter().rev().find(|release| release.pipeline == name);
        newest.unwrap_or_else(|| panic!("no release of {name}")).clone()
    })
}

/// The build of a pipeline's one release.
async fn build_of(local: &Local, pipeline: &str) -> Value {
    let mut builds = local.all_builds().await;
    builds.retain(|build| build["projectName"] == pipeline);
    let [build] = &builds[..] else { panic!("one build of {pipeline}: {builds:#?}") };
    build.clone()
}

/// What a build is told of upstream builds: names, without their beginning, and values.
async fn upstreams(local: &Local, pipeline: &str) -> Vec<(String, String)> {
    let build = build_of(local, pipeline).await;
    let variables = build["environment"]["environmentVariables"].as_array().cloned().unwrap_or_default();
    let told = variables.iter().filter_map(|variable| {
        let name = variable["name"].as_str()?.strip_prefix("LONGSHORE_UPSTREAM_")?;
        Some((name.to_owned(), variable["value"].as_str()?.to_owned()))
    });
    told.collect()
}

/// What is to be told of a release.
fn told(name: &str, release: &Release, image: Option<&[String; 2]>) -> Vec<(String, String)> {
    let mut members = vec![("RELEASE", release.id.as_str()), ("COMMIT", &release.commit.id)];
    if let Some([reference, digest]) = image {
        members.extend([("IMAGE", reference.as_str()), ("DIGEST", digest)]);
    }
    members.into_iter().map(|(member, value)| (format!("{name}_{member}"), value.to_owned())).collect()
}

async fn each_was_built_once_and_in_order(local: &Local) {
    let releases = four(local).await;
    assert_eq!((local.releases().await, local.all_builds().await.len()), (4, 4));
    let mut times = Vec::new();
    for release in &releases {
        let build = build_of(local, &release.pipeline).await;
        assert_eq!(variable(&build, "LONGSHORE_RELEASE"), Some(release.id.as_str()));
        assert_eq!(build["id"].as_str(), release.build.id.as_deref());
        times.push((build["startTime"].as_f64().expect("a start"), build["endTime"].as_f64().expect("an end")));
    }
    let [base, left, right, top] = times[..] else { panic!("four builds: {times:?}") };
    assert!(base.1 <= left.0 && base.1 <= right.0, "base comes first: {times:?}");
    assert!(left.1 <= top.0 && right.1 <= top.0, "top comes last: {times:?}");
}

async fn is_cancelled(local: &Local, release: &Release, reason: &str) {
    assert_eq!((release.state, release.reason.as_deref()), (State::Cancelled, Some(reason)), "{}", release.pipeline);
    assert_eq!((&release.build.id, release.build.outcome), (&None, Some(Outcome::NotStarted)));
    local.message(&release.id, ": cancelled (", 0).await;
    // Its first words: the rest is escaped.
    let words = reason.split(':').next().expect("words");
    local.shown(&release.id, words).await;
}

/// Sends a push; its answer and its explanation say what becomes of each pipeline.
async fn only_these_start(local: &Local, push: Push<'_>, wanted: &[(&str, bool, String)]) {
    let delivery = push.delivery();
    let answer = local.send(&delivery).await;
    let explanation = explain(local, &delivery.id).await;
    let decided = explanation.pipelines.into_iter().map(|one| (one.name, one.starts, one.reason));
    let wanted: Vec<_> = wanted.iter().map(|(name, starts, why)| ((*name).to_owned(), *starts, why.clone())).collect();
    assert_eq!(decided.collect::<Vec<_>>(), wanted);
    let starting: Vec<_> = wanted.iter().filter(|(_, starts, _)| *starts).map(|(name, ..)| name.as_str()).collect();
    match starting[..] {
        [] => {
            assert_eq!(answer.0, 200, "{}", answer.1);
            let ignored = serde_json::from_str::<Value>(&answer.1).expect("JSON")["ignored"].clone();
            let ignored = ignored.as_str().expect("a reason");
            for (name, _, why) in &wanted {
                assert!(ignored.contains(&format!("{name}: {why}")), "{ignored}");
            }
        }
        [one] => {
            let release = local.stack.release(&release_of(&answer)).await.expect("the release");
            assert_eq!(release.pipeline, one);
        }
        [..] => {
            let mut pipelines = Vec::new();
            for id in releases_of(&answer) {
                pipelines.push(local.stack.release(&id).await.expect("the release").pipeline);
            }
            assert_eq!(pipelines, starting);
        }
    }
}

/// What `longshore explain` says about a delivery that came.
async fn explain(local: &Local, delivery: &str) -> Explanation {
    let mut command = Command::from(longshore());
    command.args(["explain", "--json", "--delivery", delivery, "--local"]).arg(local.directory.join("stack"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = within("longshore explain ends", command.output()).await.expect("longshore");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("an explanation")
}
