//! The host, with a function that is a true client of the Runtime API.

mod support;

use std::{fs, path::Path, time::Duration};

use local_lambda::runtime::InvokeError;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use support::{function, start, until};

type Outcome = anyhow::Result<()>;

fn kill_9(pid: u32) -> Outcome {
    Ok(kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGKILL)?)
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether a process has ended, even if its parent does not know yet.
fn dead(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

#[tokio::test]
async fn a_function_answers_and_is_told_what_lambda_tells() -> Outcome {
    let (host, logs) =
        start(vec![function("Echo", &[("TABLE", "releases"), ("AWS_LAMBDA_FUNCTION_NAME", "forged")])]).await?;
    assert_eq!(host.invoke("Echo", json!({ "a": [1, "ü"] })).await?, json!({ "a": [1, "ü"] }));

    let environment = host.invoke("Echo", json!({ "do": "environment" })).await?;
    for (name, value) in [
        ("TABLE", "releases"),
        ("EXTRA", "given"),
        ("AWS_LAMBDA_FUNCTION_NAME", "test-Echo"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_REGION", "eu-central-1"),
        ("TZ", ":UTC"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert_eq!(environment.get("HOME"), None, "nothing of the host's own environment");

    let before = jiff::Timestamp::now().as_millisecond();
    let context = host.invoke("Echo", json!({ "do": "context" })).await?;
    assert_eq!(context["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:test-Echo");
    let deadline = context["deadline"].as_i64().unwrap_or_default();
    assert!((before + 20_000..before + 40_000).contains(&deadline), "{deadline}");
    assert!(context["trace"].as_str().is_some_and(|trace| trace.starts_with("Root=1-")));
    assert_eq!(host.processes("Echo"), [u32::try_from(context["pid"].as_u64().unwrap_or_default())?]);

    host.shutdown().await;
    assert!(fs::read_to_string(logs.path().join("Echo.log"))?.starts_with("ready\n"));
    Ok(())
}

#[tokio::test]
async fn a_functions_error_is_the_callers_and_the_instance_lives_on() -> Outcome {
    let (host, _logs) = start(vec![function("Echo", &[])]).await?;
    let before = host.processes("Echo");
    match host.invoke("Echo", json!({ "do": "fail" })).await {
        Err(InvokeError::Function { message, .. }) => assert_eq!(message, "told to fail"),
        other => panic!("{other:?}"),
    }
    host.invoke("Echo", Value::Null).await?;
    assert_eq!(host.processes("Echo"), before);
    let unknown = host.invoke("Other", Value::Null).await;
    assert_eq!(unknown, Err(InvokeError::Unknown("Other".to_owned())));
    assert_eq!(host.invoke("Echo", "x".repeat(7_000_000).into()).await, Err(InvokeError::TooLarge));
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_crash_is_reported_in_lambdas_words_and_the_next_call_works() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[])]).await?;
    for (order, reason) in
        [("crash", "Runtime exited with error: signal: aborted"), ("exit", "Runtime exited with error: exit status 3")]
    {
        let error = host.invoke("Echo", json!({ "do": order })).await.expect_err("it crashed");
        assert!(error.to_string().ends_with(reason), "{error}");
    }
    let trace = logs.path().join("trace");
    let (call, killed) = tokio::join!(host.invoke("Echo", json!({ "do": "hang", "trace": trace })), async {
        until("the function runs", || fs::read_to_string(&trace).is_ok_and(|pid| !pid.is_empty())).await;
        kill_9(fs::read_to_string(&trace)?.parse()?)
    });
    killed?;
    assert!(
        call.is_err_and(|error| { error.to_string().ends_with("Error: Runtime exited with error: signal: killed") })
    );
    host.invoke("Echo", Value::Null).await?;
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_instance_killed_between_two_calls_is_replaced() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[])]).await?;
    for _ in 0..10 {
        let pid = host.processes("Echo")[0];
        kill_9(pid)?;
        // Nothing is awaited here, so the host has not noticed yet.
        while !dead(pid) {
            std::thread::yield_now();
        }
        assert_eq!(host.invoke("Echo", json!(7)).await?, 7);
        assert!(!host.processes("Echo").contains(&pid));
    }
    host.shutdown().await;
    assert!(fs::read_to_string(logs.path().join("Echo.log"))?.contains("Runtime exited with error: signal: killed"));
    Ok(())
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_killed() -> Outcome {
    let mut slow = function("Slow", &[]);
    slow.timeout = Duration::from_secs(1);
    let (host, logs) = start(vec![slow]).await?;
    let pid = host.processes("Slow")[0];
    let error =
        host.invoke("Slow", json!({ "do": "hang", "trace": logs.path().join("trace") })).await.expect_err("too slow");
    assert!(error.to_string().ends_with("Error: Task timed out after 1.00 seconds"), "{error}");
    assert!(!exists(pid));
    assert_eq!(host.invoke("Slow", json!(1)).await?, 1);
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_flood_takes_as_many_instances_as_are_allowed_and_the_rest_waits() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[])]).await?;
    let meeting = logs.path().join("meeting");
    fs::create_dir(&meeting)?;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (host, order) = (host.clone(), json!({ "do": "meet", "directory": meeting, "count": 4 }));
        calls.spawn(async move { host.invoke("Echo", order).await });
    }
    let mut pids = std::collections::BTreeSet::new();
    while let Some(answer) = calls.join_next().await {
        pids.insert(answer??["pid"].as_u64());
    }
    assert_eq!(pids.len(), 4);
    assert_eq!(host.processes("Echo").len(), 4);
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_event_is_tried_three_times_and_then_kept() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[])]).await?;
    let trace = logs.path().join("tries");
    host.invoke_event("Echo", json!({ "do": "retry", "trace": trace, "count": 3 })).await?;
    host.idle().await;
    assert_eq!(fs::read_to_string(&trace)?, "...");
    assert_eq!(host.dead_letters(), []);

    host.invoke_event("Echo", json!({ "do": "fail" })).await?;
    host.idle().await;
    let letters = host.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].function.as_str(), letters[0].attempts), ("Echo", 3));
    assert_eq!(letters[0].payload, json!({ "do": "fail" }));
    host.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_function_that_does_not_come_up_says_why() -> Outcome {
    for (init, expected) in [
        (
            "exit",
            "the function Broken did not start: Runtime exited with error: exit status 1\n  LONGSHORE_TABLE is not set",
        ),
        ("error", "the function Broken did not start: Settings: the secret has no callback_key"),
    ] {
        let started = start(vec![function("Echo", &[]), function("Broken", &[("INIT", init)])]).await;
        assert_eq!(started.expect_err("it cannot start").to_string(), expected);
    }
    let mut missing = function("Missing", &[]);
    missing.binary = "no-such-program".to_owned();
    let error = start(vec![missing]).await.expect_err("there is no program").to_string();
    assert!(
        error.ends_with("does not exist: build it with `cargo build --profile quick --bin no-such-program`"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_after_a_shutdown() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[]), function("Other", &[])]).await?;
    let trace = logs.path().join("trace");
    let (call, pids) = tokio::join!(host.invoke("Echo", json!({ "do": "hang", "trace": trace })), async {
        until("the function runs", || trace.exists()).await;
        let pids = [host.processes("Echo"), host.processes("Other")].concat();
        host.shutdown().await;
        pids
    });
    assert_eq!(call, Err(InvokeError::Stopped));
    assert_eq!(pids.len(), 2);
    assert!(!pids.into_iter().any(exists));
    assert_eq!(host.invoke("Echo", Value::Null).await, Err(InvokeError::Stopped));

    let (host, _logs) = start(vec![function("Echo", &[])]).await?;
    let pid = host.processes("Echo")[0];
    drop(host);
    until("a forgotten host's instances are gone", || !exists(pid)).await;
    Ok(())
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_does_not_wait() -> Outcome {
    let (host, logs) = start(vec![function("Echo", &[])]).await?;
    let trace = logs.path().join("kept");
    let order = json!({ "do": "keep", "trace": trace });
    let gave_up = tokio::select! {
        biased;
        _ = host.invoke("Echo", order.clone()) => false,
        () = std::future::ready(()) => true,
    };
    assert!(gave_up);
    host.idle().await;
    assert_eq!(fs::read_to_string(&trace)?, format!("{order}\n"));
    host.shutdown().await;
    Ok(())
}
