use serde_json::json;

use super::*;
use crate::doctor::finding::Severity;

const CONFIG: &str = r##"
[slack]
channel = "#deploys"
[[pipeline]]
name = "web"
repository = "github.com/acme/web"
branches = ["main"]
project = "web-build"
image = "web"
[[pipeline.environment]]
name = "production"
cluster = "production"
services = ["web"]
channel = "C0123456789"
approval = { by = ["@release-managers"] }
"##;

fn granted(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

#[test]
fn a_scope_that_is_missing_is_wrong_where_something_needs_it() {
    let config = Config::read(CONFIG).expect("a configuration");
    let all: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    assert_eq!(scopes(&config, &granted(&all)), []);
    let findings = scopes(&config, &granted(&["chat:write"]));
    let wrong: Vec<&str> =
        findings.iter().filter(|one| one.severity == Severity::Wrong).map(|one| one.message.as_str()).collect();
    assert_eq!(wrong, ["did not grant the scope usergroups:read, which is for approvals and `allow` that name groups"]);
    assert_eq!(findings.len(), SCOPES.len() - 1);
}

#[test]
fn the_bot_has_to_be_in_every_channel() {
    let config = Config::read(CONFIG).expect("a configuration");
    assert_eq!(channels(&config).into_iter().collect::<Vec<_>>(), ["#deploys", "C0123456789"]);
    let none = granted(&[]);
    let told = |found: Option<&Value>, granted| channel("#deploys", found, granted).map(|finding| finding.message);
    assert_eq!(told(Some(&json!({ "name": "deploys", "is_member": true })), &none), None);
    assert!(told(None, &none).is_some_and(|said| said.contains("not there")));
    assert!(
        told(Some(&json!({ "is_archived": true, "is_member": true })), &none)
            .is_some_and(|said| said.contains("archived"))
    );
    let outside = json!({ "is_member": false });
    assert!(told(Some(&outside), &none).is_some_and(|said| said.contains("bot in it")));
    assert_eq!(told(Some(&outside), &granted(&["chat:write.public"])), None);
}

#[test]
fn a_group_that_is_not_there_has_nobody_in_it() {
    let answer = json!({ "usergroups": [{ "id": "S0123ABCD", "handle": "release-managers" }] });
    assert_eq!(group(&Approver::Group("release-managers".into()), &answer), None);
    assert_eq!(group(&Approver::GroupId("S0123ABCD".into()), &answer), None);
    assert!(group(&Approver::Group("others".into()), &answer).is_some());
}
