use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const MAX: usize = 1 << 20;

fn split(chunks: &[&[u8]], max: usize) -> Result<Vec<Bytes>, StreamError> {
    let mut splitter = Splitter::new(max);
    let mut messages = Vec::new();
    for chunk in chunks {
        splitter.push(chunk);
        while let Some(message) = splitter.next()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

#[test]
fn strings_hide_brackets_and_escapes_hide_quotes() {
    let first = br#"{"a":"}\"]\\","b":["\\\"{"]}"#;
    let second = br#"{}"#;
    let joined = [first.as_slice(), b" \r\n\t", second].concat();
    assert_eq!(split(&[&joined], MAX).unwrap(), vec![Bytes::from_static(first), Bytes::from_static(second)]);
}

#[test]
fn garbage_is_an_error() {
    assert_eq!(split(&[b"{}x"], MAX), Err(StreamError::Garbage(b'x')));
    assert_eq!(split(&[b"[]"], MAX), Err(StreamError::Garbage(b'[')));
    assert_eq!(split(&[b"{]"], MAX), Err(StreamError::Unbalanced));
    assert_eq!(split(&[b"{[}"], MAX), Err(StreamError::Unbalanced));
}

#[test]
fn nesting_is_limited_exactly() {
    let nested = |depth: usize| {
        [b"{\"a\":".to_vec(), vec![b'['; depth - 1], vec![b']'; depth - 1], b"}".to_vec()].concat()
    };
    assert_eq!(split(&[&nested(MAX_DEPTH as usize)], MAX).unwrap().len(), 1);
    assert_eq!(split(&[&nested(MAX_DEPTH as usize + 1)], MAX), Err(StreamError::TooDeep));
}

#[test]
fn length_is_limited_exactly() {
    let message = br#"{"a":"12345"}"#;
    assert_eq!(split(&[message], message.len()).unwrap().len(), 1);
    let less = message.len() - 1;
    assert_eq!(split(&[message], less), Err(StreamError::TooLarge(less)));
    assert_eq!(
        split(&[&message[..less], b"1"], less),
        Err(StreamError::TooLarge(less)),
        "before its end has come"
    );
    // Many small messages in one read are no large message.
    assert_eq!(split(&[&message.repeat(100)], message.len()).unwrap().len(), 100);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[\"\\\\{}\\[\\]a-z]*", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_messages(
        bodies in prop::collection::vec(any_json(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let messages: Vec<Vec<u8>> = bodies.iter().map(|body| json!({ "x": body }).to_string().into_bytes()).collect();
        let stream = messages.join(&b"\n "[..]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            chunks.push(&stream[from..cut]);
            from = cut;
        }
        prop_assert_eq!(split(&chunks, MAX).unwrap(), messages.clone());
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(split(&bytes, MAX).unwrap(), messages);
    }

    #[test]
    fn any_bytes_give_messages_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = split(&[&bytes], 100);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        // The limit may strike earlier byte by byte, never later.
        if let Ok(messages) = split(&single, 100) {
            prop_assert_eq!(whole, Ok(messages));
        } else {
            prop_assert!(whole.is_err());
        }
    }
}
