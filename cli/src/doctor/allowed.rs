//! Whether the stack's parameters let the functions do what longshore.toml says.

use longshore_core::{config::Config, text::list};

use super::{
    finding::{Code, Finding},
    stack::Stack,
};

/// What each parameter has to cover.
pub fn findings(config: &Config, stack: &Stack) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pipelines = config.pipelines();
    let plans = || pipelines.iter().flat_map(|pipeline| &pipeline.environments);
    // Another account's services are its role's business.
    let own = || plans().filter(|environment| environment.plan.account.role_arn.is_none());
    let texts = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let images = pipelines.iter().flat_map(|pipeline| {
        let others = pipeline.environments.iter().flat_map(|environment| environment.plan.images.values());
        pipeline.image.iter().chain(others).map(String::as_str)
    });
    let wanted: [(&str, Vec<String>); 6] = [
        ("Projects", texts(pipelines.iter().map(|pipeline| pipeline.project.as_str()).collect())),
        ("Images", texts(images.collect())),
        ("Clusters", texts(own().map(|environment| environment.plan.cluster.as_str()).collect())),
        ("Services", texts(own().flat_map(|environment| environment.services.iter().map(String::as_str)).collect())),
        (
            "DeployRoles",
            texts(plans().filter_map(|environment| environment.plan.account.role_arn.as_deref()).collect()),
        ),
        (
            "Applications",
            texts(
                own()
                    .filter_map(|environment| Some(environment.plan.codedeploy.as_ref()?.application.as_str()))
                    .collect(),
            ),
        ),
    ];
    for (parameter, mut names) in wanted {
        names.sort();
        names.dedup();
        let pattern = stack.parameter(parameter).unwrap_or_default();
        let missing: Vec<&String> = names.iter().filter(|name| !matches(pattern, name)).collect();
        let Some(first) = missing.first() else { continue };
        let all = list(missing.iter().map(|name| (*name).clone()), "and");
        let now = if pattern.is_empty() { "is empty".to_owned() } else { format!("is {pattern}") };
        let cure = match (names.len(), parameter) {
            (1, _) => format!("set it to {first} in samconfig.toml, and `sam deploy`"),
            (_, _) => format!(
                "set it in samconfig.toml to a pattern that {} match, and `sam deploy`",
                list(names.iter().cloned(), "and")
            ),
        };
        findings.push(Finding::wrong(
            Code::NotAllowed,
            format!("parameter {parameter}"),
            format!("{now}, which does not cover {all}: the functions are denied what they need there"),
            cure,
        ));
    }
    let scheduled = own().any(|environment| !environment.plan.scheduled.is_empty());
    if scheduled && stack.parameter("ScheduledTasks").is_none() {
        findings.push(Finding::wrong(
            Code::NotAllowed,
            "parameter ScheduledTasks",
            "is empty, and longshore.toml has `scheduled`: no rule and no schedule may be given a new revision",
            "set it in samconfig.toml to the names of those rules and schedules, and `sam deploy`",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::fine("parameters", "of the stack cover what longshore.toml names"));
    }
    findings
}

/// Whether a name matches a pattern as IAM takes it: `*` is any text, `?` one character.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    // Where the last star is, and up to where in the name it reached.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(character) if *character == '?' || *character == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((of, reached)) = star else { return false };
                star = Some((of, reached + 1));
                (at, in_name) = (of + 1, reached + 1);
            }
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_iam_compares() {
        for (pattern, name, wanted) in [
            ("web", "web", true),
            ("web", "web2", false),
            ("*", "", true),
            ("ecsTask*", "ecsTaskExecutionRole", true),
            ("ecsTask*", "webTask", false),
            ("*-build", "web-build", true),
            ("*-build*", "a-build-build", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("team/*", "team/a/b", true),
            ("", "web", false),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
