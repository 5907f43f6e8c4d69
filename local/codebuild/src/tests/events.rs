//! What a build puts on the bus.

use std::{fs, path::Path};

use local_protocol::Event;
use serde_json::{Value, json};

use super::Stand;

/// All events so far, in order.
fn events(stand: &mut Stand) -> Vec<Event> {
    std::iter::from_fn(|| stand.events.try_recv().ok()).collect()
}

fn name(event: &Event) -> String {
    let detail = &event.detail;
    let text = |name: &str| detail[name].as_str().unwrap_or("?").to_owned();
    match event.detail_type.as_str() {
        "CodeBuild Build State Change" => format!("{} at {}", text("build-status"), text("current-phase")),
        "CodeBuild Build Phase Change" => format!("{} {}", text("completed-phase"), text("completed-phase-status")),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_build_tells_its_states_and_its_phases() {
    let stand = Stand::new();
    stand.repository(&[("buildspec.yml", "version: 0.2\nphases: { build: { commands: [ 'exit 2' ] } }\n")]).await;
    let mut stand = stand;
    let variables = json!([{ "name": "A_B", "value": "some Value" }]);
    let request = json!({ "sourceVersion": "main", "environmentVariablesOverride": variables });
    let build = stand.build(request).await;
    let events = events(&mut stand);
    let names: Vec<_> = events.iter().map(name).collect();
    assert_eq!(
        names,
        [
            "IN_PROGRESS at SUBMITTED",
            "SUBMITTED SUCCEEDED",
            "QUEUED SUCCEEDED",
            "PROVISIONING SUCCEEDED",
            "DOWNLOAD_SOURCE SUCCEEDED",
            "INSTALL SUCCEEDED",
            "PRE_BUILD SUCCEEDED",
            "BUILD FAILED",
            "POST_BUILD SUCCEEDED",
            "UPLOAD_ARTIFACTS SUCCEEDED",
            "FINALIZING SUCCEEDED",
            "FAILED at COMPLETED",
        ]
    );
    for event in &events {
        assert_eq!(event.source, "aws.codebuild");
        assert_eq!(json!(event.resources), json!([build["arn"]]));
        assert_eq!(event.detail["build-id"], build["arn"]);
        assert_eq!(event.detail["project-name"], "app");
        assert_eq!(event.detail["version"], "1");
    }
    let failure = "COMMAND_EXECUTION_ERROR: Error while executing command: exit 2. Reason: exit status 2";
    assert_eq!(events[7].detail["completed-phase-context"], format!("[{failure}]"));
    let information = &events[11].detail["additional-information"];
    assert_eq!(information["build-complete"], true);
    assert_eq!(information["build-number"], 1);
    assert_eq!(information["source-version"], "main");
    assert_eq!(information["logs"]["deep-link"], build["logs"]["deepLink"]);
    assert_eq!(information["phases"][6]["phase-context"], json!([failure]));
    assert_eq!(information["source"]["location"], build["source"]["location"]);
    let environment = &information["environment"];
    assert_eq!(environment["compute-type"], "BUILD_GENERAL1_SMALL");
    assert_eq!(
        environment["environment-variables"][1],
        json!({ "name": "A_B", "value": "some Value", "type": "PLAINTEXT" })
    );
    assert_eq!(events[0].detail["additional-information"]["build-complete"], false);
}

#[tokio::test]
async fn the_events_have_the_members_of_the_documented_ones() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/events");
    let Ok(entries) = fs::read_dir(&directory) else {
        eprintln!("SKIPPED: {} is absent", directory.display());
        return;
    };
    let (mut stand, _) = Stand::build_of("version: 0.2\nphases: { build: { commands: [ 'true' ] } }").await;
    let mine = events(&mut stand);
    let mut compared = 0;
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("aws.codebuild")) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let documented: Value = serde_json::from_str(&text).expect("JSON");
        let same = mine.iter().rfind(|event| documented["detail-type"] == event.detail_type.as_str());
        compare(&documented["detail"], &same.expect("an event of that type").detail, "detail");
        compared += 1;
    }
    assert!(compared > 0, "no events of CodeBuild in {}", directory.display());
}

/// Whether `mine` has the members of `documented`, with values of the same kinds, and dates of the same form.
fn compare(documented: &Value, mine: &Value, at: &str) {
    match (documented, mine) {
        (Value::Object(documented), Value::Object(mine)) => {
            // What the stand-in has none of: artifacts, and the place of a source that is not there.
            for (name, value) in documented.iter().filter(|(name, _)| *name != "artifact" && *name != "location") {
                let other = mine.get(name).unwrap_or_else(|| panic!("{at}.{name} is missing"));
                compare(value, other, &format!("{at}.{name}"));
            }
        }
        (Value::Array(documented), Value::Array(mine)) => {
            if let (Some(documented), Some(mine)) = (documented.first(), mine.first()) {
                compare(documented, mine, &format!("{at}[0]"));
            }
        }
        (Value::String(documented), Value::String(mine)) if documented.ends_with(" PM") => {
            let parsed = jiff::civil::DateTime::strptime("%b %d, %Y %I:%M:%S %p", mine);
            assert!(parsed.is_ok(), "{at}: {mine}");
        }
        _ => {
            let same = std::mem::discriminant(documented) == std::mem::discriminant(mine);
            assert!(same, "{at}: {documented} is documented, {mine} is here");
        }
    }
}
