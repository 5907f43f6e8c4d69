//! The stack's parameters, for samconfig.toml: what longshore.toml names, and so what the functions have to be allowed.

use std::collections::BTreeSet;

use longshore_core::config::{Config, Pipeline};

use super::hooks;

/// Those that are not as by default.
pub fn of(config: &Config, connection: Option<&str>) -> Vec<(&'static str, String)> {
    let pipelines = config.pipelines();
    let all = || pipelines.iter().flat_map(|pipeline| &pipeline.environments);
    // What is in another account is its role's business.
    let own = || all().filter(|environment| environment.plan.account.role_arn.is_none());
    let images = pipelines.iter().filter_map(|pipeline| pipeline.image.as_ref());
    let images = images.chain(all().flat_map(|environment| environment.plan.images.values()));
    let roles = all().filter_map(|environment| environment.plan.account.role_arn.as_deref());
    let applications = own().filter_map(|environment| environment.plan.codedeploy.as_ref());
    let named = [
        ("Projects", pattern(pipelines.iter().map(|pipeline| pipeline.project.as_str()))),
        ("Images", pattern(images.map(String::as_str))),
        ("Clusters", pattern(own().map(|environment| environment.plan.cluster.as_str()))),
        ("Services", pattern(own().flat_map(|environment| environment.services.iter().map(String::as_str)))),
        // Roles that have too little in common are no pattern that the stack takes: `longshore doctor` tells of them.
        ("DeployRoles", pattern(roles).filter(|pattern| pattern.contains(":role/"))),
        ("Applications", pattern(applications.map(|codedeploy| codedeploy.application.as_str()))),
    ];
    let mut parameters: Vec<_> = named.into_iter().filter_map(|(name, pattern)| Some((name, pattern?))).collect();
    // The stack's own project takes its source from github.com.
    let on_github = |pipeline: &&Pipeline| {
        pipeline.repository.split('/').next().is_some_and(|host| host.eq_ignore_ascii_case("github.com"))
    };
    let built = pipelines.iter().filter(on_github).find_map(|pipeline| Some((pipeline, pipeline.image.clone()?)));
    match built {
        Some((pipeline, image)) => parameters.extend([
            ("Project", pipeline.project.clone()),
            ("Repository", image),
            ("SourceUrl", format!("https://{}.git", pipeline.repository)),
        ]),
        None => parameters.push(("SourceUrl", String::new())),
    }
    parameters.extend(connection.map(|arn| ("Connection", arn.to_owned())));
    parameters.extend(config.hosts().github.map(|host| ("GitHubApi", hooks::api_of_github(host))));
    parameters
}

/// One name, or the narrowest pattern with one star that all of them match, as IAM takes it; `None` without a name.
fn pattern<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    fn common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
        one.zip(other).take_while(|(one, other)| one == other).count()
    }
    let names: BTreeSet<&str> = names.collect();
    let first = names.first()?;
    if names.len() == 1 {
        return Some((*first).to_owned());
    }
    let shortest = names.iter().map(|name| name.chars().count()).min().unwrap_or_default();
    let start = names.iter().map(|name| common(first.chars(), name.chars())).min().unwrap_or_default();
    let end = names.iter().map(|name| common(first.chars().rev(), name.chars().rev())).min().unwrap_or_default();
    // The beginning and the end do not overlap in any name.
    let end = end.min(shortest - start);
    let (head, tail) = (first.chars().take(start), first.chars().skip(first.chars().count() - end));
    Some(head.chain(['*']).chain(tail).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Vec<(&'static str, String)> {
        of(&Config::read(text).expect("a configuration"), None)
    }

    fn pipeline(name: &str, repository: &str, environment: &str) -> String {
        format!(
            "[[pipeline]]\nname = \"{name}\"\nrepository = \"{repository}\"\nbranches = [\"main\"]\n\
             project = \"{name}-build\"\nimage = \"shop/{name}\"\n[[pipeline.environment]]\n{environment}\n"
        )
    }

    #[test]
    fn a_pattern_covers_all_names_and_little_else() {
        let pattern = |names: &[&str]| pattern(names.iter().copied());
        assert_eq!(pattern(&[]), None);
        for (names, wanted) in [
            (&["web"][..], "web"),
            (&["web", "web"], "web"),
            (&["web", "web-worker"], "web*"),
            (&["web-build", "api-build"], "*-build"),
            (&["shop-web-build", "shop-api-build"], "shop-*-build"),
            (&["aa", "aaa"], "aa*"),
            (&["web", "api"], "*"),
        ] {
            assert_eq!(pattern(names).as_deref(), Some(wanted), "{names:?}");
        }
    }

    #[test]
    fn every_pipeline_and_environment_is_covered() {
        let web = "name = \"staging\"\ncluster = \"web-staging\"\nservices = [\"web\"]\n\
            [[pipeline.environment]]\nname = \"production\"\ncluster = \"main\"\nservices = [\"web\"]\n\
            role_arn = \"arn:aws:iam::123456789012:role/longshore\"";
        let api = "name = \"test\"\ncluster = \"web-test\"\nservices = [\"web-api\"]\nimages = { app = \"shop/api\", nginx = \"shop/nginx\" }\n\
            [[pipeline.environment]]\nname = \"production\"\ncluster = \"main\"\nservices = [\"api\"]\n\
            role_arn = \"arn:aws:iam::210987654321:role/longshore\"";
        let text = pipeline("api", "gitlab.com/acme/api", api) + &pipeline("web", "github.com/acme/web", web);
        let parameters = parameters(&text);
        let shown: Vec<String> = parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        Projects = *-build
        Images = shop/*
        Clusters = web-*
        Services = web*
        DeployRoles = arn:aws:iam::*:role/longshore
        Project = web-build
        Repository = shop/web
        SourceUrl = https://github.com/acme/web.git
        ");
    }

    #[test]
    fn the_stack_makes_a_project_for_github_com_alone() {
        let environment = "name = \"production\"\ncluster = \"main\"\nservices = [\"web\"]";
        let of =
            |text: &str, name: &str| parameters(text).into_iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        for (head, repository, source, api) in [
            ("", "GitHub.com/acme/web", "https://GitHub.com/acme/web.git", None),
            ("", "gitlab.com/acme/web", "", None),
            ("", "acme.ghe.com/acme/web", "", None),
            ("[github]\nhost = \"acme.ghe.com\"\n", "acme.ghe.com/acme/web", "", Some("https://api.acme.ghe.com")),
            (
                "[github]\nhost = \"git.acme.example\"\n",
                "git.acme.example/a/b",
                "",
                Some("https://git.acme.example/api/v3"),
            ),
        ] {
            let text = format!("{head}{}", pipeline("web", repository, environment));
            assert_eq!(of(&text, "SourceUrl").as_deref(), Some(source), "{repository}");
            assert_eq!(of(&text, "GitHubApi").as_deref(), api, "{repository}");
            assert_eq!(of(&text, "Project").is_some(), !source.is_empty(), "{repository}");
        }
    }
}
