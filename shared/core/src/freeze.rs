//! placeholder
use crate::config::Freeze;
use jiff::Timestamp;
/// until
pub fn until(_: &[Freeze], _: Timestamp) -> Option<Timestamp> {
    None
}
