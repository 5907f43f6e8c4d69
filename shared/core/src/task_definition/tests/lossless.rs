use super::*;

fn refused(text: &str) -> String {
    read(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn what_is_kept_is_read() {
    for text in [
        "{}",
        r#"{"a": [1, -0, 0.5, 1e2, 1E+2, 100.0, -1.50e-3, 18446744073709551615, -9223372036854775808, 1730000000.123]}"#,
        r#"{"a": {"a": {"b": 1}, "b": 1}, "text": "12345678901234567890.12345 \"1e999 \\", "x": "1e999"}"#,
        "0",
        "0e99999999999999999999",
        "1.7976931348623157e308",
        "0.1",
        "5e-324",
    ] {
        let value = read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value, serde_json::from_str::<Value>(text).expect("JSON"), "{text}");
    }
}

#[test]
fn what_would_be_lost_is_refused() {
    insta::assert_snapshot!(
        [
            r#"{"cpu": 1, "cpu": 2}"#,
            r#"{"a": [{"\u0061": 1, "a": 1}]}"#,
            "[1e400]",
            "[1e-400]",
            "[0.12345678901234567890]",
            "[18446744073709551616]",
            "[18446744073709551617]",
            "[-9223372036854775809]",
            r#"["\ud800"]"#,
            "{\"a\": 1} {}",
            "",
        ]
        .map(refused)
        .join("\n"),
        @r#"
        it cannot be read as JSON: the member "cpu" is there twice at line 1 column 20
        it cannot be read as JSON: the member "a" is there twice at line 1 column 28
        it cannot be read as JSON: number out of range at line 1 column 6
        the number 1e-400 would become 0.0
        the number 0.12345678901234567890 would become 0.12345678901234568
        the number 18446744073709551616 would become 1.8446744073709552e+19
        the number 18446744073709551617 would become 1.8446744073709552e+19
        the number -9223372036854775809 would become -9.223372036854776e+18
        it cannot be read as JSON: unexpected end of hex escape at line 1 column 9
        it cannot be read as JSON: trailing characters at line 1 column 10
        it cannot be read as JSON: EOF while parsing a value at line 1 column 0
        "#
    );
    assert!(refused(&"[".repeat(200)).contains("recursion limit"));
    assert!(read(b"\"\xff\"").is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn every_number_is_kept_or_refused(whole in "-?(0|[1-9][0-9]{0,25})", fraction in "(\\.[0-9]{1,25})?", power in "([eE][+-]?[0-9]{1,3})?") {
        let written = format!("{whole}{fraction}{power}");
        if let Ok(value) = read(written.as_bytes()) {
            // Read as exactly as the text says: by shifting the digits of both.
            let again = value.to_string();
            proptest::prop_assert_eq!(exact(&written), exact(&again), "{} became {}", written, again);
        }
    }
}

/// The digits of a number, whole and fraction, written out without a power.
fn exact(number: &str) -> (bool, String, String) {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mut power: i32 = power.parse().expect("a power");
    let negative = mantissa.starts_with('-');
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let (mut whole, mut fraction): (String, String) = (whole.to_owned(), fraction.to_owned());
    while power > 0 {
        whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        power -= 1;
    }
    while power < 0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
        power += 1;
    }
    let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}
