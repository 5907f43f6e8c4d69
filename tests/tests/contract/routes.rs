//! The same routes in the template, in the functions and in README, each with the same function.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    repository::{code, table, text},
    template::{FUNCTIONS, Template},
};

/// What each function answers without a route of its own: a route has one function, and this one is trigger's.
const WITHOUT_ROUTE: [(&str, &str); 2] = [("GET /health", "Notify"), ("GET /health", "Deploy")];

type Routes = BTreeSet<(String, String)>;

/// The arms of a function's `match`: `("POST", "/builds/image") => …`.
fn in_code(function: &str, source: &str) -> Routes {
    let arms = source.lines().map(str::trim).filter_map(|line| line.strip_prefix("(\"")?.split_once("\") =>"));
    let keys = arms.filter_map(|(pair, _)| pair.split_once("\", \""));
    keys.map(|(method, path)| (format!("{method} {path}"), function.to_owned())).collect()
}

/// README's table: `POST /webhooks/github`, `…/bitbucket` are two routes of the function in the second cell.
fn in_readme(page: &str) -> Routes {
    let mut routes = Routes::new();
    let heading = "| route | function |";
    let functions = page.lines().map(str::trim).skip_while(|line| !line.starts_with(heading)).skip(2);
    for (cell, row) in table(page, heading).into_iter().zip(functions) {
        let function = row.split('|').nth(2).unwrap_or_default().trim();
        let function = function[..1].to_uppercase() + &function[1..];
        let mut before = String::new();
        for route in code(cell) {
            let route = match route.strip_prefix('…') {
                Some(end) => format!("{before}{end}"),
                None => route.to_owned(),
            };
            before = route.rsplit_once('/').map_or_else(String::new, |(before, _)| before.to_owned());
            routes.insert((route, function.clone()));
        }
    }
    routes
}

fn disagreements(template: &BTreeMap<String, String>, code: &Routes, readme: &Routes) -> Vec<String> {
    let template: Routes = template.iter().map(|(key, function)| (key.clone(), function.clone())).collect();
    let mut answered = code.clone();
    answered.retain(|(key, function)| !WITHOUT_ROUTE.contains(&(key.as_str(), function.as_str())));
    let mut wrong = Vec::new();
    for (place, routes) in [("the functions", &answered), ("README", readme)] {
        let missing = template.difference(routes).map(|(key, function)| format!("{key} of {function}: not in {place}"));
        wrong.extend(missing);
        let strange = routes.difference(&template);
        wrong.extend(strange.map(|(key, function)| format!("{key} of {function}: in {place}, not in the template")));
    }
    wrong
}

fn all_in_code() -> Routes {
    let of = |function: &str| in_code(function, &text(&format!("functions/{}/src/lib.rs", function.to_lowercase())));
    FUNCTIONS.iter().flat_map(|function| of(function)).collect()
}

#[test]
fn template_functions_and_readme_have_the_same_routes() {
    let wrong = disagreements(&Template::own().routes(), &all_in_code(), &in_readme(&text("README.md")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_route_that_is_missing_anywhere_is_found() {
    let (template, code, readme) = (Template::own().routes(), all_in_code(), in_readme(&text("README.md")));
    let of = |key: &str| (key.to_owned(), template[key].clone());
    let key = "POST /builds/image";
    let mut less = template.clone();
    less.remove(key);
    assert_eq!(disagreements(&less, &code, &readme).len(), 2, "in code and README");
    let mut less = code.clone();
    assert!(less.remove(&of(key)));
    assert_eq!(disagreements(&template, &less, &readme), [format!("{key} of Deploy: not in the functions")]);
    let mut less = readme.clone();
    assert!(less.remove(&of("POST /webhooks/gitlab")), "{less:?}");
    assert_eq!(disagreements(&template, &code, &less), ["POST /webhooks/gitlab of Trigger: not in README"]);
    let mut moved = template.clone();
    moved.insert(key.to_owned(), "Notify".to_owned());
    assert_eq!(disagreements(&moved, &code, &readme).len(), 4, "another function's route is another route");
}

#[test]
fn each_limit_of_a_route_is_that_of_a_route() {
    let routes = Template::own().routes();
    for (id, stage) in Template::own().resources("AWS::ApiGatewayV2::Stage") {
        let limits = stage["RouteSettings"].as_object().expect("limits");
        for key in limits.keys() {
            assert!(routes.contains_key(key), "{id} limits {key:?}, which is no route");
        }
    }
}
