//! Living with it from the command line: what Slack's command builds, the logs about a release, and the change of a secret while deliveries come.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use longshore_core::{
    config::Config,
    push::Source,
    release::{ReleaseId, State},
    slack::command,
};
use longshore_local::hook::uuid;
use longshore_tests::{Application, Local, Output, Quality, eventually, longshore, payload, run, with_stack};
use serde_json::{Value, json};

/// Long enough for a secret, and in no other text.
const NEW: &str = "canary-of-the-new-webhook-secret";
const OWN: &str = "canary-of-a-repositorys-own-secret";

#[test]
fn a_branch_is_built_and_released_from_the_command_line_as_from_slack() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let built = json_of(local, &["build", "web", "main", "--as", "ada", "--json"], 0).await;
            assert_eq!(built["done"], true, "{built}");
            assert_eq!(
                (&built["release"]["asked"]["deed"], &built["release"]["asked"]["by"]),
                (&json!("build"), &json!("ada"))
            );
            let id = built["release"]["id"].as_str().and_then(ReleaseId::parse).expect("an id");
            let release = local.closed(&id).await;
            assert_eq!(
                (release.state, release.commit.id.as_str()),
                (State::Live, commit.as_str()),
                "{:?}",
                release.reason
            );

            // Refused in the very words of Slack's command: by the function, by the grammar, and by what the table knows.
            let refused = json_of(local, &["build", "web", "feature", "--json"], 1).await;
            let why = "web does not build the branch \"feature\": it builds the branches \"main\"";
            assert_eq!(refused, json!({ "done": false, "refused": why }));
            let config = std::fs::read_to_string(longshore_tests::workspace().join("examples/longshore.toml"));
            let config = Config::read(&config.expect("a file")).expect("a configuration");
            let slack = command::Command::parse("lock web prodution", &config).expect_err("a refusal").to_string();
            let refused = json_of(local, &["lock", "web", "prodution", "--reason", "tide", "--json"], 1).await;
            assert_eq!(refused["refused"], slack);

            logs_tell_about_it(local, &id).await;
        },
    );
}

async fn logs_tell_about_it(local: &Local, id: &ReleaseId) {
    let of_build = json_of(local, &["logs", "web", "--json"], 0).await;
    assert_eq!((&of_build["release"], &of_build["number"]), (&json!(id.as_str()), &json!(1)));
    let lines = of_build["log"][0]["lines"].as_array().expect("lines");
    assert!(
        lines.iter().any(|line| line.as_str().is_some_and(|line| line.contains("Phase complete: BUILD"))),
        "{lines:?}"
    );
    let printed = command(local, &["logs", "web#1"]).await;
    assert_eq!((printed.status, printed.printed.lines().count()), (Some(0), lines.len()), "{printed:?}");
    let by_id = command(local, &["builds", "logs", id.as_str()]).await;
    assert_eq!(by_id.printed, printed.printed, "the older command prints the same");

    let of_functions = json_of(local, &["logs", "web", "--functions", "--json"], 0).await;
    let sources = of_functions["log"].as_array().expect("parts").iter().map(|part| part["source"].clone());
    assert_eq!(sources.collect::<Vec<_>>(), ["trigger", "notify", "deploy"]);
    let followed = command(local, &["logs", id.as_str(), "--functions", "--follow"]).await;
    assert!(followed.status == Some(0) && followed.printed.contains("deploy  {"), "{followed:?}");

    let none = command(local, &["logs", "web", "--task"]).await;
    assert!(none.status == Some(1) && none.noted.contains("nothing of that kind was logged about web#1"), "{none:?}");
    let none = json_of(local, &["logs", "web#99", "--json"], 1).await;
    assert_eq!(none["refused"], "there is no release web#99: the newest are #1");
}

#[test]
fn a_secret_is_changed_while_deliveries_come_and_no_value_is_ever_told() {
    with_stack(
        |_| {},
        async |local| {
            let old = local.stack.secret.clone();
            let mut told = Vec::new();
            let listed = json_of(local, &["secrets", "list", "--json"], 0).await;
            let github = |listed: &Value| {
                let keys = listed["keys"].as_array().expect("keys");
                keys.iter().find(|key| key["key"] == "github").cloned().expect("the key")
            };
            assert_eq!((&github(&listed)["values"], &github(&listed)["changed"]), (&json!(1), &json!(false)));
            assert_eq!(taken(local, &old).await, 200);

            let rotate = ["secrets", "rotate", "github"];
            let rotated = with_input(local, &rotate, NEW);
            assert_eq!(rotated.status, Some(0), "{rotated:?}");
            for words in ["the old one is taken as well", "on GitHub", "longshore secrets rotate github --finish"] {
                assert!(rotated.printed.contains(words), "{words}: {rotated:?}");
            }
            told.extend([rotated.printed, rotated.noted]);
            // A signature that does not match has the secret read again, at most every ten seconds.
            let new = async || (taken(local, NEW).await == 200).then_some(());
            eventually("the new value is taken", new).await;
            assert_eq!(taken(local, &old).await, 200, "and the old one as well");
            let again = with_input(local, &[&rotate[..], &["--json"]].concat(), "another value that is new");
            assert_eq!(again.status, Some(2), "white space is none of a value: {again:?}");
            let again = with_input(local, &[&rotate[..], &["--json"]].concat(), "another-value-that-is-new");
            let refused: Value = serde_json::from_str(&again.printed).expect("an object");
            assert_eq!(refused["refused"], "github is being changed already: --finish first");
            told.extend([again.printed, again.noted]);
            let listed = json_of(local, &["secrets", "list", "--json"], 0).await;
            assert_eq!((&github(&listed)["values"], &github(&listed)["changed"]), (&json!(2), &json!(true)));
            told.push(command(local, &["secrets", "list"]).await.printed);

            let finished = json_of(local, &["secrets", "rotate", "github", "--finish", "--json"], 0).await;
            assert_eq!(finished, json!({ "done": true, "key": "github", "values": 1 }));
            let refused = async || {
                taken(local, "neither of the two").await;
                (taken(local, &old).await == 401).then_some(())
            };
            eventually("the old value is refused", refused).await;
            assert_eq!(taken(local, NEW).await, 200);
            let nothing = json_of(local, &["secrets", "rotate", "github", "--finish", "--json"], 1).await;
            assert_eq!(nothing["refused"], "github has one value: there is nothing to finish");
            let made = json_of(local, &["secrets", "rotate", "callback_key", "--json"], 0).await;
            assert_eq!(made["values"], 2);

            // The first secret of a repository's own stands beside its source's, until it is finished.
            let repository =
                format!("github.com/{}", payload("github.push")["repository"]["full_name"].as_str().expect("a name"));
            let of_its_own = [&rotate[..], &["--repository", &repository]].concat();
            let rotated = with_input(local, &of_its_own, OWN);
            assert_eq!(rotated.status, Some(0), "{rotated:?}");
            assert!(rotated.printed.contains("the old one is taken as well"), "{rotated:?}");
            told.extend([rotated.printed, rotated.noted]);
            eventually("its own is taken", async || (taken(local, OWN).await == 200).then_some(())).await;
            assert_eq!(taken(local, NEW).await, 200, "and its source's as well");
            let finished = json_of(local, &[&of_its_own[..], &["--finish", "--json"]].concat(), 0).await;
            assert_eq!(finished["values"], 1, "{finished}");
            let refused = async || {
                taken(local, "neither of the two").await;
                (taken(local, NEW).await == 401).then_some(())
            };
            eventually("its source's is refused", refused).await;

            let mut kept = Value::Null;
            local.change_secret(|secret| kept = secret.clone()).await;
            assert_eq!(kept["github"], NEW);
            let keys = kept["callback_key"].as_array().expect("two keys");
            assert!(keys.len() == 2 && keys[0].as_str().is_some_and(|key| key.len() == 64), "the new one signs");
            assert_eq!(kept["bitbucket"], old.as_str(), "the others are as they were");
            assert!(
                told.iter().all(|text| !text.contains(NEW) && !text.contains(OWN) && !text.contains(&old)),
                "no value is told"
            );
        },
    );
}

/// The status of a ping that is signed with a secret.
async fn taken(local: &Local, secret: &str) -> u16 {
    let body = payload("github.push").to_string().replace("refs/heads/main", "refs/heads/nothing");
    local.post(Source::GitHub, "push", &uuid(), &body, secret).await.0
}

async fn command(local: &Local, arguments: &[&str]) -> Output {
    run(&[arguments, &[&local.option()]].concat()).await
}

/// The JSON that a command prints, which ends with this status.
async fn json_of(local: &Local, arguments: &[&str], status: i32) -> Value {
    let output = command(local, arguments).await;
    assert_eq!(output.status, Some(status), "{arguments:?}: {output:?}");
    serde_json::from_str(&output.printed).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
}

/// Runs a command that reads this.
fn with_input(local: &Local, arguments: &[&str], input: &str) -> Output {
    let mut command: Command = longshore();
    command.args(arguments).arg(local.option());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("longshore");
    child.stdin.take().expect("a pipe").write_all(format!("{input}\n").as_bytes()).expect("it is read");
    let output = child.wait_with_output().expect("longshore");
    Output {
        status: output.status.code(),
        printed: String::from_utf8(output.stdout).expect("text"),
        noted: String::from_utf8(output.stderr).expect("text"),
    }
}
