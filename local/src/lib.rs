//! The local stack: the whole of Longshore on one machine, with nothing from AWS.
//!
//! The same function binaries run through the Lambda Runtime API, wired as `template.yaml` says; moto is the control plane; builds,
//! tasks, images and messages are handled by stand-ins that really do the work.

pub mod demo;
mod foundations;
pub mod hook;
mod placeholder;
mod repository;
mod resources;
mod stack;
mod table;
mod task_logs;
mod whereabouts;

pub use local_ecs::Timing;
pub use repository::Repository;
pub use stack::{Interrupted, Middleware, Options, Stack};
pub use table::{Table, Writes, units};
pub use whereabouts::{Endpoints, Unknown, Whereabouts};

/// The template that the stack is wired by, unless another is given.
pub const TEMPLATE: &str = include_str!("../../template.yaml");
