//! What can be said, and what was not understood.

use super::{Answer, Page};
use crate::{
    config::Config,
    message::markup::{clip, code, escape},
    slack::command::{Unclear, Word},
    text::list,
};

/// All commands, with an example of each; `name` is the command's own as Slack sent it.
pub fn help(name: &str, config: &Config) -> Answer {
    let mut page = Page::default();
    page.line("*What is live, and what is on its way; and what to do about it*");
    for word in Word::ALL {
        page.line(&format!("• {} {}", code(&format!("{name} {}", word.usage())), word.purpose()));
    }
    page.close();
    let examples = Word::ALL.map(|word| code(&format!("{name} {}", example(word, config))));
    page.line(&format!("For example {}", examples.join(", ")));
    let pipelines = config.pipelines().iter().map(|pipeline| escape(&pipeline.name));
    page.line(&format!("Pipelines: {}.", list(pipelines, "and")));
    page.line(
        "A release is named by its pipeline and number (`web#7`), or by its id. Answers to questions are yours alone; what is done is told to the channel.",
    );
    Answer::new(&format!("What {} can do", escape(name)), page.blocks())
}

/// What was not understood, with the usage that helps and an example.
pub fn unclear(unclear: &Unclear, name: &str, config: &Config) -> Answer {
    let mut page = Page::default();
    let sentence = unclear.to_string();
    let mut letters = sentence.chars();
    let sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    page.line(&format!("{}.", clip(&sentence, 1500)));
    match unclear.word() {
        Some(word) => {
            let (usage, example) =
                (code(&format!("{name} {}", word.usage())), code(&format!("{name} {}", example(word, config))));
            page.line(&format!("It is {usage}, for example {example}."));
        }
        None => page.line(&format!("{} lists what can be asked and done.", code(&format!("{name} help")))),
    }
    Answer::new(&format!("Not understood: {}", clip(&sentence, 200)), page.blocks())
}

/// What follows the command's name, with names that there are.
fn example(word: Word, config: &Config) -> String {
    let deployed = config.pipelines().iter().find(|pipeline| !pipeline.environments.is_empty());
    let pipeline = deployed.or(config.pipelines().first());
    let name = pipeline.map_or("web", |pipeline| &pipeline.name);
    let environment =
        pipeline.and_then(|pipeline| pipeline.environments.last()).map_or("production", |last| &last.name);
    let repository = pipeline.map_or("acme/web", |pipeline| &pipeline.repository);
    match word {
        Word::Help => "help".to_owned(),
        Word::Start if Word::parse(name).is_some() => format!("start {name} main"),
        Word::Start => format!("{name} main"),
        Word::Status => format!("status {name}"),
        Word::Releases => format!("releases {name}"),
        Word::Promote => format!("promote {name}#7 {environment}"),
        Word::RollBack => format!("rollback {name} {environment}"),
        Word::Approve => format!("approve {name}#7"),
        Word::Reject => format!("reject {name}#7 the tide is out"),
        Word::Cancel => format!("cancel {name}#7"),
        Word::Lock => format!("lock {name} {environment} until the sale is over"),
        Word::Unlock => format!("unlock {name} {environment}"),
        Word::Logs => format!("logs {name}#7"),
        Word::Why => format!("why {repository} main"),
    }
}
