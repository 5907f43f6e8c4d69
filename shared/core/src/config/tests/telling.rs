//! `notify`, `thread`, and a second channel.

use super::*;

fn file(slack: &str, pipeline: &str, environment: &str) -> String {
    format!(
        "[slack]\nchannel = \"#deploys\"\n{slack}\n[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\n\
         branches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n{pipeline}\n[[pipeline.environment]]\n\
         name = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\n{environment}\n"
    )
}

fn told(slack: &str, pipeline: &str) -> Telling {
    Config::read(&file(slack, pipeline, "")).expect("a configuration").pipelines()[0].telling
}

#[test]
fn everything_is_told_where_nobody_says_otherwise() {
    assert_eq!(told("", ""), Telling { notify: Notify::All, thread: true });
    assert!(told("", "").is_default());
}

#[test]
fn a_pipelines_own_word_comes_before_that_for_all() {
    let for_all = "notify = \"failures\"\nthread = false";
    assert_eq!(told(for_all, ""), Telling { notify: Notify::Failures, thread: false });
    assert_eq!(told(for_all, "notify = \"deploys\""), Telling { notify: Notify::Deploys, thread: false });
    assert_eq!(told(for_all, "thread = true"), Telling { notify: Notify::Failures, thread: true });
    assert_eq!(told("", "notify = \"all\""), Telling::default());
}

#[test]
fn an_environment_has_a_channel_of_its_own() {
    let text = file("", "", "channel = \"#production\"");
    let config = Config::read(&text).expect("a configuration");
    assert_eq!(config.pipelines()[0].environments[0].plan.channel.as_deref(), Some("#production"));
}

#[test]
fn what_cannot_be_is_a_problem_with_its_place() {
    let text = file("notify = \"some\"\nthread = \"no\"", "notfy = \"all\"", "channel = \"production\"");
    insta::assert_snapshot!(problems(&text), @r##"
    longshore.toml:3:10: `notify` cannot be "some"; it must be "all", "deploys" or "failures"
    longshore.toml:4:10: `thread` must be true or false, not string
    longshore.toml:11:1: unknown key `notfy` in [[pipeline]]; did you mean `notify`?
    longshore.toml:16:11: `channel` cannot be "production"; it must be "#channel" or a channel id like C0123456789
    "##);
}
