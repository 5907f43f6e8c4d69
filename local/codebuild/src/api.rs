//! `CodeBuild`'s actions, as AWS JSON brings them.

use std::sync::Arc;

use local_protocol::{Answer, Refusal, Service, unknown};
use serde_json::{Value, json};

use crate::{
    CodeBuild,
    build::Build,
    input::{Members, descending, invalid, names, one_of, required, text},
    project::{self, Project},
    start::build_not_found,
};

/// How many names a list holds at most.
const PAGE: usize = 100;

impl Service for CodeBuild {
    const TARGET: &'static str = "CodeBuild_20161006";

    async fn call(&self, action: &str, input: Value) -> Answer {
        let Value::Object(input) = input else { return Err(invalid("the request must be a structure")) };
        match action {
            "CreateProject" => self.create_project(&input),
            "UpdateProject" => self.update_project(&input),
            "DeleteProject" => self.delete_project(&input),
            "BatchGetProjects" => self.batch_get_projects(&input),
            "ListProjects" => self.list_projects(&input),
            "StartBuild" => self.start_build(&input).map(|build| answer(&build)),
            "RetryBuild" => self.retry_build(&input).map(|build| answer(&build)),
            "StopBuild" => self.stop_build(&input).await.map(|build| answer(&build)),
            "BatchGetBuilds" => self.batch_get_builds(&input),
            "ListBuilds" => self.list_builds(&input),
            "ListBuildsForProject" => self.list_builds_for_project(&input),
            other => Err(unknown(other)),
        }
    }
}

fn answer(build: &Build) -> Value {
    json!({ "build": build.describe() })
}

impl CodeBuild {
    fn create_project(&self, input: &Members) -> Answer {
        let name = required(input, "name")?;
        let project = Project::create(input)?;
        let projects = &mut self.store().projects;
        if projects.contains_key(name) {
            let message = format!("Project already exists: {}", project::project_arn(name));
            return Err(Refusal::client("ResourceAlreadyExistsException", message));
        }
        let description = project.describe();
        projects.insert(name.to_owned(), project);
        Ok(json!({ "project": description }))
    }

    fn update_project(&self, input: &Members) -> Answer {
        let name = required(input, "name")?;
        let mut store = self.store();
        let project = store.projects.get_mut(name).ok_or_else(|| project::not_found(name))?;
        project.update(input)?;
        Ok(json!({ "project": project.describe() }))
    }

    /// Builds of the project stay, and go on. A project that does not exist is as good as deleted.
    fn delete_project(&self, input: &Members) -> Answer {
        self.store().projects.remove(required(input, "name")?);
        Ok(json!({}))
    }

    fn batch_get_projects(&self, input: &Members) -> Answer {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let store = self.store();
        for name in names(input, "names")? {
            let plain = name.split_once(":project/").map_or(name, |(_, plain)| plain);
            match store.projects.get(plain) {
                Some(project) => found.push(project.describe()),
                None => missing.push(name),
            }
        }
        Ok(json!({ "projects": found, "projectsNotFound": missing }))
    }

    fn list_projects(&self, input: &Members) -> Answer {
        let by = one_of(input, "sortBy", &["NAME", "CREATED_TIME", "LAST_MODIFIED_TIME"])?;
        let store = self.store();
        let mut projects: Vec<_> = store.projects.iter().collect();
        match by {
            Some("CREATED_TIME") => projects.sort_by_key(|(_, project)| project.created),
            Some("LAST_MODIFIED_TIME") => projects.sort_by_key(|(_, project)| project.modified),
            _ => {}
        }
        let names = projects.into_iter().map(|(name, _)| name.clone());
        page(names, descending(input, false)?, input, "projects")
    }

    /// Answers when the build's processes are gone.
    async fn stop_build(&self, input: &Members) -> Result<Arc<Build>, Refusal> {
        let id = required(input, "id")?;
        let build = self.store().build(id).ok_or_else(|| build_not_found(id))?;
        build.stop.cancel();
        build.complete.cancelled().await;
        Ok(build)
    }

    fn batch_get_builds(&self, input: &Members) -> Answer {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let store = self.store();
        for id in names(input, "ids")? {
            match store.build(id) {
                Some(build) => found.push(build.describe()),
                None => missing.push(id),
            }
        }
        Ok(json!({ "builds": found, "buildsNotFound": missing }))
    }

    fn list_builds(&self, input: &Members) -> Answer {
        let store = self.store();
        page(store.builds(None).map(|build| build.order.id()), descending(input, true)?, input, "ids")
    }

    fn list_builds_for_project(&self, input: &Members) -> Answer {
        let name = required(input, "projectName")?;
        let store = self.store();
        if !store.projects.contains_key(name) {
            return Err(project::not_found(name));
        }
        page(store.builds(Some(name)).map(|build| build.order.id()), descending(input, true)?, input, "ids")
    }
}

/// A page of an ascending list. The token is the last name of the page before, so that new names do not shift the rest.
fn page(names: impl Iterator<Item = String>, descending: bool, input: &Members, member: &str) -> Answer {
    let mut names: Vec<_> = names.collect();
    if descending {
        names.reverse();
    }
    let start = match text(input, "nextToken")? {
        None => 0,
        Some(token) => {
            let last = names.iter().position(|name| name == token);
            last.ok_or_else(|| invalid("Invalid next token"))? + 1
        }
    };
    let mut rest = names.split_off(start);
    let more = rest.len() > PAGE;
    rest.truncate(PAGE);
    let next = rest.last().filter(|_| more).cloned();
    let mut answer = json!({ member: rest });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}
