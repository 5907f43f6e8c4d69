//! From a push to a verdict, for real: a whole local stack for each test, with the functions as they are deployed.

mod bad_input;
mod bad_reports;
mod crash;
mod deliveries;
mod given_up;
mod good_path;
mod logs;
mod lost;
mod order;

mod too_many;
mod verdicts;
