//! One exchange with a socket of the agent: `<decimal length>\n<JSON>` both ways, one request a connection.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::AgentError;

/// The longest answer taken: a load balancer with 10,000 members has about 10 MB.
const MAX_REPLY: usize = 64 * 1024 * 1024;
/// The longest length line: 20 digits are beyond any answer.
const MAX_HEADER: u64 = 20;

/// Sends a request and reads the answer.
///
/// It runs in a task of its own, and the time limit does not cover the writing of the request: a child of the agent that
/// waits for the rest of a request would never end, so a request that was begun is written whole, whoever gives up.
pub(super) async fn exchange(
    socket: PathBuf,
    request: &Value,
    timeout: Duration,
) -> Result<Value, AgentError> {
    let name = socket.display().to_string();
    let body = request.to_string();
    let message = format!("{}\n{body}", body.len()).into_bytes();
    let task = tokio::spawn(async move { whole(socket, message, timeout).await });
    match tokio::time::timeout(timeout, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(AgentError::Io { socket: name, reason: error.to_string() }),
        Err(_) => Err(AgentError::Timeout { socket: name, after: timeout }),
    }
}

async fn whole(socket: PathBuf, message: Vec<u8>, timeout: Duration) -> Result<Value, AgentError> {
    let name = socket.display().to_string();
    let io = |error: std::io::Error| AgentError::Io { socket: name.clone(), reason: error.to_string() };
    let mut stream = UnixStream::connect(&socket).await.map_err(io)?;
    stream.write_all(&message).await.map_err(io)?;
    match tokio::time::timeout(timeout, reply(stream)).await {
        Ok(result) => result.map_err(|reason| AgentError::Malformed { socket: name.clone(), reason }),
        Err(_) => Err(AgentError::Timeout { socket: name.clone(), after: timeout }),
    }
}

async fn reply(stream: UnixStream) -> Result<Value, String> {
    let mut reader = BufReader::new(stream);
    let mut header = Vec::new();
    let read = (&mut reader).take(MAX_HEADER + 1).read_until(b'\n', &mut header).await;
    read.map_err(|error| format!("no answer: {error}"))?;
    let Some((b'\n', digits)) = header.split_last() else {
        return Err(match header.len() {
            0 => "closed without an answer".into(),
            _ => format!("the answer has no length but {:?}", String::from_utf8_lossy(&header)),
        });
    };
    let length = std::str::from_utf8(digits).ok().and_then(|text| text.trim().parse::<usize>().ok());
    let length = length.ok_or_else(|| format!("the length is {:?}", String::from_utf8_lossy(digits)))?;
    if length > MAX_REPLY {
        return Err(format!("an answer of {length} bytes"));
    }
    let mut body = Vec::new();
    let read = reader.take(length as u64).read_to_end(&mut body).await;
    read.map_err(|error| format!("half an answer: {error}"))?;
    if body.len() != length {
        return Err(format!("{} of {length} bytes of an answer", body.len()));
    }
    serde_json::from_slice(&body).map_err(|error| format!("the answer is no JSON: {error}"))
}
