//! From a push to a verdict, for real: a whole local stack for each test, with the functions as they are deployed.

mod approval;
mod bad_input;
mod bad_reports;
mod by_name;
mod commands;
mod crash;
mod deliveries;
mod deploying;
mod downstream;
mod ends;
mod explained;
mod github;
mod given_up;
mod good_path;
mod logs;
mod lost;
mod order;
mod secrets;
mod sources;
mod throttled;
mod too_many;
mod upstream;
mod verdicts;
