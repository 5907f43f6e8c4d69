//! `longshore task-definition`: the register request for a new revision, without an AWS account.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, bail};
use longshore_core::{
    image::{Name, Reference},
    task_definition::{self, Images, diff, revise},
};
use serde_json::{Value, json};

use crate::{changes, output, payload};

#[derive(clap::Args)]
pub struct Arguments {
    /// A container and the image that it gets: app=REGISTRY/REPOSITORY@sha256:… May be repeated; the other containers stay as they are.
    #[arg(long = "image", value_name = "CONTAINER=IMAGE", value_parser = pair, required = true)]
    images: Vec<(String, String)>,
    /// A tag of the revision. May be repeated; the tags of the base stay.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// Take an image by a tag, which may name another image by the time that a task starts.
    #[arg(long)]
    allow_tag: bool,
    /// Show what is different from the base, field by field, instead of the request.
    #[arg(long)]
    diff: bool,
    /// With --diff: print one JSON array of the changes instead of text.
    #[arg(long, requires = "diff")]
    json: bool,
    #[command(flatten)]
    file: Described,
}

/// `[FILE]`
#[derive(clap::Args)]
struct Described {
    /// What `aws ecs describe-task-definition --include TAGS` printed, or a task definition alone; standard input without one.
    #[arg(value_name = "FILE")]
    path: Option<std::path::PathBuf>,
}

/// Exit status: 0 when the request could be made, 2 when not.
pub fn run(arguments: &Arguments) -> ExitCode {
    output::made(made(arguments))
}

fn made(arguments: &Arguments) -> anyhow::Result<String> {
    let images = images(&arguments.images, arguments.allow_tag)?;
    let json = payload::read(arguments.file.path.as_deref(), "the task definition")?;
    let described = described(task_definition::read(&json).context("the task definition")?)?;
    let tags: Vec<(&str, &str)> = arguments.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let revision = revise(&described, Images::Each(&images), &tags)?;
    if !arguments.diff {
        return Ok(serde_json::to_string_pretty(&revision.request)?);
    }
    let changes = diff(&task_definition::again(&described)?, &revision.request);
    Ok(if arguments.json {
        serde_json::to_string_pretty(&changes)?
    } else if changes.is_empty() {
        "nothing is different".to_owned()
    } else {
        changes::shown(&changes)
    })
}

/// The image of each container, checked.
fn images(given: &[(String, String)], allow_tag: bool) -> anyhow::Result<BTreeMap<String, String>> {
    let mut images = BTreeMap::new();
    for (container, image) in given {
        let reference = Reference::parse(image).with_context(|| {
            format!("{image} is no image: it must be REGISTRY/REPOSITORY@sha256:<64 hexadecimal digits>")
        })?;
        match reference.name {
            Name::Digest(_) => {}
            Name::Tag(_) if allow_tag => {}
            Name::Tag(tag) => bail!(
                "{image} has the tag {tag}, which may name another image tomorrow: give its digest, @sha256:…, or --allow-tag"
            ),
        }
        if images.insert(container.clone(), image.clone()).is_some() {
            bail!("the container {container} is given two images");
        }
    }
    Ok(images)
}

/// What was described, from either form that it may be given in: as DescribeTaskDefinition answers, with the tags beside the task
/// definition, or the task definition alone, with the tags within it.
fn described(given: Value) -> anyhow::Result<Value> {
    let Value::Object(mut members) = given else { bail!("a task definition is a JSON object") };
    if members.contains_key("taskDefinition") {
        if members.get("tags").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            output::note(
                "no tags are given: without --include TAGS, `aws ecs describe-task-definition` leaves them out",
            );
        }
        return Ok(Value::Object(members));
    }
    if !members.contains_key("containerDefinitions") {
        bail!(
            "it has neither `taskDefinition` nor `containerDefinitions`: give what `aws ecs describe-task-definition` prints"
        );
    }
    let tags = members.remove("tags").unwrap_or_default();
    Ok(json!({ "taskDefinition": members, "tags": tags }))
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("there is no = after a name")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_task_definition_are_the_same() {
        let tags = json!([{"key": "team", "value": "web"}]);
        let alone = json!({"family": "web", "containerDefinitions": [{"name": "web"}], "tags": tags});
        let whole =
            json!({"taskDefinition": {"family": "web", "containerDefinitions": [{"name": "web"}]}, "tags": tags});
        assert_eq!(described(alone).expect("a task definition"), whole);
        assert_eq!(described(whole.clone()).expect("a task definition"), whole);
        for none in [json!([]), json!({}), json!({"services": []})] {
            assert!(described(none).is_err());
        }
    }

    #[test]
    fn a_pair_may_have_more_equals_signs_in_its_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        assert!(pair("a").is_err() && pair("=a").is_err());
    }
}
