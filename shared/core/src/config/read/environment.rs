//! Reading `[[pipeline.environment]]`.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::{
    config::{
        Account, Approval, Approver, Base, Before, Check, CodeDeploy, Environment, Freeze, Plan, Required, Severity,
        section::Section,
        values::{
            CHANNEL, CODEDEPLOY_NAME, ECS_NAME, EXTERNAL_ID, NAME, REGION, ROLE, URL, is_channel, is_codedeploy_name,
            is_ecs_name, is_external_id, is_iam_arn, is_name, is_region, is_role, is_url,
        },
    },
    freeze, image, text,
};

/// The most that a task's overrides may be, in characters of their JSON.
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html>.
const LONGEST_OVERRIDES: usize = 8192;

const APPROVER: &str = "a Slack user's id (\"U0123ABCD\"), a user group's handle (\"@release-managers\") or id (\"S0123ABCD\"), or the ARN of an IAM user or role";

/// Reads an environment of a pipeline with this image, of which this is required.
pub(super) fn environment(
    mut section: Section<'_, '_>,
    pipelines_image: Option<&str>,
    required: &Required,
) -> Environment {
    let name = section.required("name", is_name, NAME);
    let cluster = section.required("cluster", is_ecs_name, ECS_NAME);
    let account = account(&mut section);
    let only_scheduled = section.has("scheduled") && !section.has("services");
    let scheduled = section.strings("scheduled", only_scheduled, is_ecs_name, ECS_NAME);
    let services = section.strings("services", scheduled.is_empty() && !only_scheduled, is_ecs_name, ECS_NAME);
    let containers = section.strings("containers", false, is_ecs_name, ECS_NAME);
    let images = images(&mut section, pipelines_image);
    let base =
        section.read("base", base, "\"running\" (the revision that the service runs) or \"latest\" (of its family)");
    let force = section.boolean("force").unwrap_or_default();
    let in_order = section.boolean("in_order").unwrap_or_default();
    let timeout = section.duration("timeout", ["1m", "7d"]).unwrap_or(Plan::TIMEOUT);
    let before = every(&mut section, ["before", "`before`"], |section| before(section, &services, timeout));
    let check = one(&mut section, ["check", "`check`"], check);
    let severities = format!("a severity of ECR: {}", text::list(Severity::ALL.map(|s| s.word().to_owned()), "or"));
    let block_on = section.read("block_on", Severity::parse, &severities);
    let approval = one(&mut section, ["approval", "`approval`"], approval);
    let freeze = every(&mut section, ["freeze", "`freeze`"], frozen);
    let allow = people(&mut section, "allow");
    let codedeploy = one(&mut section, ["codedeploy", "`codedeploy`"], codedeploy);
    if codedeploy.is_some() && (services.len() > 1 || !scheduled.is_empty() && services.is_empty()) {
        let message = format!("`codedeploy` and {} services: a deployment group has one", services.len());
        let help = Some("give each of the services an environment of its own, with its `codedeploy`".to_owned());
        section.problem(section.span_of("codedeploy"), message, help);
    }
    let channel = section.optional("channel", is_channel, CHANNEL);
    section.close();
    let base = base.unwrap_or_default();
    let plan = Plan {
        cluster,
        account,
        containers,
        images,
        base,
        force,
        in_order,
        scheduled,
        before,
        check,
        block_on,
        required: required.clone(),
        approval,
        freeze,
        timeout,
        codedeploy,
        channel,
    };
    Environment { name, services, allow, plan }
}

/// The table of a key that may be absent; the title stands for it in what is said, whether it was written in braces or with a heading.
fn one<T>(
    section: &mut Section<'_, '_>,
    [key, title]: [&'static str; 2],
    read: impl FnOnce(Section<'_, '_>) -> T,
) -> Option<T> {
    let (table, span) = section.table(key)?;
    Some(read(section.inner(table, title, span)))
}

/// The tables of a key that may be absent.
fn every<T>(
    section: &mut Section<'_, '_>,
    [key, title]: [&'static str; 2],
    mut read: impl FnMut(Section<'_, '_>) -> T,
) -> Vec<T> {
    let tables = section.tables(key);
    tables.into_iter().map(|(table, span)| read(section.inner(table, title, span))).collect()
}

fn account(section: &mut Section<'_, '_>) -> Account {
    let region = section.optional("region", is_region, REGION);
    let role_arn = section.optional("role_arn", is_role, ROLE);
    let external_id = section.optional("external_id", is_external_id, EXTERNAL_ID);
    if external_id.is_some() && !section.has("role_arn") && !section.misspelt("role_arn") {
        let help = Some("add role_arn: the role whose trust policy asks for it".to_owned());
        section.problem(section.span_of("external_id"), "`external_id` without `role_arn`", help);
    }
    Account { region, role_arn, external_id }
}

fn images(section: &mut Section<'_, '_>, pipelines_image: Option<&str>) -> BTreeMap<String, String> {
    let mut images = BTreeMap::new();
    let texts = section.texts("images");
    let written = texts.len();
    for (container, container_span, repository, span) in texts {
        let container = section.valid("images", container, container_span, is_ecs_name, ECS_NAME);
        let repository =
            section.valid("images", repository, span, image::is_repository, "an ECR repository's name, in lower case");
        if let (Some(container), Some(repository)) = (container, repository) {
            images.insert(container, repository);
        }
    }
    if section.has("images") && section.has("containers") {
        let help = "`images` names the containers, each with its repository: leave `containers` out".to_owned();
        section.problem(section.span_of("containers"), "`containers` and `images`", Some(help));
    }
    // What the build reports is an image of this repository; the others are of the same release, by the same tag.
    if let Some(own) = pipelines_image
        && !images.is_empty()
        && images.len() == written
        && !images.values().any(|repository| repository == own)
    {
        let help = format!("give one of the containers \"{own}\": it is what the build reports");
        section.problem(
            section.span_of("images"),
            format!("no container gets the pipeline's image \"{own}\""),
            Some(help),
        );
    }
    images
}

fn base(word: &str) -> Option<Base> {
    match word {
        "running" => Some(Base::Running),
        "latest" => Some(Base::Latest),
        _ => None,
    }
}

fn before(mut section: Section<'_, '_>, services: &[String], at_most: SignedDuration) -> Before {
    let run = section.required("run", is_ecs_name, ECS_NAME);
    if !run.is_empty() && services.is_empty() {
        let help = Some("it runs with the network of a service: name one in `services`".to_owned());
        section.problem(section.span_of("run"), "`before` in an environment without services", help);
    } else if !run.is_empty() && !services.contains(&run) {
        let help = match text::nearest(&run, services.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!(
                "it gets that service's new revision and network: {}",
                text::list(services.iter().cloned(), "or")
            ),
        };
        section.problem(section.span_of("run"), format!("\"{run}\" is no service of this environment"), Some(help));
    }
    let container = section.optional("container", is_ecs_name, ECS_NAME);
    let command = command(&mut section);
    let timeout = section.duration("timeout", ["10s", "7d"]);
    if timeout.is_some_and(|timeout| timeout > at_most) {
        let help =
            Some("the environment's `timeout` counts from the admission, and ends what is run before, too".to_owned());
        section.problem(section.span_of("timeout"), "`timeout` is longer than the environment's `timeout`", help);
    }
    section.close();
    Before { run, container, command, timeout: timeout.unwrap_or(Before::TIMEOUT.min(at_most)) }
}

fn command(section: &mut Section<'_, '_>) -> Vec<String> {
    if !section.has("command") {
        section.missing("command");
    }
    let written = section.filled("command");
    if let Some((first, span)) = written.first().filter(|(first, _)| first.trim().is_empty()) {
        let help = Some("the first word is the program".to_owned());
        section.problem(span.clone(), format!("`command` cannot begin with {first:?}"), help);
    }
    if let Some((_, span)) = written.iter().find(|(word, _)| word.contains('\0')) {
        section.problem(span.clone(), "`command` cannot have a character that is zero", None);
    }
    if written.iter().map(|(word, _)| word.len()).sum::<usize>() > LONGEST_OVERRIDES {
        let help = format!("ECS takes {LONGEST_OVERRIDES} characters: put it in a script in the image");
        section.problem(section.span_of("command"), "`command` is too long", Some(help));
    }
    written.into_iter().map(|(word, _)| word.to_owned()).collect()
}

fn check(mut section: Section<'_, '_>) -> Check {
    let url = url(&mut section);
    let expect = section.integer("expect", 100..=599).and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let lasts = section.duration("for", ["0s", "30m"]).unwrap_or(Check::LASTS);
    section.close();
    Check { url, expect, lasts }
}

/// A URL that is wrong is not repeated: there may be a password in it.
fn url(section: &mut Section<'_, '_>) -> String {
    if !section.has("url") {
        section.missing("url");
    }
    let Some((written, span)) = section.string("url") else { return String::new() };
    if !is_url(written) {
        section.problem(span, "`url` is none that can be asked", Some(format!("it must be {URL}")));
    }
    written.to_owned()
}

fn approval(mut section: Section<'_, '_>) -> Approval {
    if !section.has("by") {
        section.missing("by");
    }
    let by = people(&mut section, "by");
    let not_author = section.boolean("not_author").unwrap_or_default();
    let expires = section.duration("expires", ["1m", "30d"]).unwrap_or(Approval::EXPIRES);
    section.close();
    Approval { by, not_author, expires }
}

/// People and groups, each once.
pub(super) fn people(section: &mut Section<'_, '_>, key: &'static str) -> Vec<Approver> {
    let mut people = Vec::new();
    for (written, span) in section.filled(key) {
        match approver(written) {
            Some(known) if people.contains(&known) => {
                section.problem(span, format!("`{key}` names \"{written}\" twice"), None);
            }
            Some(new) => people.push(new),
            None => {
                let help = Some(format!("it must be {APPROVER}"));
                section.problem(span, format!("`{key}` cannot name \"{written}\""), help);
            }
        }
    }
    people
}

/// Slack's ids are letters and digits, those of users with U or W before them, those of user groups with S.
/// Source: <https://docs.slack.dev/reference/objects/user-object>, <https://docs.slack.dev/reference/objects/usergroup-object>.
fn approver(written: &str) -> Option<Approver> {
    let is_id = |first: &[char]| {
        let rest = written.strip_prefix(first);
        rest.is_some_and(|rest| {
            (6..=30).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
    };
    let is_handle = |handle: &str| {
        let character = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || matches!(c, '-' | '_' | '.');
        (1..=80).contains(&handle.len()) && handle.chars().all(character)
    };
    if let Some(handle) = written.strip_prefix('@') {
        return is_handle(handle).then(|| Approver::Group(handle.to_owned()));
    }
    if is_iam_arn(written, &["user", "role"]) {
        return Some(Approver::Caller(written.to_owned()));
    }
    if is_id(&['U', 'W']) {
        return Some(Approver::User(written.to_owned()));
    }
    is_id(&['S']).then(|| Approver::GroupId(written.to_owned()))
}

fn frozen(mut section: Section<'_, '_>) -> Freeze {
    if !section.has("cron") {
        section.missing("cron");
    }
    let cron = section.string("cron").map_or(String::new(), |(written, span)| {
        if let Err(error) = freeze::schedule(written) {
            let help =
                "minute, hour, day of the month, month, day of the week: \"0 16 * * FRI\" is each Friday at 16:00";
            section.problem(span, format!("`cron` cannot be \"{written}\": {error}"), Some(help.to_owned()));
        }
        written.to_owned()
    });
    let zone = section.string("zone").map_or("UTC".to_owned(), |(written, span)| {
        if let Err(near) = freeze::zone(written) {
            let help = near.map_or("it must be a name of IANA's, for example Europe/Berlin".to_owned(), |near| {
                format!("did you mean \"{near}\"?")
            });
            section.problem(span, format!("there is no time zone \"{written}\""), Some(help));
        }
        written.to_owned()
    });
    if !section.has("for") {
        section.missing("for");
    }
    let lasts = section.duration("for", ["1m", "90d"]).unwrap_or(freeze::SHORTEST);
    section.close();
    Freeze { cron, lasts, zone }
}

fn codedeploy(mut section: Section<'_, '_>) -> CodeDeploy {
    let application = section.required("application", is_codedeploy_name, CODEDEPLOY_NAME);
    let group = section.required("group", is_codedeploy_name, CODEDEPLOY_NAME);
    section.close();
    CodeDeploy { application, group }
}
