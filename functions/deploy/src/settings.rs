//! What `deploy` reads from its environment.

use longshore_aws::settings::{BadSettings, Common, Reader};

/// The settings of `deploy`. What is deployed where stands in each release's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Table and secret.
    pub common: Common,
    /// `LONGSHORE_REGISTRY`: the registry that images are pushed to.
    pub registry: String,
}

impl Settings {
    /// Reads them through a lookup such as `longshore_aws::settings::environment`.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(lookup);
        let settings = Self { common: Common::read(&mut reader), registry: reader.required("LONGSHORE_REGISTRY") };
        // Deploy acts on records alone; a configuration that cannot be read stops it all the same, as it stops the others.
        reader.config();
        reader.finish(settings)
    }
}
