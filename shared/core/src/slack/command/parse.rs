//! Reads the text of a command.

use super::{Command, LONGEST, LONGEST_REASON, Named, Question, Unclear, Wanted, Word, plain, repository};
use crate::{
    config::{Config, Pipeline},
    push::is_name,
    release::ReleaseId,
    text::shorten,
};

impl Command {
    /// Reads the text of a command against the configuration, leniently: however Slack dressed it up ([`plain`]), in whatever case a command's word is,
    /// with quotation marks round a word or without. What is named by it and is in the configuration (pipelines, environments, repositories) is
    /// looked up there; releases are not.
    ///
    /// A pipeline may be called like a command: then the command is meant, and `start` before it means the pipeline. No text at all asks for help.
    pub fn parse(text: &str, config: &Config) -> Result<Self, Unclear> {
        if text.len() > LONGEST {
            return Err(Unclear::TooLong);
        }
        let text = plain(text);
        let mut words = Words { rest: text.split_whitespace().collect(), config, word: Word::Help };
        let Some(first) = words.peek() else { return Ok(Self::Question(Question::Help)) };
        match Word::parse(first) {
            Some(word) => {
                words.next();
                words.word = word;
            }
            None if words.known(first).is_some() => words.word = Word::Start,
            None => return Err(Unclear::unknown(first, &names(config))),
        }
        words.command()
    }
}

fn names(config: &Config) -> Vec<&str> {
    config.pipelines().iter().map(|pipeline| pipeline.name.as_str()).collect()
}

/// The words that are left.
struct Words<'t, 'c> {
    rest: std::collections::VecDeque<&'t str>,
    config: &'c Config,
    word: Word,
}

impl<'t, 'c> Words<'t, 'c> {
    fn command(mut self) -> Result<Command, Unclear> {
        let command = match self.word {
            // Whatever is asked about: the list has all.
            Word::Help => return Ok(Command::Question(Question::Help)),
            Word::Status => {
                let pipeline = if self.peek().is_some() { Some(self.pipeline()?.name.clone()) } else { None };
                Command::Question(Question::Status(pipeline))
            }
            Word::Releases => Command::Question(Question::Releases(self.pipeline()?.name.clone())),
            Word::Logs => Command::Question(Question::Logs(self.release()?)),
            Word::Why => {
                let written = self.needed("REPOSITORY")?;
                let repository = repository(written, self.config)?.to_owned();
                let branch = self.branch()?.ok_or(Unclear::Missing { word: self.word, what: "BRANCH" })?;
                Command::Question(Question::Why { repository, branch })
            }
            Word::Start => Command::Wanted(self.start()?),
            Word::Promote => {
                let release = self.release()?;
                self.skip("to");
                let environment = match &release {
                    Named::Number { pipeline, .. } => {
                        let pipeline = self.config.pipeline(pipeline);
                        let written = self.needed("ENV")?;
                        pipeline.map_or(Ok(written.to_owned()), |pipeline| environment(pipeline, written))?
                    }
                    // Its record knows.
                    Named::Id(_) => self.needed("ENV")?.to_owned(),
                };
                Command::Wanted(Wanted::Promote { release, environment })
            }
            Word::RollBack => {
                let (pipeline, environment) = self.place()?;
                self.skip("to");
                let to = if self.peek().is_some() { Some(self.release_of(&pipeline)?) } else { None };
                Command::Wanted(Wanted::RollBack { pipeline, environment, to })
            }
            Word::Approve | Word::Reject => {
                let approved = self.word == Word::Approve;
                Command::Wanted(Wanted::Decide { release: self.release()?, approved, reason: self.reason() })
            }
            Word::Cancel => Command::Wanted(Wanted::Cancel { release: self.release()? }),
            Word::Lock => {
                let (pipeline, environment) = self.place()?;
                Command::Wanted(Wanted::Lock { pipeline, environment, reason: self.reason() })
            }
            Word::Unlock => {
                let (pipeline, environment) = self.place()?;
                Command::Wanted(Wanted::Unlock { pipeline, environment, reason: self.reason() })
            }
        };
        match self.next() {
            None => Ok(command),
            Some(more) => Err(Unclear::TooMuch { word: self.word, written: more.to_owned() }),
        }
    }

    fn start(&mut self) -> Result<Wanted, Unclear> {
        let found = self.pipeline()?;
        let pipeline = found.name.clone();
        let is_to = self.peek().is_some_and(|word| word.eq_ignore_ascii_case("to"));
        let what = if is_to { None } else { self.branch()? };
        let environment = if self.skip("to") { Some(environment(found, self.needed("ENV")?)?) } else { None };
        Ok(Wanted::Start { pipeline, what, environment })
    }

    /// `PIPELINE ENV`
    fn place(&mut self) -> Result<(String, String), Unclear> {
        let pipeline = self.pipeline()?;
        let written = self.needed("ENV")?;
        Ok((pipeline.name.clone(), environment(pipeline, written)?))
    }

    fn pipeline(&mut self) -> Result<&'c Pipeline, Unclear> {
        let written = self.needed("PIPELINE")?;
        self.known(written).ok_or_else(|| Unclear::no_pipeline(written, &names(self.config)))
    }

    /// The pipeline of this name; in another case where only one has it.
    fn known(&self, written: &str) -> Option<&'c Pipeline> {
        let mut alike = self.config.pipelines().iter().filter(|one| one.name.eq_ignore_ascii_case(written));
        let only = alike.next().filter(|_| alike.next().is_none());
        self.config.pipeline(written).or(only)
    }

    /// `web#7`, `web #7`, `web 7`, or an id.
    fn release(&mut self) -> Result<Named, Unclear> {
        let written = self.needed("RELEASE")?;
        if let Some(id) = id(written) {
            return Ok(Named::Id(id));
        }
        let word = self.word;
        let wrong = || Unclear::NotARelease { word, written: written.to_owned() };
        let (pipeline, number) = match written.split_once('#') {
            Some((pipeline, number)) if !number.is_empty() => (pipeline, digits(number).ok_or_else(wrong)?),
            Some((pipeline, _)) => (pipeline, self.number().ok_or_else(wrong)?),
            None => (written, self.number().ok_or_else(wrong)?),
        };
        let known = self.known(pipeline).ok_or_else(|| Unclear::no_pipeline(pipeline, &names(self.config)))?;
        Ok(Named::Number { pipeline: known.name.clone(), number })
    }

    /// The same, and `#7` and `7`, of a pipeline that is known.
    fn release_of(&mut self, pipeline: &str) -> Result<Named, Unclear> {
        if let Some(number) = self.number() {
            return Ok(Named::Number { pipeline: pipeline.to_owned(), number });
        }
        match self.release()? {
            Named::Number { pipeline: own, number } if own != pipeline => {
                let release = format!("{own}#{number}");
                Err(Unclear::AnotherPipeline { release, pipeline: pipeline.to_owned() })
            }
            named => Ok(named),
        }
    }

    /// `7` or `#7`, where one follows.
    fn number(&mut self) -> Option<u64> {
        let next = self.peek()?;
        let number = digits(next.strip_prefix('#').unwrap_or(next))?;
        self.next();
        Some(number)
    }

    fn branch(&mut self) -> Result<Option<String>, Unclear> {
        let Some(written) = self.next() else { return Ok(None) };
        if !is_name(written) {
            return Err(Unclear::NotABranch { word: self.word, written: written.to_owned() });
        }
        Ok(Some(written.to_owned()))
    }

    /// All that is left.
    fn reason(&mut self) -> Option<String> {
        let reason = std::mem::take(&mut self.rest).into_iter().collect::<Vec<_>>().join(" ");
        let reason = bare(&reason);
        (!reason.is_empty()).then(|| shorten(reason, LONGEST_REASON))
    }

    fn needed(&mut self, what: &'static str) -> Result<&'t str, Unclear> {
        self.next().ok_or(Unclear::Missing { word: self.word, what })
    }

    fn skip(&mut self, word: &str) -> bool {
        let follows = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if follows {
            self.next();
        }
        follows
    }

    fn peek(&self) -> Option<&'t str> {
        self.rest.iter().map(|word| bare(word)).find(|word| !word.is_empty())
    }

    fn next(&mut self) -> Option<&'t str> {
        while let Some(word) = self.rest.pop_front() {
            let word = bare(word);
            if !word.is_empty() {
                return Some(word);
            }
        }
        None
    }
}

/// The environment that somebody means: in another case where only one has that name.
fn environment(pipeline: &Pipeline, written: &str) -> Result<String, Unclear> {
    let names: Vec<&str> = pipeline.environments.iter().map(|environment| environment.name.as_str()).collect();
    let mut alike = names.iter().filter(|name| name.eq_ignore_ascii_case(written));
    let only = alike.next().filter(|_| alike.next().is_none());
    match names.iter().find(|name| **name == written).or(only) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(Unclear::no_environment(&pipeline.name, written, &names)),
    }
}

/// Without the quotation marks, or the marks of code, that are round it.
fn bare(word: &str) -> &str {
    let mut bare = word.trim();
    for mark in ['`', '"', '\''] {
        if let Some(inner) = bare.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)) {
            bare = inner.trim();
        }
    }
    bare
}

fn id(written: &str) -> Option<ReleaseId> {
    ReleaseId::parse(&written.to_ascii_uppercase())
}

/// A number without a sign, which Rust would take.
fn digits(written: &str) -> Option<u64> {
    written.parse().ok().filter(|_| written.bytes().all(|byte| byte.is_ascii_digit()))
}
