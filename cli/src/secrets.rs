//! `longshore secrets`: the keys of the functions' secret, and their change without an interruption. No value of it is ever shown, in whatever
//! way; a new one comes by standard input, or is made here.

mod key;
mod list;
mod rotate;
mod vault;

use std::process::ExitCode;

use crate::account;
pub use key::Key;

/// `--secret`, and whose it is.
#[derive(clap::Args)]
pub struct Which {
    /// The functions' secret: the stack's output SecretArn. A local stack names its own.
    #[arg(long, value_name = "ARN", env = "LONGSHORE_SECRET")]
    secret: Option<String>,
    #[command(flatten)]
    account: account::Arguments,
}

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the keys: how many values each has, and since when. No value is shown.
    List(list::Arguments),
    /// Change a key in two steps: the new value beside the old one, then, with --finish, without it.
    Rotate(rotate::Arguments),
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Rotate(arguments) => rotate::run(arguments).await,
    }
}

impl Which {
    async fn open(self) -> anyhow::Result<vault::Vault> {
        let (sdk, id) = self.account.secret(self.secret).await?;
        Ok(vault::Vault::new(&sdk, id))
    }
}
