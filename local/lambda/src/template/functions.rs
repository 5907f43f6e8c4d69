//! Functions and what starts them: their own events, the HTTP API's routes, rules.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Function, Route, Rule, Schedule, Stack, TemplateError,
    resolve::{Resolver, Result, text_of},
    yaml::Node,
};

/// What API Gateway waits at most, and by default.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn read(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, resource: &Node) -> Result<()> {
    match resource.get("Type").and_then(Node::literal) {
        Some("AWS::Serverless::Function") => function(stack, resolver, id, resource),
        Some("AWS::ApiGatewayV2::Route") => route(stack, resolver, resource),
        Some("AWS::Events::Rule") => rule(stack, resolver, id, resource),
        _ => Ok(()),
    }
}

fn function(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, resource: &Node) -> Result<()> {
    let line = resource.line;
    let properties = match (resource.get("Properties"), resolver.globals("Function")) {
        (Some(own), Some(globals)) => own.over(globals),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => return Err(TemplateError::at(line, "the function has no Properties")),
    };
    let binary = match resource.at(&["Metadata", "BuildProperties", "Binary"]).or(properties.get("Handler")) {
        Some(node) => resolver.text(node)?,
        None => String::new(),
    };
    if binary.is_empty() || binary == "bootstrap" {
        return Err(TemplateError::at(line, "Metadata.BuildProperties.Binary must name the function's program"));
    }
    let mut environment = BTreeMap::new();
    for (name, node) in properties.at(&["Environment", "Variables"]).map(Node::members).unwrap_or_default() {
        if let Some(value) = resolver.value(node).map_err(|error| error.within(&format!("{id}, {name}")))? {
            environment.insert(name.clone(), text_of(&value));
        }
    }
    let number = |path: &[&str], default: u32| match properties.at(path) {
        Some(node) => {
            let text = resolver.text(node)?;
            text.parse().map_err(|_| TemplateError::at(node.line, format!("{text:?} is no number")))
        }
        None => Ok(default),
    };
    stack.functions.push(Function {
        logical_id: id.to_owned(),
        name: resolver.name(line, id)?,
        binary,
        environment,
        timeout: Duration::from_secs(number(&["Timeout"], 3)?.into()),
        memory_mb: number(&["MemorySize"], 128)?,
        maximum_retries: number(&["EventInvokeConfig", "MaximumRetryAttempts"], 2)?,
    });
    for (name, event) in properties.get("Events").map(Node::members).unwrap_or_default() {
        self::event(stack, resolver, id, name, event).map_err(|error| error.within(&format!("{id}, event {name}")))?;
    }
    Ok(())
}

/// Source: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html>.
fn event(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, name: &str, event: &Node) -> Result<()> {
    let property = |name: &str| event.at(&["Properties", name]);
    let needed =
        |name: &str| property(name).ok_or_else(|| TemplateError::at(event.line, format!("the event has no {name}")));
    let enabled = match (property("Enabled"), property("State")) {
        (Some(node), _) => resolver.text(node)? != "false",
        (_, Some(node)) => resolver.text(node)? != "DISABLED",
        (None, None) => true,
    };
    if !enabled {
        return Ok(());
    }
    let unique = format!("{}-{id}{name}", resolver.inputs.stack);
    match event.get("Type").and_then(Node::literal).unwrap_or_default() {
        "EventBridgeRule" | "CloudWatchEvent" => {
            let pattern = resolver.required(needed("Pattern")?)?;
            stack.rules.push(Rule { name: unique, function: id.to_owned(), pattern });
        }
        "Schedule" => {
            let interval = rate(resolver, needed("Schedule")?)?;
            let input = property("Input").map(|node| json(resolver, node)).transpose()?;
            stack.schedules.push(Schedule { name: unique, function: id.to_owned(), interval, input });
        }
        "HttpApi" => {
            let method = property("Method").map(|node| resolver.text(node)).transpose()?;
            let method = method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase();
            let path = property("Path").map(|node| resolver.text(node)).transpose()?;
            let key = path.map_or_else(|| "$default".to_owned(), |path| format!("{method} {path}"));
            stack.routes.push(Route { key, function: id.to_owned(), timeout: GATEWAY_TIMEOUT });
        }
        other => {
            return Err(TemplateError::at(event.line, format!("the local stack has no events of type {other:?}")));
        }
    }
    Ok(())
}

/// `rate(5 minutes)`. Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html>.
fn rate(resolver: &Resolver<'_>, node: &Node) -> Result<Duration> {
    let text = resolver.text(node)?;
    let seconds = || {
        let (count, unit) = text.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
        let unit = match unit {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3_600,
            "day" | "days" => 86_400,
            _ => return None,
        };
        count.parse::<u64>().ok().filter(|count| *count > 0).map(|count| count * unit)
    };
    let message =
        || format!("{text:?} is no rate: the local stack reads rate(1 minute), rate(5 minutes), hours and days");
    seconds().map(Duration::from_secs).ok_or_else(|| TemplateError::at(node.line, message()))
}

fn json(resolver: &Resolver<'_>, node: &Node) -> Result<Value> {
    let text = resolver.text(node)?;
    serde_json::from_str(&text).map_err(|error| TemplateError::at(node.line, format!("Input is no JSON: {error}")))
}

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-route.html>.
fn route(stack: &mut Stack, resolver: &Resolver<'_>, resource: &Node) -> Result<()> {
    let needed = |resource: &Node, name: &str| {
        let node = resource.at(&["Properties", name]);
        let node = node.ok_or_else(|| TemplateError::at(resource.line, format!("{name} is missing")))?;
        Ok((node.line, resolver.text(node)?))
    };
    let (_, key) = needed(resource, "RouteKey")?;
    let (line, target) = needed(resource, "Target")?;
    let id = target.strip_prefix("integrations/").unwrap_or_default();
    let integration = resolver.resources()?.into_iter().find(|(name, _)| *name == id).map(|(_, node)| node);
    let integration = integration.ok_or_else(|| TemplateError::at(line, format!("{target:?} names no integration")))?;
    let (line, uri) = needed(integration, "IntegrationUri")?;
    let function = function_of(resolver, &uri)?;
    let message = || format!("the integration {id} of {key:?} names no function of this template: {uri}");
    let function = function.ok_or_else(|| TemplateError::at(line, message()))?;
    let timeout = integration.at(&["Properties", "TimeoutInMillis"]).map(|node| resolver.text(node)).transpose()?;
    let timeout = timeout.and_then(|text| text.parse().ok()).map_or(GATEWAY_TIMEOUT, Duration::from_millis);
    stack.routes.push(Route { key, function, timeout });
    Ok(())
}

/// A rule that stands by itself.
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html>.
fn rule(stack: &mut Stack, resolver: &Resolver<'_>, id: &str, resource: &Node) -> Result<()> {
    let name = resolver.name(resource.line, id)?;
    let property = |name: &str| resource.at(&["Properties", name]);
    if property("State").map(|node| resolver.text(node)).transpose()?.as_deref() == Some("DISABLED") {
        return Ok(());
    }
    for target in property("Targets").and_then(Node::items).unwrap_or_default() {
        let Some(arn) = target.get("Arn") else {
            continue;
        };
        let Some(function) = function_of(resolver, &resolver.text(arn)?)? else {
            continue;
        };
        if let Some(pattern) = property("EventPattern") {
            let pattern = resolver.required(pattern)?;
            stack.rules.push(Rule { name: name.clone(), function: function.clone(), pattern });
        }
        if let Some(expression) = property("ScheduleExpression") {
            let input = target.get("Input").map(|node| json(resolver, node)).transpose()?;
            let interval = rate(resolver, expression)?;
            stack.schedules.push(Schedule { name: name.clone(), function, interval, input });
        }
    }
    Ok(())
}

/// The function whose ARN stands in `uri`: by itself, with an alias, or within an invocation path.
fn function_of(resolver: &Resolver<'_>, uri: &str) -> Result<Option<String>> {
    for (id, resource) in resolver.resources()? {
        if resource.get("Type").and_then(Node::literal) != Some("AWS::Serverless::Function") {
            continue;
        }
        let arn = resolver.attribute(resource.line, id, "Arn")?;
        if uri.split_once(&arn).is_some_and(|(_, tail)| tail.is_empty() || tail.starts_with([':', '/'])) {
            return Ok(Some(id.to_owned()));
        }
    }
    Ok(None)
}
