//! Amazon ECR on a laptop: a real container registry on loopback, and the part of ECR's API that reads it.
//!
//! [`Registry`] runs the registry itself (CNCF Distribution, `docker-registry` in Debian), to which any engine pushes. [`Ecr`]
//! speaks ECR's AWS JSON API and reads everything that it says about an image from that registry, over its own HTTP API:
//! digests, tags, sizes and manifests are never made up. Shapes and errors follow AWS's model of the API, version 2015-09-21.
//!
//! Where it differs from ECR:
//!
//! - `imageTagMutability` is kept and returned, and not enforced: a plain registry cannot refuse a second push of a tag.
//! - A registry does not say when an image was pushed: `imagePushedAt` is when this stand-in first saw the digest.
//! - A registry does not list untagged images: those that this stand-in has seen under a tag stay listed while they exist.
//! - A push to a repository that nobody created is accepted by the registry; the API does not know it until it is created.
//! - Nothing is scanned: [`Ecr::scan`] says what `DescribeImageScanFindings` finds in an image; without it, nothing.
//! - `GetDownloadUrlForLayer` gives the registry's own URL, which is not signed and does not expire.
//! - Nothing is converted between manifest formats, replicated or expired; credentials are not asked for.

mod ecr;
mod images;
mod input;
mod layers;
mod manifests;
mod registry;
mod repositories;
mod scans;

pub use ecr::Ecr;
pub use registry::{Registry, RegistryError};
pub use scans::{Finding, Scan, Severity};
