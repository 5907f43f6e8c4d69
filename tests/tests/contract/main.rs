//! Template, code and README say the same: variables, routes, events, and who may call what of AWS.
//!
//! The template is read as CloudFormation gets it, after SAM's transform; which calls of AWS a function can make is read from the
//! program that was linked, and, for the few calls that go without an SDK, from the source. Each comparison is a function of
//! plain sets, and has tests of its own in which it finds what is wrong.

mod calls;
mod events;
mod metrics;
mod permissions;
mod redrive;
mod repository;
mod routes;
mod same;
mod suite;
mod template;
mod variables;
