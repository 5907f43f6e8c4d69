//! Starting and ending the browser. It listens on loopback, on a port that the system chooses, and resolves no name but its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use longshore_tests::{eventually, within, workspace};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::webdriver::Session;

/// What the driver says before its port once it listens.
const STARTED: &str = "started successfully on port ";
/// Where distributions put what is not on the path.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/lib/chromium", "/usr/lib/chromium-browser"];
/// What the setup leaves where the distribution has no Chromium.
const WITHOUT: &str = ".local/without-chromium";

/// A browser with one page. However a test ends, its processes end with this.
pub struct Chrome {
    /// The page.
    pub driver: Session,
    child: Child,
    profile: TempDir,
    /// Kept open: a driver that writes into a closed pipe ends.
    _told: Lines<BufReader<ChildStdout>>,
}

/// The browser's driver and the browser itself.
struct Programs {
    driver: PathBuf,
    browser: PathBuf,
}

impl Programs {
    /// `None`: the setup said that there is none to be had here, and this is no continuous integration.
    ///
    /// # Panics
    ///
    /// When they are missing, and could be there.
    fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from)).collect();
        let find = |names: &[&str]| {
            let places = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
            places.into_iter().find(|program| program.is_file())
        };
        let (driver, browser) = (find(&["chromedriver"]), find(&["chromium", "chromium-browser"]));
        if let (Some(driver), Some(browser)) = (driver, browser) {
            return Some(Self { driver, browser });
        }
        let without = workspace().join(WITHOUT);
        assert!(
            without.is_file(),
            "Chromium or its driver is missing: run `scripts/setup test` first, as `make test` does"
        );
        assert!(env::var_os("CI").is_none(), "Chromium could not be installed: {}", without.display());
        None
    }
}

impl Chrome {
    /// A browser with this page open; `None` where the setup could not install one, which is said.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn open(url: &str) -> Option<Self> {
        let Some(programs) = Programs::find() else {
            eprintln!(
                "SKIPPED: the inbox was not looked at in a browser, since {WITHOUT} says that there is none for this system"
            );
            return None;
        };
        let profile = tempfile::Builder::new().prefix("longshore-chromium-").tempdir().expect("a directory");
        let mut command = Command::new(programs.driver);
        command.arg("--port=0").env("HOME", profile.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).kill_on_drop(true).spawn().expect("chromedriver");
        let mut told = BufReader::new(child.stdout.take().expect("its output")).lines();
        let port = within("chromedriver listens", port(&mut told)).await;
        let driver = connect(&programs.browser, port, profile.path()).await;
        let chrome = Self { driver, child, profile, _told: told };
        chrome.driver.goto(url).await.expect("the page");
        Some(chrome)
    }

    /// Ends it, and waits until nothing of it is left.
    pub async fn quit(self) {
        let folder = self.profile.path().to_owned();
        within("the session ends", self.driver.quit()).await.expect("an end of the session");
        drop(self);
        eventually("no process of the browser is left", async || processes(&folder).is_empty().then_some(())).await;
    }
}

impl Drop for Chrome {
    /// By their ids: the driver, and whatever runs with the profile that is this browser's alone.
    fn drop(&mut self) {
        let driver = self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        for process in driver.into_iter().chain(processes(self.profile.path())) {
            // It may have ended by itself.
            let _ = kill(process, Signal::SIGKILL);
        }
    }
}

/// The driver's port, which it tells.
async fn port(told: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    loop {
        let line = told.next_line().await.expect("text").expect("chromedriver ended before it listened");
        if let Some((_, port)) = line.split_once(STARTED) {
            return port.trim_end_matches('.').parse().expect("a port");
        }
    }
}

async fn connect(browser: &Path, port: u16, profile: &Path) -> Session {
    let folder = format!("--user-data-dir={}", profile.display());
    let arguments = [
        "--headless=new",
        // Chromium's sandbox refuses root; the page is our own.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1280,1000",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--force-color-profile=srgb",
        "--lang=en",
        &folder,
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "binary": browser, "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" },
    });
    let driver = format!("http://127.0.0.1:{port}");
    within("Chromium starts", Session::start(&driver, &capabilities)).await.expect("a session")
}

/// The processes that were started with this profile.
fn processes(profile: &Path) -> Vec<Pid> {
    let named = |command: &[u8]| String::from_utf8_lossy(command).contains(&*profile.to_string_lossy());
    let ours = |entry: &fs::DirEntry| fs::read(entry.path().join("cmdline")).is_ok_and(|command| named(&command));
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten().filter(ours);
    entries.filter_map(|entry| Some(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))).collect()
}
