//! `deploymentConfiguration`: what may be said in it, what ECS fills in, and how a deployment is to go.
//! Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>.

use local_protocol::Refusal;
use serde_json::{Map, Value, json};

use crate::{
    scheduler::stages::{ALL, Course, Stage},
    shapes::{invalid, texts},
};

/// The longest bake time and the longest pause between steps, in minutes.
const LONGEST: u32 = 1440;
/// The longest timeout of a hook, in minutes.
const LONGEST_HOOK: u32 = 20_160;
/// How long a hook waits when nothing is said, in minutes.
const PATIENCE: u32 = 1440;
/// How many hooks a service may have.
const HOOKS: usize = 10;

/// `DeploymentStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    Rolling,
    BlueGreen,
    Linear,
    Canary,
}

impl Strategy {
    fn read(configuration: &Value) -> Result<Self, Refusal> {
        match &configuration["strategy"] {
            Value::Null => Ok(Self::Rolling),
            Value::String(name) => match name.as_str() {
                "ROLLING" => Ok(Self::Rolling),
                "BLUE_GREEN" => Ok(Self::BlueGreen),
                "LINEAR" => Ok(Self::Linear),
                "CANARY" => Ok(Self::Canary),
                other => Err(invalid(format!("Invalid deployment strategy: {other}."))),
            },
            other => Err(invalid(format!("Invalid deployment strategy: {other}."))),
        }
    }

    /// That of a configuration which was accepted.
    pub fn of(configuration: &Value) -> Self {
        Self::read(configuration).unwrap_or(Self::Rolling)
    }

    /// The way of a deployment that shifts traffic; `asks`: a hook comes before each step.
    pub fn course(self, configuration: &Value, asks: bool) -> Option<Course> {
        let bake = whole(&configuration["bakeTimeInMinutes"]).unwrap_or_default();
        let (steps, pause) = match self {
            Self::Rolling => return None,
            Self::BlueGreen => (vec![ALL], 0),
            Self::Linear => {
                let linear = &configuration["linearConfiguration"];
                let step = tenths(&linear["stepPercent"]).unwrap_or(ALL).max(1);
                let steps = (1..).map(|number: u16| number.saturating_mul(step).min(ALL));
                let mut taken: Vec<u16> = steps.take_while(|weight| *weight < ALL).collect();
                taken.push(ALL);
                (taken, whole(&linear["stepBakeTimeInMinutes"]).unwrap_or_default())
            }
            Self::Canary => {
                let canary = &configuration["canaryConfiguration"];
                let first = tenths(&canary["canaryPercent"]).unwrap_or(ALL);
                let steps = if first < ALL { vec![first, ALL] } else { vec![ALL] };
                (steps, whole(&canary["canaryBakeTimeInMinutes"]).unwrap_or_default())
            }
        };
        Some(Course { steps, pause, bake, asks })
    }
}

/// A `PAUSE` hook of an accepted configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    pub stages: Vec<Stage>,
    /// How long it waits.
    pub minutes: u32,
    /// Whether the deployment goes on when nobody acts; else it rolls back.
    pub goes_on: bool,
}

impl Hook {
    /// The hooks of an accepted configuration.
    pub fn all(configuration: &Value) -> Vec<Self> {
        let hooks = configuration["lifecycleHooks"].as_array().into_iter().flatten();
        hooks.filter_map(|hook| Self::read(hook).ok()).collect()
    }

    fn read(hook: &Value) -> Result<Self, Refusal> {
        match hook["targetType"].as_str() {
            Some("PAUSE") => {}
            None | Some("AWS_LAMBDA") => {
                return Err(invalid(
                    "the local stand-in invokes no functions as lifecycle hooks: it performs targetType PAUSE only",
                ));
            }
            Some(other) => return Err(invalid(format!("Invalid targetType of a lifecycle hook: {other}."))),
        }
        for member in ["hookTargetArn", "roleArn"] {
            if !hook[member].is_null() {
                return Err(invalid(format!("{member} can not be given for a lifecycle hook with targetType PAUSE.")));
            }
        }
        let mut stages = Vec::new();
        for name in texts(&hook["lifecycleStages"]) {
            let stage = Stage::EVERY.into_iter().find(|stage| stage.name() == name && stage.pausable());
            stages.push(stage.ok_or_else(|| {
                invalid(format!("A lifecycle hook with targetType PAUSE can not be at the lifecycle stage {name}."))
            })?);
        }
        if stages.is_empty() {
            return Err(invalid("A lifecycle hook must have at least one lifecycle stage."));
        }
        let timeout = &hook["timeoutConfiguration"];
        let minutes = within(timeout, "timeoutInMinutes", 1, LONGEST_HOOK)?.unwrap_or(PATIENCE);
        let goes_on = match timeout["action"].as_str() {
            None | Some("ROLLBACK") => false,
            Some("CONTINUE") => true,
            Some(other) => return Err(invalid(format!("Invalid timeout action of a lifecycle hook: {other}."))),
        };
        Ok(Self { stages, minutes, goes_on })
    }
}

/// The configuration as ECS fills it in, for a service with these load balancers.
pub(crate) fn configuration(given: Option<&Value>, balancers: &Value) -> Result<Value, Refusal> {
    let none = Map::new();
    let given = given.and_then(Value::as_object).unwrap_or(&none);
    let mut json = json!({
        "deploymentCircuitBreaker": { "enable": false, "rollback": false },
        "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
    });
    if let Some(fields) = json.as_object_mut() {
        fields.extend(
            given.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    let strategy = Strategy::read(&json)?;
    let (most, least) = (json["maximumPercent"].as_u64(), json["minimumHealthyPercent"].as_u64());
    if !matches!((most, least), (Some(most), Some(least)) if most >= 100 && least <= most) {
        return Err(invalid("maximumPercent must be at least 100, minimumHealthyPercent at most maximumPercent."));
    }
    within(&json, "bakeTimeInMinutes", 0, LONGEST)?;
    if strategy == Strategy::BlueGreen && given.get("bakeTimeInMinutes").is_none_or(Value::is_null) {
        return Err(invalid("bakeTimeInMinutes must be given for the deployment strategy BLUE_GREEN."));
    }
    steps(
        &mut json,
        strategy == Strategy::Linear,
        "linearConfiguration",
        ("stepPercent", 30, 10.0),
        ("stepBakeTimeInMinutes", 6),
    )?;
    steps(
        &mut json,
        strategy == Strategy::Canary,
        "canaryConfiguration",
        ("canaryPercent", 1, 5.0),
        ("canaryBakeTimeInMinutes", 10),
    )?;
    hooks(&json["lifecycleHooks"], strategy)?;
    advanced(balancers, strategy)?;
    Ok(json)
}

/// The strategy's own configuration: a percentage in steps of a tenth, at least so many tenths, and minutes; each with what it
/// is when it is not given.
fn steps(
    json: &mut Value,
    own: bool,
    member: &str,
    (share, least, usual): (&str, u16, f64),
    (pause, minutes): (&str, u32),
) -> Result<(), Refusal> {
    if !own {
        return match &json[member] {
            Value::Null => Ok(()),
            _ => Err(invalid(format!("{member} does not fit the deployment strategy {}.", json["strategy"]))),
        };
    }
    let mut fields = match &json[member] {
        Value::Null => Map::new(),
        Value::Object(fields) => fields.clone(),
        _ => return Err(Refusal::client("SerializationException", format!("{member} is not a structure"))),
    };
    fields.entry(share).or_insert_with(|| json!(usual));
    fields.entry(pause).or_insert_with(|| json!(minutes));
    let filled = Value::Object(fields);
    if tenths(&filled[share]).is_none_or(|share| !(least..=ALL).contains(&share)) {
        return Err(invalid(format!("{share} must be a multiple of 0.1 from {} to 100.0.", f64::from(least) / 10.0)));
    }
    within(&filled, pause, 0, LONGEST)?;
    json[member] = filled;
    Ok(())
}

fn hooks(hooks: &Value, strategy: Strategy) -> Result<(), Refusal> {
    let hooks = match hooks {
        Value::Null => return Ok(()),
        Value::Array(hooks) => hooks,
        _ => return Err(Refusal::client("SerializationException", "lifecycleHooks is not a list")),
    };
    if hooks.len() > HOOKS {
        return Err(invalid(format!(
            "A service can not have more than {HOOKS} lifecycle hooks with targetType PAUSE."
        )));
    }
    if strategy == Strategy::Rolling && !hooks.is_empty() {
        return Err(invalid(
            "the local stand-in performs lifecycle hooks in BLUE_GREEN, LINEAR and CANARY deployments only",
        ));
    }
    hooks.iter().try_for_each(|hook| Hook::read(hook).map(drop))
}

/// Traffic is shifted between two target groups, by rules that are named. Blue/green does without where there is no traffic.
fn advanced(balancers: &Value, strategy: Strategy) -> Result<(), Refusal> {
    let balancers = balancers.as_array().map(Vec::as_slice).unwrap_or_default();
    match strategy {
        Strategy::Rolling => return Ok(()),
        Strategy::BlueGreen => {}
        Strategy::Linear | Strategy::Canary => {
            if balancers.is_empty() {
                return Err(invalid("A load balancer is needed for the deployment strategies LINEAR and CANARY."));
            }
        }
    }
    for balancer in balancers {
        for member in ["alternateTargetGroupArn", "productionListenerRule", "roleArn"] {
            if balancer["advancedConfiguration"][member].as_str().is_none_or(str::is_empty) {
                return Err(invalid(format!(
                    "advancedConfiguration.{member} is needed for each load balancer unless the deployment strategy is ROLLING."
                )));
            }
        }
        if balancer["advancedConfiguration"]["alternateTargetGroupArn"] == balancer["targetGroupArn"] {
            return Err(invalid("The alternate target group can not be the target group itself."));
        }
    }
    Ok(())
}

/// A percentage in tenths of a percent, where it is a multiple of a tenth.
fn tenths(value: &Value) -> Option<u16> {
    let tenths = value.as_f64()? * 10.0;
    let rounded = tenths.round();
    if (tenths - rounded).abs() > 1e-6 || !(0.0..=f64::from(ALL)).contains(&rounded) {
        return None;
    }
    (0..=ALL).find(|whole| (f64::from(*whole) - rounded).abs() < 0.5)
}

fn whole(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn within(json: &Value, member: &str, least: u32, most: u32) -> Result<Option<u32>, Refusal> {
    match &json[member] {
        Value::Null => Ok(None),
        value => match whole(value) {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(invalid(format!("{member} must be a whole number from {least} to {most}."))),
        },
    }
}

#[cfg(test)]
mod tests;
