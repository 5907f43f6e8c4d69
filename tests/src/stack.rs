//! A stack for one test: started in a directory of its own on ports that the system chooses, and ended however the test ends.

use std::{
    any::Any,
    collections::BTreeMap,
    fs,
    future::poll_fn,
    iter,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    pin::pin,
    process::Command,
    task::Poll,
    time::Duration,
};

use longshore_local::{Options, Stack, TEMPLATE, Timing};
use tokio::time::timeout;

use crate::{Gate, Local, eventually};

/// Below the time after which nextest kills a test, which would leave containers behind.
const DEADLINE: Duration = Duration::from_mins(4);
/// Ticks come when a test asks for them: what works, works by events.
const NEVER: Duration = Duration::from_hours(24);
/// How many lines of each log a failure shows.
const TAIL: usize = 40;

/// Starts a stack with the sample's configuration, hands it to the test, and ends it; then the test's failure goes on, with
/// the ends of the functions' logs before it.
///
/// # Panics
///
/// When the stack does not start, and when the test fails or takes too long.
pub fn with_stack(adjust: impl FnOnce(&mut Options), test: impl AsyncFnOnce(&Local)) {
    let directory = tempfile::Builder::new().prefix("longshore-test-").tempdir().expect("a directory");
    let mut options = options(directory.path());
    adjust(&mut options);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let outcome = runtime.block_on(async {
        let stack = match Stack::start(options, std::future::pending()).await {
            Ok(stack) => stack,
            Err(error) => panic!("the stack did not start: {error:#}"),
        };
        let local = Local::new(stack, directory.path());
        let outcome = timeout(DEADLINE, caught(test(&local))).await;
        if !matches!(outcome, Ok(Ok(()))) {
            show_logs(local.stack.logs());
        }
        let engine = local.stack.engine.clone();
        local.stack.shutdown().await;
        if matches!(outcome, Ok(Ok(()))) {
            eventually("no container is left, nor what watches one", async || {
                let left = engine.containers().await.is_empty() && !is_watched(engine.label());
                left.then_some(())
            })
            .await;
        }
        outcome
    });
    let Ok(ended) = outcome else { panic!("the test took more than {} s", DEADLINE.as_secs()) };
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

/// A configuration of these pipelines: the name, which is also that of the project; the repository; and further keys. Each wants
/// the branch main, unless its further keys say otherwise.
pub fn config(pipelines: &[(&str, &str, &str)]) -> String {
    let pipeline = |(name, repository, keys): &(&str, &str, &str)| {
        let branches = if keys.contains("branches") { "" } else { "branches = [\"main\"]" };
        format!(
            "[[pipeline]]\nname = \"{name}\"\nrepository = \"{repository}\"\nproject = \"{name}\"\n{branches}\n{keys}\n"
        )
    };
    let slack = "[slack]\nchannel = \"#deploys\"\n".to_owned();
    iter::once(slack).chain(pipelines.iter().map(pipeline)).collect()
}

/// As [`with_stack`], with a configuration of the test's own.
///
/// # Panics
///
/// As [`with_stack`] does, and when the configuration cannot be written.
pub fn with_config(config: &str, adjust: impl FnOnce(&mut Options), test: impl AsyncFnOnce(&Local)) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("longshore.toml");
    fs::write(&file, config).expect("a file");
    with_stack(
        |options| {
            options.config = file;
            adjust(options);
        },
        test,
    );
}

/// As [`with_config`], with a gate that the builds know of, shut.
///
/// # Panics
///
/// As [`with_config`] does, and when the gate cannot be made.
pub fn with_gate(config: &str, test: impl AsyncFnOnce(&Local, &Gate)) {
    let gate = Gate::new();
    with_config(config, |options| gate.install(options), async |local| test(local, &gate).await);
}

/// Whether a container of this label is watched still: podman may forget a container whose process runs on, its monitor does not.
fn is_watched(label: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("the processes").flatten();
    let command_lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    command_lines.map(|line| String::from_utf8_lossy(&line).into_owned()).any(|line| {
        let mut words = line.split('\0');
        words.next().is_some_and(|program| program.ends_with("conmon")) && words.any(|word| word.starts_with(label))
    })
}

/// How a test's stack is started, in a directory of its own: without ticks, on ports that the system chooses.
///
/// # Panics
///
/// When the programs were not built.
pub fn options(directory: &Path) -> Options {
    let venv = workspace().join(".local/venv/bin");
    Options {
        template: TEMPLATE.to_owned(),
        config: workspace().join("examples/longshore.toml"),
        binaries: program("longshore-trigger").parent().expect("a folder").to_owned(),
        program: program("longshore"),
        directory: directory.join("stack"),
        moto: venv.is_dir().then_some(venv),
        port: 0,
        inbox_port: 0,
        instances: Options::INSTANCES,
        tick: Some(NEVER),
        variables: BTreeMap::new(),
        container_port: 8080,
        health_path: Some("/health".to_owned()),
        slack_token: None,
        timing: Timing::tests(),
        codebuild: None,
    }
}

/// The template with rules that match no event of these detail types: every such event is lost.
///
/// # Panics
///
/// When the template has no rule for one of them.
pub fn without_events(detail_types: &[&str]) -> String {
    let mut template = TEMPLATE.to_owned();
    for detail_type in detail_types {
        let pattern = format!("detail-type: [{detail_type}]");
        assert!(template.contains(&pattern), "template.yaml has no rule with {pattern}");
        template = template.replace(&pattern, "detail-type: [Lost]");
    }
    template
}

/// The root of the workspace.
///
/// # Panics
///
/// When this crate is in no folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The program `longshore`, ready to be run.
pub fn longshore() -> Command {
    Command::new(program("longshore"))
}

/// A program of the workspace, built with the profile of the test or program that asks.
///
/// # Panics
///
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("its own path");
    // target/<profile>/deps/<test> or target/<profile>/<program>
    let folder = own.parent().expect("a folder");
    let profile = if folder.ends_with("deps") { folder.parent().expect("target/<profile>") } else { folder };
    let program = profile.join(name);
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build --locked --profile quick --workspace` first, as `make test` does",
        program.display()
    );
    program
}

/// Runs a future to its end or its panic.
async fn caught(future: impl Future<Output = ()>) -> Result<(), Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Writes to standard error what the functions warned of, and the ends of their logs.
pub fn show_logs(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let (before, end) = lines.split_at(lines.len().saturating_sub(TAIL));
        let name = entry.file_name();
        eprintln!("---- warnings in {}, before its end", name.display());
        let warns = |line: &&&str| [r#""level":"WARN""#, r#""level":"ERROR""#].iter().any(|level| line.contains(level));
        for line in before.iter().filter(warns).take(TAIL) {
            eprintln!("{line}");
        }
        eprintln!("---- the end of {}", name.display());
        for line in end {
            eprintln!("{line}");
        }
    }
}
