//! What people do and see with the program `longshore`: from the command to what ECS really does.

use std::path::Path;

use jiff::Timestamp;
use longshore_core::release::{Release, ReleaseId, State};
use longshore_tests::{Application, Local, Output, Quality, eventually, run, with_config, with_stack};
use serde_json::{Value, json};

/// Far above what a rollback takes. How fast it is, is for the benchmarks to say.
const GENEROUS: f64 = 60.0;

#[test]
fn a_rollback_by_command_tells_ecs_at_once_and_locks_until_someone_unlocks() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let first = pushed(local, &application, "version one").await;
            let second = pushed(local, &application, "version two").await;
            let before = local.service_deployments().await;

            let asked = Timestamp::now();
            let back = ["rollback", "web", "production", "--yes", "--reason", "the tide", "--as", "ada", "--json"];
            let answer = done(local, &back).await;
            let id = id_of(&answer["release"]);
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "{:?}", release.reason);

            let deployment = newest_deployment(local, before).await;
            let told = deployment["createdAt"].as_f64().expect("a time");
            let took = told - seconds(asked);
            eprintln!("from the command to the service's deployment: {took:.3} s");
            assert!((0.0..GENEROUS).contains(&took), "{took} s");
            let order = [seconds(asked), seconds(release.accepted), told, seconds(release.ended.expect("its end"))];
            assert!(order.is_sorted(), "asked, recorded, told, ended: {order:?}");
            let revision = first.deployments[0].services[0].task_definition.clone().expect("a revision");
            assert_eq!(local.service().await["taskDefinition"], json!(revision), "the very revision that was live");
            assert_eq!(local.page().await, "<title>version one</title>\n");
            assert_eq!(local.builds().await.len(), 2, "nothing was built");

            lists_show_it(local, &first, &second, &release).await;
            a_push_waits_at_the_lock_until_it_is_unlocked(local, &application).await;
        },
    );
}

async fn lists_show_it(local: &Local, first: &Release, second: &Release, back: &Release) {
    let releases = done(local, &["releases", "web", "--json"]).await;
    let numbers: Vec<_> = members(&releases["releases"]).iter().map(|one| one["number"].clone()).collect();
    assert_eq!(numbers, [back.number, second.number, first.number]);
    let asked = &releases["releases"][0]["asked"];
    assert_eq!(
        (&asked["deed"], &asked["by"], &asked["reason"]),
        (&json!("rollback"), &json!("ada"), &json!("the tide"))
    );
    let table = text(local, &["releases", "web", "-n", "1"]).await;
    let words = [format!("#{}", back.number), format!("back to #{}", first.number), "production live".to_owned()];
    assert!(words.iter().all(|words| table.contains(words)), "{table}");

    let environments = done(local, &["environments", "web", "--json"]).await;
    let production = &environments["environments"][0];
    assert_eq!(production["live"]["number"], back.number);
    assert_eq!((&production["lock"]["by"], &production["lock"]["reason"]), (&json!("ada"), &json!("the tide")));
    let shown = text(local, &["status", "web"]).await;
    assert!(shown.contains("web production") && shown.contains("locked by ada"), "{shown}");

    let record = done(local, &["release", back.id.as_str(), "--json"]).await;
    assert_eq!(record["id"], back.id.as_str());
    let shown = text(local, &["release", &format!("web#{}", back.number)]).await;
    assert!(shown.contains("asked for by ada: the tide") && shown.contains("production: live"), "{shown}");

    let task = local.ecs("ListTasks", &json!({ "cluster": "production", "serviceName": "web" })).await;
    let task = task["taskArns"][0].as_str().expect("a task").to_owned();
    let digest = first.image.as_ref().expect("an image").digest.as_str();
    for subject in [task.as_str(), digest, &first.commit.id[..10]] {
        let traced = done(local, &["trace", subject, "--pipeline", "web", "--json"]).await;
        let found = members(&traced["releases"]);
        let found = found.iter().find(|one| one["release"]["id"] == first.id.as_str()).expect("the release");
        assert_eq!(
            (&found["release"]["commit"], &found["delivery"]),
            (&json!(first.commit.id), &json!(first.delivery))
        );
        let live = members(&found["live"]);
        assert!(live.iter().any(|live| live["now"] == true && live["by"] == back.number), "{subject}: {live:?}");
        let shown = text(local, &["trace", subject, "--pipeline", "web"]).await;
        assert!(shown.contains("is live in") && shown.contains(&first.commit.id), "{shown}");
    }

    let again = done(local, &["diff", &format!("web#{}", back.number), "production", "--json"]).await;
    assert_eq!(again["services"][0]["changes"], json!([]), "it runs that already");
    let second = format!("web#{}", second.number);
    let changes = done(local, &["diff", &second, "production", "--json"]).await;
    let paths: Vec<_> = members(&changes["services"][0]["changes"]).iter().map(|one| one["path"].clone()).collect();
    assert!(paths.contains(&json!("containerDefinitions[web].image")), "{paths:?}");
    let shown = text(local, &["diff", &second, "production"]).await;
    assert!(shown.contains("containerDefinitions[web].image\n  - ") && !shown.contains('\u{1b}'), "{shown}");
}

async fn a_push_waits_at_the_lock_until_it_is_unlocked(local: &Local, application: &Application) {
    application.commit("version three", Quality::Good).await;
    let id = application.push().await;
    local.shown(&id, "locked by ada").await;
    let environments = text(local, &["environments", "web"]).await;
    assert!(environments.contains("waits: locked by ada: the tide"), "{environments}");
    assert_eq!(local.page().await, "<title>version one</title>\n");

    let unlocked = done(local, &["unlock", "web", "production", "--json"]).await;
    assert_eq!(unlocked["done"], true);
    let release = local.closed(&id).await;
    assert_eq!(release.state, State::Live, "{:?}", release.reason);
    assert_eq!(local.page().await, "<title>version three</title>\n");
    refuses(local, &["unlock", "web", "production"], "web production was not locked").await;
}

#[test]
fn a_lock_holds_a_push_and_a_release_that_is_deployed_by_name_passes_it() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let first = pushed(local, &application, "version one").await;
            let lock = ["lock", "web", "production", "--reason", "on the stage", "--until", "2h", "--as", "bob"];
            let said = text(local, &lock).await;
            assert!(said.starts_with("web production is locked until "), "{said}");
            refuses(local, &["lock", "web", "prodution", "--reason", "x"], "it has production").await;

            application.commit("version two", Quality::Good).await;
            let id = application.push().await;
            local.shown(&id, "locked by bob").await;
            let name = format!("web#{}", first.number + 1);
            let deploy = ["deploy", &name, "production", "--reason", "it cannot wait", "--as", "ada", "--follow"];
            let followed = text(local, &deploy).await;
            for words in ["passes what held it", "overridden by ada: it cannot wait", "production: live in"] {
                assert!(followed.contains(words), "{words}: {followed}");
            }
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "the same release went on");
            assert_eq!(local.page().await, "<title>version two</title>\n");

            // By name also where nothing waits: a release of its own, with the revision that was live.
            let deploy = ["deploy", "web", &first.number.to_string(), "production", "--reason", "as it was", "--json"];
            let again = id_of(&done(local, &deploy).await["release"]);
            let again = local.closed(&again).await;
            assert_eq!((again.state, again.number), (State::Live, first.number + 2));
            assert_eq!(local.page().await, "<title>version one</title>\n");
            let kept = done(local, &["environments", "web", "--json"]).await;
            assert_eq!(kept["environments"][0]["lock"]["by"], "bob", "a lock that somebody set stays");
        },
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_a_sentence_and_changes_nothing() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            refuses(local, &["rollback", "web", "production", "--yes"], "there is no earlier live release").await;
            let first = pushed(local, &application, "version one").await;
            let name = format!("web#{}", first.number);
            for (arguments, why) in [
                (&["rollback", "web", "production", "--yes"][..], "there is no earlier live release to go back to"),
                (&["rollback", "web", "production", "99", "--yes"], "release #99 was not live in production"),
                (&["rollback", "web", "staging", &name, "--yes"], "was not live in staging"),
                (&["deploy", &name, "staging", "--reason", "x"], "knows no environment staging: it has production"),
                (&["continue", &name, "production"], "is not paused in production"),
                (&["approve", &name, "production"], "this release has ended: live"),
                (&["diff", &name, "staging"], "knows no environment staging"),
                (&["trace", "0000000", "--pipeline", "web"], "no release of web has it"),
            ] {
                refuses(local, arguments, why).await;
            }
            assert_eq!(local.releases().await, 1, "nothing was recorded");
            assert_eq!(local.service_deployments().await, 2, "nothing was deployed");
            for (arguments, words) in [
                (&["release", "web#99"][..], "there is no release web#99"),
                (&["approve", "web#99", "production"], "there is no release web#99"),
            ] {
                let output = command(local, arguments).await;
                assert_eq!(output.status, Some(1), "{output:?}");
                assert!(output.noted.contains(words), "{output:?}");
            }
        },
    );
}

#[test]
fn an_approval_by_command_counts_from_those_who_are_named_alone() {
    let role = "arn:aws:iam::123456789012:role/Releases";
    let config = format!(
        "[slack]\nchannel = \"#deploys\"\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n\
         branches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n[[pipeline.environment]]\n\
         name = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\napproval = {{ by = [\"{role}\"] }}\n"
    );
    with_config(
        &config,
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            application.commit("version one", Quality::Good).await;
            let id = application.push().await;
            local.message(&id, "waits for approval to production", 0).await;
            let wrong = ["approve", id.as_str(), "production", "--as", "arn:aws:iam::123456789012:user/eve"];
            refuses(local, &wrong, "not among those who approve").await;
            let session = "arn:aws:sts::123456789012:assumed-role/Releases/ada";
            let right = ["approve", id.as_str(), "production", "--as", session, "--reason", "seen", "--follow"];
            let followed = text(local, &right).await;
            assert!(followed.contains(&format!("approved by {session}: seen")), "{followed}");
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live);
            let shown = text(local, &["release", id.as_str()]).await;
            assert!(shown.contains("user/eve may not decide"), "who tried is recorded: {shown}");
        },
    );
}

/// Pushes a version; its release, once it is live.
async fn pushed(local: &Local, application: &Application, version: &str) -> Release {
    application.commit(version, Quality::Good).await;
    let release = local.closed(&application.push().await).await;
    assert_eq!(release.state, State::Live, "{version}: {:?}", release.reason);
    release
}

/// The service's deployment that was made after so many others.
async fn newest_deployment(local: &Local, before: usize) -> Value {
    let wanted = json!({ "cluster": "production", "service": "web" });
    eventually("another deployment of the service", async || {
        let mut all = members(&local.ecs("ListServiceDeployments", &wanted).await["serviceDeployments"]);
        all.sort_by(|one, other| {
            one["createdAt"].as_f64().unwrap_or_default().total_cmp(&other["createdAt"].as_f64().unwrap_or_default())
        });
        all.pop().filter(|_| all.len() == before)
    })
    .await
}

async fn command(local: &Local, arguments: &[&str]) -> Output {
    let option = local.option();
    assert!(Path::new(option.trim_start_matches("--local=")).is_dir());
    run(&[arguments, &[&option]].concat()).await
}

/// What a command prints, which succeeds.
async fn text(local: &Local, arguments: &[&str]) -> String {
    let output = command(local, arguments).await;
    assert_eq!(output.status, Some(0), "{arguments:?}: {output:?}");
    output.printed
}

/// The JSON that a command prints, which succeeds.
async fn done(local: &Local, arguments: &[&str]) -> Value {
    serde_json::from_str(&text(local, arguments).await).expect("one JSON object")
}

/// A command is refused for this reason, in text and in JSON.
async fn refuses(local: &Local, arguments: &[&str], why: &str) {
    let output = command(local, arguments).await;
    assert_eq!(output.status, Some(1), "{arguments:?}: {output:?}");
    assert!(output.noted.starts_with("refused: ") && output.noted.contains(why), "{arguments:?}: {output:?}");
    assert_eq!(output.printed, "", "{arguments:?}");
    let output = command(local, &[arguments, &["--json"]].concat()).await;
    assert_eq!(output.status, Some(1), "{arguments:?}: {output:?}");
    let told: Value = serde_json::from_str(&output.printed).expect("one JSON object");
    assert_eq!(told["done"], false, "{told}");
    assert!(told["refused"].as_str().is_some_and(|told| told.contains(why)), "{told}");
}

fn id_of(release: &Value) -> ReleaseId {
    release["id"].as_str().and_then(ReleaseId::parse).unwrap_or_else(|| panic!("no release: {release}"))
}

fn members(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
