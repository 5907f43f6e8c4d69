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

#[cfg(test)]
mod tests {
    use super::*;

    fn service(base: &str, task_definition: Option<&str>) -> ServiceDeployment {
        ServiceDeployment {
            base: Some(base.to_owned()),
            task_definition: task_definition.map(str::to_owned),
            ..ServiceDeployment::default()
        }
    }

    #[test]
    fn a_service_goes_back_to_what_was_live() {
        let (live, left) = (service("web:6", Some("web:7")), service("web:7", Some("web:8")));
        assert_eq!(base("web:7", Some(&live), Some(&live)), "web:7");
        assert_eq!(base("web:8", Some(&left), Some(&live)), "web:7", "web:8 was left there half-way");
    }

    #[test]
    fn where_nothing_was_live_it_goes_back_to_what_was_there_before_the_first_release() {
        assert_eq!(base("web:8", Some(&service("web:7", Some("web:8"))), None), "web:7");
        let unbuilt = service("web:7", None);
        assert_eq!(base("web:8", Some(&service("web:6", Some("web:8"))), Some(&unbuilt)), "web:6");
    }

    #[test]
    fn what_someone_brought_by_hand_is_respected() {
        assert_eq!(base("web:9", None, Some(&service("web:6", Some("web:7")))), "web:9");
    }
}
