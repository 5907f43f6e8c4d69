//! What the functions tell AWS, call by call: moto's own recorder is the witness.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use longshore_local::Options;
use serde_json::Value;
use tempfile::TempDir;

/// A call that moto took.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `X-Amz-Target`: `AWSEvents.PutEvents`, for example.
    pub target: String,
    /// Its body; null where it is no JSON.
    pub input: Value,
}

/// A recording of all that moto is asked from its start on.
pub struct Recording {
    directory: TempDir,
}

impl Recording {
    /// A recording of nothing.
    ///
    /// # Panics
    ///
    /// When its directory cannot be made.
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    /// Has the moto of a stack record. It takes that from its environment, so that a script starts it.
    ///
    /// # Panics
    ///
    /// When the script cannot be written.
    pub fn install(&self, options: &mut Options) {
        let program = options.moto.as_ref().map_or_else(|| PathBuf::from("moto_server"), |bin| bin.join("moto_server"));
        let script = format!(
            "#!/bin/sh\nMOTO_ENABLE_RECORDING=1 MOTO_RECORDER_FILEPATH='{}' exec '{}' \"$@\"\n",
            self.file().display(),
            program.display()
        );
        let path = self.directory.path().join("moto_server");
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a script that runs");
        options.moto = Some(path);
    }

    /// The calls so far, in their order.
    ///
    /// # Panics
    ///
    /// When the recording cannot be read.
    pub fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(self.file()).expect("a recording");
        // Not by lines: two requests at once may come between one and its line's end.
        let entries = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        entries.map(|entry| call(&entry.expect("an entry"))).collect()
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("recording")
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self::new()
    }
}

fn call(entry: &Value) -> Call {
    let headers = entry["headers"].as_object().into_iter().flatten();
    let mut target = headers.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
    let target = target.find_map(|(_, value)| value.as_str()).unwrap_or_default().to_owned();
    let body = entry["body"].as_str().unwrap_or_default();
    let body = match entry["body_encoded"].as_bool() {
        Some(true) => STANDARD.decode(body).expect("base64"),
        _ => body.as_bytes().to_vec(),
    };
    Call { target, input: serde_json::from_slice(&body).unwrap_or_default() }
}
