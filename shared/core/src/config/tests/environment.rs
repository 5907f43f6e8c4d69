use super::*;

const EXAMPLE: &str = include_str!("../../../../../examples/environments.toml");

/// A pipeline with an image and one environment, which has these lines more.
fn environment(more: &str) -> String {
    let services = if more.contains("services") || more.contains("scheduled") { "" } else { "services = [\"web\"]\n" };
    let pipeline = file(&[("web", "image = \"shop\"\n")]);
    format!("{pipeline}[[pipeline.environment]]\nname = \"production\"\ncluster = \"c\"\n{services}{more}\n")
}

/// The only environment of such a file.
fn read(more: &str) -> Environment {
    let config = Config::read(&environment(more)).unwrap_or_else(|problems| panic!("{more}: {problems}"));
    config.pipelines()[0].environments[0].clone()
}

/// The problems with such a file, without their places.
fn wrong(more: &str) -> String {
    let problems = Config::read(&environment(more)).expect_err(more);
    let line = |(_, problem): &(Place, Problem)| {
        let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}{help}", problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_of_an_environment_is_read() {
    let config = Config::read(EXAMPLE).expect("a configuration");
    let [staging, production, us] = &config.pipelines()[0].environments[..] else { panic!("three environments") };
    assert_eq!(staging.services, ["web", "worker"]);
    assert_eq!(staging.plan, Plan::of("staging".to_owned()), "what is written there is what it is without");

    let text = |text: &str| text.to_owned();
    let expected = Plan {
        cluster: text("production"),
        account: Account {
            region: Some(text("eu-central-1")),
            role_arn: Some(text("arn:aws:iam::210987654321:role/longshore-deploy")),
            external_id: Some(text("longshore-acme")),
        },
        containers: Vec::new(),
        images: [(text("app"), text("shop")), (text("nginx"), text("shop-nginx"))].into(),
        base: Base::Latest,
        force: false,
        in_order: true,
        scheduled: vec![text("nightly-report")],
        before: vec![
            Before {
                run: text("web"),
                container: Some(text("app")),
                command: ["./migrate", "--to", "latest"].map(str::to_owned).into(),
                timeout: SignedDuration::from_mins(20),
            },
            Before { run: text("worker"), container: None, command: vec![text("./warm-up")], timeout: Before::TIMEOUT },
        ],
        check: Some(Check {
            url: text("https://shop.acme.example/health"),
            expect: 200,
            lasts: SignedDuration::from_secs(60),
        }),
        block_on: Some(Severity::Critical),
        required: Required::default(),
        approval: Some(Approval {
            by: vec![
                Approver::Group(text("release-managers")),
                Approver::User(text("U0123ABCD")),
                Approver::Caller(text("arn:aws:iam::123456789012:role/Releases")),
            ],
            not_author: true,
            expires: SignedDuration::from_hours(48),
        }),
        freeze: vec![
            Freeze { cron: text("0 16 * * FRI"), lasts: SignedDuration::from_hours(64), zone: text("Europe/Berlin") },
            Freeze {
                cron: text("0 0 20-31 DEC *"),
                lasts: SignedDuration::from_hours(24),
                zone: text("Europe/Berlin"),
            },
        ],
        timeout: SignedDuration::from_hours(2),
        codedeploy: None,
        channel: Some(text("#production")),
    };
    assert_eq!((&production.services, &production.plan), (&vec![text("web"), text("worker")], &expected));

    let codedeploy = Some(CodeDeploy { application: text("shop"), group: text("shop-web") });
    let account = Account { region: Some(text("us-east-1")), ..Account::default() };
    let plan = Plan { account, containers: vec![text("app")], force: true, codedeploy, ..Plan::of(text("production")) };
    assert_eq!(us.plan, plan);
}

#[test]
fn an_environment_may_be_scheduled_tasks_alone() {
    let environment = read("scheduled = [\"report\"]");
    assert_eq!((environment.services.len(), environment.plan.scheduled), (0, vec!["report".to_owned()]));
    assert_eq!(read("services = []\nscheduled = [\"report\"]").services.len(), 0);
    for nothing in ["scheduled = []", "services = []", "services = []\nscheduled = []"] {
        assert!(wrong(nothing).contains("is empty; name at least one"), "{}", wrong(nothing));
    }
}

#[test]
fn what_is_absent_has_its_default() {
    assert_eq!(read("").plan, Plan::of("c".to_owned()));
    let short =
        read("timeout = \"5m\"\nbefore = [{ run = \"web\", command = [\"x\"] }]\ncheck = { url = \"http://x\" }");
    assert_eq!(short.plan.before[0].timeout, SignedDuration::from_mins(5), "no longer than the environment's");
    assert_eq!(short.plan.check.map(|check| (check.expect, check.lasts)), Some((200, Check::LASTS)));
    let approval = read("approval = { by = [\"S0123ABCD\"] }").plan.approval.expect("an approval");
    assert_eq!((approval.not_author, approval.expires), (false, Approval::EXPIRES));
    assert_eq!(approval.by, [Approver::GroupId("S0123ABCD".to_owned())]);
    assert_eq!(read("freeze = [{ cron = \"0 0 * * *\", for = \"1h\" }]").plan.freeze[0].zone, "UTC");
}

#[test]
fn a_freeze_may_last_as_long_as_freezes_are_understood() {
    let lasting = |lasts: &str| environment(&format!("freeze = [{{ cron = \"0 0 * * *\", for = \"{lasts}\" }}]"));
    assert_eq!((duration("1m"), duration("90d")), (Some(crate::freeze::SHORTEST), Some(crate::freeze::LONGEST)));
    assert!(Config::read(&lasting("1m")).is_ok() && Config::read(&lasting("90d")).is_ok());
    assert!(Config::read(&lasting("59s")).is_err() && Config::read(&lasting("2161h")).is_err());
}

#[test]
fn tables_may_have_headings_of_their_own() {
    let plan = read(
        "[pipeline.environment.check]\nurl = \"http://x\"\n[[pipeline.environment.before]]\nrun = \"web\"\ncommand = [\"x\"]\n\
         [[pipeline.environment.freeze]]\ncron = \"0 0 * * *\"\nfor = \"1h\"\n[pipeline.environment.images]\napp = \"shop\"",
    )
    .plan;
    assert_eq!((plan.check.is_some(), plan.before.len(), plan.freeze.len(), plan.images.len()), (true, 1, 1, 1));
}

#[test]
fn every_wrong_value_of_an_environment_has_its_place_and_cure() {
    let text = environment(
        "services = [\"web\"]\nregion = \"Frankfurt\"\nrole_arn = \"arn:aws:iam::1:role/x\"\nexternal_id = \"x\"\nbase = \"newest\"\n\
         block_on = \"high\"\ntimeout = \"8d\"\nforce = 1\nschedule = [\"x\"]\n\
         before = [{ run = \"wbe\", command = [] }, { command = [\"\"], timeout = \"2h\", container = \"a b\" }, 3]\n\
         check = { url = \"https://ada:secret@shop.example/\", expect = 600, for = \"31m\", epxect = 200 }\n\
         approval = { by = [\"ada\", \"U0123ABCD\", \"U0123ABCD\"], not_auther = true, expires = \"31d\" }\n\
         freeze = [{ cron = \"0 0 * *\", zone = \"Europe/Berln\" }, { cron = \"0 0 31 6 *\", for = \"91d\", zone = \"Berlin Time Zone\" }]\n\
         codedeploy = { application = \"a b\" }",
    );
    insta::assert_snapshot!(problems(&text), @r#"
    longshore.toml:12:10: `region` cannot be "Frankfurt"; it must be an AWS region, for example eu-central-1
    longshore.toml:13:12: `role_arn` cannot be "arn:aws:iam::1:role/x"; it must be an IAM role's ARN: arn:aws:iam::<account>:role/<name>
    longshore.toml:14:15: `external_id` cannot be "x"; it must be 2 to 1224 letters, digits and = , . @ : / _ + -
    longshore.toml:15:8: `base` cannot be "newest"; it must be "running" (the revision that the service runs) or "latest" (of its family)
    longshore.toml:16:12: `block_on` cannot be "high"; it must be a severity of ECR: INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL
    longshore.toml:17:11: `timeout` cannot be "8d"; it must be a number and s, m, h or d, from "1m" to "7d"
    longshore.toml:18:9: `force` must be true or false, not integer
    longshore.toml:19:1: unknown key `schedule` in [[pipeline.environment]]; did you mean `scheduled`?
    longshore.toml:20:19: "wbe" is no service of this environment; did you mean "web"?
    longshore.toml:20:36: `command` is empty; name at least one
    longshore.toml:20:42: `before` has no `run`
    longshore.toml:20:55: `command` cannot begin with ""; the first word is the program
    longshore.toml:20:70: `timeout` is longer than the environment's `timeout`; the environment's `timeout` counts from the admission, and ends what is run before, too
    longshore.toml:20:88: `container` cannot be "a b"; it must be a name as ECS takes it: 1 to 255 letters, digits, - and _
    longshore.toml:20:97: `before` must be an array of tables, not integer
    longshore.toml:21:17: `url` is none that can be asked; it must be a URL with http:// or https://, without a user's name or password and without #
    longshore.toml:21:62: `expect` cannot be 600; it must be a whole number from 100 to 599
    longshore.toml:21:73: `for` cannot be "31m"; it must be a number and s, m, h or d, from "0s" to "30m"
    longshore.toml:21:80: unknown key `epxect` in `check`; did you mean `expect`?
    longshore.toml:22:20: `by` cannot name "ada"; it must be a Slack user's id ("U0123ABCD"), a user group's handle ("@release-managers") or id ("S0123ABCD"), or the ARN of an IAM user or role
    longshore.toml:22:40: `by` names "U0123ABCD" twice
    longshore.toml:22:54: unknown key `not_auther` in `approval`; did you mean `not_author`?
    longshore.toml:22:83: `expires` cannot be "31d"; it must be a number and s, m, h or d, from "1m" to "30d"
    longshore.toml:23:11: `freeze` has no `for`
    longshore.toml:23:20: `cron` cannot be "0 0 * *": it needs five fields, and has 4; minute, hour, day of the month, month, day of the week: "0 16 * * FRI" is each Friday at 16:00
    longshore.toml:23:38: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?
    longshore.toml:23:65: `cron` cannot be "0 0 31 6 *": no day is ever such a day; minute, hour, day of the month, month, day of the week: "0 16 * * FRI" is each Friday at 16:00
    longshore.toml:23:85: `for` cannot be "91d"; it must be a number and s, m, h or d, from "1m" to "90d"
    longshore.toml:23:99: there is no time zone "Berlin Time Zone"; it must be a name of IANA's, for example Europe/Berlin
    longshore.toml:24:14: `codedeploy` has no `group`
    longshore.toml:24:30: `application` cannot be "a b"; it must be a name as CodeDeploy takes it: 1 to 100 letters, digits and . _ + = , @ -
    "#);
}

#[test]
fn keys_that_do_not_go_together_are_said() {
    insta::assert_snapshot!(
        [
            "external_id = \"acme\"",
            "images = { app = \"shop\" }\ncontainers = [\"app\"]",
            "images = { app = \"shop-app\", nginx = \"shop-nginx\" }",
            "images = {}",
            "images = { \"a b\" = \"shop\", nginx = \"Nginx\", php = 8 }",
            "services = [\"web\", \"worker\"]\ncodedeploy = { application = \"a\", group = \"g\" }",
            "scheduled = [\"report\"]\ncodedeploy = { application = \"a\", group = \"g\" }",
            "scheduled = [\"report\"]\nbefore = [{ run = \"web\", command = [\"x\"] }]",
            "timeout = \"10m\"\nbefore = [{ run = \"web\", command = [\"x\"], timeout = \"11m\" }]",
            "approval = { by = [] }",
            "approval = {}",
            "check = \"https://x\"",
        ]
        .map(wrong)
        .join("\n"),
        @r#"
        `external_id` without `role_arn`; add role_arn: the role whose trust policy asks for it
        `containers` and `images`; `images` names the containers, each with its repository: leave `containers` out
        no container gets the pipeline's image "shop"; give one of the containers "shop": it is what the build reports
        `images` is empty; name at least one
        `images` cannot be "a b"; it must be a name as ECS takes it: 1 to 255 letters, digits, - and _
        `images` cannot be "Nginx"; it must be an ECR repository's name, in lower case
        `images` must be a table of strings, not integer
        `codedeploy` and 2 services: a deployment group has one; give each of the services an environment of its own, with its `codedeploy`
        `codedeploy` and 0 services: a deployment group has one; give each of the services an environment of its own, with its `codedeploy`
        `before` in an environment without services; it runs with the network of a service: name one in `services`
        `timeout` is longer than the environment's `timeout`; the environment's `timeout` counts from the admission, and ends what is run before, too
        `by` is empty; name at least one
        `approval` has no `by`
        `check` must be a table, not string
        "#
    );
}

#[test]
fn a_service_belongs_to_one_environment_of_one_account() {
    let elsewhere = "name = \"b\"\ncluster = \"c\"\nservices = [\"web\"]\nscheduled = [\"report\"]\n";
    let second = |more: &str| {
        let first = environment("services = [\"web\"]\nscheduled = [\"report\"]");
        format!("{first}[[pipeline.environment]]\n{elsewhere}{more}")
    };
    assert!(Config::read(&second("region = \"eu-west-1\"")).is_ok());
    assert!(Config::read(&second("role_arn = \"arn:aws:iam::210987654321:role/x\"")).is_ok());
    insta::assert_snapshot!(problems(&second("")), @r"
    longshore.toml:1:1: a second environment deploys the service web of c; a service belongs to one environment
    longshore.toml:1:1: a second environment deploys the scheduled family report of c; a scheduled family belongs to one environment
    ");
}

#[test]
fn a_url_can_be_asked_and_shown_as_it_is() {
    for url in [
        "https://shop.acme.example/health?deep=1&x=%20",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/",
        "https://[2001:db8::1]",
        "https://a_b.example:443/@x",
    ] {
        assert!(values::is_url(url), "{url}");
    }
    for url in [
        "",
        "http://",
        "https:///x",
        "ftp://x",
        "shop.example",
        "HTTPS://x",
        "https://u@x/",
        "https://u:p@x/",
        "https://x y",
        "https://x/\n",
        "https://x:0",
        "https://x:65536",
        "https://x:",
        "https://x:+1",
        "https://x#y",
        "https://[x]",
        "https://a..b",
        "https://x\\y",
        "https://ü.example",
    ] {
        assert!(!values::is_url(url), "{url:?}");
    }
}

#[test]
fn an_arn_is_of_a_role_or_a_user() {
    for arn in ["arn:aws:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/team/x-Y_z+=,.@"] {
        assert!(values::is_role(arn), "{arn}");
    }
    for arn in [
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role//x",
        "arn:aws:iam::12345678901:role/x",
        "arn:aws:iam:eu-west-1:123456789012:role/x",
        "arn:aws:sts::123456789012:assumed-role/x/y",
        "arn:awsx:iam::123456789012:role/x",
        "role/x",
    ] {
        assert!(!values::is_role(arn), "{arn}");
    }
    for region in ["eu-central-1", "us-gov-west-1", "ap-southeast-7", "us-isob-east-1"] {
        assert!(values::is_region(region), "{region}");
    }
    for region in ["", "eu", "eu-1", "EU-central-1", "eu-central", "eu--1", "eu-central-1a"] {
        assert!(!values::is_region(region), "{region}");
    }
}

#[test]
fn every_example_of_the_page_on_deploying_is_right() {
    let page = include_str!("../../../../../docs/deploying.md");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 8, "{blocks:?}");
    for block in blocks {
        let text = if block.starts_with("[[pipeline]]") { block.to_owned() } else { environment(block) };
        assert!(Config::read(&text).is_ok(), "{block}: {}", problems(&text));
    }
}
