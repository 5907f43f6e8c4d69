//! What the end-to-end tests share: a whole local stack for each, a tiny application to push, and looks at what came of it.
//!
//! Nothing here decides what is right: that stands in `tests/`. Every wait has a deadline, after which the test fails and says what
//! it waited for; no test waits for a time to pass.

mod application;
mod between;
mod engine;
mod gate;
mod killer;
mod local;
mod look;
mod push;
mod stack;
mod wait;

pub use application::{Application, Quality};
pub use between::{Between, Fault};
pub use engine::HeldEngine;
pub use gate::Gate;
pub use killer::Killer;
pub use local::Local;
pub use look::{scan, variable};
pub use push::{Push, commit, releases_in, releases_of};
pub use stack::{config, longshore, options, program, show_logs, with_config, with_stack, without_events, workspace};
pub use wait::{eventually, within};
