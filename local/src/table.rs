//! DynamoDB as everything reaches it, once its table is made: moto's, one call after another.
//!
//! moto answers in threads that it does not keep apart. Two calls may both find a condition met, and a transaction that is refused puts
//! the whole table back as it was when the transaction began, without what others wrote since. So calls wait for each other here. A
//! transaction of nothing but puts, which is what the functions write, is made put by put and taken back where one is refused: moto
//! would copy the whole table for each.
//!
//! Left out: `ClientRequestToken`, so a transaction that is sent again is a new one; `Item` among the reasons of a refusal.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use local_protocol::{Client, Refusal};
use serde_json::{Value, json};

const TARGET: &str = "DynamoDB_20120810";
/// The key of the one table, as `template.yaml` declares it.
const KEY: [&str; 2] = ["pk", "sk"];

/// The front of moto's DynamoDB.
#[derive(Debug)]
pub struct Table {
    moto: Client,
    turn: tokio::sync::Mutex<()>,
    calls: Mutex<BTreeMap<String, u64>>,
    writes: Mutex<BTreeMap<String, Writes>>,
}

/// What was written of one kind of item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Writes {
    /// What the puts would have been billed as: a unit for each beginning KB, two within a transaction.
    /// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>.
    pub units: u64,
    /// How many updates there were, whose items the calls do not show.
    pub updates: u64,
}

/// What became of a put of a transaction.
enum Put {
    /// It is made, in the place of this item or of none.
    Made { old: Option<Value> },
    /// Its condition is not met.
    Unmet(String),
}

impl Table {
    pub(crate) fn new(moto: &str) -> Arc<Self> {
        Arc::new(Self {
            moto: Client::new(moto),
            turn: tokio::sync::Mutex::default(),
            calls: Mutex::default(),
            writes: Mutex::default(),
        })
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/", post(handle)).with_state(self.clone())
    }

    /// How often each action was called so far.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was written so far, whether it was refused or not, by the items' `sk`.
    pub fn writes(&self) -> BTreeMap<String, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, action: &str, body: &[u8]) {
        let input: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of = |keys: &Value, units: u64, updates: u64| {
            let kind = writes.entry(keys["sk"]["S"].as_str().unwrap_or_default().to_owned()).or_default();
            (kind.units, kind.updates) = (kind.units + units, kind.updates + updates);
        };
        match action {
            "PutItem" => of(&input["Item"], units(&input["Item"]), 0),
            "UpdateItem" => of(&input["Key"], 0, 1),
            "TransactWriteItems" => {
                for item in input["TransactItems"].as_array().into_iter().flatten() {
                    of(&item["Put"]["Item"], 2 * units(&item["Put"]["Item"]), 0);
                }
            }
            _ => {}
        }
    }

    async fn call(&self, action: &str, body: Bytes) -> Result<(u16, String), Refusal> {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(action.to_owned()).or_default() += 1;
        self.count(action, &body);
        let _turn = self.turn.lock().await;
        if action == "TransactWriteItems"
            && let Ok(input) = serde_json::from_slice(&body)
            && let Some(puts) = only_puts(&input)
        {
            return self.transact(&puts).await;
        }
        self.moto.exchange("dynamodb", &format!("{TARGET}.{action}"), body).await
    }

    /// All of the puts or none. Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
    async fn transact(&self, puts: &[&Value]) -> Result<(u16, String), Refusal> {
        let (mut made, mut unmet) = (Vec::new(), Vec::new());
        // Each is tried, whatever became of those before it: the refusal has a reason for each.
        for &put in puts {
            match self.put(put).await {
                Ok(Put::Made { old }) => {
                    made.push((put, old));
                    unmet.push(None);
                }
                Ok(Put::Unmet(message)) => unmet.push(Some(message)),
                Err(refusal) => {
                    self.take_back(&made).await?;
                    return Err(refusal);
                }
            }
        }
        if unmet.iter().all(Option::is_none) {
            return Ok((200, "{}".to_owned()));
        }
        self.take_back(&made).await?;
        Ok((400, cancelled(&unmet).to_string()))
    }

    async fn put(&self, put: &Value) -> Result<Put, Refusal> {
        let mut input = put.clone();
        input["ReturnValues"] = "ALL_OLD".into();
        match self.moto.call("dynamodb", &format!("{TARGET}.PutItem"), &input).await {
            Ok(answer) => {
                let old = answer.get("Attributes").filter(|old| old.as_object().is_some_and(|old| !old.is_empty()));
                Ok(Put::Made { old: old.cloned() })
            }
            Err(refusal) if refusal.code == "ConditionalCheckFailedException" => Ok(Put::Unmet(refusal.message)),
            Err(refusal) => Err(refusal),
        }
    }

    async fn take_back(&self, made: &[(&Value, Option<Value>)]) -> Result<(), Refusal> {
        for (put, old) in made.iter().rev() {
            let (action, member, value) = match old {
                Some(old) => ("PutItem", "Item", old.clone()),
                None => ("DeleteItem", "Key", KEY.into_iter().map(|name| (name, put["Item"][name].clone())).collect()),
            };
            let input = json!({ "TableName": put["TableName"], member: value });
            self.moto.call("dynamodb", &format!("{TARGET}.{action}"), &input).await?;
        }
        Ok(())
    }
}

/// The write units of an item: its bytes, names and values, in beginning KB.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
pub fn units(item: &Value) -> u64 {
    fn size(value: &Value) -> usize {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("S" | "N" | "B", Value::String(text)) => text.len(),
                    ("BOOL" | "NULL", _) => 1,
                    ("M" | "L", value) => 3 + size(value),
                    (name, value) => name.len() + size(value),
                })
                .sum(),
            Value::Array(values) => values.iter().map(|value| 1 + size(value)).sum(),
            _ => 0,
        }
    }
    u64::try_from(size(item).div_ceil(1024)).unwrap_or(u64::MAX).max(1)
}

/// The puts of a transaction; `None` where it has anything else, whatever is wrong with it included.
fn only_puts(input: &Value) -> Option<Vec<&Value>> {
    let items = input["TransactItems"].as_array()?;
    let puts: Option<Vec<&Value>> = items.iter().map(|item| item.get("Put").filter(|_| is_one(item))).collect();
    let key = |put: &Value| KEY.map(|name| put["Item"][name].to_string());
    let puts = puts?;
    // Two operations on one item are a mistake, which moto knows the words for.
    let distinct = puts.iter().enumerate().all(|(at, put)| puts[..at].iter().all(|other| key(other) != key(put)));
    distinct.then_some(puts)
}

fn is_one(item: &Value) -> bool {
    item.as_object().is_some_and(|members| members.len() == 1)
}

/// The refusal of a transaction: a reason for each item, in their order, with the message where its condition is not met.
fn cancelled(unmet: &[Option<String>]) -> Value {
    let reason = |unmet: &Option<String>| match unmet {
        None => json!({ "Code": "None" }),
        Some(message) => json!({ "Code": "ConditionalCheckFailed", "Message": message }),
    };
    let reasons: Vec<Value> = unmet.iter().map(reason).collect();
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let codes = codes.join(", ");
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"),
        "CancellationReasons": reasons,
    })
}

async fn handle(State(table): State<Arc<Table>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let action = target.split_once('.').filter(|(prefix, _)| *prefix == TARGET).map_or(target, |(_, action)| action);
    // A caller that stops waiting does not break a transaction off.
    let (table, action) = (table.clone(), action.to_owned());
    let called = tokio::spawn(async move { table.call(&action, body).await }).await;
    let (status, text) = match called {
        Ok(Ok(answer)) => answer,
        Ok(Err(refusal)) => (refusal.status, json!({ "__type": refusal.code, "message": refusal.message }).to_string()),
        Err(_) => (500, json!({ "__type": "InternalServerError" }).to_string()),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    (status, [(header::CONTENT_TYPE, json)], text).into_response()
}

#[cfg(test)]
mod tests;
