//! The page as a person sees and uses it.

use longshore_tests::{eventually, within};
use serde_json::{Value, json};

use crate::{
    chrome::Chrome,
    pixels::{Area, Picture},
    webdriver::Key,
};

/// The release's message: the one in the channel itself that is not for one person alone.
pub const MESSAGE: &str = "#list > article.message:not(.ephemeral)";

/// What is wider than its box, or sticks out of the message's; nothing where all is well.
const OVERFLOWING: &str = "
    const out = [];
    for (const message of document.querySelectorAll('article.message')) {
        const box = message.getBoundingClientRect();
        for (const element of message.querySelectorAll('*')) {
            if (!element.getClientRects().length) continue;
            const place = element.getBoundingClientRect();
            const wide = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
            if (wide || place.right > box.right + 1 || place.left < box.left - 1) out.push(element.outerHTML.slice(0, 200));
        }
    }
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) out.push('the page itself');
    return out;";

impl Chrome {
    /// What a script in the page gives.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn ask(&self, script: &str) -> Value {
        let answer = within("a script in the page", self.driver.execute(script)).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// How many elements there are.
    pub async fn count(&self, selector: &str) -> u64 {
        self.ask(&format!("return document.querySelectorAll({}).length;", json!(selector)))
            .await
            .as_u64()
            .expect("a number")
    }

    /// The text of the first such element as it is seen; empty without one.
    pub async fn text(&self, selector: &str) -> String {
        let text = self.ask(&format!("return document.querySelector({})?.innerText ?? '';", json!(selector))).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until one of these elements has these words.
    pub async fn says(&self, selector: &str, words: &str) {
        let (of, has) = (json!(selector), json!(words));
        let script = format!("return [...document.querySelectorAll({of})].some((e) => e.innerText.includes({has}));");
        eventually(&format!("{selector} says {words:?}"), async || (self.ask(&script).await == true).then_some(()))
            .await;
    }

    /// Waits until there is no such element.
    pub async fn gone(&self, selector: &str) {
        eventually(&format!("{selector} is gone"), async || (self.count(selector).await == 0).then_some(())).await;
    }

    /// Clicks such an element. A message may be drawn anew while one aims, and then one tries again.
    pub async fn click(&self, selector: &str) {
        let click = async || self.driver.click(selector).await.ok();
        eventually(&format!("{selector} is clicked"), click).await;
    }

    /// Presses a message's button, and says yes where it asks first.
    pub async fn press(&self, action: &str) {
        let button = format!("button[data-action={}]", json!(action));
        let asks = self.count(&format!("{button} + dialog.confirm")).await > 0;
        self.click(&format!("#list {button}")).await;
        if asks {
            self.click("dialog[open] [data-confirm]").await;
        }
    }

    /// From now on it is this user who acts.
    ///
    /// # Panics
    ///
    /// When they are none of those who can be chosen.
    pub async fn act_as(&self, user: &str) {
        self.click(&format!("#as option[value={}]", json!(user))).await;
        assert_eq!(self.ask("return document.getElementById('as').value;").await, user);
    }

    /// Types into the element that has the focus, as a person does.
    pub async fn keys(&self, keys: &str) {
        self.driver.keys(keys).await.expect("keys that are taken");
    }

    /// Presses a key that is no letter.
    pub async fn key(&self, key: Key) {
        self.driver.key(key).await.expect("a key that is taken");
    }

    /// A picture of what is seen now, with the first such element in view, kept as `target/screenshots/<name>.png`; and where that element,
    /// and what is in it, is.
    pub async fn picture(&self, name: &str, selector: &str, within: &str) -> (Picture, Area, Area) {
        let (of, inner) = (json!(selector), json!(within));
        let places = self
            .ask(&format!(
                "const outer = document.querySelector({of}); outer.scrollIntoView({{ block: 'nearest' }});
                 const area = (e) => {{ const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }};
                 return [area(outer), area(outer.querySelector({inner}))];"
            ))
            .await;
        let picture = self.driver.screenshot().await.expect("a screenshot");
        (Picture::keep(name, &picture), Area::read(&places[0]), Area::read(&places[1]))
    }

    /// Nothing is wider than its place, and the browser has nothing to complain of since the last look.
    ///
    /// # Panics
    ///
    /// When there is something.
    pub async fn is_in_order(&self, when: &str) {
        assert_eq!(self.ask(OVERFLOWING).await, json!([]), "{when}: nothing overflows its box");
        let log = self.driver.console().await.expect("the console");
        // 422 is how the inbox says to its own page that something cannot be done.
        let loud = |level: &str| level == "SEVERE" || level == "WARNING";
        let complaints: Vec<_> =
            log.iter().filter(|entry| loud(&entry.level) && !entry.message.contains("status of 422")).collect();
        assert!(complaints.is_empty(), "{when}: the console has {complaints:?}");
    }
}
