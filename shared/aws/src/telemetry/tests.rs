use std::sync::{Arc, Mutex};

use longshore_core::{
    config::Config,
    push::Reference,
    release::{Commit, Origin},
};
use serde_json::json;

use super::*;

const ID: &str = "01JD0000000000000000000000";
const TRACE: &str = "01934000000000000000000000000000";

/// What is logged while something is done, line by line.
fn logged(environment: &[(&str, &str)], act: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let lookup =
        |name: &str| environment.iter().find_map(|(known, value)| (*known == name).then(|| (*value).to_owned()));
    let write = {
        let lines = lines.clone();
        move |line: &[u8]| lines.lock().expect("the lines").push(String::from_utf8(line.to_vec()).expect("text"))
    };
    tracing::subscriber::with_default(subscriber(&lookup, write), act);
    let lines = Arc::into_inner(lines).expect("nobody else has them");
    lines.into_inner().expect("the lines")
}

/// The same, read, and without the times.
fn read(environment: &[(&str, &str)], act: impl FnOnce()) -> Vec<Value> {
    let lines = logged(environment, act).into_iter().map(|line| {
        let mut line: Value = serde_json::from_str(line.strip_suffix('\n').expect("a whole line")).expect("JSON");
        let time = line.as_object_mut().expect("an object").remove("timestamp").expect("a time");
        time.as_str().expect("text").parse::<Timestamp>().expect("RFC 3339");
        line
    });
    lines.collect()
}

fn sample() -> Release {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n";
    let config = Config::read(text).expect("a configuration");
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit::unknown(),
        brought: Vec::new(),
    };
    let id = ReleaseId::parse(ID).expect("an id");
    Release::new(id, 7, &config.pipelines()[0], origin, Vec::new(), None, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_line_says_all_that_is_known_by_then_on_one_level() {
    let lines = read(&[], || {
        request("r-1").in_scope(|| {
            tracing::warn!(status = 202, "before");
            let mut release = sample();
            know(&release);
            tracing::info!("accepted");
            self::release(&release).in_scope(|| {
                release.commit = Commit::bare("0123456789012345678901234567890123456789");
                release.build.id = Some("web-build:8745a7a9".into());
                know(&release);
                tracing::info!(release = %release.id, ok = true, "built");
            });
        });
    });
    let accepted = json!({
        "level": "INFO", "message": "accepted", "request": "r-1", "release": ID, "trace": TRACE,
        "pipeline": "web", "delivery": "github/d-1", "repository": "github.com/acme/web",
    });
    let mut built = accepted.clone();
    built["message"] = json!("built");
    built["ok"] = json!(true);
    built["commit"] = json!("0123456789012345678901234567890123456789");
    built["build"] = json!("web-build:8745a7a9");
    let before = json!({ "level": "WARN", "message": "before", "request": "r-1", "status": 202 });
    assert_eq!(lines, [before, accepted, built]);
}

#[test]
fn a_line_about_another_release_has_nothing_of_the_first() {
    let other = "01JD0000000000000000000001";
    let lines = read(&[], || {
        request("r-1").in_scope(|| {
            know(&sample());
            tracing::info!(release = other, "waits");
        });
    });
    let trace = format!("{}1", &TRACE[..31]);
    assert_eq!(
        lines,
        [json!({ "level": "INFO", "message": "waits", "request": "r-1", "release": other, "trace": trace })]
    );
}

#[test]
fn lines_of_every_level_have_the_ids_and_foreign_ones_only_warn() {
    let speak = || {
        request("r-1").in_scope(|| {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::trace!("t");
            tracing::info!(target: "hyper", "foreign i");
            tracing::warn!(target: "hyper", "foreign w");
        });
    };
    for (level, expected) in [
        ("FATAL", "e"),
        ("ERROR", "e"),
        ("WARN", "e w foreign w"),
        ("INFO", "e w i foreign w"),
        ("", "e w i foreign w"),
        ("nonsense", "e w i foreign w"),
        ("debug", "e w i d foreign w"),
        ("TRACE", "e w i d t foreign w"),
    ] {
        let lines = read(&[("AWS_LAMBDA_LOG_LEVEL", level)], speak);
        let told: Vec<_> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(told.join(" "), expected, "{level}");
        assert!(lines.iter().all(|line| line["request"] == "r-1"), "{level}: {lines:?}");
    }
}

#[test]
fn what_people_look_for_stands_in_front_and_hostile_text_stays_in_its_place() {
    let lines = logged(&[], || {
        let hostile = "a\nb\",\"release\":\"forged\u{1b}[31m";
        tracing::info!(hostile, level = "forged", long = "x".repeat(LONGEST + 1), "what {}", "happened");
    });
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(line.matches('\n').count(), 1, "one line: {line:?}");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["hostile"], "a\nb\",\"release\":\"forged\u{1b}[31m");
    assert_eq!((&line["level"], &line["release"]), (&json!("INFO"), &Value::Null));
    assert_eq!(line["long"].as_str().map(|long| long.chars().count()), Some(LONGEST));
    assert!(
        lines[0].starts_with("{\"timestamp\":\"2")
            && lines[0].contains("Z\",\"level\":\"INFO\",\"message\":\"what happened\"")
    );
}
