//! Takes any text as that of a slash command, and any bytes as the form that Slack posts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_core::{
    config::Config,
    signature::{sign_slack, slack},
    slack::{
        answer::{Seen, unclear},
        command::{Command, Wanted, read},
        confirm,
    },
};
use longshore_fuzz::{NOW, SECRET, now};

const CONFIG: &str = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\nproject = \"web-build\"\n\
    image = \"web\"\nenvironment = [{ name = \"production\", cluster = \"production\", services = [\"web\"] }]\n";

fuzz_target!(|data: &[u8]| {
    let time = NOW.to_string();
    let signature = sign_slack(SECRET, &time, data);
    let proven = slack(Some(&time), Some(&signature), data, &[SECRET], now()).expect("what is signed is proven");
    let _ = confirm::read(proven);
    let given = read(proven).ok().flatten().map(|given| given.text);
    let config = Config::read(CONFIG).expect("a configuration");
    for text in given.as_deref().into_iter().chain(str::from_utf8(data).ok()) {
        match Command::parse(text, &config) {
            Ok(Command::Question(_)) => {}
            Ok(Command::Wanted(wanted)) => {
                let json = serde_json::to_string(&wanted).expect("JSON");
                assert_eq!(serde_json::from_str::<Wanted>(&json).expect("what was written"), wanted);
            }
            Err(why) => {
                let body = unclear(&why, "/deploy", &config).body(Seen::Privately).to_string();
                assert!(body.len() < 16_000 && !body.contains("<!"));
            }
        }
    }
});
