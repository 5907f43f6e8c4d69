//! What people press in Slack, from the signed request to the record: the function as it is, Slack's stand-in, and what the function asks of
//! AWS played by a table of records.

mod aws;
mod hostile;
mod pauses;
mod people;
mod workspace;

use longshore_core::release::{Decision, Person, State};
use serde_json::Value;
use workspace::{APPROVER, AUTHOR, OUTSIDER, Workspace, approval, config};

#[tokio::test]
async fn the_right_one_approves() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    let release = workspace.release();
    let Some(Decision { approved: true, by: Person { name, reason: None, .. } }) = &release.deployments[0].decision
    else {
        panic!("{:?}", release.deployments[0].decision)
    };
    assert_eq!(name, "grace");
    assert_eq!(workspace.aws.events(), ["Deployment Asked", "Release Changed"]);
    assert_eq!(workspace.told(), [""; 0], "the message shows it");
    assert_eq!(workspace.answers(), [(200, String::new())]);
}

#[tokio::test]
async fn a_rejection_asks_for_a_reason_and_ends_the_release() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(APPROVER, &ts, "reject").await, 200);
    assert_eq!(workspace.release().deployments[0].decision, None, "nothing is decided yet");
    assert_eq!(workspace.submit(APPROVER, "it would <capsize> us").await, Value::Null, "the modal closes");
    let reason = workspace.release().deployments[0].reason.clone();
    assert_eq!(reason.as_deref(), Some("rejected by grace: it would <capsize> us"));
    assert_eq!(workspace.told(), [""; 0]);
}

#[tokio::test]
async fn a_rejection_that_comes_too_late_is_told_in_the_modal() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\", \"U0AUTHOR\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(AUTHOR, &ts, "reject").await, 200);
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    let approved = workspace.release();
    let answer = workspace.submit(AUTHOR, "no").await;
    let told = "Too late, nothing was changed: web #7 was approved by grace, and waits to go in (production).";
    assert_eq!(answer["errors"]["reason"], told);
    assert_eq!(workspace.release(), approved);
}

#[tokio::test]
async fn those_whom_longshore_toml_names_cancel_and_nobody_else() {
    let workspace = Workspace::start(config(", allow = [\"U0APPROVER\"]")).await;
    let ts = workspace.post().await;
    assert_eq!(workspace.press(OUTSIDER, &ts, "cancel").await, 200);
    let told = "U0DEVELOPER: Nothing was changed: developer may not cancel: not among those who may.";
    assert_eq!(workspace.told(), [told]);
    let release = workspace.release();
    let attempt = &release.deployments[0].attempts[0];
    assert_eq!((&*attempt.name, &*attempt.deed, release.called_off), ("developer", "cancel", None));
    for _ in 0..2 {
        assert_eq!(workspace.press(APPROVER, &ts, "cancel").await, 200);
    }
    let release = workspace.release();
    let by = release.called_off.map(|by| by.name);
    assert_eq!((by.as_deref(), release.state), (Some("grace"), State::Deploying), "deploy sees to it");
    let told = "Too late, nothing was changed: web #7 is being cancelled, says grace.";
    assert_eq!(workspace.told().last(), Some(&format!("{APPROVER}: {told}")));
}

#[tokio::test]
async fn without_rules_everybody_cancels_and_where_an_approval_is_those_who_give_it() {
    let workspace = Workspace::start(config("")).await;
    let ts = workspace.post().await;
    assert_eq!(workspace.press(OUTSIDER, &ts, "cancel").await, 200);
    assert_eq!(workspace.release().called_off.map(|by| by.name).as_deref(), Some("developer"));
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(OUTSIDER, &ts, "cancel").await, 200);
    assert!(workspace.told()[0].contains("may not cancel"), "{:?}", workspace.told());
    assert_eq!(workspace.press(APPROVER, &ts, "cancel").await, 200);
    let release = workspace.release();
    assert_eq!((release.state, release.reason.as_deref()), (State::Cancelled, Some("cancelled by grace")));
}

#[tokio::test]
async fn the_wrong_one_is_refused_privately_and_recorded() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    for action in ["approve", "reject"] {
        assert_eq!(workspace.press(OUTSIDER, &ts, action).await, 200);
    }
    assert_eq!(workspace.slack.modal(OUTSIDER), None, "they are not even asked why");
    let deployment = workspace.release().deployments[0].clone();
    assert_eq!((deployment.decision, deployment.attempts.len()), (None, 2));
    assert_eq!(
        (&*deployment.attempts[0].name, &*deployment.attempts[0].why),
        ("developer", "not among those who approve")
    );
    assert_eq!(workspace.aws.events(), ["Release Changed"; 2], "deploy has nothing to do");
    let told = "U0DEVELOPER: Nothing was changed: developer may not decide: not among those who approve.";
    assert_eq!(workspace.told(), [told; 2]);
}

#[tokio::test]
async fn a_press_on_a_stale_message_hears_how_it_stands() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    let approved = workspace.release();
    for (user, action) in [(APPROVER, "approve"), (APPROVER, "reject"), (OUTSIDER, "approve")] {
        assert_eq!(workspace.press(user, &ts, action).await, 200);
    }
    assert_eq!(workspace.release(), approved, "nothing has a second effect");
    let told = "Too late, nothing was changed: web #7 was approved by grace, and waits to go in (production).";
    let expected = [APPROVER, APPROVER, OUTSIDER].map(|user| format!("{user}: {told}"));
    assert_eq!(workspace.told(), expected);
    assert_eq!(workspace.aws.events().len(), 2);
}

#[tokio::test]
async fn two_who_press_at_once_have_one_effect() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\", \"U0AUTHOR\"]")).await;
    let ts = workspace.asked().await;
    let (one, other) = tokio::join!(workspace.press(APPROVER, &ts, "approve"), workspace.press(AUTHOR, &ts, "approve"));
    assert_eq!((one, other), (200, 200));
    let deployment = workspace.release().deployments[0].clone();
    let Some(decision) = deployment.decision else { panic!("nothing was decided") };
    assert!(decision.approved);
    let loser = if decision.by.name == "grace" { AUTHOR } else { APPROVER };
    assert_eq!(workspace.told().len(), 1, "{:?}", workspace.told());
    assert!(workspace.told()[0].starts_with(loser), "{:?}", workspace.told());
}

#[tokio::test]
async fn what_the_table_does_not_take_is_told() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    workspace.aws.break_down("GetItem");
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    assert_eq!(workspace.release().deployments[0].decision, None);
    let told = "Longshore could not look that up or write it down. Try again.";
    assert_eq!(workspace.told(), [format!("{APPROVER}: {told}")]);
}

#[tokio::test]
async fn a_release_that_is_gone_is_said_to_be() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = workspace.asked().await;
    workspace.aws.forget();
    assert_eq!(workspace.press(APPROVER, &ts, "approve").await, 200);
    let told = "Nothing was changed: Longshore does not know this release any more.";
    assert_eq!(workspace.told(), [format!("{APPROVER}: {told}")]);
}
