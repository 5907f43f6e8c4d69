//! What each crate is linked with: the core with nothing that does I/O, each function with its own SDKs.

use std::{collections::BTreeSet, process::Command};

use longshore_tests::workspace;

/// The names of the crates that a crate of ours is linked with, itself included.
fn linked(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let output = Command::new(cargo).args(arguments).args(["--package", package]).current_dir(workspace()).output();
    let output = output.expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The SDKs among them. That of STS comes with aws-config, which cannot be had without.
fn sdks(package: &str) -> Vec<String> {
    linked(package).into_iter().filter(|name| name.starts_with("aws-sdk-") && name != "aws-sdk-sts").collect()
}

#[test]
fn the_core_does_no_io() {
    let linked = linked("longshore-core");
    assert!(linked.contains("serde_json"), "the list is not empty: {linked:?}");
    let io = [
        "tokio",
        "mio",
        "async-std",
        "reqwest",
        "hyper",
        "hyper-util",
        "axum",
        "lambda_runtime",
        "rustls",
        "getrandom",
        "rand",
    ];
    for name in io {
        assert!(!linked.contains(name), "the core is linked with {name}");
    }
    let aws: Vec<_> = linked.iter().filter(|name| name.starts_with("aws-")).collect();
    assert!(aws.is_empty(), "the core is linked with {aws:?}");
}

#[test]
fn each_function_is_linked_with_its_own_sdks_alone() {
    assert_eq!(sdks("longshore-aws"), ["aws-sdk-dynamodb", "aws-sdk-eventbridge", "aws-sdk-secretsmanager"]);
    assert_eq!(
        sdks("longshore-trigger"),
        ["aws-sdk-codebuild", "aws-sdk-dynamodb", "aws-sdk-eventbridge", "aws-sdk-secretsmanager"]
    );
    assert_eq!(sdks("longshore-notify"), ["aws-sdk-dynamodb", "aws-sdk-eventbridge", "aws-sdk-secretsmanager"]);
    assert_eq!(
        sdks("longshore-deploy"),
        ["aws-sdk-dynamodb", "aws-sdk-ecr", "aws-sdk-ecs", "aws-sdk-eventbridge", "aws-sdk-secretsmanager"]
    );
}

#[test]
fn no_function_is_linked_with_the_local_stack_or_a_second_tls() {
    for function in ["longshore-trigger", "longshore-notify", "longshore-deploy"] {
        let linked = linked(function);
        let strangers = linked.iter().filter(|name| name.starts_with("local-") || *name == "longshore-local");
        assert_eq!(strangers.count(), 0, "{function} is linked with the local stack");
        for name in ["axum", "openssl", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
            assert!(!linked.contains(name), "{function} is linked with {name}");
        }
    }
}
