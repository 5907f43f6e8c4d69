use proptest::prelude::*;

use super::*;
use crate::push::{Actor, Cause, Change, Content, Head, Kind, Merged, Source};

const ID: &str = "0123456789012345678901234567890123456789";
const OLD: &str = "9876543210987654321098765432109876543210";

/// A pipeline of `github.com/acme/web` for `main`, with more lines; a line that names `branches` or `repository` takes the default's place.
fn pipeline(name: &str, more: &str) -> String {
    let unless = |key: &str, line: &str| if more.contains(key) { String::new() } else { format!("{line}\n") };
    let branches = unless("branches", "branches = [\"main\"]");
    let repository = unless("repository", "repository = \"github.com/acme/web\"");
    format!("[[pipeline]]\nname = \"{name}\"\nproject = \"build\"\n{repository}{branches}{more}\n")
}

fn config(pipelines: &[(&str, &str)]) -> Config {
    let text: String = pipelines.iter().map(|(name, more)| pipeline(name, more)).collect();
    Config::read(&text).expect("a configuration")
}

/// Someone pushed a commit to `main`.
fn push() -> Push {
    Push {
        reference: Reference::branch("main").expect("a name"),
        cause: Cause::Push,
        before: Some(OLD.into()),
        base: None,
        after: Some(ID.into()),
        created: false,
        forced: false,
        at: None,
        head: Head { message: "Say hello".into(), author: "Ada".into(), ..Head::default() },
        actor: Actor { login: Some("ada".into()), id: Some("7".into()) },
        files: Some(vec!["web/app.py".into()]),
        brought: Vec::new(),
    }
}

fn tag(name: &str) -> Push {
    Push { reference: Reference::tag(name).expect("a name"), created: true, before: None, files: None, ..push() }
}

fn delivery(content: Content) -> Delivery {
    Delivery {
        source: Source::GitHub,
        event: "push".into(),
        id: "github/1".into(),
        repository: Some("github.com/Acme/Web".into()),
        content,
    }
}

fn of(pushes: impl IntoIterator<Item = Push>) -> Delivery {
    delivery(Content::Pushes(pushes.into_iter().collect()))
}

/// A line for each pipeline, and what the sender is told.
fn shown(config: &Config, delivery: &Delivery) -> String {
    let routing = route(config, delivery);
    let line = |decision: &Decision<'_>| {
        let mark = if decision.starts.is_empty() { "-" } else { "+" };
        format!("{mark} {}: {}", decision.pipeline.name, decision.reason)
    };
    let mut lines: Vec<String> = routing.decisions.iter().map(line).collect();
    lines.extend(routing.ignored.map(|ignored| format!("ignored: {ignored}")));
    lines.join("\n")
}

fn starts(config: &Config, delivery: &Delivery) -> Vec<String> {
    let decisions = route(config, delivery).decisions;
    decisions.iter().filter(|one| !one.starts.is_empty()).map(|one| one.pipeline.name.clone()).collect()
}

#[test]
fn a_push_starts_every_pipeline_whose_rules_say_yes() {
    let config = config(&[
        ("web", ""),
        ("preview", "branches = [\"main\", \"try/*\"]"),
        ("other", "branches = [\"dev\"]"),
        ("api", "repository = \"github.com/acme/api\""),
        ("releases", "branches = [\"v*\"]"),
        ("tags", "tags = [\"v*\"]\nbranches = [\"next\"]"),
    ]);
    insta::assert_snapshot!(shown(&config, &of([push()])), @r#"
    + web: the branch "main" matches "main"
    + preview: the branch "main" matches "main"
    - other: it takes the branches "dev", not "main"
    - api: it is of another repository, github.com/acme/api
    - releases: it takes the branches "v*", not "main"
    - tags: it takes the branches "next", not "main"
    "#);
    insta::assert_snapshot!(shown(&config, &of([tag("v1")])), @r#"
    - web: it takes no tags, and "v1" is one
    - preview: it takes no tags, and "v1" is one
    - other: it takes no tags, and "v1" is one
    - api: it is of another repository, github.com/acme/api
    - releases: it takes no tags, and "v1" is one
    + tags: the tag "v1" matches "v*"
    "#);
}

#[test]
fn a_push_that_starts_nothing_is_told_why() {
    let config = config(&[("web", ""), ("preview", "branches = [\"try/*\"]")]);
    let dev = Push { reference: Reference::branch("dev").expect("a name"), ..push() };
    insta::assert_snapshot!(
        route(&config, &of([dev.clone()])).ignored.expect("a reason"),
        @r#"the push starts nothing: web: it takes the branches "main", not "dev"; preview: it takes the branches "try/*", not "dev""#
    );
    let gone = Push { after: None, files: None, ..push() };
    insta::assert_snapshot!(route(&config, &of([gone])).ignored.expect("a reason"), @r#"the branch "main" was deleted"#);
    let elsewhere = Delivery { repository: Some("github.com/acme/other".into()), ..of([push()]) };
    insta::assert_snapshot!(
        route(&config, &elsewhere).ignored.expect("a reason"),
        @"no pipeline has the repository github.com/acme/other"
    );
    insta::assert_snapshot!(shown(&config, &of([dev, tag("v1")])), @r#"
    - web: "refs/heads/dev": it takes the branches "main", not "dev"; "refs/tags/v1": it takes no tags, and "v1" is one
    - preview: "refs/heads/dev": it takes the branches "try/*", not "dev"; "refs/tags/v1": it takes no tags, and "v1" is one
    ignored: this starts nothing: web: "refs/heads/dev": it takes the branches "main", not "dev"; "refs/tags/v1": it takes no tags, and "v1" is one; preview: "refs/heads/dev": it takes the branches "try/*", not "dev"; "refs/tags/v1": it takes no tags, and "v1" is one
    "#);
}

#[test]
fn the_first_rule_that_says_no_gives_the_reason() {
    // Breaks every rule; each time, the first is mended.
    let config =
        config(&[("web", "branches = [\"next\"]\non = \"merge\"\nactors = [\"!ADA\"]\npaths = [\"docs/**\"]")]);
    let mut push = Push { head: Head { message: "Wip [SKIP CI]".into(), ..Head::default() }, ..push() };
    let mut seen = Vec::new();
    let mends: [fn(&mut Push); 6] = [
        |push| push.reference = Reference::branch("next").expect("a name"),
        |push| push.cause = Cause::Merge,
        |push| push.actor.login = Some("grace".into()),
        |push| push.head.message.clear(),
        |push| push.files = Some(vec!["docs/index.md".into()]),
        |push| push.after = None,
    ];
    for mend in mends {
        seen.push(shown(&config, &of([push.clone()])).lines().next().expect("a line").to_owned());
        mend(&mut push);
    }
    seen.push(shown(&config, &of([push])).lines().next().expect("a line").to_owned());
    insta::assert_snapshot!(seen.join("\n"), @r#"
    - web: it takes the branches "next", not "main"
    - web: a push does not start it (on = "merge"): merging a pull request into "next" does
    - web: its `actors` leave out "ada", who pushed or merged
    - web: the commit's message has "[skip ci]"
    - web: the only changed file, "web/app.py", is not among its paths
    + web: the branch "next" matches "next"; the changed file "docs/index.md" is among its paths
    - web: the branch "next" was deleted
    "#);
}

#[test]
fn a_merge_starts_what_waits_for_merges_and_nothing_else() {
    let config = config(&[("web", ""), ("merged", "on = \"merge\"")]);
    let merge = Push { cause: Cause::Merge, before: None, files: None, ..push() };
    let change = |merged| {
        delivery(Content::Change(Change {
            action: "closed".into(),
            source: "fix".into(),
            target: "main".into(),
            merged,
        }))
    };
    insta::assert_snapshot!(shown(&config, &change(Merged::As(Box::new(merge)))), @r#"
    - web: the merge of a pull request does not start it (on = "push"): the push to "main" that it makes does
    + merged: the branch "main" matches "main"
    "#);
    insta::assert_snapshot!(shown(&config, &change(Merged::Pushed)), @r#"
    - web: the pull request from "fix" into "main" was merged: the push that this made tells as which commit
    - merged: the pull request from "fix" into "main" was merged: the push that this made tells as which commit
    ignored: the pull request from "fix" into "main" was merged: the push that this made tells as which commit
    "#);
    insta::assert_snapshot!(shown(&config, &change(Merged::No)), @r#"
    - web: a pull request from "fix" into "main" that is not merged ("closed")
    - merged: a pull request from "fix" into "main" that is not merged ("closed")
    ignored: a pull request from "fix" into "main" that is not merged ("closed")
    "#);
}

#[test]
fn actors_are_named_by_login_or_id_and_an_unknown_one_is_never_let_past_an_exclusion() {
    let who =
        |login: Option<&str>, id: Option<&str>| Actor { login: login.map(str::to_owned), id: id.map(str::to_owned) };
    for (actors, actor, passes) in [
        ("\"Ada\"", who(Some("aDA"), None), true),
        ("\"ada\"", who(Some("grace"), Some("7")), false),
        ("\"id:7\"", who(Some("grace"), Some("7")), true),
        // A number is a login like any other.
        ("\"7\"", who(Some("grace"), Some("7")), false),
        ("\"7\"", who(Some("7"), None), true),
        ("\"!bot[bot]\"", who(Some("ada"), None), true),
        ("\"!bot[bot]\"", who(Some("Bot[bot]"), None), false),
        ("\"!id:7\"", who(Some("ada"), None), false),
        ("\"ada\", \"!id:7\"", who(Some("ada"), Some("7")), false),
        ("\"ada\"", who(None, None), false),
    ] {
        let config = config(&[("web", &format!("actors = [{actors}]"))]);
        let started = !starts(&config, &of([Push { actor: actor.clone(), ..push() }])).is_empty();
        assert_eq!(started, passes, "{actors} {actor:?}");
    }
}

#[test]
fn paths_decide_only_where_all_files_are_told() {
    let config = config(&[
        ("web", "paths = [\"web/**\", \"!web/**/*.md\"]"),
        ("not-docs", "paths = [\"!docs/**\"]"),
        ("any", ""),
    ]);
    let with = |files: &[&str]| Push { files: Some(files.iter().map(|&file| file.to_owned()).collect()), ..push() };
    insta::assert_snapshot!(shown(&config, &of([with(&["docs/a.md", "web/read.md"])])), @r#"
    - web: none of the 2 changed files is among its paths, for example "docs/a.md"
    + not-docs: the branch "main" matches "main"; the changed file "web/read.md" is among its paths
    + any: the branch "main" matches "main"
    "#);
    insta::assert_snapshot!(shown(&config, &of([with(&[])])), @r#"
    - web: an empty push: no file changed
    - not-docs: an empty push: no file changed
    + any: the branch "main" matches "main"
    "#);
    let untold = Push { files: None, ..push() };
    assert_eq!(wants_files(&config, &of([untold.clone()])), [0]);
    insta::assert_snapshot!(shown(&config, &of([untold.clone()])), @r#"
    + web: the branch "main" matches "main"; the provider did not tell all files: built without looking at paths
    + not-docs: the branch "main" matches "main"; the provider did not tell all files: built without looking at paths
    + any: the branch "main" matches "main"
    "#);
    let created = Push { created: true, before: None, ..with(&["docs/a.md"]) };
    let forced = Push { forced: true, ..untold.clone() };
    assert_eq!(wants_files(&config, &of([forced.clone()])), [0], "a comparison tells them");
    let reason = |push: Push| route(&config, &of([push])).decisions[0].reason.clone();
    insta::assert_snapshot!(reason(created), @r#"the branch "main" matches "main"; a new branch: built without looking at paths"#);
    insta::assert_snapshot!(reason(forced), @r#"the branch "main" matches "main"; history was rewritten: built without looking at paths"#);
    let nothing = Push { before: Some(ID.into()), ..untold };
    assert_eq!(wants_files(&config, &of([nothing.clone()])), [0; 0]);
    insta::assert_snapshot!(shown(&config, &of([nothing])), @r#"
    - web: an empty push: "main" names the commit that it named before
    - not-docs: an empty push: "main" names the commit that it named before
    - any: an empty push: "main" names the commit that it named before
    ignored: the push starts nothing: web: an empty push: "main" names the commit that it named before; not-docs: an empty push: "main" names the commit that it named before; any: an empty push: "main" names the commit that it named before
    "#);
}

#[test]
fn a_merges_files_are_compared_with_what_its_branch_named() {
    let config = config(&[("web", "on = \"merge\"\npaths = [\"web/**\"]")]);
    let merge = Push { base: Some(OLD.into()), ..Push { files: None, ..push() }.into_merge() };
    assert_eq!(merge.before, None);
    assert_eq!(wants_files(&config, &of([merge.clone()])), [0]);
    let reason = |push: &Push| route(&config, &of([push.clone()])).decisions[0].reason.clone();
    let with = |file: &str| Push { files: Some(vec![file.into()]), ..merge.clone() };
    insta::assert_snapshot!(reason(&merge), @r#"the branch "main" matches "main"; the provider did not tell all files: built without looking at paths"#);
    insta::assert_snapshot!(reason(&with("web/app.py")), @r#"the branch "main" matches "main"; the changed file "web/app.py" is among its paths"#);
    insta::assert_snapshot!(reason(&with("docs/a.md")), @r#"the only changed file, "docs/a.md", is not among its paths"#);
    // With nothing to compare it with, or with itself, nobody is asked.
    let alone = Push { base: None, ..merge.clone() };
    insta::assert_snapshot!(reason(&alone), @r#"the branch "main" matches "main"; the provider does not tell what the merge's changes are to be compared with: built without looking at paths"#);
    let itself = Push { base: Some(ID.into()), ..merge };
    assert_eq!(reason(&itself), reason(&alone));
    for push in [alone, itself] {
        assert_eq!(wants_files(&config, &of([push])), [0; 0]);
    }
}

#[test]
fn gitlabs_files_are_asked_for_even_where_it_lists_them() {
    let config = config(&[("web", "repository = \"gitlab.com/acme/web\"\npaths = [\"web/**\"]")]);
    let of = |push| Delivery { source: Source::GitLab, repository: Some("gitlab.com/acme/web".into()), ..of([push]) };
    // History may have been rewritten: what was dropped is in no list.
    let docs = Push { files: Some(vec!["docs/a.md".into()]), ..push() };
    assert_eq!(wants_files(&config, &of(docs.clone())), [0]);
    assert_eq!(starts(&config, &of(docs)), [""; 0], "without an answer, the list counts");
    assert_eq!(wants_files(&config, &of(tag("v1"))), [0; 0]);
}

#[test]
fn each_push_of_a_delivery_starts_what_it_matches() {
    let config = config(&[("web", "branches = [\"*\"]\ntags = [\"v*\"]")]);
    let gone = Push { reference: Reference::branch("old").expect("a name"), after: None, ..push() };
    let pushes = of([push(), gone, tag("v1"), tag("x1")]);
    let decisions = route(&config, &pushes).decisions;
    assert_eq!(decisions[0].starts.iter().map(|start| start.push).collect::<Vec<_>>(), [0, 2]);
    insta::assert_snapshot!(decisions[0].reason, @r#""refs/heads/main": the branch "main" matches "*"; "refs/tags/v1": the tag "v1" matches "v*""#);
}

#[test]
fn what_waits_starts_with_what_it_waits_for() {
    // A diamond of one repository, with one more in another repository; the last is written first.
    let config = config(&[
        ("site", "after = [\"left\", \"right\"]\npaths = [\"site/**\"]"),
        ("left", "after = [\"base\"]\npaths = [\"left/**\"]"),
        ("right", "after = [\"base\"]\nbranches = [\"next\"]"),
        ("base", "paths = [\"web/**\"]"),
        ("shop", "after = [\"base\"]\nrepository = \"github.com/acme/shop\"\nbranches = [\"v*\", \"trunk\"]"),
        ("docs", "after = [\"shop\"]\nrepository = \"github.com/acme/docs\""),
    ]);
    insta::assert_snapshot!(shown(&config, &of([push()])), @r#"
    + site: the branch "main" matches "main"; it comes after "left", whatever its paths
    + left: the branch "main" matches "main"; it comes after "base", whatever its paths
    - right: it takes the branches "next", not "main"
    + base: the branch "main" matches "main"; the changed file "web/app.py" is among its paths
    + shop: it comes after "base": the newest known commit of its branch "trunk" is built
    + docs: it comes after "shop": the newest known commit of its branch "main" is built
    "#);
    let decisions = route(&config, &of([push()])).decisions;
    assert_eq!(decisions[0].starts[0].after, ["left"]);
    assert_eq!(decisions[4].starts[0].elsewhere, Reference::branch("trunk"));
    // Where nothing that it waits for starts, its own rules decide, and it waits for nothing.
    let site = Push { files: Some(vec!["site/index.html".into()]), ..push() };
    insta::assert_snapshot!(shown(&config, &of([site.clone()])), @r#"
    + site: the branch "main" matches "main"; the changed file "site/index.html" is among its paths
    - left: the only changed file, "site/index.html", is not among its paths
    - right: it takes the branches "next", not "main"
    - base: the only changed file, "site/index.html", is not among its paths
    - shop: it is of another repository, github.com/acme/shop, and nothing that it comes after starts
    - docs: it is of another repository, github.com/acme/docs, and nothing that it comes after starts
    "#);
    assert_eq!(route(&config, &of([site])).decisions[0].starts[0].after, [""; 0]);
}

#[test]
fn a_ping_is_told_what_this_endpoint_would_do() {
    let config = config(&[
        ("web", "tags = [\"v*\"]"),
        ("merged", "on = \"merge\"\nactors = [\"ada\"]"),
        ("api", "repository = \"github.com/acme/api\""),
    ]);
    let ping = |events: &[&str]| {
        let events = events.iter().map(|&event| event.to_owned()).collect();
        route(&config, &delivery(Content::Ping { events })).ignored.expect("a reason")
    };
    insta::assert_snapshot!(ping(&[]), @r#"a ping: github.com/Acme/Web starts web by pushes to "main" and the tags "v*"; merged by merges into "main", within its paths and actors"#);
    assert_eq!(ping(&["*"]), ping(&[]));
    assert_eq!(ping(&["push", "pull_request"]), ping(&[]));
    let missing = ping(&["issues"]).strip_prefix(&ping(&[])).expect("the same beginning").to_owned();
    insta::assert_snapshot!(missing, @"; but the webhook does not send push, which web needs; nor pull_request, which merged needs");
    let other = Delivery { repository: Some("github.com/x/y".into()), ..delivery(Content::Ping { events: vec![] }) };
    insta::assert_snapshot!(route(&config, &other).ignored.expect("a reason"), @"a ping: no pipeline has the repository github.com/x/y");
    let nowhere = Delivery { repository: None, ..other };
    insta::assert_snapshot!(route(&config, &nowhere).ignored.expect("a reason"), @"a ping of no repository; pipelines configured here: 3");
}

#[test]
fn what_is_no_push_has_its_own_reason() {
    let config = config(&[("web", "")]);
    let reference = Reference::tag("v1").expect("a name");
    insta::assert_snapshot!(
        shown(&config, &delivery(Content::Reference { reference, deleted: true })),
        @r#"
    - web: the tag "v1" was deleted: its push event tells that, too, and counts
    ignored: the tag "v1" was deleted: its push event tells that, too, and counts
    "#
    );
    assert_eq!(route(&config, &delivery(Content::Other("a star".into()))).ignored.as_deref(), Some("a star"));
    assert_eq!(route(&config, &of([])).ignored.as_deref(), Some("no branch or tag moved"));
}

#[test]
fn what_the_sender_is_told_is_bounded_however_many_pipelines_there_are() {
    let text: String = (0..2000)
        .map(|n| pipeline(&format!("p{n}"), "branches = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\"]"))
        .collect();
    let config = Config::read(&text).expect("a configuration");
    let ignored = |delivery: &Delivery| route(&config, delivery).ignored.expect("a reason");
    let push = Push { head: Head { message: "x".repeat(1 << 20), ..Head::default() }, ..push() };
    insta::assert_snapshot!(ignored(&of([push])), @r#"the push starts nothing: p0: it takes the branches "a", "b", "c", "d" or 3 more, not "main"; p1: it takes the branches "a", "b", "c", "d" or 3 more, not "main"; p2: it takes the branches "a", "b", "c", "d" or 3 more, not "main"; and 1997 more"#);
    insta::assert_snapshot!(ignored(&delivery(Content::Ping { events: vec!["issues".into()] })), @r#"a ping: github.com/Acme/Web starts p0 by pushes to "a", "b", "c", "d" or 3 more; p1 by pushes to "a", "b", "c", "d" or 3 more; p2 by pushes to "a", "b", "c", "d" or 3 more; and 1997 more; but the webhook does not send push, which p0, p1, p2, p3 and 1996 more need"#);
    let long =
        Change { action: "x".repeat(9999), source: "x".repeat(9999), target: "x".repeat(9999), merged: Merged::No };
    for content in [Content::Other("x".repeat(9999)), Content::Change(long)] {
        assert!(ignored(&delivery(content)).chars().count() <= 1000);
    }
}

const REPOSITORIES: [&str; 2] = ["github.com/acme/web", "github.com/acme/base"];

/// The rules of a made-up pipeline.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that is there or not")]
struct Rules {
    repository: usize,
    all_branches: bool,
    tags: bool,
    merge: bool,
    paths: bool,
    only_ada: bool,
    after: [bool; 5],
}

fn rules() -> impl Strategy<Value = Rules> {
    (0..2_usize, any::<[bool; 5]>(), any::<[bool; 5]>()).prop_map(|(repository, flags, after)| {
        let [all_branches, tags, merge, paths, only_ada] = flags;
        Rules { repository, all_branches, tags: tags && !merge, merge, paths, only_ada, after }
    })
}

fn written(all: &[Rules]) -> String {
    // Each may wait for those of a higher number, which come later in the file.
    let one = |(number, rules): (usize, &Rules)| {
        let mut more = format!("repository = \"{}\"\n", REPOSITORIES[rules.repository]);
        more += if rules.all_branches { "branches = [\"**\", \"main\"]\n" } else { "branches = [\"main\"]\n" };
        more += if rules.tags { "tags = [\"*\"]\n" } else { "" };
        more += if rules.merge { "on = \"merge\"\n" } else { "" };
        more += if rules.paths { "paths = [\"web/*\", \"!web/*.md\"]\n" } else { "" };
        more += if rules.only_ada { "actors = [\"ada\"]\n" } else { "" };
        let after = (number + 1..all.len()).filter(|&at| waits(all, number, at)).map(|at| format!("\"p{at}\""));
        more += &["after = [", &after.collect::<Vec<_>>().join(", "), "]\n"].concat();
        pipeline(&format!("p{number}"), &more)
    };
    all.iter().enumerate().map(one).collect()
}

fn any_push() -> impl Strategy<Value = Push> {
    let file = prop_oneof![Just("web/a"), Just("web/a.md"), Just("web/deep/a"), Just("docs/a")].prop_map(str::to_owned);
    let files = prop::option::of(prop::collection::vec(file, 0..3));
    let name = prop_oneof![Just("main"), Just("fix/it")];
    let message = prop_oneof![3 => Just("Hello"), 1 => Just("Hello [Skip Deploy]")];
    (any::<[bool; 4]>(), name, message, files, prop_oneof![Just(Some(OLD)), Just(Some(ID)), Just(None)], any::<bool>())
        .prop_map(|([is_tag, merge, deleted, forced], name, message, files, before, ada)| Push {
            reference: Reference { kind: if is_tag { Kind::Tag } else { Kind::Branch }, name: name.to_owned() },
            cause: if merge { Cause::Merge } else { Cause::Push },
            before: before.filter(|_| !merge).map(str::to_owned),
            base: before.filter(|_| merge).map(str::to_owned),
            after: (!deleted).then(|| ID.to_owned()),
            created: before.is_none() && !merge,
            forced,
            head: Head { message: message.to_owned(), ..Head::default() },
            actor: Actor { login: Some(if ada { "Ada" } else { "grace" }.to_owned()), id: None },
            files,
            ..push()
        })
}

/// Whether one pipeline comes after another: of one repository, they have to take the same.
fn waits(all: &[Rules], number: usize, at: usize) -> bool {
    let (rules, other) = (&all[number], &all[at]);
    rules.after[at] && (rules.merge == other.merge || rules.repository != other.repository)
}

/// Whether a push to the first repository starts a pipeline, said as simply as can be.
fn should_start(all: &[Rules], number: usize, push: &Push) -> bool {
    let rules = &all[number];
    let upstream = (number + 1..all.len()).any(|at| waits(all, number, at) && should_start(all, at, push));
    if rules.repository != 0 {
        return upstream;
    }
    let is_tag = push.reference.kind == Kind::Tag;
    let named = if is_tag {
        rules.tags && !push.reference.name.contains('/')
    } else {
        rules.all_branches || push.reference.name == "main"
    };
    let ada = push.actor.login.as_deref() == Some("Ada");
    let file = |file: &String| file == "web/a";
    let told = push.before.as_ref().or(push.base.as_ref());
    let looked_at = !is_tag && told.is_some() && told != push.after.as_ref();
    let paths = !rules.paths || !looked_at || push.files.as_ref().is_none_or(|files| files.iter().any(file));
    push.after.is_some()
        && named
        && rules.merge == (push.cause == Cause::Merge)
        && (ada || !rules.only_ada)
        && !push.head.message.contains("Skip")
        && push.before != push.after
        && (upstream || paths)
}

/// A file of so many pipelines, the first two of one repository, the third after them and of another; the others are strangers to them.
fn many(count: usize) -> Config {
    let pipeline = |number: usize| {
        let (repository, after) = match number {
            0 | 1 => ("acme/web".to_owned(), ""),
            2 => ("acme/shop".to_owned(), "after = [\"p1\"]\n"),
            _ => (format!("acme/r{number}"), if number.is_multiple_of(2) { "after = [\"p3\"]\n" } else { "" }),
        };
        format!(
            "[[pipeline]]\nname = \"p{number}\"\nrepository = \"github.com/{repository}\"\nbranches = [\"main\"]\nproject = \"web-build\"\n{after}"
        )
    };
    Config::read(&(0..count).map(pipeline).collect::<String>()).expect("a configuration")
}

fn started<'c>(routing: &Routing<'c>) -> Vec<Decision<'c>> {
    routing.decisions.iter().filter(|decision| !decision.starts.is_empty()).cloned().collect()
}

#[test]
fn among_many_pipelines_only_those_that_are_concerned_are_decided_on() {
    for count in [FEW, FEW + 1, 1000] {
        let config = many(count);
        let delivery = Delivery { repository: Some("github.com/acme/WEB".to_owned()), ..of([push()]) };
        let all = route(&config, &delivery);
        let some = route_but(&config, &delivery, &BTreeSet::new());
        assert_eq!(all.decisions.len(), count);
        assert_eq!(some.decisions.len(), if count > FEW { 3 } else { count });
        assert_eq!(started(&all).len(), 3);
        assert_eq!((started(&some), &some.ignored), (started(&all), &all.ignored));
        // A stranger's push starts nothing, and is told the same.
        let stranger = Delivery { repository: Some("github.com/acme/none".to_owned()), ..delivery };
        let (all, some) = (route(&config, &stranger), route_but(&config, &stranger, &BTreeSet::new()));
        assert!(all.ignored.is_some());
        assert_eq!(some.ignored, all.ignored);
    }
}

proptest! {
    #[test]
    fn a_pipeline_starts_exactly_when_a_simple_model_says_so(all in prop::collection::vec(rules(), 1..6), pushes in prop::collection::vec(any_push(), 0..3)) {
        let config = Config::read(&written(&all)).expect("a configuration");
        let delivery = Delivery { repository: Some(REPOSITORIES[0].to_uppercase()), ..of(pushes.clone()) };
        let routing = route(&config, &delivery);
        let names: Vec<&str> = routing.decisions.iter().map(|decision| decision.pipeline.name.as_str()).collect();
        prop_assert_eq!(&names, &config.pipelines().iter().map(|pipeline| pipeline.name.as_str()).collect::<Vec<_>>());
        for (number, decision) in routing.decisions.iter().enumerate() {
            let started: Vec<usize> = decision.starts.iter().map(|start| start.push).collect();
            let should: Vec<usize> = (0..pushes.len()).filter(|&at| should_start(&all, number, &pushes[at])).collect();
            prop_assert_eq!(started, should, "{} {}", decision.pipeline.name, decision.reason);
            for start in &decision.starts {
                // Whoever is waited for is started by the same push, and is of a higher number: there is no cycle.
                for upstream in &start.after {
                    let at: usize = upstream[1..].parse().expect("a number");
                    prop_assert!(at > number && routing.decisions[at].starts.iter().any(|other| other.push == start.push));
                }
                let elsewhere = (all[number].repository != 0).then(|| Reference::branch("main").expect("a name"));
                prop_assert_eq!(&start.elsewhere, &elsewhere);
            }
        }
        prop_assert_eq!(routing.ignored.is_none(), routing.decisions.iter().any(|decision| !decision.starts.is_empty()));
    }

    #[test]
    fn files_that_are_not_wanted_would_change_nothing(all in prop::collection::vec(rules(), 1..6), push in any_push(), other in any_push()) {
        let config = Config::read(&written(&all)).expect("a configuration");
        let without = of([Push { files: None, ..push }]);
        if wants_files(&config, &without).is_empty() {
            let with = of([Push { files: other.files, ..without.pushes()[0].clone() }]);
            prop_assert_eq!(starts(&config, &with), starts(&config, &without));
        }
    }

    #[test]
    fn nothing_from_outside_makes_routing_panic_or_talk_without_end(
        repository: Option<String>, message: String, login: Option<String>, files: Option<Vec<String>>, other: String,
    ) {
        let config = config(&[("web", "paths = [\"a/**\"]\nactors = [\"!x\"]"), ("next", "after = [\"web\"]")]);
        let push = Push { head: Head { message, ..Head::default() }, actor: Actor { login, id: None }, files, ..push() };
        for content in [Content::Pushes(vec![push]), Content::Other(other.clone()), Content::Ping { events: vec![other] }] {
            for repository in [repository.clone(), Some("github.com/acme/web".to_owned())] {
                let routing = route(&config, &Delivery { repository, ..delivery(content.clone()) });
                prop_assert!(routing.ignored.is_none_or(|ignored| ignored.chars().count() <= 1000));
                prop_assert!(routing.decisions.iter().all(|decision| decision.reason.chars().count() <= 1000));
            }
        }
    }
}
