//! Colours as texts.

/// Reads `#rrggbb`, which is opaque, or `#rrggbbaa`, and returns the four bytes as a number, red first.
pub(crate) fn parse(text: &str) -> Option<u32> {
    let digits =
        text.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(number << 8 | 0xff),
        8 => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_six_or_eight_digits_and_nothing_else() {
        assert_eq!((parse("#ff8000"), parse("#FF800040")), (Some(0xff80_00ff), Some(0xff80_0040)));
        for text in ["", "#", "ff8000", "#ff800", "#ff80000", "#+f8000", "#gg0000", "#ff8000ff0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
