use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    config::Config,
    environment::{Environment, Live},
    image::Digest,
    push::Reference,
    release::{Deed, Fact, Image, Lock, Obstacle, Origin, Person, Release, ReleaseId, Run, State, Verdict, sample},
    route::would,
    slack::{
        User,
        command::{Command, Named, Wanted},
        confirm::{Proposal, Shown},
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

/// What a person reads.
fn read(answer: &Answer) -> String {
    let mut text = format!("{}\n--\n", answer.text);
    for block in &answer.blocks {
        let elements = block["elements"].as_array().cloned().unwrap_or_else(|| vec![block["text"].clone()]);
        for element in elements {
            let shown = if element["type"] == "button" {
                format!("[{}]", element["text"]["text"].as_str().expect("a text"))
            } else {
                element["text"].as_str().expect("a text").to_owned()
            };
            text += &shown;
            text.push('\n');
        }
    }
    text
}

fn config() -> Config {
    let text = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\nimage = \"web\"\n\
        environment = [{ name = \"staging\", cluster = \"s\", services = [\"web\"] }, { name = \"production\", cluster = \"c\", services = [\"web\"] }]\n\
        [[pipeline]]\nname = \"docs\"\nrepository = \"github.com/acme/web\"\nbranches = [\"docs\"]\nproject = \"docs-build\"\npaths = [\"docs/**\"]\n";
    Config::read(text).expect("a configuration")
}

fn release(number: u64) -> Release {
    let sample = sample();
    let origin = Origin {
        delivery: "github/d-1".into(),
        repository: "github.com/acme/web".into(),
        reference: Reference::branch("main").expect("a branch"),
        commit: crate::release::Commit {
            id: format!("{number:02}").repeat(20),
            message: format!("Change <{number}>"),
            url: Some(format!("https://github.com/acme/web/commit/{number}")),
            ..sample.commit
        },
        brought: Vec::new(),
    };
    let id = ReleaseId::parse(&format!("01JD00000000000000000000{number:02}")).expect("an id");
    Release::new(id, number, &config().pipelines()[0], origin, Vec::new(), None, at(0))
}

fn live(number: u64) -> Release {
    let mut release = release(number);
    release.state = State::Live;
    release.ended = Some(at(300));
    for deployment in &mut release.deployments {
        deployment.admitted = Some(at(200));
        deployment.verdict = Some(Verdict::Live);
        deployment.services[0].task_definition =
            Some(format!("arn:aws:ecs:eu-central-1:1:task-definition/web:{number}"));
    }
    release
}

fn record(releases: &[&Release]) -> Environment {
    let mut record = Environment::default();
    for release in releases {
        assert!(record.went_live(Live::of(release, at(300))));
        record.newest = record.newest.max(Some(release.number));
    }
    record
}

fn held(number: u64) -> Release {
    let mut release = release(number);
    let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
    let image = Image::new("r.example/web", digest);
    for fact in [Fact::BuildStarted { id: "web-build:1".into(), page: None }, Fact::ImageReported(image)] {
        release.apply(fact, at(10)).expect("a fact in its place");
    }
    release.deployments[0].verdict = Some(Verdict::Live);
    release.deployments[1].held = Some(Obstacle::Approval { expires: at(7200) });
    release
}

fn ada() -> User {
    User { id: "U0ADA".into(), name: "ada".into() }
}

#[test]
fn help_lists_every_command_under_the_name_that_it_has() {
    insta::assert_snapshot!(read(&help("/ship", &config())), @r"
    What /ship can do
    --
    *What is live, and what is on its way; and what to do about it*
    • `/ship PIPELINE [BRANCH|COMMIT] [to ENV]` build a branch or a commit, and release it
    • `/ship status [PIPELINE]` what is live, what is on its way, and what it waits for
    • `/ship releases PIPELINE` the last ten releases
    • `/ship promote RELEASE ENV` take a release to an environment, without a build
    • `/ship rollback PIPELINE ENV [RELEASE]` go back to what was live before, or to a release
    • `/ship approve RELEASE [REASON]` let a release in that waits for it
    • `/ship reject RELEASE [REASON]` do not let it in
    • `/ship cancel RELEASE` end a release before its end
    • `/ship lock PIPELINE ENV [REASON]` let nothing in by itself
    • `/ship unlock PIPELINE ENV [REASON]` let releases in again
    • `/ship logs RELEASE` the build's log, and the last lines of what failed
    • `/ship why REPOSITORY BRANCH` whether a push to a branch starts something, and why
    • `/ship help` this list
    For example `/ship web main`, `/ship status web`, `/ship releases web`, `/ship promote web#7 production`, `/ship rollback web production`, `/ship approve web#7`, `/ship reject web#7 the tide is out`, `/ship cancel web#7`, `/ship lock web production until the sale is over`, `/ship unlock web production`, `/ship logs web#7`, `/ship why github.com/acme/web main`, `/ship help`
    Pipelines: web and docs.
    A release is named by its pipeline and number (`web#7`), or by its id. Answers to questions are yours alone; what is done is told to the channel.
    ");
}

#[test]
fn what_was_not_understood_is_said_with_an_example() {
    let told = |text: &str| read(&unclear(&Command::parse(text, &config()).expect_err(text), "/deploy", &config()));
    insta::assert_snapshot!([told("rolback <web>"), told("lock web"), told("status wep")].join("\n"), @r#"
    Not understood: There is no command and no pipeline "rolback" (did you mean rollback?)
    --
    There is no command and no pipeline "rolback" (did you mean rollback?).
    It is `/deploy rollback PIPELINE ENV [RELEASE]`, for example `/deploy rollback web production`.

    Not understood: ENV is missing
    --
    ENV is missing.
    It is `/deploy lock PIPELINE ENV [REASON]`, for example `/deploy lock web production until the sale is over`.

    Not understood: There is no pipeline "wep" (did you mean web?): there is web and docs
    --
    There is no pipeline "wep" (did you mean web?): there is web and docs.
    `/deploy help` lists what can be asked and done.
    "#);
}

#[test]
fn status_shows_what_is_live_locked_and_on_its_way() {
    let (staging, production) = (live(14), live(12));
    let mut locked = record(&[&production]);
    locked.lock = Some(Lock {
        by: "ada".into(),
        reason: Some("tide & <moon>".into()),
        since: at(400),
        until: None,
        rollback: false,
    });
    let place = |name: &str, record: Environment, live: Option<Release>| Place { name: name.into(), record, live };
    let web = Standing {
        pipeline: "web".into(),
        places: vec![
            place("staging", record(&[&staging]), Some(staging)),
            place("production", locked, Some(production)),
        ],
        open: vec![release(15), held(14)],
    };
    let fresh = Standing {
        pipeline: "shop".into(),
        places: vec![place("production", Environment::default(), None)],
        open: Vec::new(),
    };
    let docs = Standing { pipeline: "docs".into(), places: Vec::new(), open: Vec::new() };
    insta::assert_snapshot!(read(&status(&[web, fresh, docs], at(500))), @r"
    What is live, and what is on its way
    --
    *web*
       staging: *#14* <https://github.com/acme/web/commit/14|1414141> is live since <!date^1800000300^{date_short_pretty} {time}|2027-01-15 08:05 UTC> Change &lt;14&gt;
       production: *#12* <https://github.com/acme/web/commit/12|1212121> is live since <!date^1800000300^{date_short_pretty} {time}|2027-01-15 08:05 UTC> Change &lt;12&gt;
          :lock: locked by ada since <!date^1800000400^{date_short_pretty} {time}|2027-01-15 08:06 UTC>: tide &amp; &lt;moon&gt;
       :hourglass_flowing_sand: *#15* queued · `main` at <https://github.com/acme/web/commit/15|1515151> by Ada
       :raised_hand: *#14* waits for approval to production · `main` at <https://github.com/acme/web/commit/14|1414141> by Ada
          production: :raised_hand: has to be approved, until <!date^1800007200^{date_short_pretty} {time}|2027-01-15 10:00 UTC>
    *shop*
       production: nothing is live
    *docs*
       deploys nowhere
    ");
    assert_eq!(read(&status(&[], at(0))), "What is live, and what is on its way\n--\nThere is no pipeline.\n");
}

#[test]
fn releases_are_a_line_each() {
    let person = Person { name: "ada".into(), reason: None, at: at(500) };
    let mut of = live(12);
    of.image = held(12).image;
    let again = of.again(
        ReleaseId::parse("01JD0000000000000000000016").expect("an id"),
        16,
        "production",
        Deed::Rollback,
        person,
    );
    insta::assert_snapshot!(read(&releases("web", &[again.expect("a release"), release(15), held(14), live(12)])), @r"
    The newest releases of web
    --
    *web*, the newest releases
    :rocket: *#16* deploying to production · back to #12 · `main` at <https://github.com/acme/web/commit/12|1212121> Change &lt;12&gt; · Ada, <!date^1800000500^{date_short_pretty} {time}|2027-01-15 08:08 UTC>
    :hourglass_flowing_sand: *#15* queued · `main` at <https://github.com/acme/web/commit/15|1515151> Change &lt;15&gt; · Ada, <!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>
    :raised_hand: *#14* waits for approval to production · `main` at <https://github.com/acme/web/commit/14|1414141> Change &lt;14&gt; · Ada, <!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>
    :white_check_mark: *#12* live in 5 min 00 s · `main` at <https://github.com/acme/web/commit/12|1212121> Change &lt;12&gt; · Ada, <!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>
    ");
    assert_eq!(read(&releases("web", &[])), "There is no release of web yet.\n--\nThere is no release of web yet.\n");
}

#[test]
fn logs_link_the_build_and_quote_the_last_lines() {
    let mut failed = held(14);
    failed.state = State::Failed;
    failed.reason = Some("the task exited with 1".into());
    failed.ended = Some(at(100));
    failed.build.log = Some("https://logs.example/1".into());
    failed.build.tail = vec!["compiling <web>".into(), "error: tide".into()];
    let log = vec!["one".into(), "```two```".into()];
    failed.deployments[1].runs.push(Run {
        task: "t".into(),
        started: at(1),
        ended: Some(at(2)),
        exit: Some(1),
        failure: None,
        log,
    });
    insta::assert_snapshot!(read(&logs(&failed)), @r"
    The log of web#14
    --
    :x: *#14* failed after 1 min 40 s · `main` at <https://github.com/acme/web/commit/14|1414141> Change &lt;14&gt; · Ada, <!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>
    <https://logs.example/1|build log>
    > the task exited with 1
    The build said last:
    ```
    compiling &lt;web&gt;
    error: tide
    ```
    production: what ran first
    ```
    one
    '''two'''
    ```
    ");
    assert!(read(&logs(&release(1))).contains("Its build has no log yet."));
}

#[test]
fn why_says_what_a_push_would_do_and_what_the_newest_did() {
    let config = config();
    let reference = Reference::branch("main").expect("a branch");
    let pushed: Vec<_> = would(&config, "github.com/acme/web", &reference)
        .into_iter()
        .map(|would| Pushed { newest: would.starts.then(|| live(14)), would })
        .collect();
    insta::assert_snapshot!(read(&why("github.com/acme/web", "main", &pushed)), @r#"
    A push to `main` of github.com/acme/web
    --
    A push to `main` of github.com/acme/web
    :white_check_mark: starts *web*: the branch "main" matches "main"
          provided that the commit's message has no "[skip ci]" or "[skip deploy]"
          its newest release of that branch: :white_check_mark: *#14* live in 5 min 00 s · `main` at <https://github.com/acme/web/commit/14|1414141> Change &lt;14&gt; · Ada, <!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>
    :no_entry_sign: does not start *docs*: it takes the branches "docs", not "main"
    "#);
}

fn proposal(wanted: Wanted, live: Option<&Release>) -> Proposal {
    let shown = vec![Shown { environment: "production".into(), live: live.map(|live| live.id.clone()) }];
    let id = ReleaseId::parse("01JD0000000000000000000099").expect("an id");
    Proposal { id, name: "/deploy".into(), pipeline: "web".into(), wanted, shown }
}

#[test]
fn a_rollback_asks_with_what_is_undone() {
    let (now, then) = (live(14), live(12));
    let mut known = record(&[&now, &live(13), &then]);
    known.newest = Some(15);
    let wanted = Wanted::RollBack {
        pipeline: "web".into(),
        environment: "production".into(),
        to: Some(Named::Id(then.id.clone())),
    };
    let proposal = proposal(wanted, Some(&now));
    let change = Change { environment: "production".into(), record: known, live: Some(now), to: Some(then) };
    let answer = confirmation(&[change], &proposal).expect("a question");
    insta::assert_snapshot!(read(&answer), @r"
    Take production of web back?
    --
    *Take production of web back?*
    *production*
       now *#14* <https://github.com/acme/web/commit/14|1414141> Change &lt;14&gt; by Ada, live since <!date^1800000300^{date_short_pretty} {time}|2027-01-15 08:05 UTC>
       then *#12* <https://github.com/acme/web/commit/12|1212121> Change &lt;12&gt; by Ada
       undone: #14 and #13
       service web: `web:14` → `web:12`
       #15 came after what is live: where it is still on its way, it is superseded
       :lock: and is locked, until somebody unlocks it or takes a release there by name
    [Confirm: Roll back]
    [Cancel]
    ");
    let buttons = &answer.blocks.last().expect("buttons")["elements"];
    assert_eq!((&buttons[0]["action_id"], &buttons[1]["action_id"]), (&"confirm".into(), &"dismiss".into()));
    assert_eq!(Proposal::parse(buttons[0]["value"].as_str().expect("a value")), Some(proposal));
}

#[test]
fn a_start_and_a_promotion_ask_environment_by_environment() {
    let start = Wanted::Start { pipeline: "web".into(), what: Some("feature/x".into()), environment: None };
    let change = |name: &str, record: Environment, to: Option<Release>| Change {
        environment: name.into(),
        record,
        live: None,
        to,
    };
    let changes = [change("staging", Environment::default(), None), change("production", record(&[&live(12)]), None)];
    let started = confirmation(&changes, &proposal(start, None)).expect("a question");
    let promote = Wanted::Promote { release: Named::Id(release(14).id), environment: "production".into() };
    let changes = [change("production", record(&[&live(12)]), Some(held(14)))];
    let promoted = confirmation(&changes, &proposal(promote, None)).expect("a question");
    insta::assert_snapshot!(format!("{}\n{}", read(&started), read(&promoted)), @r"
    Build `feature/x` of web, and release it to staging and production?
    --
    *Build `feature/x` of web, and release it to staging and production?*
    *staging*
       now nothing that is known is live
       then the release that is built, once it is admitted
    *production*
       now *#12* 1212121, live since <!date^1800000300^{date_short_pretty} {time}|2027-01-15 08:05 UTC>
       then the release that is built, once it is admitted
    [Confirm: Start]
    [Cancel]

    Take a release of web to production?
    --
    *Take a release of web to production?*
    *production*
       now *#12* 1212121, live since <!date^1800000300^{date_short_pretty} {time}|2027-01-15 08:05 UTC>
       then *#14* <https://github.com/acme/web/commit/14|1414141> Change &lt;14&gt; by Ada
       service web: ? → a new revision
    [Confirm: Promote]
    [Cancel]
    ");
}

#[test]
fn a_question_that_does_not_fit_into_a_button_is_not_asked() {
    let start = Wanted::Start { pipeline: "web".into(), what: Some("x".repeat(3000)), environment: None };
    assert_eq!(confirmation(&[], &proposal(start, None)), None);
}

#[test]
fn what_was_done_names_who_did_it() {
    let release = || Box::new(live(14));
    let (pipeline, environment) = (|| "web".to_owned(), || "production".to_owned());
    let all = [
        Done::Started(release()),
        Done::Promoted { of: 14, environment: environment(), release: release() },
        Done::Promoted { of: 12, environment: environment(), release: release() },
        Done::RolledBack { to: 12, environment: environment(), release: release() },
        Done::Decided { release: release(), environment: environment(), approved: true, reason: None },
        Done::Decided {
            release: release(),
            environment: environment(),
            approved: false,
            reason: Some("no\n<!channel>".into()),
        },
        Done::Cancelled(release()),
        Done::Locked { pipeline: pipeline(), environment: environment(), reason: Some("tide".into()) },
        Done::Unlocked { pipeline: pipeline(), environment: environment(), reason: None },
    ];
    let told: Vec<_> = all.iter().map(|one| done(one, &ada(), "/deploy").text).collect();
    let lock = Wanted::Lock { pipeline: pipeline(), environment: environment(), reason: Some("tide".into()) };
    let rest =
        [acknowledged(&lock, "/deploy"), confirmed(&lock, "/deploy"), dismissed(), undone("there is <no> release")];
    let rest: Vec<_> = rest.iter().map(|answer| answer.text.clone()).collect();
    insta::assert_snapshot!(format!("{}\n--\n{}", told.join("\n"), rest.join("\n")), @r"
    :hammer_and_wrench: <@U0ADA> starts *web* #14 of `main` at <https://github.com/acme/web/commit/14|1414141>
    :point_right: <@U0ADA> lets *web* #14 into production
    :point_right: <@U0ADA> takes production of web to #12, as release #14
    :rewind: <@U0ADA> takes production of web back to #12, as release #14. It is locked: `/deploy unlock web production`
    :ok_hand: <@U0ADA> approved *web* #14 for production
    :no_entry_sign: <@U0ADA> rejected *web* #14 for production
    :no_entry_sign: <@U0ADA> cancelled *web* #14
    :lock: <@U0ADA> locked production of web: `/deploy unlock web production` lets releases in again
    :unlock: <@U0ADA> unlocked production of web
    --
    :hourglass_flowing_sand: Taken: `/deploy lock web production tide`. What becomes of it is told here.
    :hourglass_flowing_sand: Confirmed: `/deploy lock web production tide`. What becomes of it is told here.
    Nothing was done.
    :no_entry_sign: Nothing was done: there is &lt;no&gt; release.
    ");
}

#[test]
fn an_answer_says_who_sees_it() {
    let body = |seen| Answer::sentence("a < b").body(seen);
    let types = [Seen::Privately, Seen::Publicly, Seen::Instead].map(|seen| {
        let body = body(seen);
        (body["response_type"].as_str().map(str::to_owned), body["replace_original"].as_bool())
    });
    let expected = [("ephemeral", false), ("in_channel", false), ("ephemeral", true)];
    assert_eq!(types, expected.map(|(word, replaces)| (Some(word.to_owned()), Some(replaces))));
    assert_eq!(body(Seen::Privately)["text"], "a &lt; b");
}

/// What Slack takes, and that nobody is called by what came from outside.
fn check(answer: &Answer) -> Result<(), TestCaseError> {
    prop_assert!((1..=50).contains(&answer.blocks.len()));
    prop_assert!((1..=3000).contains(&answer.text.chars().count()));
    let mut all = 0;
    for block in &answer.blocks {
        let texts: Vec<&Value> = match block["type"].as_str() {
            Some("section") => vec![&block["text"]["text"]],
            Some("context") => block["elements"].as_array().expect("elements").iter().map(|one| &one["text"]).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            let text = text.as_str().expect("a text");
            prop_assert!((1..=3000).contains(&text.chars().count()), "{}", text.chars().count());
            prop_assert!(!text.contains("<!channel>") && !text.contains("<@U0EVIL>"), "{}", text);
            all += text.chars().count();
        }
    }
    prop_assert!(all <= 12_500, "{}", all);
    Ok(())
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,40}",
        Just("<!channel>".to_owned()),
        Just("<@U0EVIL>|`".to_owned()),
        "[&<>]{0,3000}",
        "x{0,3500}",
        "(a\n){0,900}"
    ]
}

proptest! {
    #[test]
    fn every_answer_is_within_slacks_limits(texts in proptest::collection::vec(hostile(), 8), count in 1_usize..120) {
        let mut one = held(14);
        one.commit.message.clone_from(&texts[0]);
        one.commit.author.clone_from(&texts[1]);
        one.reason = Some(texts[2].clone());
        one.reference.name.clone_from(&texts[3]);
        one.pipeline.clone_from(&texts[4]);
        one.deployments[1].environment.clone_from(&texts[5]);
        let log: Vec<String> = texts.iter().cycle().take(50).cloned().collect();
        one.deployments[1].runs.push(Run { task: "t".into(), started: at(1), ended: None, exit: None, failure: None, log });
        let by = texts[6].clone();
        let mut known = record(&[&one, &live(12)]);
        known.lock = Some(Lock { by, reason: Some(texts[7].clone()), since: at(0), until: Some(at(9000)), rollback: false });
        let place = Place { name: texts[5].clone(), record: known.clone(), live: Some(one.clone()) };
        let standing = Standing { pipeline: texts[4].clone(), places: vec![place; 1 + count % 4], open: vec![one.clone(); count % 7] };
        check(&status(&vec![standing; count], at(500)))?;
        check(&releases(&texts[4], &vec![one.clone(); count % 20]))?;
        check(&logs(&one))?;
        let config = config();
        let would = would(&config, "github.com/acme/web", &Reference::branch("main").expect("a branch"));
        let pushed: Vec<_> = would.into_iter().map(|would| Pushed { would, newest: Some(one.clone()) }).collect();
        check(&why(&texts[0], &texts[1], &pushed))?;
        let wanted = Wanted::Start { pipeline: texts[4].clone(), what: None, environment: None };
        let change = Change { environment: texts[5].clone(), record: known, live: Some(one.clone()), to: Some(one.clone()) };
        if let Some(answer) = confirmation(&vec![change; count], &proposal(wanted.clone(), None)) {
            check(&answer)?;
        }
        check(&acknowledged(&wanted, "/deploy"))?;
        check(&undone(&texts[0]))?;
        check(&Answer::sentence(&texts[7]))?;
        let rejected = Done::Decided { release: Box::new(one), environment: texts[5].clone(), approved: false, reason: Some(texts[1].clone()) };
        check(&done(&rejected, &ada(), "/deploy"))?;
        let unknown = Command::parse(&texts[0], &config).err();
        if let Some(unknown) = unknown {
            check(&unclear(&unknown, "/deploy", &config))?;
        }
    }
}
