mod environment;
mod provenance;
mod schema;
mod telling;

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
    longshore.toml:7:14: `repository` cannot be "acme/web"; it must be host/owner/name, for example github.com/acme/web (CodeCommit: git-codecommit.<region>.amazonaws.com/v1/repos/<name>)
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

/// A file of pipelines, each with a name and more lines.
fn file(pipelines: &[(&str, &str)]) -> String {
    let pipeline = |(name, more): &(&str, &str)| {
        let unless = |key: &str, line: &str| if more.contains(key) { String::new() } else { format!("{line}\n") };
        let repository = unless("repository", "repository = \"github.com/acme/web\"");
        let branches = unless("branches", "branches = [\"main\"]");
        format!("[[pipeline]]\nname = \"{name}\"\nproject = \"build\"\n{repository}{branches}{more}\n")
    };
    pipelines.iter().map(pipeline).collect()
}

#[test]
fn every_key_of_routing_is_read() {
    let text = file(&[
        ("base", ""),
        (
            "web",
            "branches = [\"main\"]\ntags = [\"v*\"]\npaths = [\"web/**\", \"!**/*.md\"]\nactors = [\"Ada\", \"id:7\", \"7\", \"!bot[bot]\"]\n\
             skip = [\"[no]\"]\nsupersede = false\nafter = [\"base\"]\nstart_within = \"2h\"",
        ),
        ("merged", "on = \"merge\"\nskip = []"),
    ]);
    let config =
        Config::read(&format!("[bitbucket]\nhost = \"git.acme.example:7990\"\n{text}")).expect("a configuration");
    assert_eq!(config.hosts(), Hosts { bitbucket: Some("git.acme.example:7990"), ..Hosts::default() });
    let [base, web, merged] = config.pipelines() else { panic!("three pipelines") };
    assert_eq!((base.on, base.supersede, base.start_within), (Cause::Push, true, SignedDuration::from_mins(30)));
    assert_eq!(base.skip, ["[skip ci]", "[skip deploy]"]);
    assert!(base.paths.is_empty() && base.actors.is_empty() && base.after.is_empty() && base.tags.is_empty());
    assert_eq!((web.tags[0].as_str(), web.supersede, web.start_within), ("v*", false, SignedDuration::from_hours(2)));
    assert_eq!((web.paths.include[0].as_str(), web.paths.exclude[0].as_str()), ("web/**", "**/*.md"));
    let include = [Who::Login("Ada".into()), Who::Id("7".into()), Who::Login("7".into())];
    assert_eq!(web.actors, Rules { include: include.into(), exclude: vec![Who::Login("bot[bot]".into())] });
    assert_eq!((web.skip.as_slice(), web.after.as_slice()), (&["[no]".to_owned()][..], &["base".to_owned()][..]));
    assert_eq!((merged.on, merged.skip.len()), (Cause::Merge, 0));
    assert_eq!(config.downstream_of("base").map(|pipeline| pipeline.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(config.downstream_of("web").count(), 0);
}

#[test]
fn every_wrong_value_of_routing_has_its_cure() {
    let text = file(&[
        (
            "a",
            "tags = []\npaths = [\"/web\", \"!!web\", \"docs/\"]\nactors = [\"\", \"id:\", \"!!x\"]\nskip = [\" \"]\nsupersede = \"no\"\nstart_within = \"8h\"",
        ),
        ("b", "tags = [\"v*\"]\non = \"merge\"\nstart_within = 30\nafter = \"a\""),
        ("c", "on = \"pull\"\nstart_within = \"30 m\"\nsuperseed = true"),
        ("d", "repository = \"bitbucket.org/acme/web\"\nactors = [\"ada\", \"!id:{7}\"]"),
        ("e", "repository = \"git-codecommit.eu-west-1.amazonaws.com/v1/repos/web\"\nactors = [\"ada\"]"),
        ("g", "repository = \"git-codecommit.eu-west-1.amazonaws.com/acme/web\""),
    ]);
    let text = text
        + "[[pipeline]]\nname = \"f\"\nrepository = \"github.com/acme/web\"\nproject = \"build\"\n[bitbucket]\nhost = \"https://x\"\n";
    insta::assert_snapshot!(problems(&text), @r#"
    longshore.toml:6:8: `tags` is empty; name at least one
    longshore.toml:7:10: "/web": nothing begins or ends with `/`: all of a folder is `folder/**`
    longshore.toml:7:18: "!web": a pattern cannot be negated with `!`; only `paths` and `actors` exclude, with one `!`
    longshore.toml:7:27: "docs/": nothing begins or ends with `/`: all of a folder is `folder/**`
    longshore.toml:8:11: `actors` cannot name ""; it must be a login, or id: and an id, with a ! before it where it is excluded
    longshore.toml:8:15: `actors` cannot name "id:"; it must be a login, or id: and an id, with a ! before it where it is excluded
    longshore.toml:8:22: `actors` cannot name "!x"; it must be a login, or id: and an id, with a ! before it where it is excluded
    longshore.toml:9:9: `skip` cannot have an empty mark: every message has it; `skip = []` turns it off
    longshore.toml:10:13: `supersede` must be true or false, not string
    longshore.toml:11:16: `start_within` cannot be "8h"; it must be a number and s, m, h or d, from "1m" to "7h"
    longshore.toml:18:6: nothing is merged into a tag: `on = "merge"` and `tags`; give the tags to a pipeline of their own, without `on`
    longshore.toml:19:16: `start_within` must be a string, not integer
    longshore.toml:20:9: `after` must be an array of strings, not string
    longshore.toml:26:6: `on` cannot be "pull"; it must be "push" (which merges are, too) or "merge" (of a pull request)
    longshore.toml:27:16: `start_within` cannot be "30 m"; it must be a number and s, m, h or d, from "1m" to "7h"
    longshore.toml:28:1: unknown key `superseed` in [[pipeline]]; did you mean `supersede`?
    longshore.toml:34:11: Bitbucket Cloud does not tell unique names: "ada" could never be matched; write id:{<uuid>}
    longshore.toml:40:11: CodeCommit does not tell unique names: "ada" could never be matched; write id:<ARN>
    longshore.toml:45:14: `repository` cannot be "git-codecommit.eu-west-1.amazonaws.com/acme/web"; it must be host/owner/name, for example github.com/acme/web (CodeCommit: git-codecommit.<region>.amazonaws.com/v1/repos/<name>)
    longshore.toml:46:1: [[pipeline]] has neither `branches` nor `tags`; add branches = ["main"], or tags: what starts it
    longshore.toml:51:8: `host` cannot be "https://x"; it must be a host, for example git.acme.example
    "#);
}

#[test]
fn a_server_of_ones_own_is_of_one_source() {
    let servers = |github: &str, bitbucket: &str, gitlab: &str| {
        format!("[github]\nhost = \"{github}\"\n[bitbucket]\nhost = \"{bitbucket}\"\n[gitlab]\nhost = \"{gitlab}\"\n")
    };
    let own = servers("git.acme.example", "bitbucket.acme.example:7990", "gitlab.acme.example");
    let text = file(&[
        ("a", "repository = \"GIT.acme.example/acme/web\""),
        ("b", "repository = \"bitbucket.acme.example:7990/~ada/web\""),
        ("c", "repository = \"gitlab.acme.example/acme/shop/web\""),
        ("d", "repository = \"acme.ghe.com/acme/web\""),
    ]);
    let config = Config::read(&format!("{own}{text}")).expect("a configuration");
    let sources: Vec<_> = config.pipelines().iter().map(|pipeline| config.source_of(&pipeline.repository)).collect();
    assert_eq!(sources, [Source::GitHub, Source::Bitbucket, Source::GitLab, Source::GitHub].map(Some));
    let none = Config::read(&file(&[("a", "")])).expect("a configuration");
    assert_eq!(none.hosts(), Hosts::default());
    let unnamed = Config::read(&text).expect("a configuration");
    let sources: Vec<_> = unnamed.pipelines().iter().map(|pipeline| unnamed.source_of(&pipeline.repository)).collect();
    assert_eq!(sources, [None, None, None, Some(Source::GitHub)]);
    let wrong = servers("git.acme.example", "GitHub.com", "Git.Acme.example");
    insta::assert_snapshot!(problems(&format!("{wrong}{}", file(&[("a", "")]))), @r"
    longshore.toml:4:8: GitHub.com is a host of GitHub, not of Bitbucket
    longshore.toml:5:1: Git.Acme.example is the host of [github] and of [gitlab]; a host is of one source
    ");
    insta::assert_snapshot!(problems(&format!("[gitlab]\nhsot = \"x\"\n[github]\n{}", file(&[("a", "")]))), @r"
    longshore.toml:2:1: unknown key `hsot` in [gitlab]; did you mean `host`?
    longshore.toml:3:1: [github] has no `host`
    ");
}

#[test]
fn what_waits_for_a_pipeline_of_its_repository_takes_the_same() {
    let text = file(&[
        ("base", ""),
        ("web", "on = \"merge\"\nafter = [\"base\"]"),
        ("merged", "on = \"merge\""),
        ("site", "after = [\"base\", \"merged\"]"),
        ("elsewhere", "repository = \"github.com/acme/api\"\nafter = [\"merged\"]"),
    ]);
    insta::assert_snapshot!(problems(&text), @r#"
    longshore.toml:13:10: "base" has on = "push" and this pipeline on = "merge": the same move never starts both, so this one would not wait; give both of them the same `on`
    longshore.toml:25:18: "merged" has on = "merge" and this pipeline on = "push": the same move never starts both, so this one would not wait; give both of them the same `on`
    "#);
}

#[test]
fn what_is_waited_for_has_to_exist_and_goes_in_no_circle() {
    let text = file(&[
        ("a", "after = [\"b\"]"),
        ("b", "after = [\"c\", \"bse\"]"),
        ("c", "after = [\"a\", \"b\"]"),
        ("base", "after = [\"base\"]"),
        ("web", "after = [\"base\", \"base\", \"x.y\", \"x-y\"]"),
        ("x.y", ""),
        ("x-y", ""),
        ("fine", "after = [\"a\", \"web\"]"),
    ]);
    insta::assert_snapshot!(problems(&text), @r#"
    longshore.toml:6:10: pipelines wait for each other in a cycle: a → b → c → a; take one of them out of another's `after`
    longshore.toml:12:10: pipelines wait for each other in a cycle: b → c → b; take one of them out of another's `after`
    longshore.toml:12:15: no pipeline is named "bse"; did you mean "base"?
    longshore.toml:24:10: pipelines wait for each other in a cycle: base → base; a pipeline cannot wait for itself
    longshore.toml:30:18: `after` names "base" twice
    longshore.toml:30:33: "x.y" and "x-y" would both be LONGSHORE_UPSTREAM_X_Y in the build; name one of the two pipelines differently
    "#);
}

#[test]
fn what_another_repository_can_start_has_a_branch_of_its_own() {
    let text = file(&[
        ("base", "repository = \"github.com/acme/base\""),
        ("web", "after = [\"base\"]\nbranches = [\"release/*\"]"),
        ("site", "after = [\"shop\", \"web\"]\nbranches = [\"*\"]"),
        ("shop", "branches = [\"*\"]"),
        ("fine", "after = [\"web\"]\nbranches = [\"*\", \"main\"]"),
        ("also-fine", "after = [\"shop\"]\nbranches = [\"*\"]"),
    ]);
    insta::assert_snapshot!(problems(&text), @r#"
    longshore.toml:10:10: a push to another repository starts "base", and which branch to build then is not said; name a branch without wildcards in `branches`
    longshore.toml:16:18: a push to another repository starts "web", and which branch to build then is not said; name a branch without wildcards in `branches`
    "#);
}

#[test]
fn a_repository_is_compared_as_its_host_compares() {
    let text = file(&[
        ("github", "repository = \"github.com/Acme/Web\""),
        ("gitlab", "repository = \"gitlab.com/acme/group/sub/web\""),
        ("codecommit", "repository = \"git-codecommit.eu-west-1.amazonaws.com/v1/repos/Web\""),
    ]);
    let config = Config::read(&text).expect("a configuration");
    for (repository, found) in [
        ("GitHub.com/acme/WEB", true),
        ("github.com/acme/web/x", false),
        ("gitlab.com/Acme/Group/Sub/Web", true),
        ("git-codecommit.eu-west-1.amazonaws.com/v1/repos/Web", true),
        ("git-codecommit.eu-west-1.amazonaws.com/v1/repos/web", false),
        ("GIT-CODECOMMIT.eu-west-1.amazonaws.com/v1/repos/Web", true),
    ] {
        assert_eq!(config.of_repository(repository).count(), usize::from(found), "{repository}");
    }
}

#[test]
fn an_upstream_has_a_variable_of_its_name() {
    assert_eq!(Pipeline::upstream_variable("web-api.v2_x"), "LONGSHORE_UPSTREAM_WEB_API_V2_X");
}

#[test]
fn a_duration_is_a_number_and_a_unit() {
    for (text, seconds) in
        [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("0s", 0), ("999999999d", 86_399_999_913_600)]
    {
        assert_eq!(duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
    }
    for text in ["", "m", "30", "30 m", "-1m", "+1m", "1.5h", "1h30m", "30M", "1000000000s", "3ö", "٣m"] {
        assert_eq!(duration(text), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_graph_of_pipelines_has_an_order_or_a_cycle(edges in proptest::collection::vec((0..6_usize, 0..6_usize), 0..12)) {
        let after = |from: usize| {
            let mut names: Vec<String> = edges.iter().filter(|edge| edge.0 == from).map(|edge| format!("\"p{}\"", edge.1)).collect();
            names.sort();
            names.dedup();
            format!("after = [{}]", names.join(", "))
        };
        let pipelines: Vec<(String, String)> = (0..6).map(|n| (format!("p{n}"), after(n))).collect();
        let pipelines: Vec<(&str, &str)> = pipelines.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
        // Reachability, by closing the relation.
        let mut reaches = [[false; 6]; 6];
        for &(from, to) in &edges {
            reaches[from][to] = true;
        }
        for through in 0..6 {
            for from in 0..6 {
                for to in 0..6 {
                    reaches[from][to] |= reaches[from][through] && reaches[through][to];
                }
            }
        }
        let on_a_cycle: Vec<String> = (0..6).filter(|&n| reaches[n][n]).map(|n| format!("p{n}")).collect();
        match Config::read(&file(&pipelines)) {
            Ok(config) => {
                proptest::prop_assert!(on_a_cycle.is_empty());
                let place = |n: usize| config.upstream_first().iter().position(|&at| at == n).expect("every pipeline");
                proptest::prop_assert!(edges.iter().all(|&(from, to)| place(to) < place(from)));
            }
            Err(problems) => {
                let cycles: Vec<Vec<&str>> = problems
                    .iter()
                    .map(|(_, problem)| problem.message.rsplit(": ").next().expect("a cycle").split(" → ").collect())
                    .collect();
                for cycle in &cycles {
                    proptest::prop_assert_eq!(cycle.first(), cycle.last());
                    let edge = |pair: &[&str]| edges.iter().any(|(from, to)| pair == [format!("p{from}"), format!("p{to}")]);
                    proptest::prop_assert!(cycle.windows(2).all(edge), "{:?}", cycle);
                }
                let once: std::collections::HashSet<_> = cycles.iter().collect();
                proptest::prop_assert_eq!(once.len(), cycles.len());
                proptest::prop_assert!(!on_a_cycle.is_empty());
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = Config::read(&text).map_err(|problems| problems.to_string());
    }
}
