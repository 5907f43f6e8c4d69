//! A release from its push to live, with the page open all the while.

use local_slack::Message;
use longshore_core::release::{ReleaseId, State};
use longshore_tests::{Application, Gate, Local, Quality, config, eventually, with_config, workspace};
use serde_json::json;

use crate::{
    chrome::Chrome,
    page::MESSAGE,
    pixels::{Area, Colour, Picture, colour, near},
};

/// Neither among those who approve, nor the author.
const OUTSIDER: &str = "U0DEVELOPER";
const APPROVER: &str = "U0APPROVER";

/// A commit's message that would like to be more than text.
const HOSTILE: &str = "</span><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> & <!channel> \
                       AndAWordThatIsLongerThanAnyScreenIsWide_AndAWordThatIsLongerThanAnyScreenIsWide_AndAWordThatIsLonger";

/// What the page looks like in one state.
struct Look {
    picture: Picture,
    message: Area,
    /// The colour of the bar.
    bar: Colour,
}

/// The pipeline's own buildspec, that waits for the gate before it runs the tests.
async fn wait_at_the_gate(local: &Local) {
    const TEST: &str = "      - bash \"$LONGSHORE_BUILD/step\" test\n";
    let buildspec = std::fs::read_to_string(workspace().join("buildspec.yml")).expect("the buildspec");
    let (before, after) = buildspec.split_once(TEST).expect("a step that runs the tests");
    let buildspec = format!("{before}      - 'while [ ! -e \"$GATE/open\" ]; do sleep 0.05; done'\n{TEST}{after}");
    let source = json!({ "type": "GITHUB", "location": local.repository().path, "buildspec": buildspec });
    local.codebuild("UpdateProject", &json!({ "name": "web", "source": source })).await;
}

/// Waits until the page shows the message with these words, looks at it and keeps a picture.
async fn look(chrome: &Chrome, local: &Local, id: &ReleaseId, words: &str, name: &str) -> Look {
    let message: Message = local.message(id, words, 0).await;
    let headline = words.trim_start_matches(": ");
    chrome.says(MESSAGE, headline).await;
    chrome.is_in_order(name).await;
    let shown = format!("return [...document.querySelectorAll('{MESSAGE}')].map((m) => m.dataset.message);");
    assert_eq!(chrome.ask(&shown).await, json!([message.ts]), "{name}: one message, edited in place");
    assert_eq!(chrome.ask("return window.sameAsBefore;").await, true, "{name}: the page was not loaded again");
    let asked = colour(message.attachments[0]["color"].as_str().expect("a colour"));
    let (picture, area, bar) = chrome.picture(name, MESSAGE, ".bar").await;
    let middle = picture.at(bar.middle());
    assert!(near(middle, asked), "{name}: the bar is {middle:?}, not {asked:?}");
    let painted = picture.of_colour(bar, asked);
    assert!(painted > bar.height as usize, "{name}: {painted} pixels of {bar:?} are {asked:?}");
    let colours = picture.colours(area);
    assert!(colours > 20, "{name}: text on its ground has more colours than {colours}");
    Look { picture, message: area, bar: middle }
}

#[test]
fn a_release_is_watched_and_approved_in_the_page() {
    let gate = Gate::new();
    let keys = "image = \"web\"\n[[pipeline.environment]]\nname = \"production\"\ncluster = \"production\"\nservices = [\"web\"]\n\
                approval = { by = [\"@release-managers\"] }";
    with_config(
        &config(&[("web", "github.com/acme/web", keys)]),
        |options| gate.install(options),
        async |local| {
            let Some(chrome) = Chrome::open(&local.stack.inbox).await else { return };
            assert_eq!(chrome.count(MESSAGE).await, 0);
            assert_eq!(chrome.text(".empty").await, "No messages yet. They appear here as they are posted.");
            chrome.ask("window.sameAsBefore = true;").await;

            wait_at_the_gate(local).await;
            let application = Application::make(local).await;
            application.commit(HOSTILE, Quality::Good).await;
            let id = application.push().await;
            let built = async || {
                let release = local.stack.release(&id).await.ok()?;
                release.build.stages.iter().any(|stage| stage.name == "build" && stage.ended.is_some()).then_some(())
            };
            eventually("the build waits at the gate", built).await;
            let building = look(&chrome, local, &id, ": building", "1-building").await;
            stays_text(&chrome).await;

            gate.open();
            let waits = look(&chrome, local, &id, ": waits for approval to production", "2-waits-for-approval").await;
            differ(&building, &waits);
            refused(&chrome, local, &id).await;

            chrome.act_as(APPROVER).await;
            chrome.press("approve").await;
            let release = local.closed(&id).await;
            assert_eq!(release.state, State::Live, "{:?}", release.reason);
            let live = look(&chrome, local, &id, ": live in ", "3-live").await;
            differ(&waits, &live);
            differ(&building, &live);
            chrome.says(MESSAGE, "approved by grace").await;
            assert_eq!(
                chrome.count(&format!("{MESSAGE} button[data-action=approve]")).await,
                0,
                "there is nothing to decide"
            );
            stays_text(&chrome).await;
            chrome.driver.resize(520, 1000).await.expect("a narrow window");
            chrome.is_in_order("in a narrow window").await;
            chrome.driver.resize(1280, 1000).await.expect("a wide window");

            rejected(&chrome, local, &application).await;
            chrome.quit().await;
        },
    );
}

/// Who may not approve is told so, and nothing else comes of it.
async fn refused(chrome: &Chrome, local: &Local, id: &ReleaseId) {
    chrome.act_as(OUTSIDER).await;
    chrome.press("approve").await;
    chrome.says("article.ephemeral", "developer may not decide").await;
    chrome.says("article.ephemeral", "Only visible to developer").await;
    let release = local.stack.release(id).await.expect("the release");
    assert_eq!(release.deployments[0].decision, None);
    assert!(chrome.text(MESSAGE).await.contains("waits for approval"));
    chrome.picture("2-refused", "article.ephemeral", ".note").await;
}

/// The hostile commit is text: it is seen as it was written, and made no element.
async fn stays_text(chrome: &Chrome) {
    chrome.says(MESSAGE, "<script>document.title='owned'</script><img src=x").await;
    for element in ["script", "img", ".mention.loud"] {
        assert_eq!(chrome.count(&format!("#list {element}")).await, 0, "{element}");
    }
    assert_eq!(chrome.ask("return document.title;").await, "#deploys – inbox");
}

/// Two states look different: the bar, and what is written beside it.
fn differ(one: &Look, other: &Look) {
    assert!(!near(one.bar, other.bar), "bars of {:?} and {:?}", one.bar, other.bar);
    let pixels = one.picture.differing(one.message, &other.picture, other.message);
    assert!(pixels > 500, "{pixels} pixels differ");
}

/// The next version is rejected: the page asks for the reason, and the message tells it.
async fn rejected(chrome: &Chrome, local: &Local, application: &Application) {
    application.commit("a version that nobody wants", Quality::Good).await;
    let id = application.push().await;
    local.message(&id, ": waits for approval to production", 0).await;
    let newest = "#list > article.message:nth-last-of-type(1) button[data-action=reject]";
    chrome.says(newest, "Reject").await;
    chrome.click(newest).await;
    chrome.says("dialog.modal[open] h2", "Reject the release").await;
    chrome.keys("It would capsize <b>us</b>.").await;
    chrome.picture("4-reject", "dialog.modal[open]", "textarea").await;
    chrome.click("dialog.modal[open] [type=submit]").await;
    chrome.gone("dialog.modal[open]").await;
    let release = local.closed(&id).await;
    assert_eq!(release.state, State::Failed);
    chrome.says("#list", "It would capsize <b>us</b>.").await;
    chrome.is_in_order("rejected").await;
}
