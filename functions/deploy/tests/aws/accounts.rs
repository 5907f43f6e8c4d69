//! Roles in other accounts.

use std::sync::Arc;

use longshore_core::config::Account;
use longshore_deploy::aws::Accounts;
use serde_json::json;

use crate::{
    done, refused,
    script::{Asked, Said, Script, said, says},
};

const ROLE: &str = "arn:aws:iam::210987654321:role/longshore";

fn abroad() -> Account {
    Account { region: Some("us-east-1".into()), role_arn: Some(ROLE.into()), external_id: Some("x-1".into()) }
}

fn assumed(expiration: &str) -> Said {
    said(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
             <Arn>arn:aws:sts::210987654321:assumed-role/longshore/longshore</Arn><AssumedRoleId>AROA:longshore</AssumedRoleId>\
             </AssumedRoleUser><Credentials><AccessKeyId>ASIATHERE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>there</SessionToken><Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult>\
             </AssumeRoleResponse>"
        ),
    )
}

fn parameters() -> Said {
    says(&json!({ "Parameters": [] }))
}

fn revisions() -> Said {
    says(&json!({ "taskDefinitionArns": [] }))
}

/// Who signed a call.
fn key(asked: &Asked) -> &str {
    let authorization = &asked.headers["authorization"];
    authorization.split(['=', '/']).nth(1).expect("a credential")
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_clients_and_calls() {
    let script = Script::new([assumed("2027-01-15T09:00:00Z"), parameters(), revisions(), parameters(), parameters()]);
    let accounts = Accounts::new(&script.sdk(), "210987654321.dkr.ecr.eu-central-1.amazonaws.com");
    let clients = accounts.of(&abroad()).await;
    done(clients.parameters.below("/longshore").await);
    done(clients.ecs.newest_revisions("web").await);
    done(accounts.of(&abroad()).await.parameters.below("/longshore").await);
    // Longshore's own account is asked with its own keys.
    done(accounts.of(&Account::default()).await.parameters.below("/longshore").await);
    assert!(Arc::ptr_eq(&clients, &accounts.of(&abroad()).await), "clients are made once");
    assert_eq!(clients.role_refused(), None);
    let asked = script.asked();
    assert_eq!(asked[0].url, "https://sts.eu-central-1.amazonaws.com/", "in our own region");
    assert_eq!(
        asked[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Flongshore&\
         RoleSessionName=longshore&ExternalId=x-1"
    );
    let keys: Vec<_> = asked.iter().map(key).collect();
    assert_eq!(keys, ["AKIDEXAMPLE", "ASIATHERE", "ASIATHERE", "ASIATHERE", "AKIDEXAMPLE"]);
    let hosts: Vec<_> = asked[1..].iter().map(|asked| asked.url.trim_end_matches('/')).collect();
    let ssm = "https://ssm.us-east-1.amazonaws.com";
    assert_eq!(hosts, [ssm, "https://ecs.us-east-1.amazonaws.com", ssm, "https://ssm.eu-central-1.amazonaws.com"]);
}

#[tokio::test]
async fn a_role_is_assumed_again_when_its_session_is_nearly_over() {
    let nearly = "2027-01-15T08:00:05Z";
    let script =
        Script::new([assumed(nearly), parameters(), assumed("2027-01-15T09:00:00Z"), parameters(), parameters()]);
    let accounts = Accounts::new(&script.sdk(), "registry.example");
    for _ in 0..3 {
        done(accounts.of(&abroad()).await.parameters.below("/longshore").await);
    }
    let keys: Vec<_> = script.asked().iter().map(|asked| key(asked).to_owned()).collect();
    assert_eq!(keys, ["AKIDEXAMPLE", "ASIATHERE", "AKIDEXAMPLE", "ASIATHERE", "ASIATHERE"]);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_says_why() {
    let xml = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code>\
               <Message>User longshore is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";
    let script = Script::new([said(403, xml)]);
    let clients = Accounts::new(&script.sdk(), "registry.example").of(&abroad()).await;
    assert!(clients.parameters.below("/longshore").await.is_err());
    let why = clients.role_refused().expect("a reason");
    assert!(why.contains("not authorized to perform: sts:AssumeRole"), "{why}");
}

#[tokio::test]
async fn a_refusal_names_the_parameter() {
    let denied = json!({ "__type": "AccessDeniedException", "message": "no" });
    let script = Script::new([says(&json!({ "Version": 1 })), said(400, &denied.to_string())]);
    let clients = Accounts::new(&script.sdk(), "registry.example").of(&Account::default()).await;
    let values = ["a", "b", "c"].map(|name| (format!("/longshore/{name}"), "1".to_owned())).into();
    let why = refused(clients.parameters.put(&values).await);
    assert_eq!(why, "/longshore/b: the parameter could not be written: AccessDeniedException: no");
    assert_eq!(script.calls().len(), 2);
}
