//! What `deploy` asks of AWS: concrete clients with our verbs, each for one account and region.
//!
//! ECS and ECR are called through their SDKs, everything else by signed calls of our own (`longshore_aws::signed`). A verb answers
//! [`Call`]: done, or refused for good. An error is what another attempt may mend.

pub mod accounts;
pub mod balancers;
pub mod codedeploy;
pub mod ecr;
pub mod ecs;
pub mod logs;
pub mod parameters;
pub mod schedules;

use anyhow::anyhow;
use longshore_aws::signed::CallError;

pub use accounts::{Accounts, Clients};

/// What a call came to: done, or refused for good, with the service's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call<T> {
    /// It was done.
    Done(T),
    /// It was refused, and will be again.
    Refused(String),
}

impl<T> Call<T> {
    /// The same with what was done changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Call<U> {
        match self {
            Self::Done(done) => Call::Done(change(done)),
            Self::Refused(why) => Call::Refused(why),
        }
    }
}

/// Ends a function with a refusal; goes on with what was done.
macro_rules! done {
    ($call:expr) => {
        match $call {
            $crate::aws::Call::Done(done) => done,
            $crate::aws::Call::Refused(why) => return Ok($crate::aws::Call::Refused(why)),
        }
    };
}
pub(crate) use done;

/// A signed call's answer as ours. A refusal is told with its code.
fn answered<T>(answer: Result<T, CallError>, what: &'static str) -> anyhow::Result<Call<T>> {
    match answer {
        Ok(answer) => Ok(Call::Done(answer)),
        Err(refusal @ CallError::Refused { .. }) => Ok(Call::Refused(format!("{what}: {refusal}"))),
        Err(CallError::Unanswered(why)) => Err(anyhow!(why).context(what)),
    }
}
