//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use local_lambda::{
    runtime::{Host, HostSettings},
    template::Function,
};

/// Where Cargo puts the obedient function.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors().nth(2).expect("target/<profile>/deps").join("examples")
}

/// A function that runs the obedient program.
pub fn function(id: &str, environment: &[(&str, &str)]) -> Function {
    Function {
        logical_id: id.to_owned(),
        name: format!("test-{id}"),
        binary: "obedient".to_owned(),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        timeout: Duration::from_secs(20),
        memory_mb: 256,
        maximum_retries: 2,
    }
}

/// A host with its log directory, and up to four instances of each function.
pub async fn start(functions: Vec<Function>) -> anyhow::Result<(Arc<Host>, tempfile::TempDir)> {
    start_with(functions, 4).await
}

/// The same with another number of instances.
pub async fn start_with(functions: Vec<Function>, instances: usize) -> anyhow::Result<(Arc<Host>, tempfile::TempDir)> {
    let directory = tempfile::tempdir()?;
    let settings = HostSettings {
        binaries: programs(),
        environment: BTreeMap::from([("EXTRA".to_owned(), "given".to_owned())]),
        directory: directory.path().to_owned(),
        instances,
    };
    Ok((Host::start(functions, settings).await?, directory))
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
