use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{config::Config, signature};

const SECRET: &str = "a signing secret";
const ID: &str = "01JD0000000000000000000000";

/// Pipelines `web` (staging, production), `status` (production) and `base`, which deploys nowhere.
fn config() -> Config {
    let pipeline = |name: &str, repository: &str, rest: &str| {
        format!(
            "[[pipeline]]\nname = \"{name}\"\nrepository = \"{repository}\"\nbranches = [\"main\"]\nproject = \"build\"\n{rest}"
        )
    };
    let environments = |pipeline: &str, names: &[&str]| {
        let one =
            |name: &&str| format!("{{ name = \"{name}\", cluster = \"{name}-of-{pipeline}\", services = [\"web\"] }}");
        format!("image = \"web\"\nenvironment = [{}]\n", names.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let text = pipeline("web", "github.com/acme/web", &environments("web", &["staging", "production"]))
        + &pipeline("status", "github.com/acme/status", &environments("status", &["production"]))
        + &pipeline("base", "gitlab.com/acme/images/base", "");
    Config::read(&text).expect("a configuration")
}

fn said(text: &str) -> Command {
    Command::parse(text, &config()).unwrap_or_else(|unclear| panic!("{text}: {unclear}"))
}

fn wanted(text: &str) -> Wanted {
    match said(text) {
        Command::Wanted(wanted) => wanted,
        Command::Question(question) => panic!("{text}: {question:?}"),
    }
}

fn unclear(text: &str) -> String {
    Command::parse(text, &config()).expect_err(text).to_string()
}

fn web7() -> Named {
    Named::Number { pipeline: "web".into(), number: 7 }
}

fn id() -> Named {
    Named::Id(ReleaseId::parse(ID).expect("an id"))
}

#[test]
fn questions_are_read() {
    for (text, question) in [
        ("", Question::Help),
        ("  ", Question::Help),
        ("help rollback please", Question::Help),
        ("status", Question::Status(None)),
        ("STATUS Web", Question::Status(Some("web".into()))),
        ("status status", Question::Status(Some("status".into()))),
        ("releases `web`", Question::Releases("web".into())),
        ("logs web#7", Question::Logs(web7())),
        ("logs web #7", Question::Logs(web7())),
        ("logs web# 7", Question::Logs(web7())),
        ("logs web 7", Question::Logs(web7())),
        ("logs 01jd0000000000000000000000", Question::Logs(id())),
    ] {
        assert_eq!(said(text), Command::Question(question), "{text}");
    }
}

#[test]
fn a_repository_is_named_by_its_address_its_end_or_its_pipeline() {
    let why = |repository: &str| said(&format!("why {repository} feature/x"));
    let web = |repository: &str| {
        Command::Question(Question::Why { repository: repository.into(), branch: "feature/x".into() })
    };
    for written in [
        "github.com/acme/web",
        "<https://github.com/acme/web|github.com/acme/web>",
        "https://GitHub.com/Acme/web.git",
        "git@github.com:acme/web.git",
        "ssh://git@github.com/acme/web/",
        "acme/web",
        "web",
    ] {
        assert_eq!(why(written), web("github.com/acme/web"), "{written}");
    }
    assert_eq!(why("base"), web("gitlab.com/acme/images/base"));
    let told = "no pipeline is of the repository \"acme/wep\" (did you mean acme/web?)";
    assert!(!unclear("why acme/wep main").starts_with(told), "only whole addresses are near");
    assert_eq!(
        unclear("why github.com/acme/wep main"),
        "no pipeline is of the repository \"github.com/acme/wep\" (did you mean github.com/acme/web?): there is github.com/acme/web, \
         github.com/acme/status and gitlab.com/acme/images/base"
    );
    assert_eq!(unclear("why web"), "BRANCH is missing");
}

#[test]
fn a_pipeline_is_started_with_or_without_the_word() {
    let start = |what: Option<&str>, environment: Option<&str>| Wanted::Start {
        pipeline: "web".into(),
        what: what.map(str::to_owned),
        environment: environment.map(str::to_owned),
    };
    assert_eq!(wanted("web"), start(None, None));
    assert_eq!(wanted("Web main"), start(Some("main"), None));
    assert_eq!(wanted("web feature/x to staging"), start(Some("feature/x"), Some("staging")));
    assert_eq!(wanted("web to Staging"), start(None, Some("staging")));
    assert_eq!(wanted("start web 0123abc"), start(Some("0123abc"), None));
    assert_eq!(wanted("deploy web"), start(None, None));
    let status = Wanted::Start { pipeline: "status".into(), what: Some("main".into()), environment: None };
    assert_eq!(wanted("start status main"), status, "the command `status` would win without the word");
    assert_eq!(unclear("web main production"), "\"production\" is too much");
    assert_eq!(unclear("web to"), "ENV is missing");
    assert_eq!(unclear("web ma^in"), "\"ma^in\" is no name that git would take for a branch");
}

#[test]
fn what_is_wanted_of_releases_and_environments_is_read() {
    let (web, production) = (|| "web".to_owned(), || "production".to_owned());
    let reason = || Some("it's the \"tide\"".to_owned());
    for (text, expected) in [
        ("promote web#7 production", Wanted::Promote { release: web7(), environment: production() }),
        ("promote web #7 to PRODUCTION", Wanted::Promote { release: web7(), environment: production() }),
        (
            "promote 01JD0000000000000000000000 anywhere",
            Wanted::Promote { release: id(), environment: "anywhere".into() },
        ),
        ("rollback web production", Wanted::RollBack { pipeline: web(), environment: production(), to: None }),
        ("approve web#7", Wanted::Decide { release: web7(), approved: true, reason: None }),
        (
            "reject web#7 it\u{2019}s the \u{201c}tide\u{201d}",
            Wanted::Decide { release: web7(), approved: false, reason: reason() },
        ),
        ("cancel web#7", Wanted::Cancel { release: web7() }),
        ("lock web production", Wanted::Lock { pipeline: web(), environment: production(), reason: None }),
        (
            "lock web production it's the \"tide\"",
            Wanted::Lock { pipeline: web(), environment: production(), reason: reason() },
        ),
        ("unlock web production", Wanted::Unlock { pipeline: web(), environment: production(), reason: None }),
    ] {
        assert_eq!(wanted(text), expected, "{text}");
    }
    for to in ["7", "#7", "web#7", "to web #7", "web 7"] {
        let expected = Wanted::RollBack { pipeline: web(), environment: production(), to: Some(web7()) };
        assert_eq!(wanted(&format!("rollback web production {to}")), expected, "{to}");
    }
    assert_eq!(
        wanted(&format!("rollback web production {ID}")),
        Wanted::RollBack { pipeline: web(), environment: production(), to: Some(id()) }
    );
}

#[test]
fn what_is_wrong_is_said_with_what_there_is() {
    for (text, told) in [
        ("rolback web production", "there is no command and no pipeline \"rolback\" (did you mean rollback?)"),
        ("wep", "there is no command and no pipeline \"wep\" (did you mean web?)"),
        ("zzzzzz", "there is no command and no pipeline \"zzzzzz\""),
        ("status wep", "there is no pipeline \"wep\" (did you mean web?): there is web, status and base"),
        ("rollback web", "ENV is missing"),
        ("rollback", "PIPELINE is missing"),
        ("lock web prod", "web has no environment \"prod\" (did you mean production?): it has staging and production"),
        ("promote web#7 live", "web has no environment \"live\": it has staging and production"),
        ("lock base production", "base has no environment \"production\": it has nothing"),
        ("rollback web production status#7", "status#7 is no release of web"),
        ("approve web", "\"web\" is no release: one is named by its pipeline and number (web#7), or by its id"),
        ("approve", "RELEASE is missing"),
        ("cancel web#-7", "\"web#-7\" is no release: one is named by its pipeline and number (web#7), or by its id"),
        ("cancel web#7 now", "\"now\" is too much"),
        (
            "logs web#99999999999999999999",
            "\"web#99999999999999999999\" is no release: one is named by its pipeline and number (web#7), or by its id",
        ),
    ] {
        assert_eq!(unclear(text), told, "{text}");
    }
    assert_eq!(unclear(&"web ".repeat(2000)), "that is longer than any command");
}

#[test]
fn a_reason_that_a_record_would_not_keep_whole_is_refused() {
    let Wanted::Lock { reason: Some(reason), .. } = wanted(&format!("lock web production {}", "ä".repeat(500))) else {
        panic!("no reason")
    };
    assert_eq!(reason.chars().count(), LONGEST_REASON);
    let long = format!("lock web production {}", "ä ".repeat(300));
    assert_eq!(unclear(&long), "the reason has 599 characters, and 500 are kept");
}

/// The pipeline `web` (staging, production) alone.
fn only_web() -> Config {
    let all = config();
    let web = &all.pipelines()[0];
    let text = format!(
        "[[pipeline]]\nname = \"{}\"\nrepository = \"{}\"\nbranches = [\"main\"]\nproject = \"build\"\nimage = \"web\"\n\
         environment = [{{ name = \"staging\", cluster = \"s\", services = [\"web\"] }}, \
         {{ name = \"production\", cluster = \"p\", services = [\"web\"] }}]\n",
        web.name, web.repository
    );
    Config::read(&text).expect("a configuration")
}

#[test]
fn the_only_pipeline_need_not_be_named() {
    let only = only_web();
    let read = |text: &str| Command::parse(text, &only).map_err(|unclear| unclear.to_string());
    let back =
        |to| Ok(Command::Wanted(Wanted::RollBack { pipeline: "web".into(), environment: "production".into(), to }));
    assert_eq!(read("rollback production"), back(None));
    assert_eq!(read("rollback Production 7"), back(Some(web7())));
    assert_eq!(read("rollback web production #7"), back(Some(web7())));
    assert_eq!(read("cancel 7"), Ok(Command::Wanted(Wanted::Cancel { release: web7() })));
    assert_eq!(read("cancel #7"), Ok(Command::Wanted(Wanted::Cancel { release: web7() })));
    let tide = Wanted::Lock { pipeline: "web".into(), environment: "staging".into(), reason: Some("the tide".into()) };
    assert_eq!(read("lock staging the tide"), Ok(Command::Wanted(tide)));
    assert_eq!(read("lock web"), Err("ENV is missing".into()));
    assert_eq!(read("lock prod"), Err("there is no pipeline \"prod\": there is web".into()));
    // Of several pipelines one has to be named.
    let told = "\"7\" is no release: one is named by its pipeline and number (web#7), or by its id";
    assert_eq!(unclear("cancel 7"), told);
    assert!(unclear("rollback production").starts_with("there is no pipeline \"production\""));
}

#[test]
fn a_name_that_is_not_known_here_is_taken_as_it_is_where_the_table_may_know_it() {
    let all = config();
    let read = |word, words: &[&str], names| Wanted::read(word, words, None, names).map(|read| read.expect("wanted"));
    let lock = |pipeline: &str, environment: &str| {
        Ok(Wanted::Lock { pipeline: pipeline.into(), environment: environment.into(), reason: None })
    };
    let (some, none) = (Names::Some(&all), Names::Unknown);
    assert_eq!(read(Word::Lock, &["WEB", "Production"], some), lock("web", "production"));
    assert_eq!(read(Word::Lock, &["old", "canary"], some), lock("old", "canary"));
    assert_eq!(read(Word::Lock, &["web", "canary"], some), lock("web", "canary"));
    assert_eq!(read(Word::Lock, &["web", "production"], none), lock("web", "production"));
    let missing = |word| Err(Unclear::Missing { word, what: "PIPELINE" });
    assert_eq!(read(Word::Lock, &["production"], some), missing(Word::Lock));
    assert_eq!(read(Word::RollBack, &["production", "7"], none), missing(Word::RollBack));
    assert_eq!(read(Word::Cancel, &["7"], none), missing(Word::Cancel));
    assert_eq!(Named::read(&["web#7"], none), Ok(web7()));
    assert_eq!(
        Wanted::read(Word::Lock, &["web", "production"], Some(" \u{201c}the tide\u{201d}\n"), none),
        Ok(Some(Wanted::Lock {
            pipeline: "web".into(),
            environment: "production".into(),
            reason: Some("the tide".into())
        }))
    );
    assert_eq!(
        Wanted::read(Word::Lock, &["web", "production", "now"], Some("the tide"), none),
        Err(Unclear::TooMuch { word: Word::Lock, written: "now".into() }),
        "there is one reason"
    );
    assert_eq!(Wanted::read(Word::Status, &[], None, none), Ok(None));
    assert_eq!(
        Wanted::read(Word::Unlock, &["web", "production", "now"], None, none),
        Ok(Some(Wanted::Unlock {
            pipeline: "web".into(),
            environment: "production".into(),
            reason: Some("now".into())
        }))
    );
}

#[test]
fn each_word_is_read_as_itself_in_any_case() {
    for word in Word::ALL {
        assert_eq!(Word::parse(&word.word().to_uppercase()), Some(word));
    }
    assert_eq!(Word::parse("deploy"), Some(Word::Start));
}

fn form(fields: &[(&str, &str)]) -> Result<Option<Given>, NotACommand> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let signature = signature::sign_slack(SECRET, "0", body.as_bytes());
    let proven = signature::slack(Some("0"), Some(&signature), body.as_bytes(), &[SECRET], Timestamp::UNIX_EPOCH);
    read(proven.expect("what is signed is proven"))
}

#[test]
fn slacks_form_says_who_wants_what_and_where_to_answer() {
    let given = form(&[
        ("token", "deprecated"),
        ("command", "/ship"),
        ("text", "status web"),
        ("response_url", "https://hooks.slack.com/commands/1234/5678"),
        ("user_id", "U0ADA"),
        ("user_name", "ada"),
        ("user_id", "U0OTHER"),
    ]);
    let expected = Given {
        name: "/ship".into(),
        text: "status web".into(),
        by: User { id: "U0ADA".into(), name: "ada".into() },
        response_url: Some("https://hooks.slack.com/commands/1234/5678".into()),
    };
    assert_eq!(given, Ok(Some(expected)));
}

#[test]
fn a_form_with_little_in_it_is_enough_and_one_without_a_user_is_not() {
    let given = form(&[("user_id", "U0ADA"), ("command", "<!here>"), ("response_url", "javascript:x")]);
    let by = User { id: "U0ADA".into(), name: "U0ADA".into() };
    let expected = Given { name: "/deploy".into(), text: String::new(), by, response_url: None };
    assert_eq!(given, Ok(Some(expected)));
    assert_eq!(form(&[("user_id", "<@U0ADA>")]), Err(NotACommand::Field("user_id")));
    assert_eq!(form(&[]), Err(NotACommand::Field("user_id")));
    assert_eq!(form(&[("ssl_check", "1"), ("token", "x")]), Ok(None));
}

/// A text with words of commands, names and markup in it.
fn any_text() -> impl Strategy<Value = String> {
    let mut words: Vec<String> = Word::ALL.iter().map(|word| word.word().to_owned()).collect();
    words.extend(
        ["web", "status", "production", "to", "#7", "web#7", "main", ID, "<@U1|a>", "\"", "`", "<"].map(String::from),
    );
    let word = prop_oneof![4 => proptest::sample::select(words), 1 => "(?s).{0,12}"];
    proptest::collection::vec(word, 0..7).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any_text()) {
        match Command::parse(&text, &config()) {
            Ok(Command::Question(_)) => {}
            Ok(Command::Wanted(wanted)) => {
                let json = serde_json::to_string(&wanted).expect("JSON");
                prop_assert!(json.len() < 4000);
                prop_assert_eq!(serde_json::from_str::<Wanted>(&json).expect("what was written"), wanted);
            }
            Err(unclear) => prop_assert!(unclear.to_string().chars().count() < 600, "{}", unclear),
        }
    }

    #[test]
    fn any_form_is_read_or_refused(body in "(?s).{0,200}") {
        let signature = signature::sign_slack(SECRET, "0", body.as_bytes());
        let proven = signature::slack(Some("0"), Some(&signature), body.as_bytes(), &[SECRET], Timestamp::UNIX_EPOCH);
        let _ = read(proven.expect("what is signed is proven"));
    }
}
