//! What is lost on the way is made up for by a tick.

use local_slack::Fault;
use longshore_core::release::{Release, State};
use longshore_tests::{Application, HeldEngine, Quality, eventually, with_stack, without_events};

#[test]
fn with_every_event_lost_the_ticks_bring_a_release_to_its_end() {
    with_stack(
        |options| {
            let lost = ["CodeBuild Build State Change", "ECS Deployment State Change", "Release Changed"];
            options.template = without_events(&lost);
        },
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let id = application.push().await;
            let closed = eventually("the ticks close the release", async || {
                for function in ["Trigger", "Deploy", "Notify"] {
                    local.tick(function).await;
                }
                local.stack.release(&id).await.ok().filter(Release::is_closed)
            });
            assert_eq!(closed.await.state, State::Live);
            local.tick("Notify").await;
            local.message(&id, ": live in ", 7).await;
            assert_eq!(
                (local.messages().len(), local.builds().await.len(), local.service_deployments().await),
                (1, 1, 2)
            );
            assert!(local.page().await.contains("version one"));
        },
    );
}

#[test]
fn a_message_that_slack_did_not_take_is_brought_up_to_date_by_a_tick() {
    let engine = HeldEngine::new();
    with_stack(
        |options| engine.install(options),
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let id = application.push().await;
            let before = local.message(&id, ": building: build ", 1).await;
            local.stack.slack.fail_with(Some(Fault::ServerError));
            engine.let_go();
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "what Slack does keeps no release from going live");
            local.stack.host.idle().await;
            local.tick("Notify").await;
            let messages = local.messages();
            let [stale] = messages.as_slice() else { panic!("one message, not {}", messages.len()) };
            assert_eq!((&stale.ts, &stale.text), (&before.ts, &before.text), "Slack took nothing");

            local.stack.slack.fail_with(None);
            local.tick("Notify").await;
            let message = local.message(&id, ": live in ", 7).await;
            assert_eq!(message.ts, before.ts, "the same message");
            assert_eq!(local.messages().len(), 1);
            assert_eq!(local.thread(&message).len(), 7, "{:#?}", local.thread(&message));
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}
