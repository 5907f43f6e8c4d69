//! Who may, where Slack has to say who they are.

use axum::{Router, extract::State};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::workspace::{APPROVER, AUTHOR, OUTSIDER, Workspace, approval};

fn decided_by(workspace: &Workspace) -> Option<String> {
    workspace.release().deployments[0].decision.as_ref().map(|decision| decision.by.name.clone())
}

#[tokio::test]
async fn a_member_of_a_group_approves_by_its_handle_or_its_id() {
    for group in ["@release-managers", "S0MANAGERS"] {
        let workspace =
            Workspace::start(approval(&format!("by = [\"@nobody\", \"@unknown\", \"S0GONE01\", \"{group}\"]"))).await;
        let ts = workspace.asked().await;
        assert_eq!(workspace.press(OUTSIDER, &ts, "approve").await, 200);
        assert_eq!((decided_by(&workspace), workspace.told().len()), (None, 1), "{group}");
        assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
        assert_eq!(decided_by(&workspace).as_deref(), Some("grace"), "{group}");
        assert_eq!(workspace.told().len(), 1, "{:?}", workspace.told());
    }
}

#[tokio::test]
async fn groups_are_kept_for_a_while() {
    let workspace = Workspace::start(approval("by = [\"@release-managers\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(OUTSIDER, &ts, "approve").await, 200);
    workspace.silence(true);
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(decided_by(&workspace).as_deref(), Some("grace"));
}

#[tokio::test]
async fn while_slack_does_not_say_who_they_are_nothing_happens_and_they_are_asked_to_try_again() {
    let workspace = Workspace::start(approval("by = [\"@release-managers\"]")).await;
    let ts = workspace.asked().await;
    workspace.silence(true);
    let before = workspace.release();
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(workspace.release(), before);
    let told = "Nothing was changed: whether you may do that is not known (Slack answered status 500). Try again.";
    assert_eq!(workspace.told(), [format!("{APPROVER}: {told}")]);
    workspace.silence(false);
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(decided_by(&workspace).as_deref(), Some("grace"));
}

#[tokio::test]
async fn a_scope_that_the_app_lacks_is_named() {
    let workspace = Workspace::start(approval("by = [\"@release-managers\"]")).await;
    let ts = workspace.asked().await;
    workspace.slack.fail_with(Some(local_slack::Fault::Error("missing_scope".into())));
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    let told = "Nothing was changed: whether you may do that is not known (Slack refused: missing_scope). Try again.";
    assert_eq!(workspace.told(), [format!("{APPROVER}: {told}")]);
}

#[tokio::test]
async fn who_is_named_is_not_asked_about() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\", \"@release-managers\"]")).await;
    let ts = workspace.asked().await;
    workspace.silence(true);
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(decided_by(&workspace).as_deref(), Some("grace"));
}

#[tokio::test]
async fn the_commits_author_does_not_approve_it_where_that_is_so_set() {
    let workspace = Workspace::start(approval("by = [\"U0AUTHOR\", \"U0APPROVER\"], not_author = true")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(AUTHOR, &ts, "approve").await, 200);
    let told = "Nothing was changed: ada may not decide: the commit's author does not approve it.";
    assert_eq!((decided_by(&workspace), workspace.told()), (None, vec![format!("{AUTHOR}: {told}")]));
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(decided_by(&workspace).as_deref(), Some("grace"));

    let anybody = Workspace::start(approval("by = [\"U0AUTHOR\"]")).await;
    let ts = anybody.asked().await;
    assert_eq!(anybody.press(AUTHOR, &ts, "approve").await, 200);
    assert_eq!(decided_by(&anybody).as_deref(), Some("ada"));
}

/// Slack's API takes a question and never answers it; the function gives up in time to answer the press.
#[tokio::test]
async fn a_slack_that_never_answers_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let api = format!("http://{}/api", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicUsize::new(0));
    let never = async |State(asked): State<Arc<AtomicUsize>>| {
        asked.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
    };
    let router = Router::new().fallback(never).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let workspace = Workspace::with(approval("by = [\"@release-managers\"]"), Some(api)).await;
    let ts = workspace.asked().await;
    let before = workspace.release();
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200, "within Slack's three seconds");
    assert_eq!((asked.load(Ordering::Relaxed), workspace.release()), (1, before));
}
