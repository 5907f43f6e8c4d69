//! Metrics as CloudWatch takes them from a log: the embedded metric format, read as strictly as its specification is written.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::collections::BTreeMap;

use serde_json::Value;

/// The units that CloudWatch knows and that count something here.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>.
const UNITS: [&str; 5] = ["Seconds", "Microseconds", "Milliseconds", "Count", "None"];
/// The longest line, in bytes.
const LONGEST: usize = 256 * 1024;

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The value.
    pub value: f64,
    /// The values of its dimensions, by their names.
    pub dimensions: BTreeMap<String, String>,
    /// The whole line.
    pub line: Value,
}

/// The metrics of a log, in their order.
///
/// # Panics
///
/// When a line with `_aws` is not what CloudWatch would take.
pub fn data(log: &str) -> Vec<Datum> {
    let mut data = Vec::new();
    for text in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(text) else { continue };
        if !line["_aws"].is_null() {
            assert!(text.len() <= LONGEST, "{} bytes", text.len());
            read(&line, &mut data).unwrap_or_else(|why| panic!("{why}: {line}"));
        }
    }
    data
}

fn read(line: &Value, data: &mut Vec<Datum>) -> Result<(), String> {
    let aws = members(&line["_aws"], &["Timestamp", "CloudWatchMetrics"])?;
    let time = aws["Timestamp"].as_i64().ok_or("no Timestamp")?;
    // A day in 2020 and one in 2100, in milliseconds: seconds and nanoseconds are neither.
    if !(1_577_836_800_000..4_102_444_800_000).contains(&time) {
        return Err(format!("the Timestamp {time} is not in milliseconds"));
    }
    let directives = list(&aws["CloudWatchMetrics"])?;
    if directives.is_empty() {
        return Err("no directive".into());
    }
    for directive in directives {
        let directive = members(directive, &["Namespace", "Dimensions", "Metrics"])?;
        let namespace = text(&directive["Namespace"], 1024)?;
        if namespace.starts_with("AWS/") {
            return Err("a namespace of AWS".into());
        }
        let (sets, metrics) = (list(&directive["Dimensions"])?, list(&directive["Metrics"])?);
        if sets.is_empty() || metrics.is_empty() || metrics.len() > 100 {
            return Err(format!("{} sets of dimensions, {} metrics", sets.len(), metrics.len()));
        }
        for set in sets {
            let dimensions = dimensions(line, list(set)?)?;
            for metric in metrics {
                let metric = members(metric, &["Name", "Unit"])?;
                let (name, unit) = (text(&metric["Name"], 1024)?, text(&metric["Unit"], 30)?);
                if !UNITS.contains(&unit) {
                    return Err(format!("the unit {unit}"));
                }
                let value = line[name].as_f64().ok_or_else(|| format!("{name} is no number"))?;
                let (name, unit, dimensions) = (name.to_owned(), unit.to_owned(), dimensions.clone());
                data.push(Datum { name, unit, value, dimensions, line: line.clone() });
            }
        }
    }
    Ok(())
}

fn dimensions(line: &Value, names: &[Value]) -> Result<BTreeMap<String, String>, String> {
    if names.len() > 30 {
        return Err(format!("{} dimensions", names.len()));
    }
    let mut dimensions = BTreeMap::new();
    for name in names {
        let name = text(name, 250)?;
        let value = text(&line[name], 1024).map_err(|why| format!("{name}: {why}"))?;
        dimensions.insert(name.to_owned(), value.to_owned());
    }
    Ok(dimensions)
}

/// An object with these members and no others.
fn members<'v>(value: &'v Value, names: &[&str]) -> Result<&'v serde_json::Map<String, Value>, String> {
    let object = value.as_object().ok_or("no object")?;
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        Some(other) => Err(format!("the member {other}")),
        None if names.iter().all(|name| object.contains_key(*name)) => Ok(object),
        None => Err(format!("not all of {names:?}")),
    }
}

fn list(value: &Value) -> Result<&[Value], String> {
    Ok(value.as_array().ok_or("no list")?)
}

/// ASCII that is not blank.
fn text(value: &Value, most: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or("no text")?;
    let fits = !text.trim().is_empty() && text.len() <= most && text.is_ascii();
    fits.then_some(text).ok_or_else(|| format!("the text {text:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Value {
        json!({
            "_aws": {"Timestamp": 1_800_000_000_000_i64, "CloudWatchMetrics": [
                {"Namespace": "Longshore", "Dimensions": [["Stack"]], "Metrics": [{"Name": "Stuck", "Unit": "Count"}]},
            ]},
            "Stuck": 2, "Stack": "harbour", "release": "01JD0000000000000000000000",
        })
    }

    #[test]
    fn a_line_is_read_as_cloudwatch_reads_it() {
        let log = format!("no JSON\n{{\"message\":\"none\"}}\n{}\n", line());
        let [datum] = &data(&log)[..] else { panic!("one") };
        assert_eq!((&*datum.name, &*datum.unit, &datum.value), ("Stuck", "Count", &2.0));
        assert_eq!(datum.dimensions, BTreeMap::from([("Stack".to_owned(), "harbour".to_owned())]));
    }

    #[test]
    fn what_cloudwatch_would_not_take_is_told() {
        let wrong: [fn(&mut Value); 10] = [
            |line| line["_aws"]["Timestamp"] = json!(1_800_000_000),
            |line| line["_aws"]["Timestamp"] = json!("2027-01-15T08:00:00Z"),
            |line| line["_aws"]["CloudWatchMetrics"] = json!([]),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Unit"] = json!("Count"),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = json!("count"),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!([["Stack", "Verdict"]]),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!(["Stack"]),
            |line| {
                line["_aws"]["CloudWatchMetrics"][0]["Metrics"] =
                    json!(vec![json!({"Name": "Stuck", "Unit": "Count"}); 101]);
            },
            |line| line["Stuck"] = json!("2"),
            |line| line["Stack"] = json!(""),
        ];
        for (at, change) in wrong.iter().enumerate() {
            let mut line = line();
            change(&mut line);
            assert!(read(&line, &mut Vec::new()).is_err(), "{at}: {line}");
        }
    }
}
