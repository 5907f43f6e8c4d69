//! The buildspec: what to run in which phase.
//!
//! Source: <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>. Keys that the stand-in has no
//! use for are accepted and mentioned in [`Buildspec::notes`]; what it cannot do is an error, as a build that silently
//! lacks its secrets helps nobody.

use crate::{
    phase::Phase,
    yaml::{self, Content, Node},
};

/// A buildspec that the stand-in can run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Buildspec {
    pub(crate) version: Version,
    pub(crate) shell: Program,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) exported: Vec<String>,
    pub(crate) install: Steps,
    pub(crate) pre_build: Steps,
    pub(crate) build: Steps,
    pub(crate) post_build: Steps,
    /// What the log says about the parts that have no effect here.
    pub(crate) notes: Vec<String>,
}

/// 0.1 runs each command in a shell of its own, 0.2 all of them in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V01,
    V02,
}

/// `env.shell`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Sh,
    Bash,
}

/// One phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Steps {
    pub(crate) commands: Vec<String>,
    pub(crate) finally: Vec<String>,
    pub(crate) on_failure: OnFailure,
}

/// `on-failure` of a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// As the phase transitions are documented: only a failed `build` is followed by `post_build`.
    #[default]
    Transition,
    /// The build ends.
    Abort,
    /// The next phase runs. The build still counts as failed; AWS documents nothing of this.
    Continue,
    /// The phase runs again, at most so many times.
    Retry(u32),
}

impl Buildspec {
    /// Reads a buildspec; the error is the message of a `YAML_FILE_ERROR`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let root = yaml::parse(text)?;
        let entries = root.mapping("the buildspec")?;
        let mut spec = Self {
            version: version(entries)?,
            shell: Program::Sh,
            variables: Vec::new(),
            exported: Vec::new(),
            install: Steps::default(),
            pre_build: Steps::default(),
            build: Steps::default(),
            post_build: Steps::default(),
            notes: Vec::new(),
        };
        let mut has_phases = false;
        for (key, node) in entries {
            match key.as_str() {
                "version" => {}
                "env" => spec.environment(node)?,
                "phases" => {
                    spec.phases(node)?;
                    has_phases = true;
                }
                "run-as" => spec.notes.push("run-as is ignored: commands run as the user of the stand-in".into()),
                "artifacts" => spec.notes.push("artifacts are not uploaded by the local stand-in".into()),
                "cache" => spec.notes.push("the cache is neither restored nor stored by the local stand-in".into()),
                "reports" => spec.notes.push("reports are not uploaded by the local stand-in".into()),
                "proxy" => spec.notes.push("proxy settings are ignored by the local stand-in".into()),
                "batch" => spec.notes.push("batch is ignored: the local stand-in runs single builds".into()),
                other => spec.notes.push(format!("unknown key {other} at line {} is ignored", node.line)),
            }
        }
        if has_phases { Ok(spec) } else { Err("the buildspec has no phases".into()) }
    }

    /// What to do in a phase; nothing in those that a buildspec knows nothing of.
    pub(crate) fn steps(&self, phase: Phase) -> &Steps {
        static NONE: Steps = Steps { commands: Vec::new(), finally: Vec::new(), on_failure: OnFailure::Transition };
        match phase {
            Phase::Install => &self.install,
            Phase::PreBuild => &self.pre_build,
            Phase::Build => &self.build,
            Phase::PostBuild => &self.post_build,
            Phase::Submitted
            | Phase::Queued
            | Phase::Provisioning
            | Phase::DownloadSource
            | Phase::UploadArtifacts
            | Phase::Finalizing
            | Phase::Completed => &NONE,
        }
    }

    fn environment(&mut self, node: &Node) -> Result<(), String> {
        for (key, node) in node.mapping("env")? {
            match key.as_str() {
                "shell" => {
                    self.shell = match node.text("env.shell")? {
                        "sh" | "/bin/sh" => Program::Sh,
                        "bash" | "/bin/bash" => Program::Bash,
                        other => return Err(format!("the shell {other} is not supported locally: use sh or bash")),
                    }
                }
                "variables" => {
                    for (name, node) in node.mapping("env.variables")? {
                        let value = node.scalar().ok_or_else(|| node.unexpected(&format!("env.variables.{name}")))?;
                        if !is_variable(name) {
                            return Err(format!("{name:?} at line {} cannot name a variable", node.line));
                        }
                        self.variables.push((name.clone(), value.to_owned()));
                    }
                }
                "exported-variables" => {
                    for node in node.sequence("env.exported-variables")? {
                        let name = node.text("env.exported-variables")?;
                        if !is_identifier(name) {
                            return Err(format!("{name:?} at line {} cannot name a shell variable", node.line));
                        }
                        if name.starts_with("AWS_") {
                            self.notes.push(format!("{name} is not exported: its name starts with AWS_"));
                        } else {
                            self.exported.push(name.to_owned());
                        }
                    }
                }
                "parameter-store" | "secrets-manager" => {
                    let names: Vec<_> = node.mapping(key)?.iter().map(|(name, _)| name.as_str()).collect();
                    if !names.is_empty() {
                        let names = names.join(", ");
                        return Err(format!("env.{key} is not supported by the local stand-in (it has {names})"));
                    }
                }
                "git-credential-helper" => {}
                other => self.notes.push(format!("unknown key env.{other} at line {} is ignored", node.line)),
            }
        }
        Ok(())
    }

    fn phases(&mut self, node: &Node) -> Result<(), String> {
        for (name, node) in node.mapping("phases")? {
            let steps = self.phase(name, node)?;
            match name.as_str() {
                "install" => self.install = steps,
                "pre_build" => self.pre_build = steps,
                "build" => self.build = steps,
                "post_build" => self.post_build = steps,
                // CodeBuild's own words.
                other => {
                    return Err(format!(
                        "Invalid buildspec phase name: {other}. Expecting: build,install,post_build,pre_build"
                    ));
                }
            }
        }
        Ok(())
    }

    fn phase(&mut self, name: &str, node: &Node) -> Result<Steps, String> {
        let mut phase = Steps::default();
        for (key, node) in node.mapping(&format!("phases.{name}"))? {
            match key.as_str() {
                "commands" => phase.commands = commands(node, "Commands")?,
                "finally" => phase.finally = commands(node, "Finally")?,
                "on-failure" => phase.on_failure = on_failure(node.text("on-failure")?)?,
                "run-as" => self.notes.push(format!("run-as of phase {name} is ignored")),
                "runtime-versions" => {
                    for (runtime, node) in node.mapping("runtime-versions")? {
                        let version = node.scalar().unwrap_or("?");
                        self.notes
                            .push(format!("runtime {runtime} {version} is not installed: this machine's is used"));
                    }
                }
                other => self.notes.push(format!("unknown key {other} of phase {name} is ignored")),
            }
        }
        Ok(phase)
    }
}

fn version(entries: &[(String, Node)]) -> Result<Version, String> {
    let Some((_, node)) = entries.iter().find(|(key, _)| key == "version") else {
        return Err("the buildspec has no version".into());
    };
    match node.text("version")? {
        "0.1" => Ok(Version::V01),
        "0.2" => Ok(Version::V02),
        other => Err(format!("invalid buildspec version {other}: expecting 0.1 or 0.2")),
    }
}

/// `ABORT`, `CONTINUE`, `RETRY`, `RETRY-<count>`, `RETRY-<pattern>`, `RETRY-<count>-<pattern>`. Patterns other than
/// `.*` are beyond the stand-in.
fn on_failure(text: &str) -> Result<OnFailure, String> {
    let retry = match text {
        "ABORT" => return Ok(OnFailure::Abort),
        "CONTINUE" => return Ok(OnFailure::Continue),
        "RETRY" => return Ok(OnFailure::Retry(3)),
        other => other.strip_prefix("RETRY-").ok_or_else(|| format!("invalid on-failure: {text}"))?,
    };
    let (count, pattern) = match retry.split_once('-') {
        Some((count, pattern)) if count.parse::<u32>().is_ok() => (count, pattern),
        _ if retry.parse::<u32>().is_ok() => (retry, ".*"),
        _ => ("3", retry),
    };
    match count.parse() {
        Ok(count @ 0..=100) if pattern == ".*" => Ok(OnFailure::Retry(count)),
        Ok(0..=100) => Err(format!("on-failure: {text}: the local stand-in retries without a pattern only")),
        _ => Err(format!("on-failure: {text}: the count must be from 0 to 100")),
    }
}

/// A sequence of commands, or a single one.
fn commands(node: &Node, what: &str) -> Result<Vec<String>, String> {
    match &node.content {
        Content::Null => Ok(Vec::new()),
        Content::Text(command) => Ok(vec![command.clone()]),
        Content::Mapping(_) => Err(node.unexpected(what)),
        Content::Sequence(items) => {
            let command = |(index, item): (usize, &Node)| match &item.content {
                Content::Text(command) => Ok(command.clone()),
                Content::Null => Err(format!("{what}[{index}] is empty, at line {}", item.line)),
                // CodeBuild's own words; the usual cause is a colon and a space in an unquoted command.
                Content::Mapping(_) => Err(format!(
                    "Expected {what}[{index}] to be of string type: found subkeys instead at line {}",
                    item.line
                )),
                Content::Sequence(_) => Err(format!(
                    "Expected {what}[{index}] to be of string type: found a sequence instead at line {}",
                    item.line
                )),
            };
            items.iter().enumerate().map(command).collect()
        }
    }
}

/// What the kernel takes as a variable's name.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// What a shell takes as a variable's name.
fn is_identifier(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
