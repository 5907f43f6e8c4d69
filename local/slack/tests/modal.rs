//! Modals: opened, changed, submitted, closed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{App, Workspace, click, plain, section};
use local_slack::{NotPressed, NotSubmitted};
use serde_json::{Value, json};

const USER: &str = "U0DEVELOPER";
const JSON: &str = "application/json";

/// A reason that is needed, a note that is not, and a choice with a first answer.
fn view() -> Value {
    let option = |value: &str| json!({ "text": plain(value), "value": value });
    json!({
        "type": "modal", "callback_id": "reject", "private_metadata": "01J/production", "title": plain("Reject web #7"),
        "submit": plain("Reject"), "notify_on_close": true,
        "blocks": [
            section("Why should *web #7* not go in?"),
            { "type": "input", "block_id": "reason", "label": plain("Reason"), "hint": plain("All see it"),
              "element": { "type": "plain_text_input", "action_id": "text", "multiline": true, "min_length": 3, "max_length": 20 } },
            { "type": "input", "block_id": "note", "optional": true, "label": plain("Note"),
              "element": { "type": "plain_text_input", "action_id": "text" } },
            { "type": "input", "block_id": "how", "label": plain("How"),
              "element": { "type": "static_select", "action_id": "choice", "options": [option("soft"), option("hard")],
                           "initial_option": option("soft") } },
        ],
    })
}

async fn open(workspace: &Workspace, view: &Value) -> String {
    let opened = workspace.call("views.open", json!({ "trigger_id": workspace.slack.trigger(), "view": view })).await;
    assert_eq!(opened["ok"], true, "{opened}");
    opened["view"]["id"].as_str().unwrap().to_owned()
}

async fn opened() -> (Workspace, App, String) {
    let (workspace, app) = Workspace::with_app().await;
    let id = open(&workspace, &view()).await;
    (workspace, app, id)
}

#[tokio::test]
async fn the_app_is_sent_what_was_filled_in_and_an_empty_answer_closes() {
    let (workspace, app, id) = opened().await;
    let values = [("reason", "text", "too risky"), ("how", "choice", "hard")];
    assert_eq!(workspace.slack.submit(USER, &id, &values).await, Ok(Value::Null));
    let payload = app.payload();
    assert_eq!((&payload["type"], &payload["user"]["id"]), (&json!("view_submission"), &json!(USER)));
    assert_eq!(payload["response_urls"], json!([]));
    let view = &payload["view"];
    assert_eq!((&view["id"], &view["callback_id"]), (&json!(id), &json!("reject")));
    assert_eq!((&view["private_metadata"], view["hash"].is_string()), (&json!("01J/production"), true));
    let chosen = json!({ "text": plain("hard"), "value": "hard" });
    assert_eq!(
        view["state"]["values"],
        json!({
            "reason": { "text": { "type": "plain_text_input", "value": "too risky" } },
            "note": { "text": { "type": "plain_text_input", "value": null } },
            "how": { "choice": { "type": "static_select", "selected_option": chosen } },
        })
    );
    assert_eq!(workspace.slack.modal(USER), None);
    assert_eq!(workspace.slack.submit(USER, &id, &values).await, Err(NotSubmitted::NoView), "it is closed");
}

#[tokio::test]
async fn what_slack_holds_back_never_reaches_the_app() {
    let (workspace, app, id) = opened().await;
    let submit = async |values: &[(&str, &str, &str)]| workspace.slack.submit(USER, &id, values).await;
    let impossible = Err(NotSubmitted::Impossible("reason".into()));
    assert_eq!(submit(&[]).await, Err(NotSubmitted::Missing("reason".into())));
    assert_eq!(submit(&[("reason", "text", "")]).await, Err(NotSubmitted::Missing("reason".into())));
    assert_eq!(submit(&[("reason", "text", "no")]).await, impossible);
    assert_eq!(submit(&[("reason", "text", &"é".repeat(21))]).await, impossible);
    assert_eq!(submit(&[("reason", "other", "x")]).await, Err(NotSubmitted::NoInput("reason".into())));
    let strange = [("reason", "text", "risky"), ("how", "choice", "odd")];
    assert_eq!(submit(&strange).await, Err(NotSubmitted::Impossible("how".into())));
    let unknown = workspace.slack.submit(USER, "V0", &[]).await;
    assert_eq!(unknown, Err(NotSubmitted::NoView));
    let nobody = workspace.slack.submit("U0NOBODY", &id, &[]).await;
    assert_eq!(nobody, Err(NotSubmitted::Not(NotPressed::NoUser)));
    assert_eq!(app.count(), 0);
    assert_eq!(submit(&[("reason", "text", &"é".repeat(20))]).await, Ok(Value::Null));
}

#[tokio::test]
async fn errors_keep_the_modal_open_and_have_to_stand_at_inputs() {
    let (workspace, app, id) = opened().await;
    let submit = async || workspace.slack.submit(USER, &id, &[("reason", "text", "risky")]).await;
    let errors = json!({ "response_action": "errors", "errors": { "reason": "Say more" } });
    app.answers(200, JSON, &errors.to_string());
    assert_eq!(submit().await, Ok(errors));
    assert_eq!(workspace.slack.modal(USER).unwrap()["id"], json!(id));
    for answer in [
        json!({ "response_action": "errors", "errors": {} }),
        json!({ "response_action": "errors", "errors": { "nothing": "x" } }),
        json!({ "response_action": "errors", "errors": { "reason": "" } }),
        json!({ "response_action": "shrug" }),
        json!({ "response_action": "update", "view": { "type": "modal" } }),
        json!({}),
    ] {
        app.answers(200, JSON, &answer.to_string());
        assert!(matches!(submit().await, Err(NotSubmitted::Useless(_))), "{answer}");
    }
    app.answers(200, JSON, "{");
    assert_eq!(submit().await, Err(NotSubmitted::Useless("it is not JSON".into())));
    app.answers(500, JSON, "");
    assert_eq!(submit().await, Err(NotSubmitted::Refused(500)));
    assert!(workspace.slack.modal(USER).is_some());
}

#[tokio::test]
async fn an_answer_changes_the_modal_stacks_another_or_clears_all() {
    let (workspace, app, id) = opened().await;
    let title = || workspace.slack.modal(USER).map(|view| view["title"]["text"].as_str().unwrap().to_owned());
    let small = |title: &str| json!({ "type": "modal", "title": plain(title), "blocks": [section("x")] });
    let values = [("reason", "text", "risky")];
    app.answers(200, JSON, &json!({ "response_action": "push", "view": small("on top") }).to_string());
    workspace.slack.submit(USER, &id, &values).await.unwrap();
    assert_eq!(title().as_deref(), Some("on top"));
    assert_eq!(workspace.slack.submit(USER, &id, &values).await, Err(NotSubmitted::NoView), "it is under another");
    let top = workspace.slack.modal(USER).unwrap();
    assert_eq!((&top["root_view_id"], &top["previous_view_id"]), (&json!(id), &json!(id)));
    let top = top["id"].as_str().unwrap().to_owned();
    app.answers(200, JSON, &json!({ "response_action": "update", "view": small("changed") }).to_string());
    workspace.slack.submit(USER, &top, &[]).await.unwrap();
    assert_eq!(
        (title().as_deref(), workspace.slack.modal(USER).unwrap()["id"].as_str()),
        (Some("changed"), Some(&*top))
    );
    app.answers(200, "", "");
    workspace.slack.submit(USER, &top, &[]).await.unwrap();
    assert_eq!(title().as_deref(), Some("Reject web #7"), "what was under it");
    app.answers(200, JSON, &json!({ "response_action": "clear" }).to_string());
    workspace.slack.submit(USER, &id, &values).await.unwrap();
    assert_eq!(title(), None);
}

#[tokio::test]
async fn closing_is_told_where_the_view_asks_for_it() {
    let (workspace, app, id) = opened().await;
    assert_eq!(workspace.slack.close(USER, "V0").await, Err(NotSubmitted::NoView));
    assert_eq!(workspace.slack.close(USER, &id).await, Ok(()));
    let payload = app.payload();
    assert_eq!((&payload["type"], &payload["view"]["id"]), (&json!("view_closed"), &json!(id)));
    assert_eq!(payload["is_cleared"], false);
    let mut quiet = view();
    quiet["notify_on_close"] = false.into();
    let id = open(&workspace, &quiet).await;
    workspace.slack.close(USER, &id).await.unwrap();
    assert_eq!((app.count(), workspace.slack.modal(USER)), (1, None));
}

#[tokio::test]
async fn views_are_updated_by_id_or_name_and_pushed_at_most_three_deep() {
    let (workspace, _app, id) = opened().await;
    let small = json!({ "type": "modal", "external_id": "mine", "title": plain("small"), "blocks": [section("x")] });
    let update = |more: Value| {
        let mut arguments = json!({ "view": small });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    assert_eq!(workspace.error("views.update", update(json!({}))).await, "invalid_arguments");
    assert_eq!(workspace.error("views.update", update(json!({ "view_id": "V0" }))).await, "not_found");
    let stale = update(json!({ "view_id": id, "hash": "1.2" }));
    assert_eq!(workspace.error("views.update", stale).await, "hash_conflict");
    let hash = workspace.slack.modal(USER).unwrap()["hash"].clone();
    let updated = workspace.call("views.update", update(json!({ "view_id": id, "hash": hash }))).await;
    assert_eq!((&updated["view"]["id"], updated["view"]["hash"] == hash), (&json!(id), false));
    assert_eq!(workspace.call("views.update", update(json!({ "external_id": "mine" }))).await["ok"], true);
    for _ in 0..2 {
        let push = json!({ "trigger_id": workspace.slack.trigger(), "view": view() });
        assert_eq!(workspace.call("views.push", push).await["ok"], true);
    }
    let fourth = json!({ "trigger_id": workspace.slack.trigger(), "view": view() });
    assert_eq!(workspace.error("views.push", fourth).await, "push_limit_reached");
}

#[tokio::test]
async fn a_view_that_slack_would_refuse_is_refused() {
    let workspace = Workspace::start().await;
    let problem = async |change: Value| {
        let mut view = view();
        view.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let open = json!({ "trigger_id": workspace.slack.trigger(), "view": view });
        workspace.call("views.open", open).await["response_metadata"]["messages"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for (change, why) in [
        (json!({ "type": "home" }), "/view/type"),
        (json!({ "title": plain(&"x".repeat(25)) }), "/view/title/text"),
        (json!({ "submit": null }), "missing required field: submit"),
        (json!({ "private_metadata": "x".repeat(3001) }), "/view/private_metadata"),
        (json!({ "callback_id": "x".repeat(256) }), "/view/callback_id"),
        (json!({ "colour": "red" }), "invalid additional property: colour"),
        (json!({ "blocks": "none" }), "must provide an array"),
        (
            json!({ "blocks": [{ "type": "input", "label": plain("x"), "element": { "type": "checkboxes" } }] }),
            "unsupported type",
        ),
    ] {
        let told = problem(change.clone()).await;
        assert!(told.contains(why), "{told:?} for {change}");
    }
    let missing = json!({ "trigger_id": workspace.slack.trigger() });
    assert_eq!(workspace.error("views.open", missing).await, "invalid_arguments");
    assert_eq!(workspace.slack.views(), Vec::<Value>::new());
}

#[tokio::test]
async fn the_page_shows_the_modal_and_sends_what_is_done_in_it() {
    let (workspace, app, id) = opened().await;
    let page = workspace.page("/").await;
    for part in [
        format!(r#"<dialog class="modal" data-view="{id}" data-user="{USER}""#),
        format!(r#"aria-labelledby="{id}-title""#),
        "Reject web #7</h2>".into(),
        format!(r#"<label for="{id}-1">Reason</label>"#),
        format!(r#"<textarea id="{id}-1" rows="4" required autofocus aria-describedby="{id}-1-hint {id}-1-error""#),
        r#"<span class="optional"> (optional)</span>"#.into(),
        r#"<option value="soft" selected>soft</option>"#.into(),
        "Why should <b>web #7</b> not go in?".into(),
    ] {
        assert!(page.contains(&part), "{part} in {page}");
    }
    let submitted = |reason: &str| json!({ "user": USER, "view": id, "values": [["reason", "text", reason]] });
    let (status, told) = click(&workspace, "/submit", &submitted("")).await;
    assert_eq!((status, told), (422, json!({ "error": "Please fill this in", "block": "reason" })));
    let errors = json!({ "response_action": "errors", "errors": { "reason": "Say more" } });
    app.answers(200, JSON, &errors.to_string());
    assert_eq!(click(&workspace, "/submit", &submitted("risky")).await, (200, json!({ "answer": errors })));
    app.answers(200, "", "");
    assert_eq!(click(&workspace, "/submit", &submitted("too risky")).await, (200, json!({ "answer": null })));
    assert!(!workspace.page("/").await.contains("<dialog"));
    let closed = json!({ "user": USER, "view": id });
    assert_eq!(click(&workspace, "/close", &closed).await.0, 422);
}

#[tokio::test]
async fn a_hostile_modal_is_never_markup() {
    let (workspace, _app) = Workspace::with_app().await;
    let hostile = r#""><script>alert(1)</script>"#;
    let short = r#""><script>"#;
    let option = json!({ "text": plain(hostile), "value": hostile });
    let input = |kind: &str, more: Value| {
        let mut element = json!({ "type": kind, "action_id": hostile, "placeholder": plain(hostile) });
        element.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "input", "label": plain(hostile), "hint": plain(hostile), "element": element })
    };
    let view = json!({
        "type": "modal", "title": plain(short), "submit": plain(short), "close": plain(short),
        "blocks": [
            section(hostile), input("plain_text_input", json!({ "initial_value": hostile })),
            input("plain_text_input", json!({ "initial_value": hostile, "multiline": true })),
            input("static_select", json!({ "options": [option], "initial_option": option })),
        ],
    });
    open(&workspace, &view).await;
    let page = workspace.page("/").await;
    assert!(page.contains("<dialog class=\"modal\""), "{page}");
    assert_eq!(page.matches("<script").count(), 1, "only the page's own: {page}");
}
