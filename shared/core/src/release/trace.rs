//! The trace of a release: one id from the delivery to the verdict, and within the build.
//!
//! Source: W3C Trace Context, level 1, <https://www.w3.org/TR/trace-context-1/>.

use sha2::{Digest, Sha256};

use super::ReleaseId;

impl ReleaseId {
    /// The id of the release's trace: the ULID's 128 bits as 32 lower-case hexadecimal digits, of which the first twelve are its time in
    /// milliseconds. It is read off the id, so that nothing has to be kept or handed on. All zeros, which is no trace, only for a ULID that is.
    pub fn trace(&self) -> String {
        format!("{:032x}", self.bits())
    }

    /// `traceparent` for the release's build: `00-<trace>-<span>-01`. The span, the build itself, is the same for every attempt to start it:
    /// the first eight bytes of the SHA-256 of the id and the word `build`. It is sampled: the build decides what it does with that.
    pub fn traceparent(&self) -> String {
        let digest = Sha256::digest(format!("{self}build"));
        let span = digest.iter().take(8).fold(0_u64, |span, byte| span << 8 | u64::from(*byte));
        format!("00-{}-{:016x}-01", self.trace(), span.max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> ReleaseId {
        ReleaseId::parse(text).expect("an id")
    }

    #[test]
    fn a_trace_is_the_ids_bits() {
        // The greatest ULID, and the first of the millisecond that the specification of ULIDs takes for its example.
        assert_eq!(id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").trace(), "f".repeat(32));
        assert_eq!(
            id("01ARYZ6S410000000000000000").trace(),
            format!("{:012x}{}", 1_469_918_176_385_u64, "0".repeat(20))
        );
        assert_eq!(id("00000000000000000000000001").trace(), format!("{}1", "0".repeat(31)));
    }

    #[test]
    fn a_builds_traceparent_is_stable() {
        let id = id("01JD0000000000000000000000");
        assert_eq!(id.traceparent(), "00-01934000000000000000000000000000-5fb10f025d12c7c2-01");
    }

    proptest! {
        #[test]
        fn every_id_has_a_traceparent_of_its_own_form(bits in 1..u128::MAX) {
            let id = ReleaseId::of_bits(bits);
            prop_assert_eq!(ReleaseId::parse(id.as_str()), Some(id.clone()));
            prop_assert_eq!(u128::from_str_radix(&id.trace(), 16), Ok(bits));
            let parent = id.traceparent();
            let parts: Vec<&str> = parent.split('-').collect();
            let [version, trace, span, flags] = parts[..] else { panic!("{parent}") };
            prop_assert_eq!((version, trace, flags, span.len()), ("00", &*id.trace(), "01", 16));
            let is_lower_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            prop_assert!(is_lower_hex(trace) && is_lower_hex(span) && span.bytes().any(|b| b != b'0'));
        }
    }
}
