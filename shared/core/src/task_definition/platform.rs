//! What a task definition's tasks run on.

use std::fmt;

use serde_json::Value;

/// A platform in OCI's words.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// `linux` or `windows`.
    pub os: &'static str,
    /// `amd64` or `arm64`.
    pub architecture: &'static str,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

impl Platform {
    /// What the answer of DescribeTaskDefinition asks for: Fargate runs on X86_64 and Linux where it says nothing; on instances it is they
    /// that decide, and nothing is known.
    pub fn of(described: &Value) -> Option<Self> {
        let definition = &described["taskDefinition"];
        let compatible = definition["requiresCompatibilities"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fargate = compatible.iter().any(|kind| kind == "FARGATE");
        let said = &definition["runtimePlatform"];
        let os = match said["operatingSystemFamily"].as_str() {
            Some(family) if family.starts_with("WINDOWS") => "windows",
            Some("LINUX") | None => "linux",
            Some(_) => return None,
        };
        let architecture = match said["cpuArchitecture"].as_str() {
            Some("ARM64") => "arm64",
            Some("X86_64") => "amd64",
            None if fargate => "amd64",
            Some(_) | None => return None,
        };
        Some(Self { os, architecture })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fargate_has_a_default_and_instances_have_none() {
        let of = |definition: Value| Platform::of(&json!({ "taskDefinition": definition })).map(|it| it.to_string());
        let fargate = json!(["FARGATE"]);
        let said =
            |cpu: &str, os: &str| json!({"runtimePlatform": {"cpuArchitecture": cpu, "operatingSystemFamily": os}});
        assert_eq!(of(json!({ "requiresCompatibilities": fargate })).as_deref(), Some("linux/amd64"));
        assert_eq!(of(json!({ "requiresCompatibilities": ["EC2"] })), None);
        assert_eq!(of(said("ARM64", "LINUX")).as_deref(), Some("linux/arm64"));
        assert_eq!(of(said("X86_64", "WINDOWS_SERVER_2022_CORE")).as_deref(), Some("windows/amd64"));
        assert_eq!(of(said("RISCV", "LINUX")), None);
    }
}
