//! CodeBuild's projects, and ECR's repositories.

use longshore_aws::signed::CallError;
use longshore_core::config::{Config, Pipeline};
use serde_json::{Value, json};

use super::{
    World,
    finding::{Code, Finding},
};
use longshore_aws::signed::Service;

/// CodeBuild describes as many projects at once.
const PROJECTS: usize = 100;

/// Looks at the projects.
/// Source: <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetProjects.html>.
pub async fn projects(world: &World) -> Vec<Finding> {
    let mut names: Vec<&str> = world.config.pipelines().iter().map(|pipeline| pipeline.project.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let client = world.client(Service::CodeBuild);
    let mut findings = Vec::new();
    for names in names.chunks(PROJECTS) {
        match client.json("CodeBuild_20161006.BatchGetProjects", &json!({ "names": names })).await {
            Ok(answer) => {
                for pipeline in
                    world.config.pipelines().iter().filter(|pipeline| names.contains(&pipeline.project.as_str()))
                {
                    findings.extend(project(pipeline, &answer, world.local.is_some()));
                }
            }
            Err(error) => {
                let subject = format!("projects {}", names.join(", "));
                findings.push(Finding::of_call(subject, "codebuild:BatchGetProjects", &error));
            }
        }
    }
    findings
}

/// `local`: the project is a local stack's, which builds from its own repositories.
fn project(pipeline: &Pipeline, answer: &Value, local: bool) -> Vec<Finding> {
    let subject = format!("project {}", pipeline.project);
    let found =
        answer["projects"].as_array().into_iter().flatten().find(|one| one["name"] == pipeline.project.as_str());
    let Some(found) = found else {
        return vec![Finding::wrong(
            Code::ProjectMissing,
            subject,
            format!("is not there: a push starts no build for {}", pipeline.name),
            format!("make the CodeBuild project, or write another into `project` of {}", pipeline.name),
        )];
    };
    let mut findings = Vec::new();
    let source = &found["source"];
    if let Some(location) = source["location"].as_str()
        && !local
        && bare(location) != bare(&pipeline.repository)
    {
        findings.push(Finding::wrong(
            Code::ProjectSource,
            subject.as_str(),
            format!("builds {location}, and the pipeline {} is of {}", pipeline.name, pipeline.repository),
            "set the project's source to the pipeline's repository: the commit that is to be built is not in another",
        ));
    }
    if source["gitCloneDepth"].as_i64().is_some_and(|depth| depth > 0) {
        findings.push(Finding::advice(
            Code::ProjectClone,
            subject.as_str(),
            format!(
                "clones {} commits deep: a release of an older commit, or of another branch, may not find it",
                source["gitCloneDepth"]
            ),
            "set the clone depth to Full (0)",
        ));
    }
    if pipeline.image.is_some() && found["environment"]["privilegedMode"] != true {
        findings.push(Finding::advice(
            Code::ProjectPrivileged,
            subject.as_str(),
            "is not privileged: docker does not run in its builds",
            "turn privileged mode on, unless the buildspec builds without docker",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::fine(subject, "is there"));
    }
    findings
}

/// An address of a repository without its scheme, user and `.git`, in lower case.
fn bare(location: &str) -> String {
    let location = location.to_ascii_lowercase();
    let rest = location.split_once("://").map_or(location.as_str(), |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).trim_end_matches('/');
    rest.strip_suffix(".git").unwrap_or(rest).to_owned()
}

/// Looks at the image repositories.
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html>.
pub async fn images(world: &World) -> Vec<Finding> {
    let client = world.client(Service::Ecr);
    let mut findings = Vec::new();
    for name in names(&world.config) {
        let input = json!({ "repositoryNames": [name] });
        let answer = client.json("AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", &input).await;
        findings.extend(image(&world.config, name, &answer));
    }
    findings
}

fn names(config: &Config) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for pipeline in config.pipelines() {
        let others = pipeline.environments.iter().flat_map(|environment| environment.plan.images.values());
        names.extend(pipeline.image.iter().chain(others).map(String::as_str));
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn image(config: &Config, name: &str, answer: &Result<Value, CallError>) -> Vec<Finding> {
    let subject = format!("image repository {name}");
    let found = match answer {
        Ok(answer) => &answer["repositories"][0],
        Err(error) if error.is("RepositoryNotFoundException") => {
            let cure = format!("`aws ecr create-repository --repository-name {name}`, or write another into `image`");
            return vec![Finding::wrong(
                Code::RepositoryMissing,
                subject,
                "is not there: no image can be pushed",
                cure,
            )];
        }
        Err(error) => return vec![Finding::of_call(subject, "ecr:DescribeRepositories", error)],
    };
    let mut findings = Vec::new();
    if found["imageTagMutability"] == "MUTABLE" {
        findings.push(Finding::advice(
            Code::RepositoryMutable,
            subject.as_str(),
            "lets tags be moved: each release has a tag of its own, which nobody should be able to move",
            "set its tag mutability to IMMUTABLE",
        ));
    }
    let blocks = config.pipelines().iter().any(|pipeline| {
        pipeline.image.as_deref() == Some(name)
            && pipeline.environments.iter().any(|environment| environment.plan.block_on.is_some())
    });
    if blocks && found["imageScanningConfiguration"]["scanOnPush"] != true {
        findings.push(Finding::advice(
            Code::RepositoryUnscanned,
            subject.as_str(),
            "does not scan on push, and `block_on` waits for a scan",
            "turn scan on push on, unless the registry's own scanning covers it",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::fine(subject, "is there"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_source_is_the_repository_however_it_is_written() {
        for location in [
            "https://github.com/acme/web.git",
            "https://github.com/Acme/web",
            "https://ada@github.com/acme/web/",
            "github.com/acme/web",
        ] {
            assert_eq!(bare(location), "github.com/acme/web", "{location}");
        }
        assert_ne!(bare("https://github.com/acme/api.git"), "github.com/acme/web");
    }
}
