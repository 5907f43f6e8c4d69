use std::path::Path;

use serde_json::json;

use super::*;

fn inputs() -> Inputs {
    Inputs {
        stack: "longshore".to_owned(),
        attributes: [("Api.ApiEndpoint".to_owned(), "http://127.0.0.1:9".to_owned())].into(),
        ..Inputs::default()
    }
}

/// A template with one function whose variables are these lines.
fn with_variables(lines: &str) -> String {
    let lines = lines.replace('\n', "\n          ");
    format!(
        "Parameters:
  Plain: {{ Type: String, Default: plain }}
  Listed: {{ Type: CommaDelimitedList, Default: 'a, b' }}
  Needed: {{ Type: String }}
  Level: {{ Type: String, Default: low, AllowedValues: [low, high] }}
Mappings:
  Sizes: {{ eu-central-1: {{ small: 7 }} }}
Conditions:
  High: !Equals [!Ref Level, high]
  NotHigh: !Not [!Condition High]
  Both: !And [!Condition High, {{ Condition: NotHigh }}]
  Either: {{ 'Fn::Or': [!Condition High, !Condition NotHigh] }}
  Circle: !Not [!Condition Circle]
Resources:
  Table:
    Type: AWS::DynamoDB::Table
  Named:
    Type: AWS::DynamoDB::Table
    Properties: {{ TableName: !Sub '${{AWS::StackName}}-${{Plain}}' }}
  Gone:
    Type: AWS::SQS::Queue
    Condition: High
  Role:
    Type: AWS::IAM::Role
  Secret:
    Type: AWS::SecretsManager::Secret
  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }} }}
    Properties:
      Environment:
        Variables:
          {lines}
  Aliased:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: aliased }} }}
    Properties: {{ AutoPublishAlias: live }}
"
    )
}

fn variable(expression: &str) -> Result<Option<String>, TemplateError> {
    let stack = Stack::parse(&with_variables(&format!("X: {expression}")), &inputs())?;
    Ok(stack.functions[0].environment.get("X").cloned())
}

#[test]
fn intrinsic_functions_are_resolved_as_cloudformation_does() {
    for (expression, expected) in [
        ("12", Some("12")),
        ("true", Some("true")),
        ("!Ref Plain", Some("plain")),
        ("{ Ref: Plain }", Some("plain")),
        ("!Ref AWS::Region", Some("eu-central-1")),
        ("!Ref AWS::NoValue", None),
        ("!Ref Table", Some("longshore-Table")),
        ("!Ref Named", Some("longshore-plain")),
        ("!Ref Secret", Some("arn:aws:secretsmanager:eu-central-1:123456789012:secret:longshore-Secret")),
        ("!GetAtt Table.Arn", Some("arn:aws:dynamodb:eu-central-1:123456789012:table/longshore-Table")),
        ("!GetAtt [Role, Arn]", Some("arn:aws:iam::123456789012:role/longshore-Role")),
        ("!GetAtt Api.ApiEndpoint", Some("http://127.0.0.1:9")),
        (
            "!Sub '${Plain}, ${Table.Arn}: ${!Plain} ${AWS::URLSuffix}'",
            Some("plain, arn:aws:dynamodb:eu-central-1:123456789012:table/longshore-Table: ${Plain} amazonaws.com"),
        ),
        ("!Sub ['${a}-${Plain}', { a: !Ref Level }]", Some("low-plain")),
        ("{ 'Fn::Sub': 'x${Plain}' }", Some("xplain")),
        ("!If [High, !GetAtt Gone.Arn, other]", Some("other")),
        ("!If [NotHigh, !If [Both, a, b], c]", Some("b")),
        ("!If [Either, yes, !Ref AWS::NoValue]", Some("yes")),
        ("!Join ['/', [a, !Ref Plain, 3]]", Some("a/plain/3")),
        ("!Join ['+', !Ref Listed]", Some("a+b")),
        ("!Select [1, !Split [',', 'p,q,r']]", Some("q")),
        ("!FindInMap [Sizes, !Ref AWS::Region, small]", Some("7")),
        ("!Base64 abc", Some("YWJj")),
        ("!Ref Aliased.Alias", Some("arn:aws:lambda:eu-central-1:123456789012:function:longshore-Aliased:live")),
        (
            "!Sub '${Aliased.Alias}/x'",
            Some("arn:aws:lambda:eu-central-1:123456789012:function:longshore-Aliased:live/x"),
        ),
    ] {
        assert_eq!(variable(expression), Ok(expected.map(str::to_owned)), "{expression}");
    }
}

#[test]
fn what_cannot_be_resolved_is_named_with_its_place() {
    for (expression, expected) in [
        ("!Ref Nobody", "there is no parameter or resource \"Nobody\""),
        ("!Ref Needed", "the parameter Needed has no default: give it a value"),
        ("!Ref Gone", "Gone is left out by its condition"),
        (
            "!GetAtt Named.StreamArn",
            "Named.StreamArn is known only once the resource exists: pass it among the attributes",
        ),
        ("!If [Nothing, a, b]", "there is no condition \"Nothing\""),
        ("!If [Circle, a, b]", "this refers to itself"),
        ("!Cidr [a, b]", "the local stack does not know Fn::Cidr"),
        ("!Ref F.Alias", "F has no AutoPublishAlias"),
        ("!Select [9, [a]]", "Fn::Select finds nothing at that index"),
    ] {
        let error = variable(expression).expect_err(expression);
        let line = with_variables("X: 1").lines().position(|line| line.contains("X: 1")).map(|index| index + 1);
        assert_eq!((error.place.as_str(), error.message.as_str()), ("F, X", expected));
        assert!(expected.contains("itself") || error.line == line, "{expression}: {error}");
    }
    let mut wrong = inputs();
    wrong.parameters.insert("Level".to_owned(), "middle".to_owned());
    let error = Stack::parse(&with_variables("X: 1"), &wrong).expect_err("no allowed value");
    assert_eq!(error.to_string(), "line 5: Level: \"middle\" is no allowed value");
    wrong.parameters = [("Levle".to_owned(), "low".to_owned())].into();
    let error = Stack::parse(&with_variables("X: 1"), &wrong).expect_err("unknown parameter");
    assert_eq!(error.message, "the template has no parameter Levle");
    assert!(Stack::parse("a: [", &inputs()).is_err());
}

#[test]
fn a_given_parameter_goes_over_its_default() -> Result<(), TemplateError> {
    let mut given = inputs();
    given.parameters = [("Level".to_owned(), "high".to_owned()), ("Needed".to_owned(), "here".to_owned())].into();
    let stack = Stack::parse(&with_variables("X: !If [High, !Ref Needed, b]\nY: !GetAtt Gone.Arn"), &given)?;
    assert_eq!(stack.functions[0].environment["X"], "here");
    assert_eq!(stack.functions[0].environment["Y"], "arn:aws:sqs:eu-central-1:123456789012:longshore-Gone");
    Ok(())
}

#[test]
fn resources_become_the_requests_that_create_them() -> Result<(), TemplateError> {
    let text = "
Globals:
  Function: { Timeout: 9, MemorySize: 512, Environment: { Variables: { A: global, B: global } } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: f } }
    Properties:
      Timeout: 5
      Environment: { Variables: { B: own } }
      EventInvokeConfig: { MaximumRetryAttempts: 1 }
      Events:
        Tick: { Type: Schedule, Properties: { Schedule: rate(2 hours), Input: '{\"a\": 1}' } }
        Off: { Type: Schedule, Properties: { Schedule: rate(1 minute), Enabled: false } }
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      TimeoutInMillis: 5000
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: { RouteKey: 'POST /x', Target: !Sub 'integrations/${Integration}' }
  Rule:
    Type: AWS::Events::Rule
    Properties: { EventPattern: { source: [x] }, Targets: [{ Id: t, Arn: !GetAtt F.Arn }] }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      StreamSpecification: { StreamViewType: KEYS_ONLY }
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Source: { Type: NO_SOURCE, BuildSpec: ci/buildspec.yml, GitCloneDepth: 1 }
      Environment: { Type: LINUX_CONTAINER, EnvironmentVariables: [{ Name: A, Value: B }] }
      LogsConfig: { CloudWatchLogs: { Status: ENABLED }, S3Logs: { Status: DISABLED } }
      Triggers: { Webhook: true }
  Repository:
    Type: AWS::ECR::Repository
    Properties: { ImageTagMutability: IMMUTABLE, Tags: [{ Key: a, Value: b }], EmptyOnDelete: true }
";
    let stack = Stack::parse(text, &inputs())?;
    let function = &stack.functions[0];
    assert_eq!((function.timeout, function.memory_mb, function.maximum_retries), (Duration::from_secs(5), 512, 1));
    assert_eq!(json!(function.environment), json!({ "A": "global", "B": "own" }));
    assert_eq!(stack.schedules.len(), 1);
    assert_eq!(stack.schedules[0].interval, Duration::from_hours(2));
    assert_eq!(stack.schedules[0].input, Some(json!({ "a": 1 })));
    let timeout = Duration::from_secs(5);
    assert_eq!(stack.routes, [Route { key: "POST /x".to_owned(), function: "F".to_owned(), timeout }]);
    assert_eq!(
        (stack.rules[0].name.as_str(), &stack.rules[0].pattern),
        ("longshore-Rule", &json!({ "source": ["x"] }))
    );
    assert_eq!(
        stack.tables,
        [json!({
            "TableName": "longshore-Table",
            "StreamSpecification": { "StreamViewType": "KEYS_ONLY", "StreamEnabled": true },
        })]
    );
    let specification = json!({ "AttributeName": "expires", "Enabled": true });
    assert_eq!(
        stack.time_to_live,
        [json!({ "TableName": "longshore-Table", "TimeToLiveSpecification": specification })]
    );
    assert_eq!(
        stack.projects,
        [json!({
            "name": "longshore-Project",
            "source": { "type": "NO_SOURCE", "buildspec": "ci/buildspec.yml", "gitCloneDepth": 1 },
            "environment": { "type": "LINUX_CONTAINER", "environmentVariables": [{ "name": "A", "value": "B" }] },
            "logsConfig": { "cloudWatchLogs": { "status": "ENABLED" }, "s3Logs": { "status": "DISABLED" } },
        })]
    );
    assert_eq!(
        stack.repositories,
        [json!({
            "repositoryName": "longshore-repository",
            "imageTagMutability": "IMMUTABLE",
            "tags": [{ "Key": "a", "Value": "b" }],
        })]
    );
    Ok(())
}

#[test]
fn a_function_without_a_program_or_a_cron_expression_is_refused() {
    let cron = "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Handler: f, Events: { T: { Type: Schedule, Properties: { Schedule: cron(0 12 * * ? *) } } } } } }";
    let error = Stack::parse(cron, &inputs()).expect_err("cron");
    assert!(error.to_string().starts_with("line 1: F, event T: \"cron(0 12 * * ? *)\" is no rate"), "{error}");
    let bare = "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Handler: bootstrap } } }";
    let error = Stack::parse(bare, &inputs()).expect_err("no program");
    assert_eq!(error.message, "Metadata.BuildProperties.Binary must name the function's program");
}

#[test]
fn the_template_of_this_repository_is_read() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    if !path.exists() {
        return Ok(());
    }
    let stack = Stack::read(&path, &inputs())?;
    let names: Vec<_> =
        stack.functions.iter().map(|function| (function.logical_id.as_str(), function.binary.as_str())).collect();
    assert_eq!(
        names,
        [("Trigger", "longshore-trigger"), ("Notify", "longshore-notify"), ("Deploy", "longshore-deploy")]
    );
    assert!(stack.routes.iter().any(|route| route.key == "POST /webhooks/github" && route.function == "Trigger"));
    assert!(stack.routes.iter().any(|route| route.key == "POST /builds/image" && route.function == "Deploy"));
    assert_eq!(stack.schedules.len(), 3);
    assert!(stack.rules.iter().any(|rule| rule.function == "Deploy" && rule.pattern["source"][0] == "aws.ecs"));
    assert_eq!((stack.tables.len(), stack.secrets.len()), (1, 1));
    Ok(())
}
