//! Slack is down from the middle of a release until after its end.

use local_slack::Fault;
use longshore_core::{
    message::{self, Known},
    release::State,
};
use longshore_tests::{Gate, Push, REPORTS, config, release_of, with_gate};

#[test]
fn a_slack_that_was_down_has_the_whole_story_afterwards() {
    with_gate(&config(&[("web", "github.com/acme/web", "")]), async |local, gate| {
        let [started, failed, smoke] = REPORTS;
        local.script(&[started, Gate::WAIT, failed, smoke]).await;
        let push = Push { repository: "acme/web", branch: "main", before: 0, after: 1, files: &[] };
        let id = release_of(&local.send(&push.delivery()).await);
        let before = local.message(&id, ": building: e2e tests", 0).await;

        local.stack.slack.fail_with(Some(Fault::ServerError));
        gate.open();
        let release = local.closed(&id).await;
        assert_eq!(release.state, State::Built, "what Slack does keeps no build from its end");
        local.stack.host.idle().await;
        for fault in [Fault::ServerError, Fault::Drop] {
            local.stack.slack.fail_with(Some(fault));
            local.tick("Notify").await;
        }
        let messages = local.stack.slack.messages();
        let [stale] = messages.as_slice() else { panic!("one message, not {}", messages.len()) };
        assert_eq!((&stale.ts, &stale.text), (&before.ts, &before.text), "Slack took nothing");

        local.stack.slack.fail_with(None);
        local.tick("Notify").await;
        let message = local.message(&id, ": built in ", 0).await;
        assert_eq!((local.messages().len(), &message.ts), (1, &before.ts), "the same message");
        let expected: Vec<_> = message::thread(&release, &Known::default()).into_iter().map(|reply| reply.0).collect();
        assert_eq!(local.thread(&message), expected, "the whole thread, each reply once");
        let item = local.items().await.into_iter().find(|item| item["sk"]["S"] == "message").expect("an item");
        assert!(item["open_for"].is_null(), "it is final");
        assert_eq!(local.stack.host.dead_letters(), []);
    });
}
