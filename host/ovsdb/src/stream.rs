//! Splits a byte stream into JSON objects (RFC 7047, section 4: messages follow each other without framing).
//!
//! Every byte is looked at once however the stream is cut, so a large reply that arrives in small reads costs linear
//! time. Only the nesting is checked here; the JSON parser checks the rest.

use bytes::{Buf, Bytes, BytesMut};

/// Deepest nesting accepted. Messages of the protocol need about ten; the JSON parser would stop at 128.
pub const MAX_DEPTH: u32 = 100;

/// A stream that cannot be split any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A byte that cannot stand between messages.
    #[error("byte 0x{0:02x} where a message should begin")]
    Garbage(u8),
    /// A bracket closes what was not opened.
    #[error("unbalanced bracket")]
    Unbalanced,
    /// Nesting beyond [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A message longer than the limit, in bytes.
    #[error("message longer than {0} bytes")]
    TooLarge(usize),
}

impl StreamError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Garbage(_) => "stream-garbage",
            Self::Unbalanced => "stream-unbalanced",
            Self::TooDeep => "stream-too-deep",
            Self::TooLarge(_) => "stream-too-large",
        }
    }
}

/// The splitter. After an error the stream is of no further use.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    /// How much of the buffer was looked at.
    scanned: usize,
    depth: u32,
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
    objects: u128,
    in_string: bool,
    escaped: bool,
    max: usize,
}

impl Splitter {
    /// A splitter that refuses messages of more than `max` bytes.
    pub fn new(max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            depth: 0,
            objects: 0,
            in_string: false,
            escaped: false,
            max,
        }
    }

    /// Adds bytes to the end of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where to read from a socket into directly; only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next complete message, `None` when more bytes are needed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        if self.depth == 0 {
            let blank = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.buffer.advance(blank);
            self.scanned = 0;
            match self.buffer.first() {
                None => return Ok(None),
                Some(b'{') => {}
                Some(other) => return Err(StreamError::Garbage(*other)),
            }
        }
        match self.scan()? {
            Some(length) if length > self.max => Err(StreamError::TooLarge(self.max)),
            Some(length) => {
                self.scanned = 0;
                Ok(Some(self.buffer.split_to(length).freeze()))
            }
            None if self.buffer.len() > self.max => Err(StreamError::TooLarge(self.max)),
            None => Ok(None),
        }
    }

    /// Looks at new bytes; the length of the message when its last byte is there.
    fn scan(&mut self) -> Result<Option<usize>, StreamError> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        for (offset, byte) in fresh.iter().enumerate() {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                } else if *byte == b'\\' {
                    self.escaped = true;
                } else if *byte == b'"' {
                    self.in_string = false;
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    if self.depth >= MAX_DEPTH {
                        return Err(StreamError::TooDeep);
                    }
                    self.depth += 1;
                    self.objects = self.objects << 1 | u128::from(*byte == b'{');
                }
                b'}' | b']' => {
                    if (self.objects & 1 == 1) != (*byte == b'}') {
                        return Err(StreamError::Unbalanced);
                    }
                    self.objects >>= 1;
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Some(self.scanned + offset + 1));
                    }
                }
                _ => {}
            }
        }
        self.scanned = self.buffer.len();
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
