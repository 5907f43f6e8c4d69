//! What is asked of AWS: against moto where it can be trusted, otherwise as a script whose answers have the shapes that AWS documents.

mod accounts;
mod balancers;
mod codedeploy;
mod deployments;
mod ecr;
mod ecs;
mod evidence;
mod logs;
mod moto;
mod schedules;
#[path = "../../../../shared/aws/tests/signed/script.rs"]
mod script;
mod why;

use longshore_deploy::aws::Call;

/// What was done.
#[track_caller]
fn done<T: std::fmt::Debug>(call: anyhow::Result<Call<T>>) -> T {
    match call.expect("an answer") {
        Call::Done(done) => done,
        Call::Refused(why) => panic!("refused: {why}"),
    }
}

/// Why it was refused.
#[track_caller]
fn refused<T: std::fmt::Debug>(call: anyhow::Result<Call<T>>) -> String {
    match call.expect("an answer") {
        Call::Done(done) => panic!("done: {done:?}"),
        Call::Refused(why) => why,
    }
}
