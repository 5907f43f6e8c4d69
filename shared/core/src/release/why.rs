//! placeholder until the helper's file comes
use serde::{Deserialize, Serialize};
/// What was found about why a service did not come up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Events.
    pub events: Vec<String>,
    /// Log.
    pub log: Vec<String>,
    /// Target health.
    pub targets: Vec<String>,
}
