//! The page of all messages, drawn as the local stack's inbox draws them.

use local_slack::{Directory, Message, STYLE, draw};
use longshore_core::message::catalogue::Sample;
use maud::{DOCTYPE, PreEscaped, html};

/// The look of what is around the messages.
const AROUND: &str = "body { margin: 0 auto; max-width: 860px; padding: 16px; background: var(--ground); color: var(--text); \
    font: 15px/1.46 Lato, \"Segoe UI\", system-ui, sans-serif; } \
    h2 { margin: 40px 20px 0; font-size: 16px; } p { margin: 0 20px 8px; color: var(--muted); } h2 a { color: inherit; } \
    .thread { margin: 0 20px 8px 62px; border-left: 2px solid var(--line); }";

/// Who the samples name.
const PEOPLE: [(&str, &str); 2] = [("U0ADA1234", "Ada Lovelace"), ("U0GRACE12", "Grace Hopper")];

/// One page with everything on it: it loads nothing, and runs nothing.
pub fn page(samples: &[Sample]) -> String {
    let mut directory = Directory::default();
    directory.users.extend(PEOPLE.map(|(id, name)| (id.to_owned(), name.to_owned())));
    directory.groups.insert("S0OPS1234".into(), "operations".into());
    let drawn = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Messages of Longshore" }
                style { (PreEscaped(STYLE)) (PreEscaped(AROUND)) }
            }
            body {
                h1 { "Messages" }
                p { "Every message in every state, as the inbox of the local stack draws it." }
                @for (position, sample) in samples.iter().enumerate() {
                    @let (message, replies) = messages(sample, position);
                    h2 id=(sample.name) { a href=(format!("#{}", sample.name)) { (sample.name) } }
                    p { (sample.title) }
                    (draw(&message, &directory))
                    @if !replies.is_empty() {
                        section.thread { @for reply in &replies { (draw(reply, &directory)) } }
                    }
                }
            }
        }
    };
    drawn.into_string()
}

/// The message as it would be posted, and its replies.
fn messages(sample: &Sample, position: usize) -> (Message, Vec<Message>) {
    let view = sample.view();
    let attachments = view.attachments.as_array().cloned().unwrap_or_default();
    let second = sample.release.accepted.as_second();
    let root = message(format!("{second}.{position:06}"), view.text, attachments, None);
    let reply = |(number, reply): (usize, longshore_core::message::Reply)| {
        message(format!("{second}.{position:03}{number:03}"), reply.0, Vec::new(), Some(root.ts.clone()))
    };
    let replies = sample.thread().into_iter().zip(1..).map(|(said, number)| reply((number, said))).collect();
    (root, replies)
}

fn message(ts: String, text: String, attachments: Vec<serde_json::Value>, thread_ts: Option<String>) -> Message {
    Message {
        channel: "C0DEPLOYS1".into(),
        ts,
        thread_ts,
        broadcast: false,
        user: String::new(),
        by_app: true,
        text,
        blocks: Vec::new(),
        attachments,
        metadata: None,
        edited: None,
        history: Vec::new(),
        reactions: Vec::new(),
        only_for: None,
        deleted: false,
    }
}

#[cfg(test)]
mod tests {
    use longshore_core::message::catalogue;

    use super::page;

    #[test]
    fn every_message_is_on_the_page_and_nothing_on_it_runs() {
        let samples = catalogue::all();
        let page = page(&samples);
        for sample in &samples {
            assert!(page.contains(&format!("id=\"{}\"", sample.name)), "{}", sample.name);
        }
        assert_eq!(page.matches("<article").count(), samples.iter().map(|it| 1 + it.thread().len()).sum::<usize>());
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("javascript:"));
        assert!(page.contains("@Ada Lovelace") && page.contains("@operations"));
    }
}
