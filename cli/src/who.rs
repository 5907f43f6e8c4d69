//! Who calls: what is recorded with everything that a person does.

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use longshore_aws::signed::child;
use longshore_core::{
    approval::{Identity, Who},
    release::Person,
    slack::command,
    text::shorten,
};

use crate::{account::Account, output::WrongUsage};

/// `--as`, for the commands that do something.
#[derive(clap::Args)]
pub struct Caller {
    /// On a local stack, who you are: a name, or the ARN of someone who may approve. Without it, local/ and your user's name. In an AWS
    /// account it is the ARN that AWS tells of your credentials.
    #[arg(long = "as", value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

/// A name of a person: it has to say something.
fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("it is empty") } else { Ok(shorten(text, 200)) }
}

/// A reason, as an argument: what Slack's commands take for one, and said at all.
pub fn reason(text: &str) -> Result<String, String> {
    let reason = command::reason(text).map_err(|unclear| unclear.to_string())?;
    reason.ok_or_else(|| "it is empty: say why, for those who read it later".to_owned())
}

impl Caller {
    /// Asks AWS who calls.
    pub async fn who(&self, account: &Account) -> anyhow::Result<Who> {
        let arn = match account.sts() {
            None => self.name.clone().unwrap_or_else(user),
            Some(_) if self.name.is_some() => {
                let why = "--as is for a local stack: in an AWS account you are who your credentials say";
                return Err(WrongUsage(why.to_owned()).into());
            }
            Some(sts) => {
                // Everybody may ask: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.
                let asked = sts.query(&[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]).await;
                let answer = asked.map_err(|error| anyhow!("AWS does not say who calls: {error}"))?;
                arn(&answer).context("AWS does not say who calls: its answer has no ARN")?
            }
        };
        Ok(Who { name: arn.clone(), identity: Identity::Caller { arn } })
    }
}

/// Someone who does something now.
pub fn person(who: &Who, reason: Option<String>) -> Person {
    Person { name: shorten(&who.name, 200), reason, at: Timestamp::now() }
}

/// The `Arn` in an answer of GetCallerIdentity.
fn arn(answer: &str) -> Option<String> {
    let document = roxmltree::Document::parse(answer).ok()?;
    let result = child(document.root_element(), "GetCallerIdentityResult")?;
    child(result, "Arn")?.text().map(|arn| arn.trim().to_owned()).filter(|arn| !arn.is_empty())
}

/// Who uses this machine, as its shell says.
fn user() -> String {
    let told =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    format!("local/{}", shorten(&told.unwrap_or_else(|| "someone".to_owned()), 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_read_from_the_answer_of_sts() {
        let answer = |inner: &str| {
            format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{inner}<ResponseMetadata>\
                 <RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
            )
        };
        let known = "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>U</UserId>\
                     <Account>123456789012</Account></GetCallerIdentityResult>";
        assert_eq!(arn(&answer(known)).as_deref(), Some("arn:aws:iam::123456789012:user/ada"));
        assert_eq!(arn(&answer("")), None);
        assert_eq!(arn(&answer("<GetCallerIdentityResult><Arn> </Arn></GetCallerIdentityResult>")), None);
        assert_eq!(arn("no XML"), None);
    }

    #[test]
    fn a_reason_says_something_and_is_not_too_long() {
        assert_eq!(reason(" the tide \n"), Ok("the tide".to_owned()));
        assert!(reason(" ").is_err());
        assert!(reason(&"x".repeat(500)).is_ok());
        assert_eq!(reason(&"x".repeat(501)), Err("the reason has 501 characters, and 500 are kept".to_owned()));
    }
}
