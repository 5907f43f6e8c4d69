//! Where nothing can be edited: the incoming webhook, and the SNS topic.

use local_protocol::{ACCOUNT, Client};
use local_slack::{Fault, INCOMING};
use longshore_aws::signed::{Service, Signed};
use longshore_core::release::{DeploymentFact, Fact, Obstacle, ReleaseId, Verdict};
use serde_json::{Value, json};

use crate::world::{DEPLOYS, World, built, config, deployed};

fn hook(inbox: &str) -> Value {
    json!({ "callback_key": "k", "slack_webhook_url": format!("{inbox}{INCOMING}") })
}

fn texts(world: &World) -> Vec<String> {
    world.messages(DEPLOYS).into_iter().map(|message| message.text).collect()
}

async fn goes_live(world: &World) -> ReleaseId {
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    world.happens(&id, [Fact::Deployment(0, DeploymentFact::Held(Obstacle::Approval { expires }))]).await;
    world.happens(&id, deployed(Verdict::Live)).await;
    id
}

#[tokio::test]
async fn a_webhook_gets_a_new_message_at_each_moment_that_matters() {
    let world = World::with(&config("", "", "approval = { by = [\"U0123ABCD\"] }"), hook, None).await;
    let id = goes_live(&world).await;
    let texts = texts(&world);
    let parts = ["queued", "waits for approval to production", "deploying to production", "live in"];
    assert_eq!(texts.len(), parts.len(), "{texts:#?}");
    for (text, part) in texts.iter().zip(parts) {
        assert!(text.contains(part), "{text}: {part}");
    }
    assert!(texts[1].ends_with(" <@U0123ABCD>"), "{}", texts[1]);
    for message in world.messages(DEPLOYS) {
        assert!(!message.attachments[0].to_string().contains("\"actions\""), "nobody takes presses");
    }
    assert!(world.is_final(&id).await);
    world.stop().await;
}

#[tokio::test]
async fn a_webhook_that_was_down_hears_the_newest_and_the_end() {
    let world = World::with(&config("", "", ""), hook, None).await;
    world.slack.fail_with(Some(Fault::ServerError));
    let id = world.accept(7, |_| {}).await.id;
    world.happens(&id, built()).await;
    let mut facts = deployed(Verdict::RolledBack).into_iter();
    world.happens(&id, facts.by_ref().take(1)).await;
    world.slack.fail_next(1, Fault::RateLimited(1));
    world.tick().await;
    assert_eq!(texts(&world).len(), 1, "after a short pause");
    assert!(texts(&world)[0].contains("deploying to production"), "{:?}", texts(&world));
    world.slack.fail_with(Some(Fault::Error("no_service".into())));
    world.happens(&id, facts).await;
    world.slack.fail_with(None);
    world.tick().await;
    assert_eq!(texts(&world).len(), 1, "what refuses is left alone for some minutes");
    world.wait_is_over(&id).await;
    world.tick().await;
    assert_eq!(texts(&world).len(), 2);
    assert!(texts(&world)[1].contains("rolled back"), "{:?}", texts(&world));
    assert!(world.is_final(&id).await);
    world.stop().await;
}

#[tokio::test]
async fn a_topic_tells_in_plain_text_with_and_without_slack() {
    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:releases";
    let without = |_: &str| json!({ "callback_key": "k" });
    let world = World::with(&config("", "", ""), without, Some(TOPIC)).await;
    let sns = Signed::new(&world.sdk, Service::Sns);
    let call = async |form: &[(&str, &str)]| {
        let mut form = form.to_vec();
        form.push(("Version", "2010-03-31"));
        sns.query(&form).await.expect("an answer of SNS")
    };
    let made = call(&[("Action", "CreateTopic"), ("Name", "releases")]).await;
    assert!(made.contains(TOPIC), "{made}");
    let (queue, url) = queue(&world.aws).await;
    call(&[("Action", "Subscribe"), ("TopicArn", TOPIC), ("Protocol", "sqs"), ("Endpoint", &queue)]).await;

    let id = goes_live(&world).await;
    let told = received(&world.aws, &url).await;
    let subjects: Vec<_> = told.iter().map(|told| told["Subject"].as_str().expect("a subject")).collect();
    let parts =
        ["web #7 accepted (", "web #7 waits for approval to p", "web #7 deploying to production (", "web #7 live in "];
    assert_eq!(subjects.len(), parts.len(), "{subjects:?}");
    for (subject, part) in subjects.iter().zip(parts) {
        assert!(subject.starts_with(part), "{subject}: {part}");
    }
    let last = &told[3];
    let attribute = |name: &str| last["MessageAttributes"][name]["Value"].as_str().expect("an attribute");
    assert_eq!(["pipeline", "environment", "state", "moment"].map(attribute), ["web", "production", "live", "end"]);
    let text = last["Message"].as_str().expect("a text");
    assert!(text.contains("Message: Say hello\n") && text.contains(&format!("Release: {id}\n")), "{text}");
    assert!(world.is_final(&id).await);
    assert_eq!(world.slack.messages(), []);
    world.stop().await;
}

/// A queue's ARN and URL.
async fn queue(aws: &Client) -> (String, String) {
    let made = aws.call("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "told" })).await.expect("a queue");
    let url = made["QueueUrl"].as_str().expect("a URL").to_owned();
    (format!("arn:aws:sqs:{}:{ACCOUNT}:told", local_protocol::REGION), url)
}

/// All that a queue has, in order.
async fn received(aws: &Client, url: &str) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::new();
    loop {
        let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let answer = aws.call("sqs", "AmazonSQS.ReceiveMessage", &input).await.expect("messages");
        let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else { break };
        let read = |message: &Value| serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON");
        told.extend(messages.iter().map(read));
    }
    told
}
