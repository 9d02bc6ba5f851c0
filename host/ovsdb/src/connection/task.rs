//! The task: the only place of the crate that does I/O, and the only writer of the replica.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{broadcast, mpsc, watch};

use super::transport::{self, Stream};
use super::{ClientConfig, Command, ConnectError, Status, Ticket};
use crate::reconnect::{Action, Ending, Reconnect};
use crate::replica::Changed;
use crate::session::{Input, Output, Patience, Reason, Session};
use crate::stream::Splitter;

/// Commands taken at once, so that their requests leave in one write.
const BATCH: usize = 256;
/// Bytes that may wait to be written before no more commands are taken.
const UNSENT: usize = 4 << 20;
/// Room for a read.
const READ: usize = 64 << 10;

pub(super) struct Task {
    config: ClientConfig,
    session: Session<Ticket>,
    reconnect: Reconnect,
    inbox: mpsc::Receiver<Command>,
    status: watch::Sender<Status>,
    changes: broadcast::Sender<Arc<Changed>>,
    /// Bytes to be written.
    unsent: BytesMut,
}

/// Why a connection, or the attempt to make one, ended.
struct End {
    ending: Ending,
    /// The code and the text.
    error: String,
}

impl End {
    fn new(code: &str, error: impl std::fmt::Display) -> Self {
        Self { ending: Ending::Failed, error: format!("{code}: {error}") }
    }

    fn lost(error: impl std::fmt::Display) -> Self {
        Self::new("connection-lost", error)
    }
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        let ending = if matches!(reason, Reason::Unfit(_)) { Ending::Unfit } else { Ending::Failed };
        Self { ending, ..Self::new(reason.code(), reason) }
    }
}

/// Nobody holds the client any more.
struct Abandoned;

impl Task {
    pub(super) fn new(
        config: ClientConfig,
        session: Session<Ticket>,
        inbox: mpsc::Receiver<Command>,
        status: watch::Sender<Status>,
        changes: broadcast::Sender<Arc<Changed>>,
    ) -> Self {
        let reconnect = Reconnect::new(config.endpoints.len(), config.backoff_max);
        Self { config, session, reconnect, inbox, status, changes, unsent: BytesMut::new() }
    }

    pub(super) async fn run(mut self) {
        loop {
            let ended = match self.reconnect.action(Instant::now()) {
                Action::Wait(until) => self.idle(tokio::time::sleep_until(until.into())).await,
                Action::Connect(number) => self.attempt(number).await,
            };
            if let Err(Abandoned) = ended {
                return;
            }
        }
    }

    /// Answers commands until `event`: without a connection they all fail at once.
    async fn idle<F: Future>(&mut self, event: F) -> Result<F::Output, Abandoned> {
        tokio::pin!(event);
        loop {
            tokio::select! {
                output = &mut event => return Ok(output),
                command = self.inbox.recv() => {
                    let command = command.ok_or(Abandoned)?;
                    self.command(command);
                }
            }
        }
    }

    async fn attempt(&mut self, number: usize) -> Result<(), Abandoned> {
        let Some(endpoint) = self.config.endpoints.get(number).cloned() else {
            self.failed(End::new("no-endpoint", "no endpoint configured"));
            return Ok(());
        };
        self.status.send_modify(|status| status.endpoint = Some(endpoint.to_string()));
        let patience = self.reconnect.patience();
        let limit = match patience.first_answer.filter(|_| !self.config.probe_interval.is_zero()) {
            Some(first) => first.min(self.config.connect_timeout),
            None => self.config.connect_timeout,
        };
        let tls = self.config.tls.clone();
        let connecting = async {
            match tokio::time::timeout(limit, transport::connect(&endpoint, tls.as_ref())).await {
                Ok(result) => result,
                Err(_) => Err(ConnectError::Timeout(limit)),
            }
        };
        match self.idle(connecting).await? {
            Err(error) => self.failed(End::new(error.code(), &error)),
            Ok(stream) => {
                tracing::debug!(%endpoint, "connected");
                let end = self.converse(stream, patience).await?;
                self.unsent.clear();
                self.reconnect.double(self.session.doublings());
                self.failed(end);
            }
        }
        Ok(())
    }

    /// The connection, or the attempt, has ended.
    fn failed(&mut self, End { ending, error }: End) {
        // There is nothing left to close.
        let _ = self.step(Input::Disconnected);
        self.reconnect.ended(Instant::now(), ending);
        self.status.send_modify(|status| {
            tracing::info!(
                endpoint = status.endpoint,
                database = self.config.database,
                error,
                "OVSDB connection ended"
            );
            status.endpoint = None;
            status.server = None;
            status.last_error = Some(error);
            status.failures += 1;
        });
    }

    /// Runs a connection to its end; gives the reason.
    async fn converse(&mut self, stream: Box<dyn Stream>, patience: Patience) -> Result<End, Abandoned> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut splitter = Splitter::new(self.config.max_message);
        let mut commands = Vec::with_capacity(BATCH);
        let mut unflushed = false;
        if let ControlFlow::Break(end) = self.step(Input::Connected(patience)) {
            return Ok(end);
        }
        loop {
            let deadline = self.session.deadline();
            let ended = tokio::select! {
                read = read(&mut reader, splitter.buffer()) => match read {
                    Err(error) => ControlFlow::Break(End::lost(error)),
                    Ok(0) => ControlFlow::Break(End::lost("closed by the server")),
                    Ok(_) => self.received(&mut splitter),
                },
                written = write(&mut writer, &mut self.unsent, &mut unflushed), if !self.unsent.is_empty() || unflushed => {
                    match written {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(error) => ControlFlow::Break(End::lost(error)),
                    }
                }
                count = self.inbox.recv_many(&mut commands, BATCH), if self.unsent.len() < UNSENT => {
                    if count == 0 {
                        return Err(Abandoned);
                    }
                    for command in commands.drain(..) {
                        self.command(command);
                    }
                    ControlFlow::Continue(())
                }
                () = sleep_until(deadline) => self.step(Input::Tick),
            };
            if let ControlFlow::Break(end) = ended {
                return Ok(end);
            }
        }
    }

    fn received(&mut self, splitter: &mut Splitter) -> ControlFlow<End> {
        self.step(Input::Received)?;
        loop {
            match splitter.next() {
                Ok(None) => return ControlFlow::Continue(()),
                Ok(Some(bytes)) => match serde_json::from_slice(&bytes) {
                    Ok(message) => self.step(Input::Message(message))?,
                    Err(error) => return ControlFlow::Break(End::new("malformed-message", error)),
                },
                Err(error) => return ControlFlow::Break(End::new(error.code(), &error)),
            }
        }
    }

    fn command(&mut self, command: Command) {
        let input = match command {
            Command::Transact { ticket, params, count } => Input::Transact { ticket, params, count },
            Command::Lock(name) => Input::Lock(name),
            Command::Unlock(name) => Input::Unlock(name),
            Command::Reread => Input::Reread,
        };
        // Commands never end a connection.
        let _ = self.step(input);
    }

    /// Tells the session and does what it says; breaks when the connection is to be closed.
    fn step(&mut self, input: Input<Ticket>) -> ControlFlow<End> {
        let now = Instant::now();
        let mut flow = ControlFlow::Continue(());
        for output in self.session.step(now, input) {
            match output {
                Output::Send(bytes) => self.unsent.extend_from_slice(bytes.as_bytes()),
                Output::Disconnect(reason) => flow = ControlFlow::Break(reason.into()),
                Output::Synced => {
                    self.reconnect.active(now);
                    let server = self.session.server().cloned();
                    self.status.send_modify(|status| {
                        status.synced = true;
                        status.server = server;
                        status.failures = 0;
                    });
                    tracing::info!(database = self.config.database, "OVSDB replica synchronised");
                }
                Output::Unsynced => self.status.send_modify(|status| {
                    status.synced = false;
                    status.reconnects += 1;
                }),
                Output::Changed(changed) => {
                    if changed.reset || !changed.rows.is_empty() {
                        // Nobody may be listening.
                        let _ = self.changes.send(Arc::new(changed));
                    }
                }
                Output::Reply { ticket, result } => {
                    // The caller may have gone.
                    let _ = ticket.send(result);
                }
                Output::LockRefused { name, error } => self.status.send_modify(|status| {
                    if status.lock_errors.get(&name) != Some(&error) {
                        let database = &self.config.database;
                        tracing::warn!(database, lock = name, error, "OVSDB lock refused, asking again");
                    }
                    status.lock_errors.insert(name, error);
                }),
                Output::Lock { name, held } => self.status.send_modify(|status| {
                    status.lock_errors.remove(&name);
                    if held {
                        status.locks.insert(name);
                    } else {
                        status.locks.remove(&name);
                    }
                }),
            }
        }
        flow
    }
}

async fn read(reader: &mut ReadHalf<Box<dyn Stream>>, buffer: &mut BytesMut) -> std::io::Result<usize> {
    buffer.reserve(READ);
    reader.read_buf(buffer).await
}

/// Writes all there is. When it is dropped half-way nothing is lost: what was written is gone from `unsent`.
async fn write(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    unsent: &mut BytesMut,
    unflushed: &mut bool,
) -> std::io::Result<()> {
    while !unsent.is_empty() {
        *unflushed = true;
        writer.write_buf(unsent).await?;
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
