//! The Lambda entry of `notify`: only wiring.

use longshore_aws::{clients, serve, settings::environment, telemetry};
use longshore_notify::{Notify, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(&environment);
    let settings = Settings::read(&environment).inspect_err(|error| tracing::error!("{error}"))?;
    serve::serve(Notify::new(settings, &clients::sdk_config())).await
}
