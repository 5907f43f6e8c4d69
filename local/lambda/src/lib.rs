//! The part of the local stack that runs the functions as AWS Lambda does: the same programs, started through the Lambda
//! Runtime API, behind the routes, rules and schedules that `template.yaml` declares.

pub mod gateway;
pub mod moto;
pub mod pump;
pub mod runtime;
pub mod schedule;
pub mod template;

mod process;

/// A random id that looks like AWS's request and event ids (UUID, version 4).
fn uuid() -> String {
    let random = u128::from(ulid::Ulid::generate());
    // The first 48 bits of a ULID are the time; the 80 random ones come twice instead.
    let bits = (random << 48) ^ random;
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_says_that_it_is_random() {
        let (one, other) = (super::uuid(), super::uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!(matches!(&one[19..20], "8" | "9" | "a" | "b"), "{one}");
    }
}
