//! `suite.yaml` may make what `template.yaml` has, and its boundary lets through what the roles of `template.yaml` do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    repository::{code, table, text},
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
fn the_boundary_names_the_roles_that_may_be_assumed_or_handed_on() {
    let suite = transformed("suite.yaml");
    let mut named = BTreeMap::new();
    for statement in policy(&suite, "Boundary")["PolicyDocument"]["Statement"].as_array().expect("statements") {
        let statement = statement["Fn::If"].get(1).unwrap_or(statement);
        for action in texts(&statement["Action"]) {
            assert!(!action.starts_with("iam:") || action == "iam:PassRole", "{action}");
            let leads_on = ["iam:PassRole", "sts:AssumeRole", "codebuild:StartBuild"].contains(&&*action);
            if leads_on || action.starts_with("sts:") {
                let resource = &statement["Resource"];
                let parameter = resource["Ref"].as_str().or_else(|| {
                    let name = resource["Fn::Sub"].as_str()?.rsplit_once("/${")?.1;
                    name.strip_suffix('}')
                });
                let parameter = parameter.unwrap_or_else(|| panic!("{action} on {resource}")).to_owned();
                assert!(suite.0["Parameters"][&parameter].is_object(), "{parameter}");
                assert!(Template::own().0["Parameters"][&parameter].is_object(), "as in the stack: {parameter}");
                named.insert(parameter, action);
            }
        }
    }
    let of = |parameter: &str, action: &str| (parameter.to_owned(), action.to_owned());
    let wanted = [
        of("DeployRoles", "sts:AssumeRole"),
        of("Projects", "codebuild:StartBuild"),
        of("ScheduleRoles", "iam:PassRole"),
        of("TaskRoles", "iam:PassRole"),
    ];
    assert_eq!(named, BTreeMap::from(wanted));
}

#[test]
fn a_stack_that_is_there_already_keeps_what_nobody_asked_to_change() {
    let suite = transformed("suite.yaml");
    let overrides = &suite.0["Parameters"]["Overrides"];
    assert!(overrides["Default"].is_null(), "whoever sets the suite up has to say it: {overrides}");
    let shift = text("buildspec.suite.yml");
    let (_, shift) = shift.split_once("\"Deployment=").expect("how new versions take over");
    let shift = shift.split_whitespace().next().expect("a word");
    let allowed = texts(&Template::own().0["Parameters"]["Deployment"]["AllowedValues"]);
    assert!(shift.starts_with("Linear") && allowed.iter().any(|value| value == shift), "{shift} of {allowed:?}");
}

#[test]
fn no_package_that_cloudformation_may_read_again_expires() {
    let suite = transformed("suite.yaml");
    let (_, bucket) = suite.resources("AWS::S3::Bucket").next().expect("a bucket");
    let (_, project) = suite.resources("AWS::CodeBuild::Project").next().expect("a project");
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let expiring: Vec<_> = rules.iter().filter(|rule| !rule["ExpirationInDays"].is_null()).collect();
    let prefixes: Vec<_> = expiring.iter().flat_map(|rule| texts(&rule["Prefix"])).collect();
    assert_eq!(prefixes, [format!("{}/", texts(&project["Artifacts"]["Path"]).concat())]);
    assert_eq!(prefixes.len(), expiring.len(), "each has a prefix");
    assert!(text("buildspec.suite.yml").contains("--s3-prefix packages\n"), "the packages are elsewhere");
}

#[test]
fn the_page_of_the_suite_and_its_form_have_every_parameter() {
    let suite = transformed("suite.yaml").0;
    let page = text("docs/suite.md");
    let told: BTreeSet<_> = table(&page, "| parameter |").into_iter().flat_map(code).collect();
    let there: BTreeSet<_> = suite["Parameters"].as_object().expect("parameters").keys().map(String::as_str).collect();
    assert_eq!(told, there);
    let groups = suite["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_array().expect("groups");
    let grouped: BTreeSet<_> = groups.iter().flat_map(|group| texts(&group["Parameters"])).collect();
    assert_eq!(grouped, there.into_iter().map(str::to_owned).collect());
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
