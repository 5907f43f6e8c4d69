//! Which pipelines a delivery starts, and the first rule that said no for the others.

use crate::{
    config::{Config, Pipeline},
    push::{Delivery, Reference},
};

/// What a delivery does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing<'c> {
    /// For every pipeline, in the configuration's order, whether it starts and why.
    pub decisions: Vec<Decision<'c>>,
    /// Why the delivery starts nothing, in a sentence for its sender; `None` when something starts.
    pub ignored: Option<String>,
}

/// What a delivery does to one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'c> {
    /// Which.
    pub pipeline: &'c Pipeline,
    /// A release for each of these; none: it does not start.
    pub starts: Vec<Start>,
    /// Why it starts, or the first rule that said no: a sentence without its full stop.
    pub reason: String,
}

/// A release to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The position in [`Delivery::pushes`] of what it comes from.
    pub push: usize,
    /// The pipelines that it waits for: those of its `after` that the same push starts.
    pub after: Vec<String>,
    /// Its pipeline is of another repository than the push: the newest known commit of this branch is built.
    pub elsewhere: Option<Reference>,
}

/// Decides what a delivery starts.
pub fn route<'c>(config: &'c Config, delivery: &Delivery) -> Routing<'c> {
    let _ = (config, delivery);
    Routing { decisions: Vec::new(), ignored: None }
}

/// The positions in [`Delivery::pushes`] whose list of files would decide something and is not known: the provider may be asked.
pub fn wants_files(config: &Config, delivery: &Delivery) -> Vec<usize> {
    let _ = (config, delivery);
    Vec::new()
}
