//! How a release is told of: the function as it is, moto's DynamoDB, and Slack's stand-in.

mod moments;
mod outage;
mod places;
mod world;
