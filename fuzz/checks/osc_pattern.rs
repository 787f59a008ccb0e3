//! What holds of every address pattern. Shared by the fuzz target and by the test that replays its corpus.

use crosspatch_backends::osc::pattern::{
    AddressPattern, MAX_ADDRESS, MAX_PATTERN, is_pattern, literal_prefix,
};

/// Holds the first line against the second.
pub(crate) fn check(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (text, address) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(pattern) = AddressPattern::parse(text) else { return };
    let mut steps = 0;
    let fits = pattern.matches(address, &mut steps);
    assert!(steps <= (MAX_ADDRESS + 1) * MAX_PATTERN, "{steps} steps");
    if !is_pattern(text) && address.len() <= MAX_ADDRESS {
        assert_eq!(fits, text == address, "a pattern without special characters is the address itself");
    }
    if fits {
        assert!(address.starts_with(literal_prefix(text)));
        let longer = [text, b"*"].concat();
        if let Ok(longer) = AddressPattern::parse(&longer) {
            assert!(longer.matches(address, &mut 0), "a star at the end may stand for nothing");
        }
        let (slashes, others) = (|text: &[u8]| text.iter().filter(|&&byte| byte == b'/').count(), text);
        assert_eq!(slashes(others), slashes(address), "nothing goes across a slash");
    }
}
