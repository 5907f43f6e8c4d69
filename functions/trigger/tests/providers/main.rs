//! What is asked of the providers' APIs, against a mock of them.

mod commits;
mod files;
mod hostile;
mod mock;
mod plan;
mod redelivery;
