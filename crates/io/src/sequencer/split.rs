//! Whole messages, one by one, out of several in a row.

/// The messages in `bytes`: each begins with a status byte, and one from `F0` to `F7` is a single message. Data in front of the
/// first status byte is left out.
pub(super) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = bytes.iter().position(|byte| *byte >= 0x80).unwrap_or(bytes.len());
    let mut rest = &bytes[first..];
    std::iter::from_fn(move || {
        let (&status, behind) = rest.split_first()?;
        let data = behind.iter().position(|byte| *byte >= 0x80).unwrap_or(behind.len());
        let is_ended = status == 0xf0 && behind.get(data) == Some(&0xf7);
        let (message, others) = rest.split_at(1 + data + usize::from(is_ended));
        rest = others;
        Some(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let split = |bytes: &'static [u8]| split(bytes).collect::<Vec<_>>();
        assert!(split(&[]).is_empty());
        assert_eq!(split(&[0x90, 1, 2, 0xf8, 0xc0, 3]), [&[0x90, 1, 2][..], &[0xf8], &[0xc0, 3]]);
        assert_eq!(split(&[0xf0, 1, 0xf7, 0xf0, 0xf7]), [&[0xf0, 1, 0xf7][..], &[0xf0, 0xf7]]);
        assert_eq!(split(&[5, 6, 0xf0, 1, 0x90, 2, 3]), [&[0xf0, 1][..], &[0x90, 2, 3]]);
        assert!(split(&[5, 6]).is_empty());
    }
}
