//! The stand-in as its callers see it: its API, and services and tasks with real containers where an engine is there.

mod api;
mod rollout;
mod settings;
mod shifting;
mod support;
mod tasks;
