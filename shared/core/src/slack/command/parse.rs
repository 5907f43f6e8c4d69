//! Reads what somebody wants: the text of a slash command, and the words that follow a command of the program `longshore`. One grammar for
//! both, so that the same words mean the same wherever they are typed, and are refused with the same sentences.

use super::{Command, LONGEST, LONGEST_REASON, Named, Question, Unclear, Wanted, Word, plain, repository};
use crate::{
    config::{Config, Pipeline},
    push::is_name,
    release::ReleaseId,
};

/// The names that words are read against.
#[derive(Debug, Clone, Copy)]
pub enum Names<'c> {
    /// Those of the configuration, and no others: a function has the one that counts.
    All(&'c Config),
    /// Those of a configuration that is at hand; another pipeline or environment is taken as it is written, since the table may know it.
    Some(&'c Config),
    /// None is known: every name is taken as it is written.
    Unknown,
}

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
        let mut words = Words::new(text.split_whitespace(), Names::All(config), Word::Help);
        let Some(first) = words.peek() else { return Ok(Self::Question(Question::Help)) };
        match Word::parse(first) {
            Some(word) => {
                words.next();
                words.word = word;
            }
            None if words.known(first).is_some() => words.word = Word::Start,
            None => return Err(Unclear::unknown(first, &words.names.pipelines())),
        }
        words.command()
    }
}

impl Wanted {
    /// Reads the words that follow `word`, each as a shell hands it over, and why, which a shell hands over by itself and which counts where
    /// the word takes a reason. A pipeline that is left out is the only one of the configuration. `None`: `word` wants nothing done, but asks.
    pub fn read(word: Word, words: &[&str], reason: Option<&str>, names: Names<'_>) -> Result<Option<Self>, Unclear> {
        let given = reason.map(self::reason).transpose()?.flatten();
        match (Words { given, ..Words::new(words.iter().copied(), names, word) }).command()? {
            Command::Wanted(wanted) => Ok(Some(wanted)),
            Command::Question(_) => Ok(None),
        }
    }
}

impl Named {
    /// Reads the words that name a release: `web#7`, an id, and `7` and `#7` of the only pipeline.
    pub fn read(words: &[&str], names: Names<'_>) -> Result<Self, Unclear> {
        let mut words = Words::new(words.iter().copied(), names, Word::Logs);
        let release = words.release()?;
        words.end()?;
        Ok(release)
    }
}

/// Why something is done, in a line: without the quotation marks that are round it, `None` where nothing is left. One that is longer than
/// a record keeps is refused, so that nothing of it is lost unnoticed.
pub fn reason(text: &str) -> Result<Option<String>, Unclear> {
    let line = plain::line(text);
    let reason = bare(&line);
    match reason.chars().count() {
        0 => Ok(None),
        length if length > LONGEST_REASON => Err(Unclear::LongReason { length }),
        _ => Ok(Some(reason.to_owned())),
    }
}

impl<'c> Names<'c> {
    /// The configuration, where there is one.
    fn config(self) -> Option<&'c Config> {
        match self {
            Self::All(config) | Self::Some(config) => Some(config),
            Self::Unknown => None,
        }
    }

    /// Whether another name may be one all the same.
    fn is_open(self) -> bool {
        match self {
            Self::All(_) => false,
            Self::Some(_) | Self::Unknown => true,
        }
    }

    fn pipelines(self) -> Vec<&'c str> {
        self.config().map(|config| config.pipelines().iter().map(|one| one.name.as_str()).collect()).unwrap_or_default()
    }

    /// The only pipeline that there is.
    fn only(self) -> Option<&'c Pipeline> {
        match self.config()?.pipelines() {
            [only] => Some(only),
            [] | [..] => None,
        }
    }

    /// The pipeline of this name; in another case where only one has it.
    pub fn pipeline(self, written: &str) -> Option<&'c Pipeline> {
        let config = self.config()?;
        let mut alike = config.pipelines().iter().filter(|one| one.name.eq_ignore_ascii_case(written));
        let only = alike.next().filter(|_| alike.next().is_none());
        config.pipeline(written).or(only)
    }

    /// The environment of a pipeline that somebody means: in another case where only one has that name.
    fn environment(self, pipeline: &str, written: &str) -> Result<String, Unclear> {
        let Some(found) = self.config().and_then(|config| config.pipeline(pipeline)) else {
            return Ok(written.to_owned());
        };
        match environment(found, written) {
            Err(_) if self.is_open() => Ok(written.to_owned()),
            read => read,
        }
    }
}

/// The words that are left.
struct Words<'t, 'c> {
    rest: std::collections::VecDeque<&'t str>,
    names: Names<'c>,
    word: Word,
    /// Why, where that was given apart from the words.
    given: Option<String>,
}

impl<'t, 'c> Words<'t, 'c> {
    fn new(rest: impl Iterator<Item = &'t str>, names: Names<'c>, word: Word) -> Self {
        Self { rest: rest.collect(), names, word, given: None }
    }

    /// What all the words say.
    fn command(&mut self) -> Result<Command, Unclear> {
        let command = match self.word {
            // Whatever is asked about: the list has all.
            Word::Help => return Ok(Command::Question(Question::Help)),
            Word::Status => Command::Question(Question::Status(match self.peek() {
                Some(_) => Some(self.pipeline()?),
                None => None,
            })),
            Word::Releases => Command::Question(Question::Releases(self.pipeline()?)),
            Word::Logs => Command::Question(Question::Logs(self.release()?)),
            Word::Why => Command::Question(self.why()?),
            Word::Start => Command::Wanted(self.start()?),
            Word::Promote => Command::Wanted(self.promotion()?),
            Word::RollBack => {
                let (pipeline, environment) = self.place()?;
                self.skip("to");
                let to = if self.peek().is_some() { Some(self.release_of(&pipeline)?) } else { None };
                Command::Wanted(Wanted::RollBack { pipeline, environment, to })
            }
            Word::Approve | Word::Reject => {
                let approved = self.word == Word::Approve;
                Command::Wanted(Wanted::Decide { release: self.release()?, approved, reason: self.reason()? })
            }
            Word::Cancel => Command::Wanted(Wanted::Cancel { release: self.release()? }),
            Word::Lock => {
                let (pipeline, environment) = self.place()?;
                Command::Wanted(Wanted::Lock { pipeline, environment, reason: self.reason()? })
            }
            Word::Unlock => {
                let (pipeline, environment) = self.place()?;
                Command::Wanted(Wanted::Unlock { pipeline, environment, reason: self.reason()? })
            }
        };
        self.end()?;
        Ok(command)
    }

    fn end(&mut self) -> Result<(), Unclear> {
        match self.next() {
            None => Ok(()),
            Some(more) => Err(Unclear::TooMuch { word: self.word, written: more.to_owned() }),
        }
    }

    fn why(&mut self) -> Result<Question, Unclear> {
        let written = self.needed("REPOSITORY")?;
        let repository = self.names.config().map_or(Ok(written), |config| repository(written, config))?.to_owned();
        let branch = self.branch()?.ok_or(Unclear::Missing { word: self.word, what: "BRANCH" })?;
        Ok(Question::Why { repository, branch })
    }

    fn start(&mut self) -> Result<Wanted, Unclear> {
        let pipeline = self.pipeline()?;
        let is_to = self.peek().is_some_and(|word| word.eq_ignore_ascii_case("to"));
        let what = if is_to { None } else { self.branch()? };
        let environment =
            if self.skip("to") { Some(self.names.environment(&pipeline, self.needed("ENV")?)?) } else { None };
        Ok(Wanted::Start { pipeline, what, environment })
    }

    fn promotion(&mut self) -> Result<Wanted, Unclear> {
        let release = self.release()?;
        self.skip("to");
        let written = self.needed("ENV")?;
        let environment = match &release {
            Named::Number { pipeline, .. } => self.names.environment(pipeline, written)?,
            // Its record knows.
            Named::Id(_) => written.to_owned(),
        };
        Ok(Wanted::Promote { release, environment })
    }

    /// `PIPELINE ENV`, and `ENV` of the only pipeline.
    fn place(&mut self) -> Result<(String, String), Unclear> {
        let first = self.needed("PIPELINE")?;
        let of_only = self.names.only().filter(|only| environment(only, first).is_ok());
        // An environment may be called like its pipeline.
        if let Some(only) = of_only.filter(|_| self.peek().is_none() || self.known(first).is_none()) {
            return Ok((only.name.clone(), environment(only, first)?));
        }
        let pipeline = match self.known(first) {
            Some(known) => known.name.clone(),
            None if !self.names.is_open() => return Err(Unclear::no_pipeline(first, &self.names.pipelines())),
            // `production` and `production 7`: an environment that is not in the configuration here.
            None if self.peek().is_none_or(is_release) => {
                let only = self.names.only().ok_or(Unclear::Missing { word: self.word, what: "PIPELINE" })?;
                return Ok((only.name.clone(), first.to_owned()));
            }
            None => first.to_owned(),
        };
        let written = self.needed("ENV")?;
        let environment = self.names.environment(&pipeline, written)?;
        Ok((pipeline, environment))
    }

    fn pipeline(&mut self) -> Result<String, Unclear> {
        let written = self.needed("PIPELINE")?;
        self.named(written)
    }

    fn known(&self, written: &str) -> Option<&'c Pipeline> {
        self.names.pipeline(written)
    }

    fn named(&self, written: &str) -> Result<String, Unclear> {
        match self.known(written) {
            Some(known) => Ok(known.name.clone()),
            None if self.names.is_open() => Ok(written.to_owned()),
            None => Err(Unclear::no_pipeline(written, &self.names.pipelines())),
        }
    }

    /// `web#7`, `web #7`, `web 7`, or an id; `#7` and `7` of the only pipeline.
    fn release(&mut self) -> Result<Named, Unclear> {
        let written = self.needed("RELEASE")?;
        if let Some(id) = id(written) {
            return Ok(Named::Id(id));
        }
        let word = self.word;
        let wrong = || Unclear::NotARelease { word, written: written.to_owned() };
        let alone = digits(written.strip_prefix('#').unwrap_or(written)).filter(|_| self.known(written).is_none());
        if let Some(number) = alone {
            return match self.names.only() {
                Some(only) => Ok(Named::Number { pipeline: only.name.clone(), number }),
                None if self.names.is_open() => Err(Unclear::Missing { word, what: "PIPELINE" }),
                None => Err(wrong()),
            };
        }
        let (pipeline, number) = match written.split_once('#') {
            Some((pipeline, number)) if !number.is_empty() => (pipeline, digits(number).ok_or_else(wrong)?),
            Some((pipeline, _)) => (pipeline, self.number().ok_or_else(wrong)?),
            None => (written, self.number().ok_or_else(wrong)?),
        };
        if pipeline.is_empty() {
            return Err(wrong());
        }
        Ok(Named::Number { pipeline: self.named(pipeline)?, number })
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

    /// What was given; otherwise all that is left.
    fn reason(&mut self) -> Result<Option<String>, Unclear> {
        if let Some(given) = self.given.take() {
            return Ok(Some(given));
        }
        reason(&std::mem::take(&mut self.rest).into_iter().collect::<Vec<_>>().join(" "))
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

/// Whether a word can only be a release: `7`, `#7`, `web#7` or an id.
fn is_release(written: &str) -> bool {
    let number = written.split_once('#').map_or(written, |(_, number)| number);
    digits(number).is_some() || id(written).is_some()
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
