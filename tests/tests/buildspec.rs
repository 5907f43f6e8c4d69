//! The reusable buildspec.yml, with programs in place of docker, cosign and curl that write down what they are called with: what it does where
//! BuildKit and cosign are, which this machine need not have. What podman really does, the end-to-end tests and `make bench-build` show.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use longshore_tests::workspace;
use tempfile::TempDir;

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Writes its name and its arguments down; what more it does is its own.
const RECORD: &str = "#!/bin/bash\nline=\"${0##*/}$(printf ' %q' \"$@\")\"\necho \"$line\" >>\"$RECORD\"\n";
const DOCKER: &str = r#"case "$*" in
--version) echo 'Docker version 27.1' ;;
login*) cat >/dev/null ;;
'buildx version') echo 'github.com/docker/buildx v0.16.2' ;;
'buildx inspect '*) exit 1 ;;
'buildx imagetools '*) echo "$DIGEST" ;;
'buildx build '*--push*)
    if [[ -e "$HICCUP" ]]; then rm "$HICCUP"; echo 'ERROR: failed to push web:v1: unexpected status from PUT request: 503 Service Unavailable' >&2; exit 1; fi
    while (($#)); do [[ "$1" != --metadata-file ]] || printf '{ "containerimage.digest": "%s" }' "$DIGEST" >"$2"; shift; done ;;
'buildx build '*--cache-to*) [[ ! -e "$NO_CACHE" ]] || { echo 'denied: no such repository' >&2; exit 1; } ;;
'buildx build '*--load*) [[ ! -e "$BROKEN" ]] || { echo 'RUN false: connection refused' >&2; exit 1; } ;;
esac
"#;

/// A repository, and what stands where the programs are.
struct Site {
    directory: TempDir,
}

impl Site {
    fn new(dockerfile: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("longshore-buildspec-").tempdir().expect("a directory");
        let site = Self { directory };
        fs::create_dir_all(site.path("bin")).expect("a folder");
        fs::create_dir_all(site.path("build")).expect("a folder");
        fs::write(site.path("Dockerfile"), dockerfile).expect("a file");
        fs::write(site.path("build/step"), script()).expect("a file");
        for (program, more) in [
            ("docker", DOCKER),
            ("aws", "echo password\n"),
            ("curl", ""),
            ("cosign", "[[ $1 != version ]] || echo \"GitVersion:    ${COSIGN_VERSION:-v2.4.1}\"\n"),
        ] {
            let path = site.path("bin").join(program);
            fs::write(&path, format!("{RECORD}{more}")).expect("a program");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program that can be run");
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a step with these variables besides buildspec.yml's own.
    fn step(&self, step: &str, more: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.arg(self.path("build/step")).arg(step).current_dir(self.directory.path()).env_clear();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.envs(variables()).envs([
            ("LONGSHORE_IMAGE", format!("{REGISTRY}/web:v1")),
            ("LONGSHORE_URL", "https://longshore.example".to_owned()),
            ("LONGSHORE_TOKEN", "secret".to_owned()),
            ("LONGSHORE_COMMIT", "0123456789abcdef0123456789abcdef01234567".to_owned()),
            ("CODEBUILD_BUILD_SUCCEEDING", "1".to_owned()),
            ("CODEBUILD_SOURCE_REPO_URL", "https://robot:pa55@github.com/acme/web.git".to_owned()),
            ("DIGEST", DIGEST.to_owned()),
            ("RETRY_SECONDS", "0".to_owned()),
        ]);
        for (name, place) in [
            ("LONGSHORE_BUILD", "build"),
            ("RECORD", "record"),
            ("HICCUP", "hiccup"),
            ("NO_CACHE", "no-cache"),
            ("BROKEN", "broken"),
        ] {
            command.env(name, self.path(place));
        }
        command.envs(more.iter().copied()).output().expect("bash")
    }

    #[track_caller]
    fn steps(&self, steps: &[&str], more: &[(&str, &str)]) -> Vec<String> {
        for step in steps {
            let output = self.step(step, more);
            assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
        }
        self.record()
    }

    /// What was called, a line each.
    fn record(&self) -> Vec<String> {
        fs::read_to_string(self.path("record")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// How an image of the Dockerfile is given to BuildKit by its digest.
fn pinned(image: &str) -> String {
    format!("--build-context {image}=docker-image://{image}@{DIGEST}")
}

fn buildspec() -> String {
    fs::read_to_string(workspace().join("buildspec.yml")).expect("buildspec.yml")
}

/// The script that the first phase writes.
fn script() -> String {
    let text = buildspec();
    let (_, rest) = text.split_once("<<'SCRIPT'\n").expect("a script");
    let (script, _) = rest.split_once("\n        SCRIPT\n").expect("its end");
    script.lines().flat_map(|line| [line.get(8..).unwrap_or_default(), "\n"]).collect()
}

/// The defaults of the variables.
fn variables() -> Vec<(String, String)> {
    let text = buildspec();
    let (_, rest) = text.split_once("  variables:\n").expect("variables");
    let (block, _) = rest.split_once("\nphases:").expect("their end");
    let pairs = block
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.trim().split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

#[track_caller]
fn only<'r>(record: &'r [String], words: &str) -> &'r str {
    let found: Vec<_> = record.iter().filter(|line| line.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {record:#?}");
    found[0]
}

const DOCKERFILE: &str = "ARG BASE=public.ecr.aws/docker/library/python\nARG TAG=3.13\nFROM golang:1.25 AS tools\n\
    FROM --platform=$BUILDPLATFORM ${BASE}:${TAG:-1} AS runtime\nFROM runtime\nCOPY --from=tools /x /x\n";

#[test]
fn buildkit_gets_a_cache_labels_and_attestations_and_the_base_is_reported() {
    let site = Site::new(DOCKERFILE);
    let record = site.steps(&["prepare", "build", "push", "cache"], &[]);
    only(&record, "buildx create --name longshore --driver docker-container --bootstrap");
    let build = only(&record, "--load");
    let cache = format!("type=registry\\,ref={REGISTRY}/web-cache:buildkit-");
    for words in [
        format!("--cache-from {cache}"),
        "--label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567".to_owned(),
        "--label org.opencontainers.image.source=https://github.com/acme/web.git".to_owned(),
        "--label org.opencontainers.image.base.name=public.ecr.aws/docker/library/python:3.13".to_owned(),
        format!("--label org.opencontainers.image.base.digest={DIGEST}"),
        "org.opencontainers.image.created=".to_owned(),
    ] {
        assert!(build.contains(&words), "{words}: {build}");
    }
    assert!(!record.concat().contains("pa55"), "who fetches the source is nobody's to know");
    let push = only(&record, "--push");
    assert!(push.contains("--attest type=provenance\\,mode=max --attest type=sbom"), "{push}");
    let kept = only(&record, "--cache-to");
    assert!(kept.contains("mode=max\\,image-manifest=true\\,oci-mediatypes=true"), "{kept}");
    let report = only(&record, "/builds/image");
    assert!(report.contains(&format!("public.ecr.aws/docker/library/python:3.13@{DIGEST}")), "{report}");
    assert!(!record.iter().any(|line| line.starts_with("cosign")), "no key, no signature");
    let position = |words: &str| record.iter().position(|line| line.contains(words));
    assert!(position("/builds/image") < position("--cache-to"), "nobody waits for the cache");
}

#[test]
fn what_is_pushed_and_kept_is_built_on_what_was_tested_wherever_tags_move() {
    let site = Site::new(DOCKERFILE);
    site.steps(&["prepare", "build"], &[]);
    let moved = format!("sha256:{}", "b".repeat(64));
    let record = site.steps(&["push", "cache"], &[("DIGEST", &moved)]);
    for build in ["--load", "--push", "--cache-to"].map(|kind| only(&record, kind)) {
        for image in ["golang:1.25", "public.ecr.aws/docker/library/python:3.13"] {
            assert_eq!(build.matches(&pinned(image)).count(), 1, "{image}: {build}");
        }
        assert_eq!(build.matches("--build-context").count(), 2, "{build}");
    }
    assert_eq!(
        record.iter().filter(|line| line.contains("imagetools")).count(),
        2,
        "each is looked up once: {record:#?}"
    );
    let report = only(&record, "/builds/image");
    assert!(report.contains(&format!("python:3.13@{DIGEST}")), "{report}");
}

#[test]
fn an_image_is_not_pinned_where_buildkit_would_take_it_for_something_else() {
    for (dockerfile, why) in [
        ("FROM node AS node\nFROM node\n".to_owned(), "the stage would be replaced"),
        ("FROM docker.io/library/node:latest AS node\n".to_owned(), "the same, by its full name"),
        (format!("FROM nginx:1.27@{DIGEST}\n"), "it is"),
        ("FROM scratch\nCOPY x /x\n".to_owned(), "no image"),
        ("# syntax=docker/dockerfile:1.3\nFROM node\n".to_owned(), "a frontend from before there were contexts"),
    ] {
        let record = Site::new(&dockerfile).steps(&["prepare", "build"], &[]);
        assert!(!only(&record, "--load").contains("--build-context"), "{why}: {record:#?}");
    }
    for dockerfile in
        ["# syntax=docker/dockerfile:1\nFROM node\n", "# syntax=docker/dockerfile:1.10\nFROM node AS base\n"]
    {
        let record = Site::new(dockerfile).steps(&["prepare", "build"], &[]);
        assert!(only(&record, "--load").contains(&pinned("node")), "{dockerfile}: {record:#?}");
    }
}

#[test]
fn without_buildkit_what_was_tested_is_pushed_and_nothing_is_built_again() {
    let site = Site::new(DOCKERFILE);
    let record = site.steps(&["prepare", "build", "push", "cache"], &[("LONGSHORE_IMAGE", "localhost:5000/web:v1")]);
    let build = only(&record, "docker build ");
    assert!(!build.contains("--build-context"), "{build}");
    only(&record, "docker push localhost:5000/web:v1");
    let position = |words: &str| record.iter().position(|line| line.contains(words));
    assert!(position("docker pull") < position("docker build "), "on what was looked up: {record:#?}");
}

#[test]
fn a_registry_that_stumbles_is_asked_again_and_a_cache_that_is_broken_fails_nothing() {
    let site = Site::new("FROM scratch\nCOPY x /x\n");
    for stumble in ["hiccup", "no-cache"] {
        fs::write(site.path(stumble), "").expect("a file");
    }
    let record = site.steps(&["prepare", "build", "push", "cache"], &[]);
    assert_eq!(record.iter().filter(|line| line.contains("--push")).count(), 2, "{record:#?}");
    only(&record, "--cache-to");
    let report = only(&record, "/builds/image");
    assert!(!report.contains("base"), "scratch is no image: {report}");
}

#[test]
fn a_command_of_the_dockerfile_that_fails_is_not_run_again() {
    let site = Site::new("FROM scratch\n");
    fs::write(site.path("broken"), "").expect("a file");
    site.steps(&["prepare"], &[]);
    assert!(!site.step("build", &[]).status.success());
    only(&site.record(), "--load");
    site.steps(&["cache"], &[]);
    assert!(!site.record().concat().contains("--cache-to"), "nothing was built");
}

#[test]
fn what_is_pushed_is_signed_by_its_digest_and_only_then_reported() {
    for (version, form) in [("v2.4.1", None), ("v3.0.2", Some("--new-bundle-format=false --use-signing-config=false"))]
    {
        let site = Site::new(DOCKERFILE);
        let key = "awskms:///arn:aws:kms:eu-central-1:123456789012:key/1";
        let record = site.steps(&["prepare", "build", "push"], &[("COSIGN_KEY", key), ("COSIGN_VERSION", version)]);
        let sign = only(&record, "cosign sign");
        assert!(sign.contains(&format!("--yes --key {key} --tlog-upload=false")), "{sign}");
        assert!(sign.ends_with(&format!("{REGISTRY}/web@{DIGEST}")), "{sign}");
        assert_eq!(form.is_some_and(|form| sign.contains(form)), form.is_some(), "{sign}");
        let position = |words: &str| record.iter().position(|line| line.contains(words));
        assert!(position("cosign sign") < position("/builds/image"), "deploy looks for it at once");
    }
}

#[test]
fn a_key_without_cosign_fails_before_anything_is_built() {
    let site = Site::new(DOCKERFILE);
    fs::remove_file(site.path("bin/cosign")).expect("a program");
    // Not where a machine may have one of its own.
    let path = format!("{}:/usr/bin:/bin", site.path("bin").display());
    let output = site.step("prepare", &[("COSIGN_KEY", "awskms:///alias/web"), ("PATH", &path)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("cosign is missing"), "{said}");
    let record = site.record();
    assert!(record.iter().all(|line| !line.contains("build ") && !line.contains("login")), "{record:#?}");
    only(&record, "failed");
}

#[test]
fn a_base_that_a_dockerfile_names_by_digest_is_reported_without_its_tag() {
    let site = Site::new(&format!("FROM nginx:1.27@{DIGEST}\n"));
    let report = site.steps(&["prepare", "build", "push"], &[]);
    let report = only(&report, "/builds/image");
    assert!(report.contains(&format!("nginx@{DIGEST}")) && !report.contains("1.27"), "{report}");
}

#[test]
fn every_variable_has_a_default_and_the_script_is_whole() {
    assert!(variables().iter().any(|(name, value)| name == "CACHE_REPOSITORY" && value == "auto"), "{:?}", variables());
    let directory = tempfile::tempdir().expect("a directory");
    let script_file = directory.path().join("step");
    fs::write(&script_file, script()).expect("a file");
    let check = |path: &Path| Command::new("bash").arg("-n").arg(path).status().expect("bash").success();
    assert!(check(&script_file));
}
