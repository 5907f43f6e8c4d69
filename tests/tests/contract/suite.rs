//! `suite.yaml` may make what `template.yaml` has, and its boundary lets through what the roles of `template.yaml` do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    repository::text,
    template::{Template, allowed, texts, transformed},
};

/// By which action CloudFormation makes a resource of each type.
/// Source: the handlers' permissions in <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/>.
const MADE_BY: [(&str, &str); 24] = [
    ("AWS::ApiGatewayV2::Api", "apigateway:POST"),
    ("AWS::ApiGatewayV2::Integration", "apigateway:POST"),
    ("AWS::ApiGatewayV2::Route", "apigateway:POST"),
    ("AWS::ApiGatewayV2::Stage", "apigateway:POST"),
    ("AWS::CloudWatch::Alarm", "cloudwatch:PutMetricAlarm"),
    ("AWS::CloudWatch::Dashboard", "cloudwatch:PutDashboard"),
    ("AWS::CodeBuild::Project", "codebuild:CreateProject"),
    ("AWS::CodeDeploy::Application", "codedeploy:CreateApplication"),
    ("AWS::CodeDeploy::DeploymentGroup", "codedeploy:CreateDeploymentGroup"),
    ("AWS::DynamoDB::Table", "dynamodb:CreateTable"),
    ("AWS::ECR::Repository", "ecr:CreateRepository"),
    ("AWS::Events::Rule", "events:PutRule"),
    ("AWS::IAM::ManagedPolicy", "iam:CreatePolicy"),
    ("AWS::IAM::Role", "iam:CreateRole"),
    ("AWS::Lambda::Alias", "lambda:CreateAlias"),
    ("AWS::Lambda::EventInvokeConfig", "lambda:PutFunctionEventInvokeConfig"),
    ("AWS::Lambda::Function", "lambda:CreateFunction"),
    ("AWS::Lambda::LayerVersion", "lambda:PublishLayerVersion"),
    ("AWS::Lambda::Permission", "lambda:AddPermission"),
    ("AWS::Lambda::Version", "lambda:PublishVersion"),
    ("AWS::Logs::LogGroup", "logs:CreateLogGroup"),
    ("AWS::SQS::Queue", "sqs:CreateQueue"),
    ("AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes"),
    ("AWS::SecretsManager::Secret", "secretsmanager:CreateSecret"),
];

/// What CloudFormation may not be able to make of a template's types.
fn cannot(types: &BTreeSet<String>, may: &BTreeSet<String>) -> Vec<String> {
    let made_by: BTreeMap<_, _> = MADE_BY.into_iter().collect();
    let missing = |kind: &String| match made_by.get(kind.as_str()) {
        None => Some(format!("{kind}: by which action?")),
        Some(action) if !may.contains(*action) => Some(format!("{kind}: {action} is not allowed")),
        Some(_) => None,
    };
    types.iter().filter_map(missing).collect()
}

/// The actions that a boundary, whose patterns end in `*` or are whole, does not let through.
fn held_back<'a>(actions: &'a BTreeSet<String>, boundary: &BTreeSet<String>) -> Vec<&'a str> {
    let lets = |pattern: &String, action: &str| match pattern.strip_suffix('*') {
        Some(prefix) => action.starts_with(prefix),
        None => pattern == action,
    };
    let held = actions.iter().filter(|action| !boundary.iter().any(|pattern| lets(pattern, action)));
    held.map(String::as_str).collect()
}

fn policy<'a>(suite: &'a Template, name: &str) -> &'a Value {
    let found = suite.resources("AWS::IAM::ManagedPolicy").find(|(id, _)| *id == name);
    found.unwrap_or_else(|| panic!("suite.yaml has no policy {name}")).1
}

fn types() -> BTreeSet<String> {
    let resources = Template::own().0["Resources"].as_object().expect("resources");
    resources.values().filter_map(|resource| resource["Type"].as_str()).map(str::to_owned).collect()
}

/// All that the roles of the template may do.
fn actions() -> BTreeSet<String> {
    let template = Template::own();
    let own = template.resources("AWS::IAM::Role").filter_map(|(_, role)| role["Policies"].as_array()).flatten();
    own.chain(template.resources("AWS::IAM::ManagedPolicy").map(|(_, policy)| policy)).flat_map(allowed).collect()
}

#[test]
fn cloudformation_may_make_every_type_of_the_template() {
    let suite = transformed("suite.yaml");
    let may: BTreeSet<_> =
        ["Functions", "Roles", "Everything"].iter().flat_map(|name| allowed(policy(&suite, name))).collect();
    assert_eq!(cannot(&types(), &may), Vec::<String>::new());
    let mut more = types();
    more.insert("AWS::S3::Bucket".to_owned());
    assert_eq!(cannot(&more, &may), ["AWS::S3::Bucket: by which action?"]);
    let mut less = may.clone();
    less.remove("sqs:CreateQueue");
    assert_eq!(cannot(&types(), &less), ["AWS::SQS::Queue: sqs:CreateQueue is not allowed"]);
}

#[test]
fn the_boundary_lets_through_what_the_roles_do() {
    let suite = transformed("suite.yaml");
    let mut boundary = allowed(policy(&suite, "Boundary"));
    let actions = actions();
    assert!(actions.len() > 40, "{actions:?}");
    assert_eq!(held_back(&actions, &boundary), Vec::<&str>::new());
    assert!(boundary.remove("sns:Publish"));
    assert_eq!(held_back(&actions, &boundary), ["sns:Publish"]);
}

#[test]
fn the_roles_that_may_be_made_are_those_of_the_template() {
    let suite = transformed("suite.yaml");
    let prefix = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Stack}-";
    let roles = Template::own().resources("AWS::IAM::Role").map(|(id, _)| format!("{prefix}{id}-*"));
    let roles: BTreeSet<_> = roles.collect();
    let statements = policy(&suite, "Roles")["PolicyDocument"]["Statement"].as_array().expect("statements");
    let mut seen = 0;
    for statement in statements.iter().filter(|statement| statement["Sid"] != "SharedPolicy") {
        let resources = statement["Resource"].as_array().expect("resources").iter();
        let resources: BTreeSet<_> = resources.flat_map(|resource| texts(&resource["Fn::Sub"])).collect();
        assert_eq!(resources, roles, "{}", statement["Sid"]);
        seen += 1;
    }
    assert_eq!(seen, 3);
    for (id, role) in Template::own().resources("AWS::IAM::Role") {
        assert_eq!(role["PermissionsBoundary"]["Fn::If"][1]["Ref"], "Boundary", "{id} takes the boundary");
    }
}

#[test]
fn the_build_has_the_variables_that_it_uses() {
    let suite = transformed("suite.yaml");
    let (_, project) = suite.resources("AWS::CodeBuild::Project").next().expect("a project");
    let given = project["Environment"]["EnvironmentVariables"].as_array().expect("variables").iter();
    let given: BTreeSet<_> = given.filter_map(|variable| variable["Name"].as_str()).map(str::to_owned).collect();
    let buildspec = text("buildspec.suite.yml");
    let used = buildspec.split("$SUITE_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_')?;
        Some(format!("SUITE_{}", &rest[..end]))
    });
    assert_eq!(used.collect::<BTreeSet<_>>(), given);
    assert_eq!(project["Source"]["BuildSpec"], "buildspec.suite.yml");
}
