use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::*;
use crate::{
    signature,
    webhook::tests::{nested, paths, with},
};

const SECRET: &str = "a signing secret";
const RELEASE: &str = "01M7YRXRDS32VBQXCBFE7W2KQQ";

fn read_form(body: &[u8]) -> Result<Option<Interaction>, NotAnInteraction> {
    let signature = signature::sign_slack(SECRET, "0", body);
    let now = Timestamp::UNIX_EPOCH;
    let proven = signature::slack(Some("0"), Some(&signature), body, &[SECRET], now).expect("what is signed is proven");
    super::read(proven)
}

/// A press.
fn press(payload: &Value) -> Pressed {
    match read(payload).expect("an interaction") {
        Some(Interaction::Pressed(pressed)) => pressed,
        other => panic!("no press: {other:?}"),
    }
}

fn read(payload: &Value) -> Result<Option<Interaction>, NotAnInteraction> {
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    read_form(body.as_bytes())
}

fn payload(action_id: &str, value: &str) -> Value {
    json!({
        "type": "block_actions",
        "user": {"id": "U0ADA", "username": "ada", "name": "ada", "team_id": "T0LOCAL"},
        "api_app_id": "A0LONGSHORE", "token": "deprecated", "trigger_id": "1.2.3",
        "container": {"type": "message_attachment", "message_ts": "1795248000.000100", "channel_id": "C0DEPLOYS"},
        "channel": {"id": "C0DEPLOYS", "name": "deploys"}, "message": {"ts": "1795248000.000100", "text": "web"},
        "response_url": "https://hooks.slack.com/actions/T0LOCAL/1/abc",
        "actions": [{
            "type": "button", "action_id": action_id, "block_id": "b1", "value": value, "action_ts": "1795248007.654321",
            "text": {"type": "plain_text", "text": "Approve"},
        }],
    })
}

#[test]
fn a_press_says_who_pressed_what_and_where_to_answer() {
    let pressed = press(&payload("approve", &format!("{RELEASE}/production")));
    let release = ReleaseId::parse(RELEASE).expect("an id");
    let press =
        Press { action: Action::Approve, release, environment: Some("production".into()), service: None, since: None };
    let expected = Pressed {
        by: User { id: "U0ADA".into(), name: "ada".into() },
        press,
        response_url: Some("https://hooks.slack.com/actions/T0LOCAL/1/abc".into()),
        trigger: Some("1.2.3".into()),
        at: Timestamp::from_second(1_795_248_007).ok(),
    };
    assert_eq!(pressed, expected);
}

#[test]
fn each_button_of_a_message_is_one_of_the_actions() {
    for action in Action::ALL {
        let place = if action.is_of_release() { "" } else { "/production/web" };
        let pressed = press(&payload(action.id(), &format!("{RELEASE}{place}")));
        let service = (!action.is_of_release()).then_some("web");
        assert_eq!((pressed.press.action, pressed.press.service.as_deref()), (action, service));
        assert_eq!(pressed.press.value(), format!("{RELEASE}{place}"));
    }
    let ids = ["approve", "reject", "continue", "roll_back", "cancel", "retry", "revert"];
    assert_eq!(Action::ALL.map(Action::id), ids);
}

#[test]
fn what_is_not_ours_is_understood_and_ignored() {
    for kind in ["message_action", "shortcut", "block_suggestion", "interactive_message", "", "new"] {
        assert_eq!(read(&json!({ "type": kind })), Ok(None), "{kind}");
    }
    assert_eq!(read(&json!([])), Ok(None));
    assert_eq!(read(&payload("open_log", "anything")), Ok(None));
    assert_eq!(read(&json!({ "type": "block_actions", "actions": [] })), Ok(None));
    assert_eq!(read(&json!({ "type": "block_actions" })), Ok(None));
}

fn submission(value: &str, reason: Option<&str>) -> Value {
    json!({
        "type": "view_submission", "user": {"id": "U0ADA", "username": "ada", "name": "ada"}, "trigger_id": "1.2.3",
        "view": {
            "id": "V1", "type": "modal", "callback_id": "reject", "private_metadata": value,
            "state": {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}},
        },
    })
}

#[test]
fn a_submitted_modal_says_what_it_was_opened_by_and_why() {
    let value = format!("{RELEASE}/production");
    let release = ReleaseId::parse(RELEASE).expect("an id");
    let press =
        Press { action: Action::Reject, release, environment: Some("production".into()), service: None, since: None };
    let by = User { id: "U0ADA".into(), name: "ada".into() };
    let told = |reason: Option<&str>| {
        let (by, press) = (by.clone(), press.clone());
        Ok(Some(Interaction::Submitted(Submitted { by, press, reason: reason.map(str::to_owned) })))
    };
    assert_eq!(read(&submission(&value, Some(" too late on a Friday\n"))), told(Some("too late on a Friday")));
    assert_eq!(read(&submission(&value, None)), told(None));
    let mut other = submission(&value, None);
    other["view"]["callback_id"] = "feedback".into();
    assert_eq!(read(&other), Ok(None));
    let lost = read(&submission("nothing", None));
    assert_eq!(lost, Err(NotAnInteraction::Member("view.private_metadata")));
}

#[test]
fn the_modal_brings_back_what_it_was_opened_by() {
    let release = crate::release::sample();
    let press = Press::parse(Action::Reject, &format!("{}/production", release.id)).expect("a press");
    let view = rejection(&release, &press);
    let mut submission = submission("", Some("no"));
    submission["view"]["callback_id"] = view["callback_id"].clone();
    submission["view"]["private_metadata"] = view["private_metadata"].clone();
    let Ok(Some(Interaction::Submitted(submitted))) = read(&submission) else { panic!("no submission") };
    assert_eq!(submitted.press, press);
    assert_eq!(view["blocks"][0]["text"]["text"], "web #7 (0123456) does not go into production.");
}

#[test]
fn what_cannot_be_read_is_named() {
    assert_eq!(read_form(b"a=b"), Err(NotAnInteraction::Form));
    assert_eq!(read_form(b""), Err(NotAnInteraction::Form));
    assert_eq!(read_form(b"payload=%7B"), Err(NotAnInteraction::Json));
    assert_eq!(read_form(b"payload="), Err(NotAnInteraction::Json));
    let long = "a".repeat(256);
    for value in [
        "",
        "/",
        RELEASE,
        &format!("{RELEASE}/"),
        &format!("{RELEASE}//web"),
        &format!("{RELEASE}/production/"),
        "01M7YRXRDS32VBQXCBFE7W2KQ/production",
        &format!("{RELEASE}/production/web/more"),
        &format!("{RELEASE}/a\nb"),
        &format!("{RELEASE}/{long}"),
    ] {
        assert_eq!(read(&payload("approve", value)), Err(NotAnInteraction::Member("actions.value")), "{value:?}");
    }
    for id in ["", "S0ADA", "U0 ADA", "U0<@ADA>", &"U".repeat(41)] {
        let mut payload = payload("approve", &format!("{RELEASE}/production"));
        payload["user"]["id"] = id.into();
        assert_eq!(read(&payload), Err(NotAnInteraction::Member("user.id")), "{id:?}");
    }
}

#[test]
fn a_name_is_one_line_and_the_id_where_there_is_none() {
    let named = |user: Value| {
        let mut payload = payload("approve", &format!("{RELEASE}/production"));
        payload["user"] = user;
        press(&payload).by.name
    };
    assert_eq!(named(json!({ "id": "U0ADA", "name": " ada\u{7}\nlovelace" })), "ada");
    assert_eq!(named(json!({ "id": "U0ADA", "name": "\u{7}", "username": "ada" })), "ada");
    assert_eq!(named(json!({ "id": "U0ADA", "name": 7 })), "U0ADA");
    assert_eq!(named(json!({ "id": "U0ADA", "name": "a".repeat(200) })).chars().count(), 80);
}

#[test]
fn an_address_to_answer_at_is_http_or_nothing() {
    for url in ["", "ftp://hooks.slack.com/a", "https://hooks.slack.com/a b", "javascript:alert(1)", "https://a\\b"] {
        let mut payload = payload("approve", &format!("{RELEASE}/production"));
        payload["response_url"] = url.into();
        assert_eq!(press(&payload).response_url, None, "{url}");
    }
}

fn check(read: Result<Option<Interaction>, NotAnInteraction>) -> Result<(), TestCaseError> {
    let (by, press, response_url, reason) = match read {
        Ok(Some(Interaction::Pressed(Pressed { by, press, response_url, .. }))) => (by, press, response_url, None),
        Ok(Some(Interaction::Submitted(Submitted { by, press, reason }))) => (by, press, None, reason),
        Ok(None) | Err(_) => return Ok(()),
    };
    prop_assert!(reason.iter().all(|reason| (1..=500).contains(&reason.chars().count())));
    prop_assert!(is_user(&by.id));
    prop_assert!((1..=80).contains(&by.name.chars().count()) && !by.name.contains(char::is_control));
    prop_assert!(press.environment.iter().all(|name| !name.is_empty() && !name.contains(char::is_control)));
    prop_assert!(press.service.iter().all(|name| !name.is_empty() && !name.contains('/')));
    prop_assert!(response_url.iter().all(|url| url.starts_with("http") && url.len() <= 500));
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[UW]?[A-Z0-9<@>]{0,12}".prop_map(Value::from),
        "approve|reject|continue|roll_back|cancel|retry|revert".prop_map(Value::from),
        "[0-7][0-9A-HJKMNP-TV-Z]{25}(/[a-z/]{0,6}){0,3}".prop_map(Value::from),
        "https?://[a-z.:@/|<]{0,12}".prop_map(Value::from),
    ];
    nested(leaf)
}

proptest! {
    #[test]
    fn any_bytes_are_an_interaction_or_none(body: Vec<u8>, text: String) {
        check(read_form(&body))?;
        check(read_form(&[b"payload=".as_slice(), &body].concat()))?;
        check(read(&Value::String(text)))?;
    }

    #[test]
    fn a_changed_payload_never_gives_what_cannot_be(changes in prop::collection::vec((any::<Index>(), any_json()), 1..4)) {
        let mut payload = payload("approve", &format!("{RELEASE}/production/web"));
        for (at, value) in changes {
            let paths = paths(&payload);
            if !paths.is_empty() {
                payload = with(payload, &paths[at.index(paths.len())], value);
            }
        }
        check(read(&payload))?;
    }

    #[test]
    fn what_a_message_draws_is_what_is_read(environment in "[a-z][a-z0-9-]{0,20}", service in "[A-Za-z0-9_-]{1,40}") {
        let value = format!("{RELEASE}/{environment}/{service}");
        let press = Press::parse(Action::Continue, &value).expect("a press");
        prop_assert_eq!(press.value(), value);
    }
}
