//! The I/O that all three functions share: settings, the store, secrets, events, logs and metrics, and the Lambda entry.
//!
//! Decisions are `longshore-core`'s; here is only what talks to AWS.

pub mod clients;
pub mod deeds;
pub mod events;
pub mod http;
pub mod ids;
pub mod logs;
pub mod metrics;
pub mod outbound;
pub mod proof;
pub mod secrets;
pub mod serve;
pub mod settings;
pub mod signed;
pub mod store;
pub mod telemetry;
pub mod together;
pub mod trust;
