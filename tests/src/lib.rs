//! What the end-to-end tests share: a whole local stack for each, a tiny application to push, and looks at what came of it.
//!
//! Nothing here decides what is right: that stands in `tests/`. Every wait has a deadline, after which the test fails and says what
//! it waited for; no test waits for a time to pass.

mod application;
mod between;
mod curl;
mod emf;
mod engine;
mod front;
mod gate;
mod image;
mod killer;
mod local;
mod look;
mod program;
mod push;
mod recording;
mod stack;
mod version;
mod wait;

pub use application::{Application, Quality};
pub use between::{Between, Fault};
pub use curl::REPORTS;
pub use emf::{Datum, data};
pub use engine::HeldEngine;
pub use front::Front;
pub use gate::Gate;
pub use killer::Killer;
pub use local::Local;
pub use look::{scan, told, variable};
pub use program::{Output, run};
pub use push::{Push, commit, delivery, payload, reason_of, release_of, releases_in, releases_of};
pub use recording::{Call, Recording};
pub use stack::{
    config, longshore, options, program, show_logs, with_config, with_gate, with_stack, without_events, workspace,
};
pub use version::Works;
pub use wait::{eventually, within};
