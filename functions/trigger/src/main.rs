//! The Lambda entry of `trigger`: only wiring.

use longshore_aws::{clients, serve, settings::environment, telemetry};
use longshore_trigger::{Settings, Trigger};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(&environment);
    let settings = Settings::read(&environment).inspect_err(|error| tracing::error!("{error}"))?;
    serve::serve(Trigger::new(settings, &clients::sdk_config())).await
}
