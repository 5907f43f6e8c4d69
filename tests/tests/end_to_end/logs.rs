//! A build's log, read by the program as a person would, from the local stack that runs in a directory.

use std::path::Path;

use longshore_core::release::ReleaseId;
use longshore_tests::{Application, Output, Quality, run, with_stack};

#[test]
fn the_log_of_a_build_is_followed_to_its_end_by_a_program_of_its_own() {
    with_stack(
        |_| {},
        async |local| {
            let directory = local.directory.join("stack");
            let application = Application::make(local).await;
            application.commit("v1", Quality::FailingTests).await;
            let release = application.push().await;

            let followed = logs(&directory, &release, &["--follow"]).await;
            assert_eq!(followed.status, Some(1), "the build fails: {followed:?}");
            assert!(followed.noted.trim_end().ends_with(": FAILED"), "{followed:?}");
            let order =
                ["Waiting for agent ping", "not ok 2 - the tide is high", "Phase complete: BUILD State: FAILED"];
            let places: Vec<_> = order.iter().map(|words| followed.printed.find(words)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {followed:?}");

            let release_record = local.closed(&release).await;
            let tail = release_record.build.tail;
            assert!(tail.iter().any(|line| line == "not ok 2 - the tide is high"), "what it said last: {tail:?}");
            assert!(tail.len() <= 20 && tail.iter().all(|line| whole_line(&followed.printed, line)), "{tail:?}");
            let page = release_record.build.log.expect("a log");
            let whole = local_protocol::http().get(page).send().await.expect("an answer").text().await.expect("a log");
            assert_eq!(followed.printed, whole, "every line once, as it was written");

            let read = logs(&directory, &release, &[]).await;
            assert_eq!((read.status, read.printed), (Some(0), whole), "{}", read.noted);
            refuses_what_is_not_there(&directory).await;
        },
    );
}

/// Whether the log has this line, but for what a terminal would obey.
fn whole_line(log: &str, line: &str) -> bool {
    log.lines().any(|printed| printed.replace('\t', " ").contains(line.trim_end_matches('…')))
}

async fn refuses_what_is_not_there(directory: &Path) {
    let unknown = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
    let refused = logs(directory, &unknown, &[]).await;
    assert_eq!(refused.status, Some(1));
    assert!(refused.noted.contains(&format!("there is no release {unknown} in the table")), "{refused:?}");
    let refused = logs(&directory.join("elsewhere"), &unknown, &["--follow"]).await;
    assert_eq!(refused.status, Some(1));
    assert!(refused.noted.contains("no local stack runs in"), "{refused:?}");
}

/// Runs `longshore builds logs`.
async fn logs(directory: &Path, release: &ReleaseId, arguments: &[&str]) -> Output {
    let directory = format!("--local={}", directory.to_str().expect("a path in UTF-8"));
    let command = ["builds", "logs", release.as_str(), &directory];
    run(&[&command, arguments].concat()).await
}
