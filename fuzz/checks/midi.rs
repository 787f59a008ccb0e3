//! What holds of every stream of MIDI, however broken. Shared by the fuzz target and by the test that replays its corpus.

use std::sync::Arc;

use crosspatch_backends::midi::translate::{Dialect, MessagePattern, Translator};
use crosspatch_backends::midi::wire::{Message, Parser, compose, describe};
use crosspatch_core::{Direction, Instant, Outbox, Slot, Value};

const ADDRESSES: [&str; 12] = [
    "ch0.cc7",
    "ch0.pair7",
    "ch0.note60",
    "ch0.note",
    "ch0.pitch",
    "ch0.rpn0",
    "ch0.nrpn1",
    "mtc",
    "msc.go",
    "clock",
    "sysex.any.a",
    "sysex.any.t",
];

/// Reads the bytes as a stream in two pieces, and hands every value that comes of it back to the device.
pub(crate) fn check(data: &[u8]) {
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.contains('\n'), "{line:?}");
    if !line.contains("...") {
        assert_eq!(compose(&line).as_deref(), Some(data), "{line}");
    }
    if let Ok(message) = Message::decode(data) {
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!(again, data, "what is decoded is encoded as the same");
        assert_eq!(message.encoded_len(), data.len());
    }
    if let Some(bytes) = std::str::from_utf8(data).ok().and_then(compose) {
        assert!(bytes.len() <= data.len());
    }

    let pattern = MessagePattern::parse("F0 {a} {t:text2} F7").expect("a pattern");
    let dialect = Dialect { sysex: vec![("any".into(), pattern)], ..Dialect::default() };
    let mut translator = Translator::new(Arc::new(dialect));
    for (slot, address) in (0..).map(Slot).zip(ADDRESSES) {
        translator.bind(slot, address, Direction::Input);
        translator.bind(slot, address, Direction::Output);
    }
    let (mut parser, mut out, mut now) = (Parser::default(), Outbox::new(), Instant::START);
    let (front, back) = data.split_at(data.len() / 2);
    for piece in [front, back] {
        let mut count = 0;
        parser.push(piece, |message| {
            count += 1;
            if let Ok(message) = message {
                translator.receive(now, &message, &mut out);
            }
        });
        assert!(count <= 2 * piece.len(), "more messages than bytes");
        let values = out.take_emitted();
        assert!(
            values
                .iter()
                .all(|(_, value)| value.as_number().is_none_or(|level| (0.0..=1.0).contains(&level)))
        );
        translator.set(now, &values, 0);
        translator.flush(now, &mut |message| assert!(message.encoded_len() > 0));
        while let Some(due) = translator.next_timeout() {
            now = now.max(due);
            translator.handle_timeout(now, &mut out);
            translator.flush(now, &mut |_| ());
        }
    }
    translator.begin();
    translator.restore(&[(Slot(0), Value::number(0.5)), (Slot(10), Value::text("x"))]);
    let mut sent = 0;
    translator.flush(now, &mut |_| sent += 1);
    assert_eq!(sent, 2, "whatever came before, a new listener is told the states");
}
