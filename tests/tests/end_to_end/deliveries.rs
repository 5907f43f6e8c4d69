//! A delivery that comes more than once.

use std::sync::Arc;

use longshore_core::release::State;
use longshore_local::hook;
use longshore_tests::{Application, Local, Quality, with_stack};
use serde_json::Value;
use tokio::task::JoinSet;

#[test]
fn the_same_delivery_sent_twice_starts_one_release() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let delivery = local.delivery(&hook::uuid(), &commit);
            let first = local.send(&delivery).await;
            let second = local.send(&delivery).await;
            assert_eq!(first, second, "the same answer");
            one_release_goes_live(local, &first).await;
            assert_eq!(local.send(&delivery).await, first, "the same answer when all is over");
            assert_eq!((local.releases().await, local.builds().await.len()), (1, 1));
        },
    );
}

#[test]
fn the_same_delivery_fifty_times_at_once_starts_one_release() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let delivery = Arc::new((local.hook(), local.delivery(&hook::uuid(), &commit)));
            let mut sends = JoinSet::new();
            for _ in 0..50 {
                let delivery = delivery.clone();
                sends.spawn(async move { hook::send(&delivery.0, &delivery.1).await.expect("an answer") });
            }
            let answers = sends.join_all().await;
            assert_eq!(answers.len(), 50);
            for answer in &answers {
                assert_eq!(answer, &answers[0], "the same answer");
            }
            one_release_goes_live(local, &answers[0]).await;
        },
    );
}

async fn one_release_goes_live(local: &Local, (status, body): &(u16, String)) {
    assert_eq!(*status, 202, "{body}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["pipeline"], "web");
    assert!(body["build"].as_str().is_some_and(|link| link.starts_with("http")), "{body}");
    let id = serde_json::from_value(body["release"].clone()).expect("a release");
    let release = local.closed(&id).await;
    assert_eq!(release.state, State::Live, "{:?}", release.reason);
    assert_eq!(release.build.page.as_deref(), body["build"].as_str());
    local.message(&id, ": live in ", 7).await;
    assert_eq!((local.releases().await, local.builds().await.len(), local.messages().len()), (1, 1, 1));
    assert_eq!(local.service_deployments().await, 2, "the placeholder's and ours");
    assert!(local.page().await.contains("version one"));
    assert_eq!(local.stack.host.dead_letters(), []);
}
