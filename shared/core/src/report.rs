//! What a build reports about itself with `curl`: its progress, and the image that it pushed.

use serde::{Deserialize, Serialize};

use crate::{
    image::Reference,
    text::{first_line, shorten},
};

/// The largest body of either report, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// `POST /builds/events`: a stage of the build began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The stage: a phase of CodeBuild's (`install`, `pre_build`, `build`, `post_build`) or one of the user's own. 1 to 60 characters.
    pub phase: String,
    /// How it stands.
    pub status: Status,
    /// For people; at most 1,000 characters.
    pub message: Option<String>,
}

/// How a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It runs.
    Started,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
}

/// Why a report is refused; the sentence is for whoever wrote the buildspec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// Not JSON, or not of the documented form.
    #[error("the body must be JSON like {example}: {error}")]
    Body {
        /// A report that would be taken.
        example: &'static str,
        /// What the JSON reader says.
        error: String,
    },
    /// The phase is empty.
    #[error("`phase` is empty")]
    NoPhase,
    /// The image is not a full reference.
    #[error("`image` must be <registry>/<repository>:<tag> or <registry>/<repository>@sha256:<digest>")]
    NotAnImage,
    /// The image is not where this pipeline's images go.
    #[error("the image must be in {0}, the repository of this release's pipeline")]
    AnotherRepository(String),
    /// There is no place for images in this pipeline.
    #[error("this release's pipeline has no `image`: nothing can be deployed from it")]
    NoRepository,
}

/// Reads a progress report.
pub fn progress(body: &[u8]) -> Result<Progress, BadReport> {
    #[derive(Deserialize)]
    struct Wire {
        phase: String,
        status: Status,
        message: Option<String>,
    }
    let wire: Wire = read(body, r#"{"phase": "build", "status": "started", "message": "…"}"#)?;
    let phase = shorten(first_line(&wire.phase), 60);
    if phase.is_empty() {
        return Err(BadReport::NoPhase);
    }
    let message = wire.message.map(|message| shorten(message.trim(), 1000)).filter(|message| !message.is_empty());
    Ok(Progress { phase, status: wire.status, message })
}

/// Reads an image report, and checks that the image is in `registry` and in one of the pipeline's `repositories`, the first of which is
/// the one that a refusal names.
pub fn image(body: &[u8], registry: &str, repositories: &[&str]) -> Result<Reference, BadReport> {
    #[derive(Deserialize)]
    struct Wire {
        image: String,
    }
    let wire: Wire = read(body, r#"{"image": "<registry>/<repository>:<tag>"}"#)?;
    let reference = Reference::parse(wire.image.trim()).ok_or(BadReport::NotAnImage)?;
    let first = repositories.first().ok_or(BadReport::NoRepository)?;
    if reference.registry != registry || !repositories.contains(&reference.repository.as_str()) {
        return Err(BadReport::AnotherRepository(format!("{registry}/{first}")));
    }
    Ok(reference)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8], example: &'static str) -> Result<T, BadReport> {
    serde_json::from_slice(body).map_err(|error| BadReport::Body { example, error: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Name;
    use proptest::prelude::*;

    #[test]
    fn a_report_is_read_and_kept_within_its_limits() {
        let body = br#"{"phase":" e2e tests\nx","status":"failed","message":" it broke ","later":1}"#;
        let read = Progress { phase: "e2e tests".into(), status: Status::Failed, message: Some("it broke".into()) };
        assert_eq!(progress(body), Ok(read));
        let long = format!(r#"{{"phase":"{}","status":"started","message":"{}"}}"#, "p".repeat(999), "m".repeat(9999));
        let read = progress(long.as_bytes()).expect("a report");
        assert_eq!(read.phase.chars().count(), 60);
        assert_eq!(read.message.map(|m| m.chars().count()), Some(1000));
    }

    #[test]
    fn a_bad_report_says_what_a_good_one_is() {
        let error = progress(br#"{"phase":"build","status":"done"}"#).expect_err("a bad report").to_string();
        assert!(error.contains("unknown variant `done`, expected one of `started`, `succeeded`, `failed`"), "{error}");
        assert_eq!(progress(br#"{"phase":" ","status":"failed"}"#), Err(BadReport::NoPhase));
    }

    #[test]
    fn an_image_must_be_where_the_pipelines_images_go() {
        let body = |image: &str| format!(r#"{{"image":"{image}"}}"#).into_bytes();
        let digest = format!("sha256:{}", "0".repeat(64));
        let read = image(&body("r.example/web:v1"), "r.example", &["web"]).expect("an image");
        assert_eq!(read.name, Name::Tag("v1".into()));
        let both = ["web", "api"];
        assert_eq!(image(&body("r.example/api:v1"), "r.example", &both).expect("an image").repository, "api");
        assert!(image(&body(&format!("r.example/web@{digest}")), "r.example", &["web"]).is_ok());
        for elsewhere in ["r.example/api:v1", "evil.example/web:v1", "r.example/web/x:v1"] {
            let refused = image(&body(elsewhere), "r.example", &["web"]);
            assert_eq!(refused, Err(BadReport::AnotherRepository("r.example/web".into())));
        }
        assert_eq!(image(&body("web"), "r.example", &["web"]), Err(BadReport::NotAnImage));
        assert_eq!(image(&body("r.example/web:v1"), "r.example", &[]), Err(BadReport::NoRepository));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_readers_panic(body: Vec<u8>) {
            let _ = progress(&body);
            let _ = image(&body, "r.example", &["web"]);
        }
    }
}
