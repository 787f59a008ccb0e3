//! Hashes passwords, and finds them in a message, even in a malformed one, so that no log or recording contains them.
//!
//! A remote sends the MD5 of its password. This hash is enough to log in.

use std::borrow::Cow;
use std::ops::Range;

use md5::{Digest, Md5};

use crate::shared::hex;

const KEY: &[u8] = b"password";

/// The transmitted form of a password.
pub(crate) fn hash_password(password: &str) -> String {
    hex::digits(&Md5::digest(password.as_bytes()))
}

/// The message with each password replaced; `None` if it contains none.
pub(crate) fn replace_passwords<'m>(
    message: &'m [u8],
    mut replacement: impl FnMut(&'m [u8]) -> Cow<'m, [u8]>,
) -> Option<Vec<u8>> {
    let mut replaced = Vec::new();
    let mut done = 0;
    while let Some(found) = next_password(message, done) {
        replaced.extend_from_slice(&message[done..found.start]);
        replaced.extend_from_slice(&replacement(&message[found.clone()]));
        done = found.end;
    }
    (done > 0).then(|| {
        replaced.extend_from_slice(&message[done..]);
        replaced
    })
}

/// The value of the next key `password`, without its quotation marks.
fn next_password(message: &[u8], from: usize) -> Option<Range<usize>> {
    let keys = (from..message.len())
        .filter(|&at| message[at..].get(..KEY.len()).is_some_and(|word| word.eq_ignore_ascii_case(KEY)));
    keys.filter_map(|at| value(message, at + KEY.len())).find(|found| !found.is_empty())
}

/// The text after a key and its colon.
fn value(message: &[u8], behind_key: usize) -> Option<Range<usize>> {
    let skip = |from: usize, unwanted: fn(&u8) -> bool| {
        from + message[from..].iter().take_while(|letter| unwanted(letter)).count()
    };
    let colon = skip(behind_key, |letter| b"\"'\\ \t\r\n".contains(letter));
    if message.get(colon) != Some(&b':') {
        return None;
    }
    let start = skip(colon + 1, |letter| b" \t\r\n\\".contains(letter));
    match message.get(start) {
        Some(quote @ (b'"' | b'\'')) => {
            let start = start + 1;
            Some(start..end_of_text(message, start, *quote))
        }
        Some(_) | None => Some(start..skip(start, |letter| !b",}] \t\r\n".contains(letter))),
    }
}

/// The position of the quotation mark that ends a text, or the end of the message.
fn end_of_text(message: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start;
    while at < message.len() && message[at] != quote {
        at += if message[at] == b'\\' { 2 } else { 1 };
    }
    at.min(message.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veiled(message: &str) -> Option<String> {
        let replaced = replace_passwords(message.as_bytes(), |_| b"***"[..].into())?;
        Some(String::from_utf8(replaced).unwrap())
    }

    #[test]
    fn a_password_is_found_however_it_is_written() {
        for (message, expected) in [
            (r#"{"password":"T0P","a":1}"#, r#"{"password":"***","a":1}"#),
            (r#"{"password" : "T0P"}"#, r#"{"password" : "***"}"#),
            (r#"{"Password":'T0P'}"#, r#"{"Password":'***'}"#),
            (r#"{"password":"T\"0P"}"#, r#"{"password":"***"}"#),
            ("{password:T0P}", "{password:***}"),
            (r#"{"password":"T0P"#, r#"{"password":"***"#),
            (r#"{"password":"T0P\"#, r#"{"password":"***"#),
            (r#"{"password":"T0P","password":"T1P"}"#, r#"{"password":"***","password":"***"}"#),
            (r#"{"username":"password","password":"T0P"}"#, r#"{"username":"password","password":"***"}"#),
        ] {
            assert_eq!(veiled(message).as_deref(), Some(expected), "{message}");
        }
        for message in ["", "password", "password:", r#"{"password":"","a":1}"#, r#"{"a":"password"}"#] {
            assert_eq!(veiled(message), None, "{message}");
        }
    }

    #[test]
    fn every_byte_and_every_prefix_is_survived() {
        let message = br#"{"password" : "a\"b\\",password:'c'}"#;
        for len in 0..message.len() {
            for byte in 0..=255 {
                let mut bytes = message[..len].to_vec();
                bytes.push(byte);
                replace_passwords(&bytes, |_| b"***"[..].into());
            }
        }
    }
}
