use super::*;
use crate::{
    config::Config,
    push::{Actor, Cause, Content, Head},
    route::route,
};

fn config(pipelines: usize, repository: &str) -> Config {
    let one = |n: usize| {
        format!(
            "[[pipeline]]\nname = \"p{n}\"\nrepository = \"{repository}\"\nbranches = [\"main\"]\nproject = \"build\"\n"
        )
    };
    Config::read(&(0..pipelines).map(one).collect::<String>()).expect("a configuration")
}

fn delivery(files: Option<Vec<String>>, pushes: usize) -> Delivery {
    let push = Push {
        reference: Reference::branch("main").expect("a name"),
        cause: Cause::Push,
        before: None,
        base: None,
        after: Some("0123456789012345678901234567890123456789".into()),
        created: true,
        forced: false,
        at: None,
        head: Head { message: "Say hello\n\nTwice.".into(), author: "Ada".into(), ..Head::default() },
        actor: Actor::default(),
        files,
        brought: Vec::new(),
    };
    Delivery {
        source: Source::GitHub,
        event: "push".into(),
        id: "github/1".into(),
        repository: Some("github.com/acme/web".into()),
        content: Content::Pushes(vec![push; pushes]),
    }
}

fn explained(config: &Config, delivery: &Delivery) -> Explanation {
    Explanation::new(delivery, &route(config, delivery))
}

#[test]
fn an_explanation_is_the_documented_json() {
    let explanation = explained(&config(1, "github.com/acme/web"), &delivery(Some(vec!["a.txt".into()]), 1));
    insta::assert_snapshot!(serde_json::to_string_pretty(&explanation).expect("JSON"), @r#"
    {
      "source": "github",
      "event": "push",
      "delivery": "github/1",
      "repository": "github.com/acme/web",
      "pushes": [
        {
          "ref": "refs/heads/main",
          "kind": "branch",
          "name": "main",
          "before": null,
          "after": "0123456789012345678901234567890123456789",
          "created": true,
          "deleted": false,
          "forced": false,
          "author": "Ada",
          "message": "Say hello\n\nTwice.",
          "files": [
            "a.txt"
          ]
        }
      ],
      "pipelines": [
        {
          "name": "p0",
          "starts": true,
          "reason": "the branch \"main\" matches \"main\""
        }
      ],
      "ignored": null
    }
    "#);
    assert_eq!(explanation.clone().compact(), explanation, "a small one is kept as it is");
}

#[test]
fn a_stored_explanation_is_bounded_and_says_what_was_left_out() {
    let files = |count: usize, length: usize| Some(vec!["x".repeat(length); count]);
    let cases = [
        (config(3000, "github.com/acme/other"), delivery(None, 1)),
        (config(3000, "github.com/acme/web"), delivery(None, 1)),
        (config(1, "github.com/acme/web"), delivery(files(51, 10), 1)),
        (config(1, "github.com/acme/web"), delivery(files(50, 4000), 1)),
        (config(2, "github.com/acme/web"), delivery(files(20, 100), 500)),
        (config(500, "github.com/acme/web"), delivery(files(20, 100), 500)),
    ];
    let mut told = Vec::new();
    for (config, delivery) in cases {
        let compact = explained(&config, &delivery).compact();
        let json = serde_json::to_string(&compact).expect("JSON");
        assert!(json.len() <= Explanation::COMPACT, "{}", json.len());
        assert_eq!(serde_json::from_str::<Explanation>(&json).expect("the same form"), compact);
        let last = compact.pipelines.last().expect("a pipeline");
        let with_files = compact.pushes.iter().filter(|push| push.files.is_some()).count();
        told.push(format!("{} pushes, {with_files} with files; {}: {}", compact.pushes.len(), last.name, last.reason));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    1 pushes, 0 with files; …: left out here, for there are too many: 2830 pipelines, 0 pushes
    1 pushes, 0 with files; …: left out here, for there are too many: 2796 pipelines, 0 pushes
    1 pushes, 0 with files; p0: the branch "main" matches "main"
    1 pushes, 0 with files; p0: the branch "main" matches "main"
    70 pushes, 0 with files; …: left out here, for there are too many: 0 pipelines, 430 pushes
    1 pushes, 0 with files; …: left out here, for there are too many: 296 pipelines, 499 pushes
    "#);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_an_explanation_large(text: String, times in 1..2000_usize) {
        let mut hostile = delivery(Some(vec![text.clone()]), 3);
        let long = text.repeat(times);
        hostile.event.clone_from(&long);
        hostile.id.clone_from(&long);
        hostile.repository = Some(long.clone());
        for push in hostile.pushes_mut() {
            push.head = Head { message: long.clone(), author: long.clone(), ..Head::default() };
        }
        for content in [hostile.content.clone(), Content::Other(long)] {
            let compact = explained(&config(3, "github.com/acme/web"), &Delivery { content, ..hostile.clone() }).compact();
            proptest::prop_assert!(serde_json::to_string(&compact).expect("JSON").len() <= Explanation::COMPACT);
        }
    }
}
