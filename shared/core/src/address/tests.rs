use super::*;

const HOSTS: Hosts<'_> = Hosts {
    github: Some("git.acme.example"),
    bitbucket: Some("bitbucket.acme.example:7990"),
    gitlab: Some("gitlab.acme.example"),
};

#[test]
fn an_address_is_a_host_and_two_plain_parts_or_more() {
    for (text, host, path) in [
        ("github.com/acme/web", "github.com", &["acme", "web"][..]),
        ("git.acme.example:7990/~ada/web", "git.acme.example:7990", &["~ada", "web"]),
        ("gitlab.com/a/b/c/d", "gitlab.com", &["a", "b", "c", "d"]),
        ("git_1.acme.example/a/.github", "git_1.acme.example", &["a", ".github"]),
        (
            "git-codecommit.eu-west-1.amazonaws.com/v1/repos/web",
            "git-codecommit.eu-west-1.amazonaws.com",
            &["v1", "repos", "web"],
        ),
    ] {
        assert_eq!(Address::parse(text), Some(Address { host, path: path.into() }), "{text}");
    }
    let long = format!("github.com/acme/{}", "a".repeat(500));
    for text in [
        "",
        "github.com",
        "github.com/web",
        "github.com/acme/",
        "github.com//web",
        "github.com/./web",
        "github.com/../web",
        "github.com/.../web",
        "github.com/a b/web",
        "github.com/a\n/web",
        "github.com/a%2f/web",
        "/acme/web",
        "-x/acme/web",
        "ada@github.com/acme/web",
        "github..com/acme/web",
        "h?/acme/web",
        "git-codecommit.eu-west-1.amazonaws.com/acme/web",
        "git-codecommit.eu-west-1.amazonaws.com/v1/repos/a/b",
        &long,
    ] {
        assert_eq!(Address::parse(text), None, "{text}");
    }
}

#[test]
fn a_host_has_labels_and_may_have_a_port() {
    for host in ["localhost", "git.acme.example", "192.0.2.1:3005", "a-b_c.example:80"] {
        assert!(is_host(host), "{host}");
    }
    let long = "a".repeat(256);
    for host in
        ["", ".", "a.", ".a", "a..b", "_a.b", "a:", "a:x", "a:+80", "a:65536", "a:1:2", "[::1]", "a/b", "ä", &long]
    {
        assert!(!is_host(host), "{host}");
    }
}

#[test]
fn a_host_is_of_one_source_at_most() {
    for (host, source) in [
        ("github.com", Some(Source::GitHub)),
        ("GitHub.com", Some(Source::GitHub)),
        ("acme.ghe.com", Some(Source::GitHub)),
        ("GIT.acme.example", Some(Source::GitHub)),
        ("bitbucket.org", Some(Source::Bitbucket)),
        ("bitbucket.acme.example:7990", Some(Source::Bitbucket)),
        ("gitlab.com", Some(Source::GitLab)),
        ("gitlab.acme.example", Some(Source::GitLab)),
        ("git-codecommit.eu-west-1.amazonaws.com", Some(Source::CodeCommit)),
        // Another port, a name within or around another: somebody else's.
        ("bitbucket.acme.example", None),
        ("github.com:443", None),
        ("ghe.com", None),
        ("github.com.example", None),
        ("my-github.com", None),
    ] {
        assert_eq!(HOSTS.source(host), source, "{host}");
    }
    assert_eq!(Hosts::default().source("git.acme.example"), None);
}

#[test]
fn a_token_is_for_one_host() {
    let told = |hosts: Hosts<'static>| Source::ALL.map(|source| hosts.of_token(source).unwrap_or("none"));
    assert_eq!(told(Hosts::default()), ["github.com", "bitbucket.org", "gitlab.com", "none"]);
    let own = ["git.acme.example", "bitbucket.acme.example:7990", "gitlab.acme.example", "none"];
    assert_eq!(told(HOSTS), own);
}

#[test]
fn what_is_named_for_one_source_is_refused_to_the_others() {
    let refusal = |hosts: Hosts<'_>, source, host: &str| hosts.refusal(source, &format!("{host}/acme/web"));
    assert_eq!(refusal(HOSTS, Source::GitHub, "github.com"), None);
    assert_eq!(refusal(HOSTS, Source::GitLab, "gitlab.acme.example"), None);
    assert_eq!(refusal(Hosts::default(), Source::GitLab, "git.acme.example"), None, "nobody named it");
    insta::assert_snapshot!(
        refusal(HOSTS, Source::GitLab, "git.acme.example").expect("a refusal"),
        @"git.acme.example is a host of GitHub, and GitLab sent this"
    );
}
