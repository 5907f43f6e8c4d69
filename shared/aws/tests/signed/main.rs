//! What goes over the wire, and what is made of answers.

mod script;

use longshore_aws::signed::{CallError, Service, Signed, encode};
use script::{Said, Script, refuses, said, says};
use serde_json::{Value, json};

/// A call, whatever it is.
async fn ask(script: &Script) -> Result<Value, CallError> {
    Signed::new(&script.sdk(), Service::CodeDeploy).json("CodeDeploy_20141006.GetDeployment", &json!({})).await
}

fn refused(code: &str, message: &str) -> CallError {
    CallError::Refused { code: code.to_owned(), message: message.to_owned() }
}

#[tokio::test]
async fn a_json_call_is_signed_as_aws_wants_it() {
    let script = Script::new([says(&json!({ "events": [] }))]);
    let client = Signed::new(&script.sdk(), Service::CloudWatchLogs);
    let answer = client.json("Logs_20140328.GetLogEvents", &json!({ "logGroupName": "web" })).await;
    assert_eq!(answer, Ok(json!({ "events": [] })));
    let [asked] = &script.asked()[..] else { panic!("one call") };
    assert_eq!((asked.method.as_str(), asked.url.as_str()), ("POST", "https://logs.eu-central-1.amazonaws.com/"));
    assert_eq!(asked.headers["x-amz-target"], "Logs_20140328.GetLogEvents");
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(asked.headers["x-amz-security-token"], "token");
    assert_eq!(asked.body, r#"{"logGroupName":"web"}"#);
    // Computed with botocore's SigV4Auth from the same request, keys and time.
    assert_eq!(
        asked.headers["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/eu-central-1/logs/aws4_request, \
         SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
         Signature=581624e8d80c45f3582af20c444d64b30655eb4900f7e43297cf045087ca6ce9"
    );
}

#[tokio::test]
async fn a_rest_call_has_its_path_and_query_signed() {
    let script = Script::new([said(200, "")]);
    let client = Signed::new(&script.sdk(), Service::Scheduler);
    let path = format!("/schedules/{}?groupName={}", encode("nightly run"), encode("a/b"));
    assert_eq!(client.rest("GET", &path, None).await, Ok(Value::Null));
    let [asked] = &script.asked()[..] else { panic!("one call") };
    let url = "https://scheduler.eu-central-1.amazonaws.com/schedules/nightly%20run?groupName=a%2Fb";
    assert_eq!((asked.method.as_str(), asked.url.as_str(), asked.body.as_str()), ("GET", url, ""));
    // Computed as above.
    assert_eq!(
        asked.headers["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/eu-central-1/scheduler/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=cd9d0bb88dd94b778e821e6abebec4efe3d36d179b3edc95d5e30f359084fe2e"
    );
}

#[tokio::test]
async fn a_query_call_is_a_form_and_its_error_is_xml() {
    let xml = "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender</Type>\
               <Code>TargetGroupNotFound</Code><Message>One or more target groups not found</Message></Error></ErrorResponse>";
    let script = Script::new([said(400, xml)]);
    let client = Signed::new(&script.sdk(), Service::ElasticLoadBalancing);
    let answer = client.query(&[("Action", "DescribeTargetHealth"), ("TargetGroupArn", "arn:a b&c")]).await;
    assert_eq!(answer, Err(refused("TargetGroupNotFound", "One or more target groups not found")));
    let [asked] = &script.asked()[..] else { panic!("one call") };
    assert_eq!(asked.body, "Action=DescribeTargetHealth&TargetGroupArn=arn%3Aa+b%26c");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn an_endpoint_that_is_set_is_called() {
    let script = Script::new([says(&json!({}))]);
    let sdk = script.sdk().into_builder().endpoint_url("http://127.0.0.1:4566").build();
    let answer = Signed::new(&sdk, Service::Ssm).json("AmazonSSM.PutParameter", &json!({})).await;
    assert_eq!((answer, script.asked()[0].url.as_str()), (Ok(json!({})), "http://127.0.0.1:4566/"));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_three_times() {
    let throttled = || refuses(400, "ThrottlingException", "Rate exceeded");
    for failure in [throttled, || said(503, "busy"), || Said::Nothing] {
        let script = Script::new([failure(), failure(), says(&json!({ "at": "last" }))]);
        assert_eq!(ask(&script).await, Ok(json!({ "at": "last" })));
        assert_eq!(script.asked().len(), 3);
    }
    let script = Script::new([throttled(), throttled(), throttled()]);
    assert_eq!(ask(&script).await, Err(CallError::Unanswered("ThrottlingException: Rate exceeded".into())));
    let script = Script::new([Said::Nothing, Said::Nothing, Said::Nothing]);
    assert_eq!(ask(&script).await, Err(CallError::Unanswered("no connection".into())));
}

#[tokio::test]
async fn a_refusal_is_final_and_its_code_is_bare() {
    let code = "com.amazonaws.codedeploy#DeploymentDoesNotExistException:http://internal/";
    for answer in [
        refuses(400, code, "no such deployment"),
        said(400, r#"{"message": "no such deployment"}"#).with("x-amzn-errortype", code),
        said(404, r#"{"code": "DeploymentDoesNotExistException", "Message": "no such deployment"}"#),
    ] {
        let script = Script::new([answer]);
        let error = ask(&script).await.expect_err("a refusal");
        assert_eq!(error, refused("DeploymentDoesNotExistException", "no such deployment"));
        assert!(error.is("DeploymentDoesNotExistException"));
        assert_eq!(script.asked().len(), 1, "it is not tried again");
    }
}

#[tokio::test]
async fn keys_that_ran_out_are_no_refusal_and_no_body_is_told() {
    let script = Script::new([refuses(400, "ExpiredTokenException", "The security token is expired")]);
    let error = ask(&script).await.expect_err("an error");
    assert_eq!(error, CallError::Unanswered("ExpiredTokenException: The security token is expired".into()));
    for answer in [said(200, "<secret>"), said(400, "<secret>")] {
        let error = ask(&Script::new([answer])).await.expect_err("an error");
        assert!(matches!(&error, CallError::Unanswered(text) if !text.contains("secret")), "{error}");
    }
}
