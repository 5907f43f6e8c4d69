//! A deployment that is paused: on, or back.

use longshore_core::release::{DeploymentFact, Fact, ServiceFact, Where};

use crate::workspace::{APPROVER, OUTSIDER, Workspace, approval, config};

const SERVICE: Where = Where { deployment: 0, service: 0 };

/// The release's message while its one service is paused; its `ts`.
async fn paused(workspace: &Workspace) -> String {
    for fact in [
        Fact::Deployment(0, DeploymentFact::Admitted),
        SERVICE.fact(ServiceFact::Registered("web:8".into())),
        SERVICE.fact(ServiceFact::Updated),
        SERVICE.fact(ServiceFact::Paused { hook: "hook".into(), stage: "POST_SCALE_UP".into() }),
    ] {
        workspace.change(&fact);
    }
    workspace.post().await
}

fn answer(workspace: &Workspace) -> Option<(bool, String)> {
    let release = workspace.release();
    let answer = release.deployments[0].services[0].pause.as_ref()?.answer.as_ref()?;
    Some((answer.approved, answer.by.name.clone()))
}

#[tokio::test]
async fn anybody_answers_where_nobody_has_to_approve() {
    for (action, approved) in [("continue", true), ("roll_back", false)] {
        let workspace = Workspace::start(config("")).await;
        let ts = paused(&workspace).await;
        assert_eq!(workspace.press(OUTSIDER, &ts, action).await, 200);
        assert_eq!(answer(&workspace), Some((approved, "developer".to_owned())));
        assert_eq!(workspace.aws.events(), ["Deployment Asked", "Release Changed"]);
        assert_eq!(workspace.press(APPROVER, &ts, "continue").await, 200);
        let way = if approved { "on" } else { "back" };
        let told = format!("Too late, nothing was changed: web #7 goes {way}, says developer (production).");
        assert_eq!(workspace.told(), [format!("{APPROVER}: {told}")]);
    }
}

#[tokio::test]
async fn on_is_said_by_those_who_approve_and_back_by_anybody() {
    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = paused(&workspace).await;
    assert_eq!(workspace.press(OUTSIDER, &ts, "continue").await, 200);
    assert_eq!((answer(&workspace), workspace.release().deployments[0].attempts.len()), (None, 1));
    let told = "Nothing was changed: developer may not decide: not among those who approve.";
    assert_eq!(workspace.told(), [format!("{OUTSIDER}: {told}")]);
    assert_eq!(workspace.press(OUTSIDER, &ts, "roll_back").await, 200);
    assert_eq!(answer(&workspace), Some((false, "developer".to_owned())));

    let workspace = Workspace::start(approval("by = [\"U0APPROVER\"]")).await;
    let ts = paused(&workspace).await;
    assert_eq!(workspace.press(APPROVER, &ts, "continue").await, 200);
    assert_eq!(answer(&workspace), Some((true, "grace".to_owned())));
}
