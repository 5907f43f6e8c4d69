//! The deployed stack, as CloudFormation describes it.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_config::SdkConfig;
use longshore_aws::signed::{CallError, Service, Signed, child, text_of};
use roxmltree::{Document, Node};

use super::finding::{Code, Finding};

/// What is of interest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// `CREATE_COMPLETE`, for example.
    pub status: String,
    /// Its ARN.
    id: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// An output; an empty one counts as absent.
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter; an empty one counts as absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where Longshore answers, without a slash at its end.
    pub fn url(&self) -> anyhow::Result<String> {
        let url = self.output("ApiUrl");
        let url = url
            .with_context(|| format!("the stack {} has no output ApiUrl: it is no stack of Longshore's", self.name))?;
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The registry that images are pushed to, as template.yaml tells the functions: the account's own unless the parameter says another.
    pub fn registry(&self) -> Option<String> {
        if let Some(registry) = self.parameter("Registry") {
            return Some(registry.to_owned());
        }
        let [_, partition, _, region, account, ..] = self.id.split(':').collect::<Vec<_>>()[..] else { return None };
        let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        Some(format!("{account}.dkr.ecr.{region}.{suffix}"))
    }

    /// Whether what it is in is what it was last told to be.
    pub fn finding(&self) -> Finding {
        let subject = format!("stack {}", self.name);
        let status = &self.status;
        let done = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"].contains(&status.as_str());
        if done {
            return Finding::fine(subject, format!("is {status}"));
        }
        let cleaning = status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
        if status.ends_with("_IN_PROGRESS") || cleaning {
            return Finding::advice(Code::StackUnready, subject, format!("is {status}"), "look again when it is done");
        }
        Finding::wrong(
            Code::StackUnready,
            subject,
            format!("is {status}: the last `sam deploy` did not take effect"),
            "CloudFormation's events of the stack say why; mend it, and `sam deploy` again",
        )
    }
}

/// Asks CloudFormation for one stack.
pub async fn read(sdk: &SdkConfig, name: &str) -> Result<Stack, CallError> {
    let client = Signed::new(sdk, Service::CloudFormation);
    let form = [("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", name)];
    let answer = client.query(&form).await?;
    parsed(&answer).ok_or_else(|| CallError::Unanswered("an answer that cannot be read".to_owned()))
}

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>.
fn parsed(answer: &str) -> Option<Stack> {
    let document = Document::parse(answer).ok()?;
    let result = child(document.root_element(), "DescribeStacksResult")?;
    let stack = child(child(result, "Stacks")?, "member")?;
    let pairs = |list: &str, key: &str, value: &str| -> BTreeMap<String, String> {
        let members = child(stack, list).into_iter().flat_map(|list| list.children().filter(Node::is_element));
        members
            .filter_map(|member| {
                Some((text_of(member, key)?.to_owned(), text_of(member, value).unwrap_or_default().to_owned()))
            })
            .collect()
    };
    Some(Stack {
        name: text_of(stack, "StackName")?.to_owned(),
        status: text_of(stack, "StackStatus")?.to_owned(),
        id: text_of(stack, "StackId").unwrap_or_default().to_owned(),
        outputs: pairs("Outputs", "OutputKey", "OutputValue"),
        parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
        <Stacks><member><StackName>longshore</StackName>\
        <StackId>arn:aws:cloudformation:eu-central-1:123456789012:stack/longshore/0</StackId><StackStatus>UPDATE_COMPLETE</StackStatus>\
        <Outputs><member><OutputKey>ApiUrl</OutputKey><OutputValue>https://x.example/</OutputValue></member></Outputs>\
        <Parameters><member><ParameterKey>Services</ParameterKey><ParameterValue>web</ParameterValue></member>\
        <member><ParameterKey>Topic</ParameterKey><ParameterValue></ParameterValue></member></Parameters>\
        </member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

    #[test]
    fn a_stack_is_read_with_its_outputs_and_parameters() {
        let stack = parsed(ANSWER).expect("a stack");
        assert_eq!(stack.url().expect("a URL"), "https://x.example");
        assert_eq!((stack.parameter("Services"), stack.parameter("Topic")), (Some("web"), None));
        assert!(stack.finding().is_fine());
        assert_eq!(stack.registry().as_deref(), Some("123456789012.dkr.ecr.eu-central-1.amazonaws.com"));
        let other =
            ANSWER.replace("Topic</ParameterKey><ParameterValue>", "Registry</ParameterKey><ParameterValue>r.example");
        assert_eq!(parsed(&other).and_then(|stack| stack.registry()).as_deref(), Some("r.example"));
        let china = parsed(&ANSWER.replace("arn:aws:", "arn:aws-cn:")).and_then(|stack| stack.registry());
        assert!(china.is_some_and(|registry| registry.ends_with(".amazonaws.com.cn")));
        assert!(
            !parsed(&ANSWER.replace("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"))
                .expect("a stack")
                .finding()
                .is_fine()
        );
        assert_eq!(parsed("<a/>"), None);
    }
}
