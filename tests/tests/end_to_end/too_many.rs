//! A delivery that would start more than can be recorded at once.

use longshore_tests::{Push, config, releases_of, with_config};

#[test]
fn a_delivery_that_would_start_too_many_releases_is_refused_as_a_whole() {
    let names: Vec<_> = (1..=50).map(|number| format!("part-{number}")).collect();
    let keys = |name: &str| if name == "part-50" { "paths = [\"all\"]" } else { "" };
    let pipelines: Vec<_> = names.iter().map(|name| (name.as_str(), "github.com/acme/web", keys(name))).collect();
    with_config(
        &config(&pipelines),
        |_| {},
        async |local| {
            local.script(&["true"]).await;
            let push = |before, after, files| Push { repository: "acme/web", branch: "main", before, after, files };
            let (status, answer) = local.send(&push(0, 1, &["all"]).delivery()).await;
            assert_eq!(status, 422, "{answer}");
            for words in ["50 releases", "49 releases of one branch"] {
                assert!(answer.contains(words), "{answer}");
            }
            assert_eq!((local.releases().await, local.all_builds().await.len()), (0, 0), "nothing half done");
            let items = local.items().await;
            let kept: Vec<_> = items.iter().filter(|item| item["sk"]["S"] == "delivery").collect();
            let [delivery] = kept.as_slice() else { panic!("it is remembered: {kept:?}") };
            let explanation = delivery["explanation"]["S"].as_str().expect("an explanation");
            assert!(explanation.contains("would start 50 releases"), "{explanation}");

            let answer = local.send(&push(1, 2, &["one"]).delivery()).await;
            assert_eq!((answer.0, releases_of(&answer).len()), (202, 49), "one fewer is recorded at once");
        },
    );
}
