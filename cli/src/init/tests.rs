use longshore_core::address::Address;

use super::*;

fn answers(repository: &str, source: Source, own_host: bool) -> Answers {
    assert!(Address::parse(repository).is_some());
    Answers {
        repository: repository.to_owned(),
        source,
        own_host,
        branches: vec!["main".to_owned(), "release/*".to_owned()],
        name: "web".to_owned(),
        project: "web-build".to_owned(),
        image: "web".to_owned(),
        environment: "production".to_owned(),
        cluster: "production".to_owned(),
        services: vec!["web".to_owned(), "web-worker".to_owned()],
        channel: "#deploys".to_owned(),
        connection: None,
    }
}

#[test]
fn the_files_of_a_repository_on_github() {
    let answers = answers("github.com/acme/web", Source::GitHub, false);
    let (text, config) = files::config(&answers).expect("a configuration");
    assert!(config.warnings(&text).is_empty());
    insta::assert_snapshot!("github-config", text);
    let sam = files::samconfig(&parameters::of(&config, None), "longshore", Some("eu-central-1"));
    insta::assert_snapshot!("github-samconfig", sam);
}

#[test]
fn the_files_of_a_server_of_ones_own() {
    let answers = answers("git.acme.example/team/web", Source::GitLab, true);
    let (text, config) = files::config(&answers).expect("a configuration");
    assert_eq!(config.source_of("git.acme.example/team/web"), Some(Source::GitLab));
    insta::assert_snapshot!("own-config", text);
    let sam = files::samconfig(&parameters::of(&config, None), "longshore", None);
    assert!(sam.contains("'SourceUrl=\"\"'"), "{sam}");
}

#[test]
fn what_nobody_is_asked_for_is_named_all_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut prompts = Prompts::silent();
    let given = parsed(&["init"]).answers;
    let error = Answers::gather(given, directory.path(), &mut prompts).expect_err("no repository");
    assert_eq!(error.to_string(), "nobody can be asked here: add --repository, --name, --project, --image, --services");
    assert!(error.is::<WrongUsage>());
}

#[test]
fn a_person_is_asked_again_until_the_answer_is_of_use() {
    let directory = tempfile::tempdir().expect("a directory");
    let answers = "acme/web\ngithub.com/acme/web\n\n\n\n\n\n\nweb, worker\n\n";
    let mut prompts = Prompts::answering(answers);
    let answers = Answers::gather(parsed(&["init"]).answers, directory.path(), &mut prompts).expect("answers");
    assert_eq!(answers.repository, "github.com/acme/web");
    assert_eq!((answers.project.as_str(), answers.image.as_str()), ("web-build", "web"));
    assert_eq!(
        (answers.branches, answers.services),
        (vec!["main".to_owned()], vec!["web".to_owned(), "worker".to_owned()])
    );
}

#[test]
fn an_option_that_is_of_no_use_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    let gather = |arguments: &[&str]| {
        let given = parsed(&[&["init"], arguments].concat()).answers;
        let error = Answers::gather(given, directory.path(), &mut Prompts::silent()).expect_err("a refusal");
        assert!(error.is::<WrongUsage>(), "{error}");
        error.to_string()
    };
    insta::assert_snapshot!(gather(&["--repository", "bogus"]), @r#"--repository: `repository` cannot be "bogus": it must be host/owner/name, for example github.com/acme/web (CodeCommit: git-codecommit.<region>.amazonaws.com/v1/repos/<name>)"#);
    insta::assert_snapshot!(gather(&["--repository", "git.acme.example/acme/web", "--source", "codecommit"]), @"--source: git.acme.example is no host of CodeCommit, whose repositories are git-codecommit.<region>.amazonaws.com/v1/repos/<name>: it has to be github, bitbucket or gitlab");
    let gather = |arguments: &[&str]| gather(&[&["--repository", "github.com/acme/web"], arguments].concat());
    insta::assert_snapshot!(gather(&["--channel", "deploys"]), @r##"--channel: `channel` cannot be "deploys": it must be "#channel" or a channel id like C0123456789"##);
    insta::assert_snapshot!(gather(&["--branches", "release/["]), @r#"--branches: "release/[": the class that begins with `[` is empty or has no `]`"#);
    insta::assert_snapshot!(gather(&["--services", "a b"]), @r#"--services: `services` cannot be "a b": it must be a name as ECS takes it: 1 to 255 letters, digits, - and _"#);
    insta::assert_snapshot!(gather(&["--name", "a\"b"]), @r#"--name: `name` cannot be "a"b": it must be 1 to 64 letters, digits, -, _ and ."#);
}

#[test]
fn a_host_that_is_not_the_sources_own_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, wanted) in [
        (&["--repository", "github.com/acme/web"][..], None),
        (&["--repository", "git-codecommit.eu-central-1.amazonaws.com/v1/repos/web", "--source", "codecommit"], None),
        (&["--repository", "git.acme.example/acme/web", "--source", "github"], Some("git.acme.example")),
        (&["--repository", "acme.ghe.com/acme/web"], Some("acme.ghe.com")),
    ] {
        let given = parsed(&[&["init"], arguments].concat()).answers;
        let answers = Answers::gather(given, directory.path(), &mut Prompts::silent()).expect("answers");
        let (text, config) = files::config(&answers).expect("a configuration");
        assert_eq!(config.hosts().github, wanted, "{text}");
    }
}

#[test]
fn the_base_is_a_url_that_may_be_trusted_with_secrets() {
    for (text, good) in [
        ("https://x.execute-api.eu-central-1.amazonaws.com", true),
        ("http://127.0.0.1:8080", true),
        ("http://x.example", false),
        ("https://x.example/webhooks/github", false),
        ("https://ada@x.example", false),
        ("x.example", false),
    ] {
        assert_eq!(base(text).is_ok(), good, "{text}");
    }
}

#[test]
fn what_is_to_be_filled_in_is_told_for_every_source() {
    let mut told = Vec::new();
    for (source, repository) in [
        (Source::GitHub, "github.com/acme/web"),
        (Source::Bitbucket, "bitbucket.org/acme/web"),
        (Source::GitLab, "gitlab.com/acme/web"),
        (Source::CodeCommit, "git-codecommit.eu-central-1.amazonaws.com/v1/repos/web"),
    ] {
        let (_, config) = files::config(&answers(repository, source, false)).expect("a configuration");
        let settings = webhook::settings(source, &Wanted::of(source, &config, repository, "https://x.example"));
        told.push(format!("{source}\n{}", anstream::adapter::strip_str(&settings)));
    }
    insta::assert_snapshot!(told.join("\n"));
}

fn parsed(arguments: &[&str]) -> Arguments {
    #[derive(clap::Parser)]
    struct Whole {
        #[command(flatten)]
        arguments: Arguments,
    }
    <Whole as clap::Parser>::try_parse_from(arguments).expect("arguments").arguments
}
