use super::*;

const GOOD: &str = r##"
[slack]
channel = "#deploys"

[[pipeline]]
name = "web"
repository = "github.com/Acme/web"
branches = ["main", "release/*"]
project = "web-build"
image = "team/web"

[[pipeline.environment]]
name = "production"
cluster = "production"
services = ["web", "worker"]
"##;

fn problems(text: &str) -> String {
    Config::read(text).expect_err("problems").to_string()
}

#[test]
fn a_good_file_is_read() {
    let config = Config::read(GOOD).expect("a configuration");
    let found: Vec<_> = config.of_repository("github.com/acme/WEB").collect();
    assert_eq!(found.len(), 1, "compared as GitHub compares");
    let pipeline = found[0];
    assert_eq!((pipeline.name.as_str(), pipeline.project.as_str()), ("web", "web-build"));
    assert_eq!(pipeline.branches[1].as_str(), "release/*");
    assert_eq!(pipeline.environments[0].services, ["web", "worker"]);
    assert_eq!(config.slack.as_ref().map(|slack| slack.channel.as_str()), Some("#deploys"));
}

#[test]
fn every_problem_is_found_with_its_place_and_cure() {
    let text = r##"
[slack]
chanel = "#deploys"

[[pipeline]]
name = "web site"
repository = "acme/web"
branches = ["release/[", 7]
project = 3
images = "web"

[[pipeline.environment]]
name = "production"
cluster = "production"
services = []

[[pipeline]]
name = "api"
repository = "github.com/acme/api"
brnches = ["main"]
project = "api"
image = "api"
environment = [{ name = "a", cluster = "c", services = ["s", "s"] }, { name = "a", cluster = "c", services = ["t"] }]
"##;
    insta::assert_snapshot!(problems(text), @r#"
    longshore.toml:3:1: unknown key `chanel` in [slack]; did you mean `channel`?
    longshore.toml:5:1: the pipeline has environments and no image; add image = "<ECR repository>": what the environments run
    longshore.toml:6:8: `name` cannot be "web site"; it must be 1 to 64 letters, digits, -, _ and .
    longshore.toml:7:14: `repository` cannot be "acme/web"; it must be host/owner/name, for example github.com/acme/web
    longshore.toml:8:13: "release/[": the class that begins with `[` is empty or has no `]`
    longshore.toml:8:26: `branches` must be an array of strings, not integer
    longshore.toml:9:11: `project` must be a string, not integer
    longshore.toml:10:1: unknown key `images` in [[pipeline]]; did you mean `image`?
    longshore.toml:15:12: `services` is empty; name at least one
    longshore.toml:20:1: unknown key `brnches` in [[pipeline]]; did you mean `branches`?
    longshore.toml:23:62: `services` names "s" twice
    longshore.toml:23:70: a second environment is named "a"
    "#);
}

#[test]
fn a_service_has_one_owner() {
    let second =
        GOOD.replace("[slack]\nchannel = \"#deploys\"", "").replace("\"web\"\nrepository", "\"other\"\nrepository");
    insta::assert_snapshot!(problems(&format!("{GOOD}{second}")), @r"
    longshore.toml:19:1: a second environment deploys the service web of production; a service belongs to one environment
    longshore.toml:19:1: a second environment deploys the service worker of production; a service belongs to one environment
    ");
}

#[test]
fn a_file_that_is_not_toml_is_one_problem_with_its_place() {
    insta::assert_snapshot!(problems("[slack]\nchannel = \"#deploys\n"), @"longshore.toml:2:20: invalid basic string, expected `\"`");
}

#[test]
fn a_file_without_a_pipeline_says_so() {
    insta::assert_snapshot!(problems(""), @"longshore.toml:1:1: no pipeline is configured; add a [[pipeline]] with name, repository, branches and project");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = Config::read(&text).map_err(|problems| problems.to_string());
    }
}
