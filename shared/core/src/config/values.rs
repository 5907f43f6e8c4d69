//! What the values of the file may be.

use jiff::SignedDuration;

use crate::address::Address;

pub(super) const NAME: &str = "1 to 64 letters, digits, -, _ and .";
pub(super) const ECS_NAME: &str = "a name as ECS takes it: 1 to 255 letters, digits, - and _";
pub(super) const CHANNEL: &str = "\"#channel\" or a channel id like C0123456789";
pub(super) const ADDRESS: &str = "host/owner/name, for example github.com/acme/web (CodeCommit: git-codecommit.<region>.amazonaws.com/v1/repos/<name>)";
pub(super) const HOST: &str = "a host, for example git.acme.example";
pub(super) const ACTOR: &str = "a login, or id: and an id, with a ! before it where it is excluded";

pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

pub(super) fn is_ecs_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

pub(super) fn is_project(name: &str) -> bool {
    (2..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

pub(super) fn is_address(repository: &str) -> bool {
    Address::parse(repository).is_some()
}

/// A login or an id: no provider's has white space.
pub(super) fn is_actor(actor: &str) -> bool {
    (1..=200).contains(&actor.len()) && !actor.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A duration as the configuration writes it: a whole number and `s`, `m`, `h` or `d`, as in `90s`, `30m`, `24h` and `7d`. `None` for
/// anything else; also for more than nine digits, which nobody means.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = number.parse().ok().filter(|_| digits)?;
    Some(SignedDuration::from_secs(number * seconds))
}

pub(super) fn is_channel(channel: &str) -> bool {
    let named = channel.strip_prefix('#').is_some_and(|name| !name.is_empty() && !name.contains([' ', '#']));
    let id =
        channel.starts_with(['C', 'G']) && channel.len() >= 9 && channel.bytes().all(|b| b.is_ascii_alphanumeric());
    named || id
}
