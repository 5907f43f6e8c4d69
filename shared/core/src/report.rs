//! What a build reports about itself with `curl`: its progress, and the image that it pushed.

use serde::{Deserialize, Serialize};

use crate::{
    image::{Base, Reference},
    text::{first_line, quote, shorten},
    token::masked,
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

/// `POST /builds/image`: the build pushed an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Which.
    pub image: Reference,
    /// What it was built on, where the build knows.
    pub base: Option<Base>,
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
    /// Neither JSON nor a form with what is needed.
    #[error("the body must be JSON like {JSON}, or a form like {FORM}: {0}")]
    Form(String),
    /// The phase is empty.
    #[error("`phase` is empty")]
    NoPhase,
    /// The image is not a full reference.
    #[error("`image` must be <registry>/<repository>:<tag> or <registry>/<repository>@sha256:<digest>")]
    NotAnImage,
    /// The image is not where this pipeline's images go.
    #[error("the image must be in {0}, the repository of this release's pipeline")]
    AnotherRepository(String),
    /// What the image was built on is no base image.
    #[error("`base` must be [<registry>/]<repository>[:<tag>]@sha256:<digest>, or absent")]
    NotABase,
    /// There is no place for images in this pipeline.
    #[error("this release's pipeline has no `image`: nothing can be deployed from it")]
    NoRepository,
}

/// A progress report that would be taken.
const JSON: &str = r#"{"phase": "build", "status": "started", "message": "…"}"#;
/// The same as a form.
const FORM: &str = "phase=build&status=started&message=…";

#[derive(Deserialize)]
struct Wire {
    phase: String,
    status: Status,
    message: Option<String>,
}

/// Reads a progress report: a JSON object or the fields of a form, `phase` (1 to 60 characters; longer is cut), `status` (`started`,
/// `succeeded` or `failed`) and, where wanted, `message` (1,000 characters; longer is cut). Others are not looked at. Release tokens are masked.
///
/// Which of the two it is, is read off the body: `curl --data` says that everything is a form.
pub fn progress(body: &[u8]) -> Result<Progress, BadReport> {
    let wire = if body.trim_ascii_start().starts_with(b"{") { read(body, JSON)? } else { form(body)? };
    // A script that tells what it ran may tell its token.
    let phase = shorten(&masked(first_line(&wire.phase)), 60);
    if phase.is_empty() {
        return Err(BadReport::NoPhase);
    }
    let message =
        wire.message.map(|message| shorten(&masked(message.trim()), 1000)).filter(|message| !message.is_empty());
    Ok(Progress { phase, status: wire.status, message })
}

/// Reads an image report, and checks that the image is in `registry` and in one of the pipeline's `repositories`, the first of which is
/// the one that a refusal names. `base` may be absent, or empty.
pub fn image(body: &[u8], registry: &str, repositories: &[&str]) -> Result<Pushed, BadReport> {
    #[derive(Deserialize)]
    struct Wire {
        image: String,
        base: Option<String>,
    }
    let wire: Wire = read(body, r#"{"image": "<registry>/<repository>:<tag>"}"#)?;
    let reference = Reference::parse(wire.image.trim()).ok_or(BadReport::NotAnImage)?;
    let first = repositories.first().ok_or(BadReport::NoRepository)?;
    if reference.registry != registry || !repositories.contains(&reference.repository.as_str()) {
        return Err(BadReport::AnotherRepository(format!("{registry}/{first}")));
    }
    let base = wire.base.as_deref().map(str::trim).filter(|base| !base.is_empty());
    let base = base.map(|base| Base::parse(base).ok_or(BadReport::NotABase)).transpose()?;
    Ok(Pushed { image: reference, base })
}

/// Of a field that comes twice, the first counts.
fn form(body: &[u8]) -> Result<Wire, BadReport> {
    let field = |name: &str| form_urlencoded::parse(body.trim_ascii()).find(|(found, _)| found == name);
    let value = |name: &str| field(name).map(|(_, value)| value.into_owned());
    let needed = |name: &str| value(name).ok_or_else(|| BadReport::Form(format!("there is no `{name}`")));
    let phase = needed("phase")?;
    let status = match needed("status")?.trim() {
        "started" => Status::Started,
        "succeeded" => Status::Succeeded,
        "failed" => Status::Failed,
        other => {
            let other = quote(other, 40);
            return Err(BadReport::Form(format!("`status` is {other}, not started, succeeded or failed")));
        }
    };
    Ok(Wire { phase, status, message: value("message") })
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
    fn a_form_says_the_same_as_json() {
        let read = Progress { phase: "e2e tests".into(), status: Status::Failed, message: Some("1 & 2".into()) };
        for form in [
            "phase=e2e+tests&status=failed&message=1+%26+2",
            "phase=e2e tests&status=failed&message=1 %26 2\n",
            "\nmessage=1%20%26%202&later=1&status=failed&phase=e2e%20tests&phase=other",
        ] {
            assert_eq!(progress(form.as_bytes()), Ok(read.clone()), "{form}");
        }
        let bare = Progress { phase: "build".into(), status: Status::Started, message: None };
        assert_eq!(progress(b"phase=build&status=started&message="), Ok(bare.clone()));
        assert_eq!(progress(b" \r\n{\"phase\": \"build\", \"status\": \"started\"}"), Ok(bare));
    }

    #[test]
    fn a_bad_form_says_what_a_good_report_is_in_both_forms() {
        let said = |body: &str| progress(body.as_bytes()).expect_err("a bad report").to_string();
        insta::assert_snapshot!(said("phase=build&status=done\u{1b}"), @r#"the body must be JSON like {"phase": "build", "status": "started", "message": "…"}, or a form like phase=build&status=started&message=…: `status` is "done�", not started, succeeded or failed"#);
        insta::assert_snapshot!(said(""), @r#"the body must be JSON like {"phase": "build", "status": "started", "message": "…"}, or a form like phase=build&status=started&message=…: there is no `phase`"#);
        insta::assert_snapshot!(said("phase=build"), @r#"the body must be JSON like {"phase": "build", "status": "started", "message": "…"}, or a form like phase=build&status=started&message=…: there is no `status`"#);
        assert_eq!(progress(b"phase=+&status=failed"), Err(BadReport::NoPhase));
        for body in ["[]", "7", "\"phase\"", "&=&", "%ff%zz"] {
            assert!(said(body).ends_with("there is no `phase`"), "{body}: {}", said(body));
        }
    }

    #[test]
    fn an_image_must_be_where_the_pipelines_images_go() {
        let body = |image: &str| format!(r#"{{"image":"{image}"}}"#).into_bytes();
        let digest = format!("sha256:{}", "0".repeat(64));
        let read = image(&body("r.example/web:v1"), "r.example", &["web"]).expect("an image");
        assert_eq!((read.image.name, read.base), (Name::Tag("v1".into()), None));
        let both = ["web", "api"];
        assert_eq!(image(&body("r.example/api:v1"), "r.example", &both).expect("an image").image.repository, "api");
        assert!(image(&body(&format!("r.example/web@{digest}")), "r.example", &["web"]).is_ok());
        for elsewhere in ["r.example/api:v1", "evil.example/web:v1", "r.example/web/x:v1"] {
            let refused = image(&body(elsewhere), "r.example", &["web"]);
            assert_eq!(refused, Err(BadReport::AnotherRepository("r.example/web".into())));
        }
        let on = |base: &str| format!(r#"{{"image":"r.example/web:v1","base":"{base}"}}"#).into_bytes();
        let base = image(&on(&format!("nginx:1@{digest}")), "r.example", &["web"]).expect("an image").base;
        assert_eq!(base.map(|base| base.to_string()), Some(format!("docker.io/library/nginx:1@{digest}")));
        assert_eq!(image(&on(""), "r.example", &["web"]).expect("an image").base, None);
        assert_eq!(image(&on("nginx:1"), "r.example", &["web"]), Err(BadReport::NotABase));
        assert_eq!(image(&body("web"), "r.example", &["web"]), Err(BadReport::NotAnImage));
        assert_eq!(image(&body("r.example/web:v1"), "r.example", &[]), Err(BadReport::NoRepository));
    }

    proptest! {
        #[test]
        fn what_is_said_in_a_form_is_what_is_said_in_json(phase in "[^{}\\s]\\PC{0,70}", message: String, status in 0..3_usize) {
            let word = ["started", "succeeded", "failed"][status];
            let json = serde_json::json!({ "phase": phase, "status": word, "message": message }).to_string();
            let fields = [("phase", phase.as_str()), ("status", word), ("message", &message)];
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            prop_assert_eq!(progress(form.as_bytes()), progress(json.as_bytes()));
        }

        #[test]
        fn no_body_makes_the_readers_panic(body: Vec<u8>) {
            let _ = progress(&body);
            let _ = image(&body, "r.example", &["web"]);
        }
    }
}
