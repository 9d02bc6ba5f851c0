//! A running `weir serve`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::{Client, eventually};

/// The `weir` binary: cargo builds it beside the tests, since a test of its own package needs it.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let weir = test.ancestors().nth(2).unwrap().join("weir");
    assert!(weir.exists(), "{}: run `cargo build -p weir`", weir.display());
    weir
}

/// A host in a folder of its own.
pub struct Host {
    child: Option<Child>,
    folder: PathBuf,
    remotes: String,
    env: Vec<(String, String)>,
    small_disk: bool,
}

/// Runs a command with a small file system of its own under its state folder.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=64m tmpfs "$WEIR_STATE_DIR" && exec "$@""#;

impl Host {
    /// Starts a host and waits until it is ready.
    pub async fn start(folder: &Path, remotes: &str) -> Self {
        let host = Self::spawn(folder, remotes, &[]);
        host.ready().await;
        host
    }

    /// Starts a host with further environment; does not wait.
    pub fn spawn(folder: &Path, remotes: &str, env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (folder, remotes) = (folder.to_owned(), remotes.to_owned());
        let mut host = Self { child: None, folder, remotes, env, small_disk: false };
        std::fs::create_dir_all(host.plugins()).unwrap();
        host.restart();
        host
    }

    /// Starts a host whose state folder is on a small disk of its own (in a mount namespace); waits until it is ready.
    pub async fn start_on_a_small_disk(folder: &Path, remotes: &str) -> Self {
        let (folder, remotes) = (folder.to_owned(), remotes.to_owned());
        let mut host = Self { child: None, folder, remotes, env: Vec::new(), small_disk: true };
        std::fs::create_dir_all(host.state()).unwrap();
        std::fs::create_dir_all(host.plugins()).unwrap();
        host.restart();
        host.ready().await;
        host
    }

    /// Its state folder, as it sees it.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Its state folder on its small disk, as everybody sees it.
    pub fn state_on_disk(&self) -> PathBuf {
        let pid = self.child.as_ref().expect("running").id();
        PathBuf::from(format!("/proc/{pid}/root")).join(self.state().strip_prefix("/").unwrap())
    }

    fn command(&self) -> Command {
        if !self.small_disk {
            return Command::new(binary());
        }
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"]);
        command.arg(binary());
        command
    }

    /// Starts it again after [`Host::kill`].
    pub fn restart(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.join("weir.log")).unwrap();
        let child = self
            .command()
            .args(["serve", "--log", "info,weir=debug"])
            .env("WEIR_LISTEN", format!("unix:{}", self.socket().display()))
            .env("WEIR_STATE_DIR", self.state())
            // Nobody's driver-agent, unless a test names one.
            .env("WEIR_OCTAVIA_STATUS_SOCKET", self.folder.join("status.sock"))
            .env("WEIR_OCTAVIA_STATS_SOCKET", self.folder.join("stats.sock"))
            .env("WEIR_OCTAVIA_GET_SOCKET", self.folder.join("get.sock"))
            .env("WEIR_PLUGINS_DIR", self.plugins())
            .env("WEIR_OVN_NB_CONNECTION", &self.remotes)
            .env("WEIR_OVN_SB_CONNECTION", format!("unix:{}", self.folder.join("sb.sock").display()))
            .envs(self.env.clone())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// Its provider socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("provider.sock")
    }

    /// Its plugin folder, empty at first.
    pub fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// A client.
    pub fn client(&self) -> Client {
        Client::new(&self.socket())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("weir.log")).unwrap_or_default()
    }

    /// Waits until it is ready.
    pub async fn ready(&self) {
        let client = self.client();
        eventually("weir is ready", async || {
            let answer = client.send(hyper::Method::GET, "/readyz", &[], Vec::new()).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    /// Kills it as by `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.wait();
    }

    /// Waits for its own end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.take().expect("running").wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(30).collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            // Shown by the test runner for a failed test.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("--- weir's log, last lines\n{}", tail.join("\n"));
            }
        }
    }
}
