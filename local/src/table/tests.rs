//! The front before a moto of its own, with a table like the template's.

use std::path::Path;

use local_lambda::moto::Moto;
use tokio::task::JoinSet;

use super::*;

const NAME: &str = "records";

/// A table in a moto, which ends with it.
async fn table() -> (Moto, Arc<Table>) {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv/bin");
    let moto = Moto::start(venv.is_dir().then_some(venv)).await.expect("moto");
    let table = Table::new(moto.url());
    let keys = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]);
    let kinds = json!([{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}]);
    let input = json!({
        "TableName": NAME, "KeySchema": keys, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(ask(&table, "CreateTable", &input).await.0, 200);
    (moto, table)
}

/// A call as a function makes it: status and answer.
async fn ask(table: &Table, action: &str, input: &Value) -> (u16, Value) {
    let (status, text) = table.call(action, input.to_string().into()).await.expect("an answer");
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// A put of an item that holds this text.
fn put(pk: &str, text: &str) -> Value {
    json!({ "TableName": NAME, "Item": {"pk": {"S": pk}, "sk": {"S": "one"}, "text": {"S": text}} })
}

/// The same, where the item is not there yet.
fn put_new(pk: &str, text: &str) -> Value {
    let mut put = put(pk, text);
    put["ConditionExpression"] = "attribute_not_exists(pk)".into();
    put
}

async fn transact(table: &Table, puts: &[Value]) -> (u16, Value) {
    let items: Vec<_> = puts.iter().map(|put| json!({ "Put": put })).collect();
    ask(table, "TransactWriteItems", &json!({ "TransactItems": items })).await
}

/// What the table has: keys and texts.
async fn texts(table: &Table) -> Vec<(String, String)> {
    let (_, answer) = ask(table, "Scan", &json!({ "TableName": NAME })).await;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let items = answer["Items"].as_array().expect("items");
    let mut texts: Vec<_> = items.iter().map(|item| (text(item, "pk"), text(item, "text"))).collect();
    texts.sort();
    texts
}

fn pair((key, text): (&str, &str)) -> (String, String) {
    (key.to_owned(), text.to_owned())
}

#[tokio::test]
async fn a_transaction_of_puts_writes_all_of_them() {
    let (_moto, table) = table().await;
    assert_eq!(ask(&table, "PutItem", &put("a", "old")).await.0, 200);
    let (status, answer) = transact(&table, &[put("a", "new"), put_new("b", "new")]).await;
    assert_eq!((status, answer), (200, json!({})));
    assert_eq!(texts(&table).await, [("a", "new"), ("b", "new")].map(pair));
    let calls = [("CreateTable", 1), ("PutItem", 1), ("Scan", 1), ("TransactWriteItems", 1)];
    assert_eq!(table.calls(), calls.map(|(action, count)| (action.to_owned(), count)).into(), "as the callers count");
}

#[tokio::test]
async fn a_transaction_of_puts_that_is_refused_leaves_nothing() {
    let (_moto, table) = table().await;
    for pk in ["a", "c"] {
        assert_eq!(ask(&table, "PutItem", &put(pk, "old")).await.0, 200);
    }
    let puts = [put("a", "new"), put_new("b", "new"), put_new("c", "new"), put_new("d", "new"), put_new("a2", "new")];
    let (status, _) = transact(&table, &puts).await;
    assert_eq!(status, 400);
    assert_eq!(
        texts(&table).await,
        [("a", "old"), ("c", "old")].map(pair),
        "neither what was new nor what was changed"
    );
}

#[tokio::test]
async fn a_refusal_has_dynamodbs_reasons_one_for_each_item() {
    let (_moto, table) = table().await;
    for pk in ["b", "d"] {
        assert_eq!(ask(&table, "PutItem", &put(pk, "old")).await.0, 200);
    }
    let puts = [put_new("a", "new"), put_new("b", "new"), put("c", "new"), put_new("d", "new")];
    let (status, answer) = transact(&table, &puts).await;
    let unmet = json!({ "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" });
    let met = json!({ "Code": "None" });
    let words = "Transaction cancelled, please refer cancellation reasons for specific reasons \
                 [None, ConditionalCheckFailed, None, ConditionalCheckFailed]";
    let expected = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": words,
        "CancellationReasons": [met, unmet, met, unmet],
    });
    assert_eq!((status, answer), (400, expected));
}

#[tokio::test]
async fn a_put_that_is_wrong_ends_the_transaction_and_leaves_nothing() {
    let (_moto, table) = table().await;
    let mut wrong = put("b", "new");
    wrong["TableName"] = "another".into();
    let items = json!({ "TransactItems": [{"Put": put("a", "new")}, {"Put": wrong}] });
    let refusal = table.call("TransactWriteItems", items.to_string().into()).await.expect_err("a refusal");
    assert_eq!((refusal.status, refusal.code.as_str()), (400, "ResourceNotFoundException"), "{refusal}");
    assert_eq!(texts(&table).await, []);
}

#[tokio::test]
async fn of_conditional_puts_at_once_exactly_one_wins() {
    let (_moto, table) = table().await;
    for round in 0..5 {
        let key = format!("round {round}");
        let mut puts = JoinSet::new();
        for caller in 0..8 {
            let (table, key) = (table.clone(), key.clone());
            puts.spawn(async move {
                let input = put_new(&key, &format!("caller {caller}"));
                (caller, ask(&table, "PutItem", &input).await)
            });
        }
        let answers = puts.join_all().await;
        let winners: Vec<_> = answers.iter().filter(|(_, (status, _))| *status == 200).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let kept = texts(&table).await.into_iter().find(|(pk, _)| *pk == key).expect("an item");
        assert_eq!(kept.1, format!("caller {}", winners[0].0));
        for (_, (_, refused)) in answers.iter().filter(|(_, (status, _))| *status != 200) {
            let kind = refused["__type"].as_str().unwrap_or_default();
            assert!(kind.ends_with("#ConditionalCheckFailedException"), "{refused}");
        }
    }
}

#[tokio::test]
async fn of_transactions_at_once_exactly_one_wins_and_what_others_wrote_stays() {
    let (_moto, table) = table().await;
    let mut calls = JoinSet::new();
    for caller in 0..8 {
        let table = table.clone();
        calls.spawn(async move {
            let own = put_new(&format!("own {caller}"), "new");
            let (status, _) = transact(&table, &[own, put_new("everyone's", "new")]).await;
            assert_eq!(ask(&table, "PutItem", &put(&format!("other {caller}"), "new")).await.0, 200);
            status
        });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let texts = texts(&table).await;
    let count = |prefix: &str| texts.iter().filter(|(pk, _)| pk.starts_with(prefix)).count();
    assert_eq!((count("everyone's"), count("own "), count("other ")), (1, 1, 8), "{texts:?}");
}

#[tokio::test]
async fn a_transaction_with_anything_but_puts_is_motos() {
    let (_moto, table) = table().await;
    assert_eq!(ask(&table, "PutItem", &put("a", "old")).await.0, 200);
    let key = json!({"pk": {"S": "a"}, "sk": {"S": "one"}});
    let delete = json!({ "Delete": {"TableName": NAME, "Key": key} });
    let items = json!({ "TransactItems": [delete, {"Put": put_new("b", "new")}] });
    assert_eq!(ask(&table, "TransactWriteItems", &items).await.0, 200);
    assert_eq!(texts(&table).await, [("b", "new")].map(pair));
    assert!(only_puts(&items).is_none());
    let twice = json!({ "TransactItems": [{"Put": put("a", "one")}, {"Put": put("a", "two")}] });
    assert!(only_puts(&twice).is_none(), "moto says what is wrong with it");
}
