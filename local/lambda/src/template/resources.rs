//! The requests that create what the functions use.

use serde_json::{Map, Value, json};

use super::{
    Secret, Stack, TemplateError,
    resolve::{Resolver, Result},
    yaml::Node,
};

/// What `CreateTable` and `AWS::DynamoDB::Table` have in common.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html>.
const TABLE: [&str; 11] = [
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "Tags",
    "TableClass",
    "DeletionProtectionEnabled",
];

/// What `CreateProject` and `AWS::CodeBuild::Project` have in common.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html>.
const PROJECT: [&str; 22] = [
    "Description",
    "Source",
    "SecondarySources",
    "SourceVersion",
    "SecondarySourceVersions",
    "Artifacts",
    "SecondaryArtifacts",
    "Cache",
    "Environment",
    "ServiceRole",
    "TimeoutInMinutes",
    "QueuedTimeoutInMinutes",
    "EncryptionKey",
    "Tags",
    "VpcConfig",
    "BadgeEnabled",
    "LogsConfig",
    "FileSystemLocations",
    "BuildBatchConfig",
    "ConcurrentBuildLimit",
    "AutoRetryLimit",
    "Name",
];

pub(super) fn read(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, resource: &Node) -> Result<()> {
    let line = resource.line;
    let kind = resource.get("Type").and_then(Node::literal);
    match kind.ok_or_else(|| TemplateError::at(line, "the resource has no Type"))? {
        "AWS::DynamoDB::Table" => table(stack, resolver, id, resource),
        "AWS::SecretsManager::Secret" => {
            let mut request = chosen(resolver, resource, &["Description", "SecretString", "Tags"])?;
            request.insert("Name".into(), resolver.name(line, id)?.into());
            let generate = resource.at(&["Properties", "GenerateSecretString"]);
            let generate = generate.map(|node| resolver.required(node)).transpose()?;
            stack.secrets.push(Secret { logical_id: id.to_owned(), request: request.into(), generate });
            Ok(())
        }
        "AWS::CodeBuild::Project" => {
            let mut request = chosen(resolver, resource, &PROJECT)?;
            request.insert("Name".into(), resolver.name(line, id)?.into());
            stack.projects.push(camel(request.into()));
            Ok(())
        }
        "AWS::ECR::Repository" => {
            let taken = ["ImageTagMutability", "ImageScanningConfiguration", "EncryptionConfiguration"];
            let mut request = camel(chosen(resolver, resource, &taken)?.into());
            request["repositoryName"] = resolver.name(line, id)?.into();
            if let Some(tags) = resource.at(&["Properties", "Tags"]) {
                request["tags"] = resolver.required(tags)?;
            }
            stack.repositories.push(request);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn table(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, resource: &Node) -> Result<()> {
    let mut request = chosen(resolver, resource, &TABLE)?;
    let name = resolver.name(resource.line, id)?;
    request.insert("TableName".into(), name.clone().into());
    // CloudFormation's stream is on when it is there at all; its indexes carry a property that `CreateTable` lacks.
    if let Some(Value::Object(stream)) = request.get_mut("StreamSpecification") {
        stream.retain(|key, _| key == "StreamViewType");
        stream.insert("StreamEnabled".into(), true.into());
    }
    if let Some(Value::Array(indexes)) = request.get_mut("GlobalSecondaryIndexes") {
        for index in indexes.iter_mut().filter_map(Value::as_object_mut) {
            index.remove("ContributorInsightsSpecification");
        }
    }
    stack.tables.push(request.into());
    if let Some(specification) = resource.at(&["Properties", "TimeToLiveSpecification"]) {
        let mut specification = resolver.required(specification)?;
        if let Some(enabled @ Value::String(_)) = specification.get_mut("Enabled") {
            *enabled = Value::Bool(*enabled == "true");
        }
        stack.time_to_live.push(json!({ "TableName": name, "TimeToLiveSpecification": specification }));
    }
    Ok(())
}

fn chosen(resolver: &Resolver<'_>, resource: &Node, names: &[&str]) -> Result<Map<String, Value>> {
    let mut request = Map::new();
    for name in names {
        if let Some(node) = resource.at(&["Properties", name])
            && let Some(value) = resolver.value(node)?
        {
            request.insert((*name).to_owned(), value);
        }
    }
    Ok(request)
}

/// `CloudFormation`'s `TimeoutInMinutes` is `CodeBuild`'s `timeoutInMinutes`, and so on at every depth; only `BuildSpec` is not
/// spelt alike.
fn camel(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| {
                let key = match key.as_str() {
                    "BuildSpec" => "buildspec".to_owned(),
                    _ => key.chars().take(1).flat_map(char::to_lowercase).chain(key.chars().skip(1)).collect(),
                };
                (key, camel(value))
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(camel).collect(),
        scalar => scalar,
    }
}
