//! A buildspec of one's own tells of a stage of its own, by one line of curl.

use longshore_core::{release::State, report::Status};
use longshore_tests::{Gate, Push, REPORTS, config, release_of, with_gate};

/// One that nobody answers, and one that nothing proves: neither disturbs the build.
const UNHEARD: [&str; 2] = [
    r#"curl -sS -m 5 -H "Authorization: Bearer $LONGSHORE_TOKEN" -d phase=lost -d status=started "http://127.0.0.1:1/builds/events" || true"#,
    r#"curl -sS -m 5 -H "Authorization: Bearer wrong" -d phase=forged -d status=started "$LONGSHORE_URL/builds/events" || true"#,
];

#[test]
fn a_stage_of_ones_own_is_told_by_one_line_of_curl() {
    with_gate(&config(&[("web", "github.com/acme/web", "")]), async |local, gate| {
        let [started, failed, smoke] = REPORTS;
        local.script(&[started, UNHEARD[0], UNHEARD[1], failed, Gate::WAIT, smoke]).await;
        let push = Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &[] };
        let id = release_of(&local.send(&push.delivery()).await);
        local.shown(&id, ":x: e2e tests").await;
        gate.open();
        let release = local.closed(&id).await;
        assert_eq!(release.state, State::Built, "a report decides nothing");
        let told = |message: &Option<String>| message.clone().unwrap_or_default();
        let stages = release.build.stages.iter();
        let stages: Vec<_> = stages.map(|it| (it.name.as_str(), it.status, told(&it.message))).collect();
        let expected = [("e2e tests", Status::Failed, "1 of 12"), ("smoke", Status::Succeeded, "12 checks")];
        assert_eq!(stages, expected.map(|(name, status, message)| (name, status, message.to_owned())));
        local.shown(&id, ":white_check_mark: smoke").await;
    });
}
