//! Properties of messages, for releases that anything happens to, with any texts. What each state looks like is in the catalogue's snapshots.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::Index,
};

use super::*;
use crate::{
    config::Config,
    release::{
        Attempt, Brought, Commit, Controller, Decision, Deployment, DeploymentFact, Fact, Image, Lock, Newer, Obstacle,
        Origin, Person, Release, ReleaseId, ServiceFact, StoppedTask, Why,
    },
    report::{Progress, Status},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

/// Slack's limits and its escaping: <https://docs.slack.dev/reference/block-kit/blocks>. All texts together stay below about 13,000, with 125 for each block.
fn check(view: &View) -> Result<(), TestCaseError> {
    prop_assert!((1..=3000).contains(&view.text.chars().count()) && is_harmless(&view.text), "{}", view.text);
    let attachments = view.attachments.as_array().expect("attachments");
    prop_assert_eq!(attachments.len(), 1);
    prop_assert_eq!(&attachments[0]["fallback"], &view.text);
    let blocks = attachments[0]["blocks"].as_array().expect("blocks");
    prop_assert!((1..=50).contains(&blocks.len()));
    let mut total = 0;
    for block in blocks {
        let texts = match block["type"].as_str().expect("a type") {
            "section" => vec![&block["text"]],
            "context" => block["elements"].as_array().expect("elements").iter().collect(),
            "actions" => {
                let buttons = block["elements"].as_array().expect("elements");
                prop_assert!((1..=25).contains(&buttons.len()));
                prop_assert!(buttons.iter().all(|button| button["value"].as_str().is_some_and(|it| it.len() <= 2000)));
                buttons.iter().map(|button| &button["text"]).collect()
            }
            other => return Err(TestCaseError::fail(format!("a block of type {other}"))),
        };
        prop_assert!((1..=25).contains(&texts.len()) && (block["type"] != "context" || texts.len() <= 10));
        for text in texts {
            let words = text["text"].as_str().expect("a text");
            let length = words.chars().count();
            let most = if block["type"] == "actions" { 75 } else { 3000 };
            prop_assert!((1..=most).contains(&length) && !words.trim().is_empty(), "{}: {}", length, words);
            total += length;
            if text["type"] == "mrkdwn" {
                prop_assert!(is_harmless(words) && text["verbatim"] == true, "{}", words);
            }
            // Plain text has no fences.
            prop_assert!(
                is_balanced(&if text["type"] == "mrkdwn" { words.into() } else { words.replace('`', "") }),
                "{:?}",
                words
            );
        }
    }
    prop_assert!(total + 125 * blocks.len() < 13_000, "{}", total);
    Ok(())
}

/// Whether nobody is mentioned, and nothing but dates and web pages is linked to.
fn is_harmless(words: &str) -> bool {
    words.split('<').skip(1).all(|rest| ["!date^", "https://", "http://"].iter().any(|begin| rest.starts_with(begin)))
}

/// Whether nothing turns the direction of what is around it, and every fence has its end.
fn is_balanced(words: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}') || (c.is_control() && c != '\n');
    let count = |c: char| words.matches(c).count();
    !words.contains(turns) && count('\u{2068}') == count('\u{2069}') && words.matches("```").count().is_multiple_of(2)
}

fn check_thread(thread: &[Reply], known: &Known) -> Result<(), TestCaseError> {
    for Reply(text) in thread {
        prop_assert!((1..=3500).contains(&text.chars().count()), "{}", text.chars().count());
        let mut rest = text.clone();
        let approvers = known.approvers.values().flatten().cloned();
        for mention in approvers.chain(known.author.iter().map(|author| format!("<@{}>", author.id))) {
            if mention.starts_with("<@U") || mention == "<@W0>" || mention.starts_with("<!subteam^S") {
                rest = rest.replace(&mention, "");
            }
        }
        prop_assert!(is_harmless(&rest) && is_balanced(&rest), "{}", text);
    }
    Ok(())
}

#[test]
fn the_catalogue_is_within_slacks_limits() {
    for sample in catalogue::all() {
        check(&sample.view()).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        check_thread(&sample.thread(), &sample.known).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
    }
}

#[test]
fn whom_it_concerns_is_mentioned_once_and_in_the_thread_alone() {
    for sample in catalogue::all() {
        let view = sample.view();
        let mentions = |text: &str| (text.matches("<@U0ADA1234>").count(), text.matches("<@U0GRACE12>").count());
        assert_eq!(mentions(&format!("{}{}", view.text, view.attachments)), (0, 0), "{}", sample.name);
        let thread: String = sample.thread().into_iter().map(|reply| reply.0).collect();
        let badly = matches!(sample.release.state, State::Failed | State::RolledBack);
        let waits = |it: &&Deployment| matches!(it.held, Some(Obstacle::Approval { .. }));
        let asked = sample.release.deployments.iter().filter(waits).count();
        let known = sample.known.author.is_some();
        assert_eq!(mentions(&thread), (usize::from(badly && known), asked), "{}", sample.name);
    }
}

/// The buttons of a message: what stands on each, what it is called, and what is asked first.
fn buttons(release: &Release) -> Vec<String> {
    let view = view(release, &Known::default());
    let actions = view.attachments[0]["blocks"].as_array().into_iter().flatten();
    let elements = actions.filter(|block| block["type"] == "actions").filter_map(|block| block["elements"].as_array());
    let text = |element: &Value| {
        let text = |object: &Value| object["text"].as_str().unwrap_or_default().to_owned();
        let confirm = &element["confirm"];
        let asked = if confirm.is_null() { String::new() } else { format!("? {}", text(&confirm["text"])) };
        format!("{} {}{asked}", text(&element["text"]), element["action_id"].as_str().unwrap_or_default())
    };
    elements.flatten().map(text).collect()
}

#[test]
fn a_release_has_the_buttons_that_its_state_allows() {
    let cancel = "Cancel cancel? Nothing more is done for it.";
    let back = "Roll back revert? production goes from web #7 back to what was live before it, and is locked until someone unlocks it.";
    let expected: [(&str, &[&str]); 9] = [
        ("queued", &[cancel]),
        ("building", &[cancel]),
        ("approval-asked", &["Approve approve", "Reject reject", cancel]),
        ("deploying", &["Cancel cancel? What was begun goes back to what ran before."]),
        ("cancelling", &[]),
        ("build-refused", &["Retry retry? Its commit is built once more."]),
        ("blocked", &["Retry retry? Its image is deployed once more."]),
        ("live", &[back]),
        ("superseded", &[]),
    ];
    let all = catalogue::all();
    for (name, expected) in expected {
        let sample = all.iter().find(|sample| sample.name == name).expect("a sample");
        assert_eq!(buttons(&sample.release), expected, "{name}");
    }
}

#[test]
fn a_person_who_goes_back_is_not_told_that_the_author_failed() {
    let back = catalogue::all().into_iter().find(|sample| sample.name == "rollback").expect("a rollback");
    let mut release = back.release.clone();
    let blocked = DeploymentFact::Blocked("the revision is gone".into());
    for fact in [DeploymentFact::Admitted, blocked] {
        assert_eq!(release.apply(Fact::Deployment(0, fact), at(9999)), Ok(true));
    }
    assert_eq!(release.state, State::Failed);
    assert!(thread(&release, &back.known).iter().all(|reply| !reply.0.contains("<@")));
}

/// Anything that somebody could write.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(<!channel>|<@U1>|<https://x\\.example\\|y>|&|\\PC|\n|`|```|\u{202e}|\u{2068}|ש|\u{1b}\\[31m|:tada:|[a-z ]{8}){0,40}",
        1 => "[<&>]{0,700}",
        1 => "(ש|a|\n){0,2500}",
        1 => Just(String::new()),
    ]
}

fn person() -> impl Strategy<Value = Person> {
    (words(), option::of(words())).prop_map(|(name, reason)| Person { name, reason, at: at(0) })
}

fn decision() -> impl Strategy<Value = Decision> {
    (any::<bool>(), person()).prop_map(|(approved, by)| Decision { approved, by })
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Started), Just(Status::Succeeded), Just(Status::Failed)]
}

fn why() -> impl Strategy<Value = Why> {
    let containers = vec((words(), option::of(any::<i32>()), option::of(words())), 0..4);
    let task = (words(), words(), containers).prop_map(|(id, why, containers)| StoppedTask::new(&id, &why, containers));
    (vec(words(), 0..4), vec(task, 0..4), vec(words(), 0..4), vec(words(), 0..8))
        .prop_map(|(events, tasks, targets, log)| Why::new(events, tasks, targets, log))
}

fn service_fact() -> impl Strategy<Value = ServiceFact> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Live), 1 => Just(Verdict::Failed), 1 => Just(Verdict::RolledBack), 1 => Just(Verdict::Superseded)
    ];
    prop_oneof![
        (words(), any::<bool>(), any::<bool>()).prop_map(|(task_definition, astray, idle)| ServiceFact::Based {
            task_definition,
            astray,
            before: None,
            controller: Controller::Ecs,
            idle,
        }),
        words().prop_map(ServiceFact::Registered),
        words().prop_map(ServiceFact::Unchanged),
        Just(ServiceFact::Updated),
        words().prop_map(ServiceFact::Stage),
        (words(), words()).prop_map(|(hook, stage)| ServiceFact::Paused { hook, stage }),
        decision().prop_map(ServiceFact::Answered),
        Just(ServiceFact::Resumed),
        (verdict, option::of(words()), option::of(why())).prop_map(|(verdict, reason, why)| ServiceFact::Concluded {
            verdict,
            reason,
            why
        }),
        Just(ServiceFact::SentBack(None)),
        Just(ServiceFact::CameBack),
        words().prop_map(ServiceFact::StayedAway),
    ]
}

fn deployment_fact() -> impl Strategy<Value = DeploymentFact> {
    let lock = (words(), option::of(words())).prop_map(|(by, reason)| {
        Obstacle::Lock(Lock { by, reason, since: at(0), until: Some(at(50)), rollback: false })
    });
    let obstacle =
        prop_oneof![Just(Obstacle::Approval { expires: at(20) }), Just(Obstacle::Freeze { until: at(9) }), lock];
    let log = vec(words(), 0..8);
    prop_oneof![
        3 => obstacle.prop_map(DeploymentFact::Held),
        2 => decision().prop_map(DeploymentFact::Decided),
        1 => (words(), words(), words())
            .prop_map(|(name, deed, why)| DeploymentFact::Declined(Attempt { name, deed, why, at: at(0) })),
        1 => Just(DeploymentFact::CalledOff),
        1 => person().prop_map(DeploymentFact::Overridden),
        1 => Just(DeploymentFact::Expired),
        3 => Just(DeploymentFact::Admitted),
        1 => any::<u64>().prop_map(DeploymentFact::Overtaken),
        1 => Just(DeploymentFact::Cleared),
        1 => words().prop_map(DeploymentFact::Blocked),
        2 => (0_usize..2, words()).prop_map(|(run, task)| DeploymentFact::RunStarted { run, task }),
        2 => (0_usize..2, option::of(words()), log)
            .prop_map(|(run, failure, log)| DeploymentFact::RunEnded { run, exit: Some(1), failure, log }),
        1 => (0_u32..4, option::of(words())).prop_map(|(failures, last)| DeploymentFact::Probed { failures, last }),
        1 => words().prop_map(DeploymentFact::Noted),
        1 => words().prop_map(DeploymentFact::TakenOver),
        2 => Just(DeploymentFact::Finished),
        12 => (0_usize..3, service_fact()).prop_map(|(service, fact)| DeploymentFact::Service(service, fact)),
    ]
}

fn fact() -> impl Strategy<Value = Fact> {
    let outcome = prop_oneof![
        Just(Outcome::Succeeded),
        Just(Outcome::Failed),
        Just(Outcome::Stopped),
        Just(Outcome::TimedOut),
        Just(Outcome::Fault)
    ];
    let image = || {
        let digest = crate::image::Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
        Fact::ImageReported(Image::new("r.example/web", digest))
    };
    prop_oneof![
        2 => (words(), option::of(words())).prop_map(|(id, page)| Fact::BuildStarted { id, page }),
        1 => words().prop_map(Fact::BuildLogged),
        1 => words().prop_map(Fact::BuildDelayed),
        1 => words().prop_map(Fact::BuildRefused),
        1 => words().prop_map(|commit| Fact::Superseded(Newer { number: 8, commit })),
        6 => (words(), status(), option::of(words()))
            .prop_map(|(phase, status, message)| Fact::Progress(Progress { phase, status, message })),
        2 => (outcome, option::of(words()), vec(words(), 0..30))
            .prop_map(|(outcome, reason, tail)| Fact::BuildEnded { outcome, reason, tail }),
        3 => Just(()).prop_map(move |()| image()),
        1 => person().prop_map(Fact::CalledOff),
        30 => (0_usize..3, deployment_fact()).prop_map(|(at, fact)| Fact::Deployment(at, fact)),
    ]
}

fn brought() -> impl Strategy<Value = Vec<Brought>> {
    vec((words(), words(), words()).prop_map(|(id, message, author)| Brought { id, message, author }), 0..30)
}

fn known() -> impl Strategy<Value = Known> {
    let id = "U[0-9A-Z]{1,10}|W0|<!here>|U1> <!channel|";
    let author = (id, words()).prop_map(|(id, name)| Member { id, name });
    let since = (any::<u64>(), brought(), any::<bool>()).prop_map(|(number, commits, more)| Since {
        number,
        commit: "a".repeat(40),
        commits,
        more,
    });
    let approver = "<@U[0-9]{1,3}>|<!subteam\\^S[0-9]{1,3}>|<!channel>|@here";
    let approvers = btree_map("production|staging", vec(approver, 0..30), 0..3);
    (option::of(author), option::of(since), approvers).prop_map(|(author, since, approvers)| Known {
        author,
        since,
        approvers,
    })
}

/// A release into three environments, with any texts in what was pushed.
fn accepted() -> impl Strategy<Value = Release> {
    let commit = (words(), words(), option::of(words()), option::of(Just(at(-9))));
    let before = "before = [{ run = \"web\", command = [\"migrate\"] }]";
    let named =
        |name, more| format!("{{ name = \"{name}\", cluster = \"{name}\", services = [\"web\", \"worker\"]{more} }}");
    let all = [
        named("staging", String::new()),
        named("production", format!(", {before}, approval = {{ by = [\"U0123ABCD\"] }}")),
        named("third", String::new()),
    ];
    let text = format!(
        "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n\
        image = \"web\"\nenvironment = [{}]\n",
        all.join(", ")
    );
    let config = Config::read(&text).expect("a configuration");
    let places = ["", "github/1", "gitlab/1", "bitbucket/1"];
    (commit, brought(), any::<Index>()).prop_map(move |((message, author, url, made), brought, place)| {
        let origin = Origin {
            delivery: places[place.index(places.len())].into(),
            repository: "git.example/acme/web".into(),
            reference: crate::push::Reference::branch("ma&in<x>").expect("a branch"),
            commit: Commit { message, author, url, at: made, ..Commit::bare(&"c".repeat(40)) },
            brought,
        };
        let id = ReleaseId::parse("01JD0000000000000000000000").expect("an id");
        Release::new(id, 7, &config.pipelines()[0], origin, Vec::new(), Some("#deploys"), at(0))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_message_is_within_slacks_limits_and_its_thread_only_grows(
        release in accepted(), known in known(), facts in vec(fact(), 0..60),
    ) {
        let mut release = release;
        check(&view(&release, &known))?;
        let mut said: Vec<String> = Vec::new();
        for (second, fact) in (1..).zip(facts) {
            // As the store does it: what changes nothing is not saved.
            let mut next = release.clone();
            if next.apply(fact, at(second)) != Ok(true) {
                continue;
            }
            release = next;
            let thread = thread(&release, &known);
            // What a reply says may become more, never whose it is: its first words stay.
            let begins: Vec<String> = thread.iter().map(|reply| reply.0.chars().take(8).collect()).collect();
            prop_assert!(begins.starts_with(&said), "{:?} after {:?}", begins, said);
            said = begins;
        }
        check(&view(&release, &known))?;
        check_thread(&thread(&release, &known), &known)?;
    }
}
