//! What the values of the file may be.

use jiff::SignedDuration;

use crate::address::Address;

pub(super) const NAME: &str = "1 to 64 letters, digits, -, _ and .";
pub(super) const ECS_NAME: &str = "a name as ECS takes it: 1 to 255 letters, digits, - and _";
pub(super) const CHANNEL: &str = "\"#channel\" or a channel id like C0123456789";
pub(super) const ADDRESS: &str = "host/owner/name, for example github.com/acme/web (CodeCommit: git-codecommit.<region>.amazonaws.com/v1/repos/<name>)";
pub(super) const HOST: &str = "a host, for example git.acme.example";
pub(super) const ACTOR: &str = "a login, or id: and an id, with a ! before it where it is excluded";

pub(super) const REGION: &str = "an AWS region, for example eu-central-1";
pub(super) const ROLE: &str = "an IAM role's ARN: arn:aws:iam::<account>:role/<name>";
pub(super) const EXTERNAL_ID: &str = "2 to 1224 letters, digits and = , . @ : / _ + -";
pub(super) const CODEDEPLOY_NAME: &str = "a name as CodeDeploy takes it: 1 to 100 letters, digits and . _ + = , @ -";
pub(super) const URL: &str = "a URL with http:// or https://, without a user's name or password and without #";

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

/// `eu-central-1`, `us-gov-west-1`: words of small letters, and a number.
pub(super) fn is_region(region: &str) -> bool {
    let mut words: Vec<&str> = region.split('-').collect();
    let number =
        words.pop().is_some_and(|word| (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit()));
    let word = |word: &&str| (1..=20).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    number && (2..=4).contains(&words.len()) && words.iter().all(word)
}

/// The account and the path of an IAM ARN of this kind: `arn:aws:iam::123456789012:role/team/name`.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>.
pub(super) fn is_iam_arn(arn: &str, kinds: &[&str]) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, "iam", "", account, resource] = parts[..] else { return false };
    let partition = partition.strip_prefix("aws").is_some_and(|rest| {
        rest.is_empty() || (rest.starts_with('-') && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
    });
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let named = resource.split_once('/').is_some_and(|(kind, path)| {
        let segment = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
        };
        kinds.contains(&kind) && path.len() <= 576 && path.split('/').all(segment)
    });
    arn.starts_with("arn:") && partition && account && named
}

pub(super) fn is_role(arn: &str) -> bool {
    is_iam_arn(arn, &["role"])
}

/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) fn is_external_id(id: &str) -> bool {
    (2..=1224).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"=,.@:/_+-".contains(&b))
}

/// Source: <https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html>.
pub(super) fn is_codedeploy_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+=,@-".contains(&b))
}

/// `https://shop.example/health?deep=1`: what can be asked as it is, and shown to anyone.
pub(super) fn is_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0) && !port.starts_with('+'));
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        }),
    };
    let plain = rest.bytes().all(|b| b.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&b));
    url.len() <= 2000 && host && port && plain
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
