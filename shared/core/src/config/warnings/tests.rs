use super::*;

/// The warnings of a file that is right.
fn warnings(text: &str) -> String {
    let config = Config::read(text).expect("a configuration");
    config.warnings(text).lines("longshore.toml")
}

const PIPELINE: &str =
    "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nproject = \"web-build\"\nimage = \"web\"\n";

fn pipeline(keys: &str) -> String {
    format!("{PIPELINE}{keys}\n")
}

#[test]
fn the_files_of_this_repository_leave_no_doubt() {
    for text in [
        include_str!("../../../../../longshore.toml"),
        include_str!("../../../../../examples/longshore.toml"),
        include_str!("../../../../../examples/environments.toml"),
    ] {
        assert_eq!(warnings(text), "");
    }
}

#[test]
fn a_pattern_that_another_covers_adds_nothing() {
    let text = pipeline(
        "branches = [\"main\", \"*\", \"release/1\", \"release/*\", \"next\"]\ntags = [\"v1\", \"v1\"]\npaths = [\"src/**\", \"src/a.rs\", \"!docs/**\", \"!docs/a\"]",
    );
    insta::assert_snapshot!(warnings(&text), @r#"
    longshore.toml:6:13: "main" in `branches` adds nothing: "*" matches all of it; leave out "main", or narrow "*"
    longshore.toml:6:26: "release/1" in `branches` adds nothing: "release/*" matches all of it; leave out "release/1", or narrow "release/*"
    longshore.toml:6:52: "next" in `branches` adds nothing: "*" matches all of it; leave out "next", or narrow "*"
    longshore.toml:7:9: `tags` names "v1" twice; leave one of them out
    longshore.toml:8:20: "src/a.rs" in `paths` adds nothing: "src/**" matches all of it; leave out "src/a.rs", or narrow "src/**"
    longshore.toml:8:44: "!docs/a" in `paths` adds nothing: "!docs/**" matches all of it; leave out "!docs/a", or narrow "!docs/**"
    "#);
}

#[test]
fn a_pattern_that_could_never_match_is_told() {
    let text = pipeline(
        "branches = [\"refs/heads/main\", \"a b\", \"x.lock\", \"ok\", \"-x\"]\ntags = [\"refs/tags/v*\"]\npaths = [\"./src/**\", \"a/../b\"]",
    );
    insta::assert_snapshot!(warnings(&text), @r#"
    longshore.toml:6:13: "refs/heads/main" in `branches` never matches: names are compared without refs/heads/; write "main"
    longshore.toml:6:32: "a b" in `branches` never matches: git allows no such name; write the name as `git branch` or `git tag` shows it
    longshore.toml:6:39: "x.lock" in `branches` never matches: git allows no such name; write the name as `git branch` or `git tag` shows it
    longshore.toml:6:55: "-x" in `branches` never matches: git allows no such name; write the name as `git branch` or `git tag` shows it
    longshore.toml:7:9: "refs/tags/v*" in `tags` never matches: names are compared without refs/tags/; write "v*"
    longshore.toml:8:10: "./src/**" in `paths` never matches: paths are git's, from the repository's root; write it without . and ..
    longshore.toml:8:22: "a/../b" in `paths` never matches: paths are git's, from the repository's root; write it without . and ..
    "#);
}

#[test]
fn what_is_named_and_excluded_is_told() {
    let text = pipeline(
        "branches = [\"main\"]\npaths = [\"docs/a/**\", \"src/**\", \"!docs/**\"]\nactors = [\"Ada\", \"bob\", \"!ada\"]",
    );
    insta::assert_snapshot!(warnings(&text), @r#"
    longshore.toml:7:10: "docs/a/**" in `paths` never matters: what it matches is excluded; leave it out, or narrow what begins with `!`
    longshore.toml:8:11: "Ada" in `actors` never matters: they are excluded, too; leave out one of the two
    "#);
    let none = pipeline("branches = [\"main\"]\npaths = [\"docs/a/**\", \"!docs/**\"]");
    insta::assert_snapshot!(warnings(&none), @r#"longshore.toml:7:10: "docs/a/**" in `paths` never matters: what it matches is excluded, and so is every other: no change of files starts the pipeline; leave it out, or narrow what begins with `!`"#);
    let all = pipeline("branches = [\"main\"]\npaths = [\"!**\"]");
    insta::assert_snapshot!(warnings(&all), @"longshore.toml:7:10: `paths` excludes every file: no change of files starts the pipeline; narrow what begins with `!`");
}

#[test]
fn what_codecommit_does_not_tell_decides_nothing() {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"git-codecommit.eu-central-1.amazonaws.com/v1/repos/web\"\nproject = \"web-build\"\nbranches = [\"main\"]\npaths = [\"src/**\"]\nskip = [\"[skip ci]\"]\n";
    insta::assert_snapshot!(warnings(text), @r#"
    longshore.toml:6:9: `paths` never matters: CodeCommit's events name no files, so that every push starts the pipeline; leave it out
    longshore.toml:7:8: `skip` never matters: CodeCommit's events have no message; leave it out
    "#);
}

#[test]
fn an_upstream_that_no_push_starts_together_is_waited_for_in_vain() {
    let base = "[[pipeline]]\nname = \"base\"\nrepository = \"github.com/acme/web\"\nproject = \"base\"\nbranches = [\"release/*\"]\n";
    let text = format!("{base}{}", pipeline("branches = [\"main\"]\nafter = [\"base\"]"));
    insta::assert_snapshot!(warnings(&text), @r#"longshore.toml:12:10: this pipeline never waits for "base": no branch or tag starts both; let their `branches` or `tags` overlap, or take it out of `after`"#);
    let met = format!("{base}{}", pipeline("branches = [\"main\", \"release/1\"]\nafter = [\"base\"]"));
    assert_eq!(warnings(&met), "");
    // A push to the other repository starts both.
    let elsewhere = base.replace("acme/web", "acme/base");
    assert_eq!(warnings(&format!("{elsewhere}{}", pipeline("branches = [\"main\"]\nafter = [\"base\"]"))), "");
}

#[test]
fn two_pipelines_that_build_the_same_for_the_same_push_are_told() {
    let again = |keys: &str| pipeline(keys).replace("name = \"web\"", "name = \"again\"");
    let first = pipeline("branches = [\"main\"]");
    insta::assert_snapshot!(warnings(&format!("{first}{}", again("branches = [\"ma*\"]"))), @r#"longshore.toml:10:11: one push starts the project web-build twice, for "web" and for "again", and both push to web; make them one pipeline with the environments of both; or tell them apart by branches, paths, project or image"#);
    for other in [
        again("branches = [\"next\"]"),
        again("branches = [\"main\"]").replace("web-build", "other-build"),
        again("branches = [\"main\"]\nactors = [\"ada\"]"),
        again("branches = [\"main\"]\nafter = [\"web\"]"),
        again("branches = [\"main\"]\non = \"merge\""),
    ] {
        assert_eq!(warnings(&format!("{first}{other}")), "", "{other}");
    }
    let split = |paths: &str| format!("branches = [\"main\"]\npaths = [\"{paths}\"]");
    assert_eq!(warnings(&format!("{}{}", pipeline(&split("a/**")), again(&split("b/**")))), "");
    assert_ne!(warnings(&format!("{}{}", pipeline(&split("a/**")), again(&split("**/x")))), "");
}

#[test]
fn approvals_that_nobody_could_give_are_told() {
    let environment = |keys: &str| {
        pipeline(&format!(
            "branches = [\"main\"]\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\n{keys}"
        ))
    };
    let text = environment("approval = { by = [\"U0123ABCD\"], not_author = true }");
    insta::assert_snapshot!(warnings(&text), @r#"longshore.toml:11:20: nobody can approve what "U0123ABCD" wrote: with `not_author` they cannot, and nobody else is named; name a second person, or a group; or leave `not_author` out"#);
    let text = environment(
        "approval = { by = [\"arn:aws:iam::123456789012:user/ada\", \"@release-managers\"], not_author = true }",
    );
    insta::assert_snapshot!(warnings(&text), @r#"longshore.toml:11:20: "arn:aws:iam::123456789012:user/ada" can never approve with `not_author`: the name of an IAM user is no address that tells whether they wrote the commit; name a role whose sessions are called by an address, or people in Slack; or leave `not_author` out"#);
    let text = environment("approval = { by = [\"arn:aws:iam::123456789012:user/ada\"], not_author = true }");
    insta::assert_snapshot!(warnings(&text), @r#"longshore.toml:11:20: "arn:aws:iam::123456789012:user/ada" can never approve with `not_author`: the name of an IAM user is no address that tells whether they wrote the commit: nobody can ever approve; name a role whose sessions are called by an address, or people in Slack; or leave `not_author` out"#);
    for fine in [
        "approval = { by = [\"U0123ABCD\"] }",
        "approval = { by = [\"U0123ABCD\", \"U0123ABCE\"], not_author = true }",
        "approval = { by = [\"arn:aws:iam::123456789012:role/Release\"], not_author = true }",
        "approval = { by = [\"arn:aws:iam::123456789012:user/ada@acme.example\"], not_author = true }",
    ] {
        assert_eq!(warnings(&environment(fine)), "", "{fine}");
    }
    let text = environment("timeout = \"5m\"\ncheck = { url = \"https://acme.example\", for = \"5m\" }");
    insta::assert_snapshot!(warnings(&text), @"longshore.toml:12:9: `check` can never pass: its `for` is as long as the environment's `timeout`, which counts from the admission; shorten `for`, or lengthen `timeout`");
}
