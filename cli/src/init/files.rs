//! The texts of longshore.toml and samconfig.toml.

use longshore_core::config::Config;

use super::answers::{Answers, array};

/// Its name.
pub const CONFIG: &str = "longshore.toml";
/// Its name.
pub const SAM: &str = "samconfig.toml";
/// Its name.
pub const SLACK: &str = "slack-app.json";

/// The longshore.toml of this repository, an example.
pub const EXAMPLE: &str = include_str!("../../../longshore.toml");
/// The samconfig.toml of this repository, which is filled in.
pub const SAM_EXAMPLE: &str = include_str!("../../../samconfig.toml");

/// longshore.toml, and the same as the functions will read it.
pub fn config(answers: &Answers) -> anyhow::Result<(String, Config)> {
    let host = answers.repository.split('/').next().unwrap_or_default();
    let own = if answers.own_host {
        format!("\n[{}]\nhost = {}\n", answers.source.word(), quoted(host))
    } else {
        String::new()
    };
    let text = format!(
        "# What Longshore does. `longshore check` reads this file; `sam deploy` hands it to the functions.\n\
         \n[slack]\nchannel = {channel}\n{own}\
         \n[[pipeline]]\nname = {name}\nrepository = {repository}\nbranches = {branches}\n\
         project = {project} # the CodeBuild project that builds it\n\
         image = {image} # the ECR repository that the build pushes to\n\
         \n[[pipeline.environment]]\nname = {environment}\ncluster = {cluster}\nservices = {services}\n",
        channel = quoted(&answers.channel),
        name = quoted(&answers.name),
        repository = quoted(&answers.repository),
        branches = array(&answers.branches),
        project = quoted(&answers.project),
        image = quoted(&answers.image),
        environment = quoted(&answers.environment),
        cluster = quoted(&answers.cluster),
        services = array(&answers.services),
    );
    let config =
        Config::read(&text).map_err(|problems| anyhow::anyhow!(problems.lines("the longshore.toml to be written")))?;
    Ok((text, config))
}

/// samconfig.toml with these parameters of the stack.
pub fn samconfig(parameters: &[(&str, String)], stack: &str, region: Option<&str>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in SAM_EXAMPLE.lines() {
        let line = line.trim_end();
        if line.starts_with("stack_name") {
            lines.push(format!("stack_name = {}", quoted(stack)));
        } else if !line.trim_start_matches(['#', ' ']).starts_with("parameter_overrides") {
            lines.push(line.to_owned());
        }
    }
    // In the table of `sam deploy`, wherever the example has it.
    let section = lines.iter().position(|line| line == "[default.deploy.parameters]").unwrap_or_else(|| {
        lines.extend([String::new(), "[default.deploy.parameters]".to_owned()]);
        lines.len() - 1
    });
    let says = |line: &String| !line.is_empty() && !line.starts_with('#');
    let own = lines[section + 1..].iter().take_while(|line| !line.starts_with('['));
    // After its last line: the comment that follows may be about the next table.
    let end = section + 1 + own.enumerate().filter(|(_, line)| says(line)).last().map_or(0, |(at, _)| at + 1);
    let mut added: Vec<String> = region.map(|region| format!("region = {}", quoted(region))).into_iter().collect();
    added.push("parameter_overrides = [".to_owned());
    // SAM wants an empty value in quotation marks; no value has any of its own.
    added.extend(parameters.iter().map(|(name, value)| format!("  '{name}=\"{value}\"',")));
    added.push("]".to_owned());
    lines.splice(end..end, added);
    lines.join("\n") + "\n"
}

/// A basic string of TOML; JSON's escapes are among TOML's. Source: <https://toml.io/en/v1.0.0#string>.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
