//! An AWS account that moto plays.

use local_lambda::moto::Moto;
use longshore_tests::workspace;
use reqwest::Client;
use serde_json::{Value, json};

pub const REGION: &str = "eu-central-1";

/// moto, and what fills it.
pub struct Account {
    moto: Moto,
    http: Client,
}

impl Account {
    pub async fn start() -> Self {
        let venv = workspace().join(".local/venv/bin");
        let moto = Moto::start(venv.is_dir().then_some(venv)).await.expect("moto");
        Self { moto, http: local_protocol::http() }
    }

    pub fn url(&self) -> &str {
        self.moto.url()
    }

    pub async fn stop(self) {
        self.moto.stop().await;
    }

    /// A call of a JSON API. moto looks at the scope of the credentials alone.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let request = self.request(service).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        assert!(status.is_success(), "{target}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A call of a Query API.
    pub async fn query(&self, service: &str, form: &[(&str, &str)]) -> String {
        let answer = self.request(service).form(form).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        assert!(status.is_success(), "{form:?}: {status} {text}");
        text
    }

    fn request(&self, service: &str) -> reqwest::RequestBuilder {
        let scope = format!("a/20261122/{REGION}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        self.http.post(self.url()).header("authorization", signed)
    }

    /// A stack with these parameters and outputs, and little else.
    pub async fn stack(&self, parameters: &[(&str, &str)], outputs: &[(&str, &str)]) {
        let declared: serde_json::Map<String, Value> =
            parameters.iter().map(|(name, _)| ((*name).to_owned(), json!({ "Type": "String" }))).collect();
        let told: serde_json::Map<String, Value> =
            outputs.iter().map(|(name, value)| ((*name).to_owned(), json!({ "Value": value }))).collect();
        let template = json!({
            "Parameters": declared, "Outputs": told, "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } },
        })
        .to_string();
        let keys: Vec<[String; 2]> = (1..=parameters.len())
            .map(|at| {
                [format!("Parameters.member.{at}.ParameterKey"), format!("Parameters.member.{at}.ParameterValue")]
            })
            .collect();
        let mut form = vec![
            ("Action", "CreateStack"),
            ("Version", "2010-05-15"),
            ("StackName", "longshore"),
            ("TemplateBody", template.as_str()),
        ];
        for ([key, value], (name, text)) in keys.iter().zip(parameters) {
            form.extend([(key.as_str(), *name), (value.as_str(), *text)]);
        }
        self.query("cloudformation", &form).await;
    }

    /// A target group, by its name; it checks every 30 s and drains for 300, as AWS's do by default.
    pub async fn target_group(&self, name: &str) -> String {
        let network = self.query("ec2", &[("Action", "DescribeVpcs"), ("Version", "2016-11-15")]).await;
        let vpc = between(&network, "<vpcId>", "</vpcId>");
        let form = [
            ("Action", "CreateTargetGroup"),
            ("Version", "2015-12-01"),
            ("Name", name),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("VpcId", vpc),
            ("TargetType", "ip"),
        ];
        let made = self.query("elasticloadbalancing", &form).await;
        between(&made, "<TargetGroupArn>", "</TargetGroupArn>").to_owned()
    }
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} in {text}")).0
}
