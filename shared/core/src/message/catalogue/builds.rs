//! Releases before they have an image.

use super::{
    Sample,
    made::{Making, at, build_end, image, person, stage, web},
};
use crate::{
    release::{Fact, Newer, Outcome, ReleaseId, State, Until, Wait},
    report::Status,
};

pub(super) fn all() -> Vec<Sample> {
    let delayed = || Fact::BuildDelayed("StartBuild failed: ThrottlingException: Rate exceeded".into());
    let refused = "CodeBuild refuses the project web-build: ResourceNotFoundException: Project cannot be found";
    let given_up =
        "the build could not be started for 60 minutes: StartBuild failed: ThrottlingException: Rate exceeded";
    let untested = |making: Making| {
        making.fact(47, stage("build", Status::Succeeded, "")).fact(47, stage("container tests", Status::Started, ""))
    };
    let newer = || Fact::Superseded(Newer { number: 8, commit: "ddddddd".into() });
    vec![
        waiting().sample("waiting", "A release waits for others to end."),
        web().sample("queued", "A push was accepted, and its build is asked for."),
        web()
            .fact(1, Fact::BuildStarted { id: "web-build:1".into(), page: Some("https://console.example/1".into()) })
            .sample("provisioning", "CodeBuild has the build, and has not begun it."),
        web().fact(1, delayed()).fact(12, delayed()).sample("delayed", "CodeBuild does not take the build for now."),
        web().building().sample("building", "The build runs."),
        untested(web().building())
            .fact(62, stage("container tests", Status::Failed, "2 of 12 checks failed: the tide is high"))
            .fact(66, build_end(Outcome::Failed, "BUILD failed: exit status 1", &TESTS))
            .sample("tests-failed", "The tests of the container failed: which, and what the build said last."),
        web()
            .building()
            .fact(30, build_end(Outcome::Failed, FAILED, &COMPILER))
            .sample("build-failed", "The build failed: its phase, and the end of its log."),
        web()
            .building()
            .fact(
                3605,
                build_end(Outcome::TimedOut, "BUILD timed out", &["Sending build context", "Step 3/9 : RUN make"]),
            )
            .sample("build-timed-out", "The build ran for too long."),
        web().fact(2, Fact::BuildRefused(refused.into())).sample("build-refused", "The build can never be started."),
        web()
            .fact(1, delayed())
            .fact(3601, Fact::BuildGivenUp(given_up.into()))
            .sample("build-given-up", "The build could not be started for too long."),
        web()
            .building()
            .fact(75, build_end(Outcome::Succeeded, "", &[]))
            .sample("no-image", "The build succeeded, and reported no image."),
        web().building().fact(60, image()).sample("image", "The image is pushed, and waits for its environment."),
        web()
            .with(|release| (release.deployments, release.image_repository) = (Vec::new(), None))
            .building()
            .fact(60, build_end(Outcome::Succeeded, "", &[]))
            .sample("built", "The build succeeded, and its pipeline deploys nowhere."),
        untested(web().building())
            .fact(50, newer())
            .fact(52, build_end(Outcome::Stopped, "BUILD stopped", &[]))
            .sample("superseded", "A newer push took its place while it was building."),
        waiting()
            .fact(90, Fact::Cancelled("base #3 failed: test: 2 of 12 checks failed".into()))
            .sample("cancelled", "What it waited for did not succeed."),
        web()
            .building()
            .fact(20, Fact::CalledOff(person("grace", "wrong branch")))
            .fact(22, build_end(Outcome::Stopped, "BUILD stopped", &[]))
            .sample("called-off", "Someone cancelled it while it was building."),
    ]
}

const FAILED: &str =
    "BUILD failed: COMMAND_EXECUTION_ERROR: Error while executing command: make image. Reason: exit status 2";

const TESTS: [&str; 5] = [
    "1..12",
    "ok 1 - the house is found",
    "not ok 2 - the tide is high",
    "not ok 3 - the door is open",
    "Phase complete: BUILD State: FAILED",
];

const COMPILER: [&str; 6] = [
    "src/house.c: In function 'door':",
    "src/house.c:12:5: error: 'open' undeclared (first use in this function) && <stdio.h>",
    "   12 |     open(door);",
    "      |     ^~~~",
    "make: *** [Makefile:7: image] Error 1",
    "Command did not exit successfully make image exit status 2",
];

/// Waits for two releases of other pipelines.
fn waiting() -> Making {
    let wait = |digit, pipeline: &str, number, until| {
        let release = ReleaseId::parse(&format!("01JD000000000000000000000{digit}")).expect("an id");
        Wait { release, pipeline: pipeline.into(), number, until, met: None }
    };
    web().with(|release| {
        release.waits = vec![wait(1, "base", 3, Until::Success), wait(2, "web", 6, Until::End)];
        (release.state, release.build.due, release.accepted) = (State::Waiting, None, at(0));
    })
}
