//! Elastic Load Balancing: what a deployment waits for at a target group.

use longshore_aws::signed::{Signed, child, text_of};
use roxmltree::{Document, Node};

use super::finding::{Code, Finding};

const VERSION: (&str, &str) = ("Version", "2015-12-01");
/// Up to which the time until a target counts as healthy is no matter, in seconds.
const SOON: i64 = 20;
/// Up to which the time that a target is drained for is no matter, in seconds.
const DRAINED: i64 = 30;

/// How a target group checks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    arn: String,
    name: String,
    /// Seconds between two checks.
    interval: i64,
    /// How many in a row make a target healthy.
    threshold: i64,
}

/// Looks at the target groups of a service.
/// Sources: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html>,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroupAttributes.html>.
pub async fn look(client: &Signed, subject: &str, arns: &[String]) -> Vec<Finding> {
    let keys: Vec<String> = (1..=arns.len()).map(|at| format!("TargetGroupArns.member.{at}")).collect();
    let mut form = vec![("Action", "DescribeTargetGroups"), VERSION];
    form.extend(keys.iter().map(String::as_str).zip(arns.iter().map(String::as_str)));
    let groups = match client.query(&form).await {
        Ok(answer) => groups(&answer),
        Err(error) => return vec![Finding::of_call(subject, "elasticloadbalancing:DescribeTargetGroups", &error)],
    };
    let mut findings = Vec::new();
    for group in &groups {
        findings.extend(checks(subject, group));
        let form = [("Action", "DescribeTargetGroupAttributes"), VERSION, ("TargetGroupArn", group.arn.as_str())];
        match client.query(&form).await {
            Ok(answer) => findings.extend(drains(subject, &group.name, delay(&answer))),
            Err(error) => {
                findings.push(Finding::of_call(subject, "elasticloadbalancing:DescribeTargetGroupAttributes", &error));
            }
        }
    }
    findings
}

fn checks(subject: &str, group: &Group) -> Option<Finding> {
    let wait = group.interval * group.threshold;
    (wait > SOON).then(|| {
        Finding::advice(
            Code::HealthCheck,
            subject,
            format!(
                "waits {wait} s for each new task: its target group {} checks every {} s, and {} times until it is healthy",
                group.name, group.interval, group.threshold
            ),
            "set HealthCheckIntervalSeconds to 5 and HealthyThresholdCount to 2: 10 s",
        )
    })
}

fn drains(subject: &str, group: &str, delay: i64) -> Option<Finding> {
    (delay > DRAINED).then(|| {
        Finding::advice(
            Code::Deregistration,
            subject,
            format!("waits {delay} s for each old task: its target group {group} drains for so long"),
            "set deregistration_delay.timeout_seconds to 5, or as long as the longest request takes",
        )
    })
}

fn members<'d>(document: &'d Document<'_>, list: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    let lists = document.descendants().filter(move |node| node.tag_name().name() == list);
    lists.flat_map(|list| list.children().filter(Node::is_element))
}

fn groups(answer: &str) -> Vec<Group> {
    let Ok(document) = Document::parse(answer) else { return Vec::new() };
    let number = |group, name| text_of(group, name).and_then(|text| text.parse().ok());
    let read = |group| {
        Some(Group {
            arn: text_of(group, "TargetGroupArn")?.to_owned(),
            name: text_of(group, "TargetGroupName")?.to_owned(),
            interval: number(group, "HealthCheckIntervalSeconds")?,
            threshold: number(group, "HealthyThresholdCount")?,
        })
    };
    members(&document, "TargetGroups").filter_map(read).collect()
}

/// The deregistration delay, in seconds; 300 where it is not told.
fn delay(answer: &str) -> i64 {
    const DEFAULT: i64 = 300;
    let Ok(document) = Document::parse(answer) else { return DEFAULT };
    let told = members(&document, "Attributes").find_map(|attribute| {
        (text_of(attribute, "Key") == Some("deregistration_delay.timeout_seconds"))
            .then(|| child(attribute, "Value")?.text()?.parse().ok())?
    });
    told.unwrap_or(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waits_are_told_and_short_ones_are_not() {
        let answer = "<DescribeTargetGroupsResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><DescribeTargetGroupsResult><TargetGroups>\
            <member><TargetGroupArn>arn:a</TargetGroupArn><TargetGroupName>web</TargetGroupName><HealthCheckIntervalSeconds>30</HealthCheckIntervalSeconds><HealthyThresholdCount>5</HealthyThresholdCount></member>\
            <member><TargetGroupArn>arn:b</TargetGroupArn><TargetGroupName>fast</TargetGroupName><HealthCheckIntervalSeconds>5</HealthCheckIntervalSeconds><HealthyThresholdCount>2</HealthyThresholdCount></member>\
            </TargetGroups></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>";
        let groups = groups(answer);
        assert_eq!(groups.len(), 2);
        let told = checks("service a/web", &groups[0]).expect("a finding");
        assert!(told.message.starts_with("waits 150 s"), "{}", told.message);
        assert_eq!(checks("service a/web", &groups[1]), None);
        let answer = |seconds: i64| {
            format!(
                "<DescribeTargetGroupAttributesResponse><DescribeTargetGroupAttributesResult><Attributes><member><Key>stickiness.enabled</Key><Value>false</Value></member>\
                 <member><Key>deregistration_delay.timeout_seconds</Key><Value>{seconds}</Value></member></Attributes></DescribeTargetGroupAttributesResult></DescribeTargetGroupAttributesResponse>"
            )
        };
        assert!(drains("s", "web", delay(&answer(300))).is_some());
        assert_eq!(drains("s", "web", delay(&answer(5))), None);
        assert_eq!(delay("<a/>"), 300);
    }
}
