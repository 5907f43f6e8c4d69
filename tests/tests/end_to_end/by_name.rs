//! A release that somebody asked for by its branch, of which no push told: CodeBuild finds the commit, and the record learns it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use jiff::Timestamp;
use longshore_aws::{clients, ids, store::Store};
use longshore_core::{
    push::Reference,
    release::{Commit, Origin, Person, Release, State},
};
use longshore_local::Whereabouts;
use longshore_tests::{Application, Local, Quality, with_stack};

/// The table, as the functions write it.
fn store(local: &Local) -> Store {
    let stack = Whereabouts::read(&local.directory.join("stack")).expect("a running stack");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(clients::https())
        .region(Region::new(stack.region))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "a test")))
        .endpoint_url(stack.endpoints.dynamodb)
        .build();
    Store::new(&sdk, stack.table)
}

/// Records that Ada asked for the head of main, as the function does before it starts the build; the function then dies.
async fn wished(local: &Local) -> Release {
    let pipeline = &local.stack.config.pipelines()[0];
    let origin = Origin {
        delivery: String::new(),
        repository: pipeline.repository.clone(),
        reference: Reference::branch("main").expect("a branch"),
        commit: Commit::unknown(),
        brought: Vec::new(),
    };
    let store = store(local);
    let number = store.next_number(&pipeline.name).await.expect("the table");
    let now = ids::now();
    let release = Release::new(ids::release_id(), number, pipeline, origin, Vec::new(), Some("#deploys"), now);
    let person = Person { name: "Ada".into(), reason: Some("the tide turns".into()), at: Timestamp::now() };
    let release = release.wished(person, None, false).expect("a release");
    store.ask(&release, None).await.expect("the table");
    release
}

#[test]
fn the_head_of_a_branch_goes_live_and_codebuild_tells_which_commit_it_is() {
    with_stack(
        |_| {},
        async |local| {
            let application = Application::make(local).await;
            let commit = application.commit("version one", Quality::Good).await;
            application.place();
            let wished = wished(local).await;
            // From here on it goes by events.
            local.tick("Trigger").await;
            let release = local.closed(&wished.id).await;
            assert_eq!((release.state, &release.commit), (State::Live, &Commit::bare(&commit)), "{:?}", release.reason);
            assert!(local.page().await.contains("version one"));

            let image = release.image.expect("an image");
            assert_eq!(image.tag.as_deref(), Some(&*wished.image_tag()), "as it was told before the commit was known");
            assert!(wished.image_tag().starts_with("main-"));
            let service = local.service().await;
            let revision = local.task_definition(service["taskDefinition"].as_str().expect("an ARN")).await;
            let tags = revision["tags"].as_array().expect("tags");
            let tag = tags.iter().find(|tag| tag["key"] == "longshore:commit").expect("a tag");
            assert_eq!(tag["value"], *commit, "known before the first revision");
            let message = local.message(&wished.id, ": live in ", 0).await;
            let shown = message.attachments[0].to_string();
            assert!(shown.contains(":point_right: asked for by Ada: the tide turns"), "{shown}");
            assert!(shown.contains(&format!("/commit/{commit}|{}>", &commit[..7])), "{shown}");
            assert_eq!(local.stack.host.dead_letters(), []);
        },
    );
}
