//! JSON of which nothing is lost when it is read and written again.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Why JSON cannot be handed on as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lossy {
    /// It is no JSON, or none that can be kept: a member twice, a number beyond all limits, half of a surrogate pair, more than 128 levels.
    #[error("it cannot be read as JSON: {0}")]
    Unreadable(String),
    /// A number with more digits than a number of ours keeps.
    #[error("the number {written} would become {read}")]
    Number {
        /// As it is written.
        written: String,
        /// As it would be handed on.
        read: String,
    },
}

/// Reads JSON, or says what of it would be lost. Members may change their order, and numbers how they are written (`1e2`, `100.0`), but not
/// what they are.
pub fn read(json: &[u8]) -> Result<Value, Lossy> {
    let text = std::str::from_utf8(json).map_err(|error| Lossy::Unreadable(error.to_string()))?;
    let Unique(value) = serde_json::from_str(text).map_err(|error| Lossy::Unreadable(error.to_string()))?;
    for written in numbers(text) {
        let read = written.parse::<Number>().map_err(|error| Lossy::Unreadable(error.to_string()))?.to_string();
        if Decimal::of(written) != Decimal::of(&read) {
            return Err(Lossy::Number { written: written.chars().take(60).collect(), read });
        }
    }
    Ok(value)
}

/// Whether two numbers are the same, however they are written.
pub(super) fn same(one: &Number, other: &Number) -> bool {
    one == other || Decimal::of(&one.to_string()) == Decimal::of(&other.to_string())
}

/// The numbers of a text that is JSON, as they are written there.
fn numbers(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            if rest[start..].starts_with('"') {
                rest = after_text(&rest[start + 1..]);
                continue;
            }
            let number = &rest[start..];
            let end =
                number.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(number.len());
            rest = &number[end..];
            return Some(&number[..end]);
        }
    })
}

/// What follows a text, after its opening quotation mark.
fn after_text(json: &str) -> &str {
    let mut escaped = false;
    for (position, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return &json[position + 1..],
            _ => {}
        }
    }
    ""
}

/// A decimal number in the only way that it can be written: its digits without zeros around them, and the power of ten that they count.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    /// Of a number as JSON writes it.
    fn of(number: &str) -> Self {
        let (negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let trimmed = digits.trim_end_matches('0');
        // A power that is no i64 is of zero, or of a number that cannot be read anyway.
        let power = power.parse::<i64>().unwrap_or_default();
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let power = power.saturating_sub(length(fraction)).saturating_add(length(&digits) - length(trimmed));
        match trimmed.trim_start_matches('0') {
            "" => Self { negative: false, digits: String::new(), power: 0 },
            digits => Self { negative, digits: digits.to_owned(), power },
        }
    }
}

/// A value in which no object has a member twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number beyond all limits"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
            map.insert(name, value);
        }
        Ok(map.into())
    }
}
