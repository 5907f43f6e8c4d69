//! A function that does as its payload says, for the tests.

use std::{fs, io::Write, path::Path, process, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("INIT").as_deref() {
        Ok("exit") => {
            eprintln!("LONGSHORE_TABLE is not set");
            process::exit(1);
        }
        Ok("error") => {
            let url = format!("http://{}/2018-06-01/runtime/init/error", std::env::var("AWS_LAMBDA_RUNTIME_API")?);
            let body = json!({ "errorType": "Settings", "errorMessage": "the secret has no callback_key" });
            local_protocol::http().post(url).json(&body).send().await?;
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        _ => println!("ready"),
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (order, context) = event.into_parts();
    let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
    let pid = process::id();
    match order["do"].as_str() {
        Some("crash") => process::abort(),
        Some("exit") => process::exit(3),
        Some("fail") => Err("told to fail".into()),
        // Leaves a trace, then waits to be killed.
        Some("hang") => {
            fs::write(text("trace"), pid.to_string())?;
            loop {
                tokio::time::sleep(Duration::from_hours(1)).await;
            }
        }
        // Waits until as many invocations as it is told are there at the same time.
        Some("meet") => {
            let directory = text("directory");
            fs::write(Path::new(&directory).join(context.request_id), "")?;
            while fs::read_dir(&directory)?.count() < usize::try_from(order["count"].as_u64().unwrap_or(1))? {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(json!({ "pid": pid }))
        }
        // Fails until it has been tried as often as it is told.
        Some("retry") => {
            let tried = fs::read_to_string(text("trace")).unwrap_or_default() + ".";
            fs::write(text("trace"), &tried)?;
            if tried.len() < usize::try_from(order["count"].as_u64().unwrap_or(1))? {
                Err("not yet".into())
            } else {
                Ok(Value::Null)
            }
        }
        // Keeps what it got, for a test that cannot see the answer.
        Some("keep") => keep(&text("trace"), &order).map(|()| Value::Null),
        Some("environment") => Ok(std::env::vars().collect::<std::collections::HashMap<_, _>>().into_iter().collect()),
        Some("context") => Ok(json!({
            "pid": pid,
            "request": context.request_id,
            "deadline": context.deadline,
            "arn": context.invoked_function_arn,
            "trace": context.xray_trace_id,
        })),
        // A gateway's event and a rule's give no orders: those are in the environment.
        _ if std::env::var_os("CRASH").is_some() => process::abort(),
        _ if std::env::var_os("SLOW").is_some() => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            Ok(Value::Null)
        }
        _ => {
            if let Ok(answer) = std::env::var("ANSWER") {
                return Ok(serde_json::from_str(&answer)?);
            }
            if let Ok(file) = std::env::var("KEEP") {
                keep(&file, &order)?;
            }
            Ok(order)
        }
    }
}

/// Adds a line in one piece: several instances may do so at once.
fn keep(file: &str, order: &Value) -> Result<(), Error> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(format!("{order}\n").as_bytes())?)
}
