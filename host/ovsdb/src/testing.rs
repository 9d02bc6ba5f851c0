//! Real `ovsdb-server` processes for tests, on unix sockets in a folder of the caller's.
//!
//! Programs are looked for under `$WEIR_OVN_ROOT/usr` and then in `PATH`, schemas under `$WEIR_OVN_ROOT/usr/share` and
//! then `/usr/share`. A server ends with its [`Server`], also when the test process is killed. All calls block.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use std::sync::Arc;

use serde_json::Value;

use crate::replica::Dialect;
use crate::{Changed, Endpoint, Layout, Replica, ReplicaError, Schema, SchemaError, TableSpec};

/// A replica without a server, told of changes as a server tells them.
#[derive(Debug)]
pub struct Memory(Replica);

impl Memory {
    /// An empty database.
    pub fn new(schema: &Value, tables: &[TableSpec]) -> Result<Self, SchemaError> {
        let layout = Arc::new(Layout::new(Schema::from_json(schema)?, tables));
        let empty = Value::Object(serde_json::Map::new());
        // Nothing in it can be wrong.
        Ok(Self(Replica::build(&layout, Dialect::Update2, empty).unwrap_or_default()))
    }

    /// Takes an `update2` (ovsdb-server(7), section 4.1.14).
    pub fn update(&mut self, updates: Value) -> Result<Changed, ReplicaError> {
        let staged = self.0.stage(Dialect::Update2, updates)?;
        Ok(self.0.commit(staged))
    }

    /// The replica.
    pub fn replica(&self) -> &Replica {
        &self.0
    }
}

/// A schema that comes with OVN or OVS, e.g. `ovn-nb`, `ovn-sb`, `vswitch`; `None` when it is not installed.
pub fn schema(name: &str) -> Option<PathBuf> {
    let file = format!("{name}.ovsschema");
    roots()
        .into_iter()
        .flat_map(|root| ["ovn", "openvswitch"].map(|folder| root.join("usr/share").join(folder).join(&file)))
        .find(|path| path.exists())
}

/// A program of OVS or OVN.
pub fn program(name: &str) -> PathBuf {
    roots()
        .into_iter()
        .flat_map(|root| ["usr/bin", "usr/sbin"].map(|folder| root.join(folder).join(name)))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}

fn roots() -> Vec<PathBuf> {
    std::env::var_os("WEIR_OVN_ROOT").map(PathBuf::from).into_iter().chain([PathBuf::from("/")]).collect()
}

/// Runs a program to its end; gives its standard output, or an error with its standard error.
pub fn run(name: &str, arguments: &[OsString]) -> io::Result<String> {
    let output = Command::new(program(name)).args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{name} {arguments:?}: {}: {text}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs its arguments and kills them when its own input ends: on [`Server::kill`], or when the test process dies.
const GUARD: &str = r#""$@" & exec 2>&-; read _; kill -9 $!; wait"#;

/// A server of one database.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    name: String,
    arguments: Vec<OsString>,
    /// The file, or where a relay has the database from.
    database: OsString,
    child: Option<Child>,
}

impl Server {
    /// A standalone server with an empty database.
    pub fn standalone(folder: &Path, schema: &Path) -> io::Result<Self> {
        Self::standalone_with(folder, schema, &[])
    }

    /// The same with further arguments, e.g. `--remote=pssl:0:127.0.0.1`.
    pub fn standalone_with(folder: &Path, schema: &Path, arguments: &[&str]) -> io::Result<Self> {
        let mut server = Self::at(folder, "server", arguments);
        run("ovsdb-tool", &["create".into(), server.file("db"), schema.into()])?;
        server.start()?;
        Ok(server)
    }

    /// The servers of a RAFT cluster, all of them connected. `database` is the schema's name for it.
    pub fn cluster(folder: &Path, schema: &Path, database: &str, size: usize) -> io::Result<Vec<Self>> {
        let mut servers: Vec<Self> = Vec::new();
        for number in 0..size {
            let mut server = Self::at(folder, &format!("server{number}"), &[]);
            let (file, local) = (server.file("db"), server.raft());
            match servers.first() {
                None => run("ovsdb-tool", &["create-cluster".into(), file, schema.into(), local])?,
                Some(first) => {
                    run("ovsdb-tool", &["join-cluster".into(), file, database.into(), local, first.raft()])?
                }
            };
            server.start()?;
            server.wait_connected(database)?;
            servers.push(server);
        }
        Ok(servers)
    }

    /// A relay of a database that another server has.
    pub fn relay(folder: &Path, database: &str, source: &Endpoint) -> io::Result<Self> {
        let mut server = Self::at(folder, "relay", &[]);
        server.database = format!("relay:{database}:{source}").into();
        server.start()?;
        Ok(server)
    }

    fn at(folder: &Path, name: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        let database = folder.join(format!("{name}.db")).into();
        Self { folder: folder.to_owned(), name: name.to_owned(), arguments, database, child: None }
    }

    fn file(&self, extension: &str) -> OsString {
        self.folder.join(format!("{}.{extension}", self.name)).into()
    }

    fn raft(&self) -> OsString {
        prefixed("unix:", self.file("raft"))
    }

    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.file("sock").into())
    }

    /// Starts it, unless it runs; returns when it takes connections.
    pub fn start(&mut self) -> io::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "sh"])
            .arg(program("ovsdb-server"))
            .arg(prefixed("--remote=punix:", self.file("sock")))
            .arg(prefixed("--unixctl=", self.file("ctl")))
            .arg(prefixed("--log-file=", self.file("log")))
            .arg(prefixed("--pidfile=", self.file("pid")))
            .args(["-vconsole:info", "-vfile:info", "-vsyslog:off", "--no-chdir"])
            .args(&self.arguments)
            .arg(&self.database)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
        self.child = Some(child);
        let mut lines = BufReader::new(output).lines();
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line?;
            // What it says last before it takes connections.
            if line.contains("(Open vSwitch)") {
                // It would stop when nobody read what it says.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
            said.push_str(&line);
            said.push('\n');
        }
        self.kill()?;
        Err(io::Error::other(format!("ovsdb-server: {said}")))
    }

    /// Kills it as by `kill -9`; returns when it is gone. Its file stays.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            // The end of its input tells the shell to kill; `wait` closes it.
            child.wait()?;
        }
        Ok(())
    }

    /// Stops it as by `kill -STOP`: its socket takes connections, and nothing is answered.
    pub fn suspend(&self) -> io::Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    pub fn resume(&self) -> io::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = std::fs::read_to_string(self.file("pid"))?;
        let status = Command::new("kill").args([signal, pid.trim()]).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill {signal}: {status}"))) }
    }

    /// Converts the database of a running server, as an upgrade of OVN does.
    pub fn convert(&self, schema: &Path) -> io::Result<()> {
        let endpoint = self.endpoint().to_string().into();
        run("ovsdb-client", &["-t".into(), "60".into(), "convert".into(), endpoint, schema.into()])?;
        Ok(())
    }

    /// Waits until a clustered database is connected to its cluster.
    pub fn wait_connected(&self, database: &str) -> io::Result<()> {
        let endpoint = self.endpoint().to_string().into();
        run(
            "ovsdb-client",
            &["-t".into(), "30".into(), "wait".into(), endpoint, database.into(), "connected".into()],
        )?;
        Ok(())
    }

    /// A command of its control socket, e.g. `["cluster/status", "OVN_Northbound"]`.
    pub fn control(&self, arguments: &[&str]) -> io::Result<String> {
        let mut all = vec!["-t".into(), self.file("ctl")];
        all.extend(arguments.iter().map(OsString::from));
        run("ovs-appctl", &all)
    }

    /// The port of the last TCP or TLS remote opened with port 0.
    pub fn port(&self) -> io::Result<u16> {
        let log = std::fs::read_to_string(self.file("log"))?;
        log.lines()
            .rev()
            .find_map(|line| line.split_once("listening on port ")?.1.trim().parse().ok())
            .ok_or_else(|| io::Error::other("no port in the log"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing more can be done about a process that cannot be killed.
        let _ = self.kill();
    }
}

fn prefixed(prefix: &str, rest: OsString) -> OsString {
    let mut whole = OsString::from(prefix);
    whole.push(rest);
    whole
}
