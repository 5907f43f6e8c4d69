//! The pure core of Longshore: signatures, webhook parsing, routing, the release state machine, task-definition editing and
//! message rendering.
//!
//! **Invariant: no I/O.** No AWS SDK, no async runtime, no HTTP client, no clock, no environment, no randomness: time, ids and
//! keys come in as parameters. `tests/tests/architecture.rs` checks the dependency tree, `clippy.toml` forbids the calls.

pub mod address;
pub mod approval;
pub mod appspec;
mod bitbucket;
mod bitbucket_data_center;
pub mod codecommit;
pub mod commit;
pub mod config;
pub mod environment;
pub mod event;
pub mod explain;
pub mod freeze;
mod github;
mod gitlab;
pub mod glob;
pub mod image;
pub mod line;
pub mod log;
pub mod message;
pub mod push;
pub mod release;
pub mod report;
pub mod route;
pub mod signature;
pub mod slack;
pub mod task_definition;
pub mod terminal;
pub mod text;
pub mod token;
pub mod webhook;
