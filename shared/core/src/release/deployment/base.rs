//! What a service goes back to.

use super::ServiceDeployment;

/// The revision that a service goes back to when a release fails that takes it from `running`: what it ran when its environment was last
/// whole.
///
/// `owner` is the service in the record of the release that `running` was registered for, `live` the service in the record of the release
/// that was live in the environment last. A revision of nobody's was brought by hand, and is respected. One of a release may be
/// what that release left behind when it was superseded half-way: nobody wants that back.
pub fn base<'a>(
    running: &'a str,
    owner: Option<&'a ServiceDeployment>,
    live: Option<&'a ServiceDeployment>,
) -> &'a str {
    let Some(owner) = owner else { return running };
    let live = live.and_then(|live| live.task_definition.as_deref());
    live.or(owner.base.as_deref()).unwrap_or(running)
}
