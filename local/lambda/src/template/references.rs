//! What a reference means: a parameter, a pseudo parameter, or a resource's name, ARN and attributes.

use local_protocol::{ACCOUNT, REGION};
use serde_json::Value;

use super::{
    TemplateError,
    resolve::{Resolver, Result, text_value},
    yaml::Node,
};

impl<'a> Resolver<'a> {
    /// `Ref`.
    pub fn reference(&self, line: usize, id: &str) -> Result<Option<Value>> {
        let stack = &self.inputs.stack;
        let pseudo = match id {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackName" => stack.clone(),
            "AWS::StackId" => local_protocol::arn("cloudformation", &format!("stack/{stack}/local")),
            "AWS::NotificationARNs" => return Ok(Some(Value::Array(Vec::new()))),
            _ => match (self.parameters.get(id), self.template.at(&["Parameters", id])) {
                (Some(value), _) => return Ok(Some(value.clone())),
                (None, Some(_)) => {
                    return Err(TemplateError::at(line, format!("the parameter {id} has no default: give it a value")));
                }
                (None, None) => {
                    // SAM's own: a reference to the alias of a function.
                    return match id.split_once('.') {
                        Some((function, "Alias")) => self.attribute(line, function, "Alias"),
                        Some(_) | None => self.physical_id(line, id),
                    }
                    .map(text_value);
                }
            },
        };
        Ok(text_value(pseudo))
    }

    fn resource(&self, line: usize, id: &str) -> Result<(&'a Node, &'a str)> {
        let resource = self.template.at(&["Resources", id]);
        let resource =
            resource.ok_or_else(|| TemplateError::at(line, format!("there is no parameter or resource {id:?}")))?;
        if !self.exists(resource)? {
            return Err(TemplateError::at(line, format!("{id} is left out by its condition")));
        }
        Ok((resource, resource.get("Type").and_then(Node::literal).unwrap_or_default()))
    }

    fn physical_id(&self, line: usize, id: &str) -> Result<String> {
        if let Some(given) = self.inputs.attributes.get(id) {
            return Ok(given.clone());
        }
        let (_, kind) = self.resource(line, id)?;
        let name = self.name(line, id)?;
        Ok(match kind {
            "AWS::SecretsManager::Secret" | "AWS::SNS::Topic" => arn_of(kind, &name).unwrap_or(name),
            "AWS::Serverless::LayerVersion" => local_protocol::arn("lambda", &format!("layer:{name}:1")),
            "AWS::ApiGatewayV2::Api" => id.to_lowercase(),
            // A route's target is `integrations/<id>`: the logical id lets it be found again.
            "AWS::ApiGatewayV2::Integration" => id.to_owned(),
            _ => name,
        })
    }

    /// What a resource is called on AWS: what the caller says, its own name property, or `<stack>-<LogicalId>`.
    pub fn name(&self, line: usize, id: &str) -> Result<String> {
        let (resource, kind) = self.resource(line, id)?;
        let own = match kind {
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
            "AWS::ECR::Repository" => "RepositoryName",
            "AWS::SQS::Queue" => "QueueName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::IAM::Role" => "RoleName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::ECS::Cluster" => "ClusterName",
            "AWS::Serverless::LayerVersion" => "LayerName",
            _ => "Name",
        };
        let given = self.inputs.attributes.get(id).filter(|given| !given.starts_with("arn:"));
        let own =
            resource.at(&["Properties", own]).map(|node| self.deeper(line, || self.value(node))).transpose()?.flatten();
        Ok(match (given, own) {
            (Some(given), _) => given.clone(),
            (None, Some(Value::String(own))) => own,
            // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html: lower case only.
            _ if kind == "AWS::ECR::Repository" => format!("{}-{id}", self.inputs.stack).to_lowercase(),
            _ => format!("{}-{id}", self.inputs.stack),
        })
    }

    /// The ARN of the alias that SAM makes of `AutoPublishAlias`.
    /// Source: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html>.
    fn alias(&self, line: usize, id: &str) -> Result<String> {
        let (function, _) = self.resource(line, id)?;
        let own = function.at(&["Properties", "AutoPublishAlias"]);
        let alias = own.or_else(|| self.globals("Function").and_then(|globals| globals.get("AutoPublishAlias")));
        let alias = alias.ok_or_else(|| TemplateError::at(line, format!("{id} has no AutoPublishAlias")))?;
        Ok(format!("{}:{}", self.attribute(line, id, "Arn")?, self.text(alias)?))
    }

    /// `Fn::GetAtt`.
    pub fn attribute(&self, line: usize, id: &str, attribute: &str) -> Result<String> {
        if let Some(given) = self.inputs.attributes.get(&format!("{id}.{attribute}")) {
            return Ok(given.clone());
        }
        let (_, kind) = self.resource(line, id)?;
        let known = match attribute {
            "Arn" | "TopicArn" => arn_of(kind, &self.name(line, id)?),
            "Id" if kind == "AWS::SecretsManager::Secret" => Some(self.physical_id(line, id)?),
            "Alias" if kind == "AWS::Serverless::Function" => Some(self.alias(line, id)?),
            "ApiId" => Some(self.physical_id(line, id)?),
            "QueueName" | "TopicName" | "RepositoryName" | "Name" => Some(self.name(line, id)?),
            _ => None,
        };
        known.ok_or_else(|| {
            let message =
                format!("{id}.{attribute} is known only once the resource exists: pass it among the attributes");
            TemplateError::at(line, message)
        })
    }
}

fn arn_of(kind: &str, name: &str) -> Option<String> {
    let (service, resource) = match kind {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => ("lambda", format!("function:{name}")),
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}")),
        "AWS::CodeBuild::Project" => ("codebuild", format!("project/{name}")),
        "AWS::ECR::Repository" => ("ecr", format!("repository/{name}")),
        "AWS::ECS::Cluster" => ("ecs", format!("cluster/{name}")),
        "AWS::SQS::Queue" => ("sqs", name.to_owned()),
        "AWS::SNS::Topic" => ("sns", name.to_owned()),
        "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
        "AWS::Events::Rule" => ("events", format!("rule/{name}")),
        "AWS::Events::EventBus" => ("events", format!("event-bus/{name}")),
        "AWS::IAM::Role" => return Some(format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
        "AWS::S3::Bucket" => return Some(format!("arn:aws:s3:::{name}")),
        _ => return None,
    };
    Some(local_protocol::arn(service, &resource))
}
