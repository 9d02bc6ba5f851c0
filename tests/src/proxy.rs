//! A proxy before a server that can lose a transaction, or its answer.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use weir_ovsdb::stream::Splitter;

/// What to do with the next transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// Pass it on.
    None,
    /// Cut the connection before the server has seen it.
    LoseRequest,
    /// Cut the connection after the server has done it, before its answer.
    LoseAnswer,
    /// Take no connections at all.
    Away,
    /// Hold back what the server says: the connection is dead, and nobody knows yet.
    Deaf,
    /// Swallow the next change of monitored rows: everything else goes on.
    LoseUpdate,
}

/// A running proxy.
pub struct Proxy {
    socket: PathBuf,
    fault: Arc<AtomicU8>,
    cut: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens in `folder` and passes on to `server`.
    pub fn start(folder: &Path, server: PathBuf) -> Self {
        let socket = folder.join("proxy.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let fault = Arc::new(AtomicU8::new(0));
        let (cut, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (its_fault, its_cut, its_lost) = (fault.clone(), cut.clone(), lost.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (fault, cut, server) = (its_fault.clone(), its_cut.clone(), server.clone());
                let lost = its_lost.clone();
                tokio::spawn(async move {
                    if is(&fault, Fault::Away) {
                        return;
                    }
                    let Ok(server) = UnixStream::connect(server).await else { return };
                    pass(client, server, &fault, &cut, &lost).await;
                });
            }
        });
        Self { socket, fault, cut, lost }
    }

    /// As a remote.
    pub fn remote(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// Sets the fault. It is over once it has happened, but for [`Fault::Away`] and [`Fault::Deaf`].
    pub fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// How many updates were lost.
    pub fn lost_updates(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// How often a connection was cut.
    pub fn cuts(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }
}

fn is(fault: &AtomicU8, what: Fault) -> bool {
    fault.load(Ordering::SeqCst) == what as u8
}

async fn pass(
    client: UnixStream,
    server: UnixStream,
    fault: &AtomicU8,
    cut: &AtomicUsize,
    lost: &AtomicUsize,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut up = vec![0; 1 << 16];
    let mut down = Splitter::new(1 << 30);
    let mut lose_answer = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut up) => {
                let Ok(n @ 1..) = read else { return };
                // A request of a test is small, and its writer writes it at once.
                let transaction = up[..n].windows(10).any(|part| part == b"\"transact\"");
                if is(fault, Fault::Away) || (transaction && is(fault, Fault::LoseRequest)) {
                    if is(fault, Fault::LoseRequest) { fault.store(0, Ordering::SeqCst) }
                    cut.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                lose_answer |= transaction && is(fault, Fault::LoseAnswer);
                if to_server.write_all(&up[..n]).await.is_err() { return }
            }
            read = from_server.read_buf(down.buffer()), if !is(fault, Fault::Deaf) => {
                let Ok(1..) = read else { return };
                if lose_answer {
                    // The server has answered, so it has done it: neither update nor answer gets through.
                    fault.store(0, Ordering::SeqCst);
                    cut.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if is(fault, Fault::Away) { return }
                while let Ok(Some(message)) = down.next() {
                    let update = message.windows(9).any(|part| part == b"\"update3\"");
                    if update && is(fault, Fault::LoseUpdate) {
                        fault.store(0, Ordering::SeqCst);
                        lost.fetch_add(1, Ordering::SeqCst);
                    } else if to_client.write_all(&message).await.is_err() {
                        return;
                    }
                }
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(20)), if is(fault, Fault::None) || is(fault, Fault::Deaf) || is(fault, Fault::LoseUpdate) => {}
        }
        if is(fault, Fault::Away) {
            cut.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}
