//! The ends of tasks' logs that a release's record has: of what ran before the services, and of the tasks that did not come up.

use longshore_core::release::Release;

use super::Part;

/// A part for each task that said something.
pub fn parts(release: &Release) -> Vec<Part> {
    let mut parts = Vec::new();
    for deployment in &release.deployments {
        let of = |what: &str, lines: &[String]| Part {
            source: format!("{} {what}", deployment.environment),
            lines: lines.to_vec(),
        };
        let commands = deployment.plan.before.iter().map(|before| before.command.join(" "));
        let runs = deployment.runs.iter().zip(commands.chain(std::iter::repeat(String::new())));
        parts.extend(runs.map(|(run, command)| of(&format!("before: {command}"), &run.log)));
        let failed = deployment.services.iter().filter_map(|service| Some((&service.service, service.why.as_ref()?)));
        parts.extend(failed.map(|(service, why)| of(service, &why.log)));
    }
    parts.retain(|part| !part.lines.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use longshore_core::release::Why;

    use super::*;
    use crate::sample::release;

    #[test]
    fn the_tasks_that_said_something_are_parts() {
        let mut release = release(14);
        assert_eq!(parts(&release), []);
        let line = "could not bind to port 80".to_owned();
        release.deployments[1].services[0].why = Some(Why::new(Vec::new(), Vec::new(), Vec::new(), vec![line.clone()]));
        assert_eq!(parts(&release), [Part { source: "production web".into(), lines: vec![line] }]);
    }
}
