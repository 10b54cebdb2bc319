//! Lines of replies (RFC 5321 section 4.2).

/// A line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplyLine<'a> {
    pub(super) code: u16,
    /// More lines of the same reply follow.
    pub(super) more: bool,
    /// What stands behind the code.
    pub(super) text: &'a [u8],
}

/// Reads a line without its end; `None` where it is no reply, or one that is not final
/// (1yz: SMTP has none).
pub(super) fn read(line: &[u8]) -> Option<ReplyLine<'_>> {
    if begins(line) != Some(true) {
        return None;
    }
    let (code, rest) = line.split_first_chunk::<3>()?;
    let code = code.iter().fold(0, |code, digit| {
        code * 10 + u16::from(digit.wrapping_sub(b'0'))
    });
    let more = rest.starts_with(b"-");
    let text = rest.get(1..).unwrap_or_default().trim_ascii();
    (200..=599)
        .contains(&code)
        .then_some(ReplyLine { code, more, text })
}

/// Whether octets begin as a reply does: three digits, then space, hyphen or the end of the
/// line. `None` where they are too few to say.
pub(super) fn begins(octets: &[u8]) -> Option<bool> {
    for place in 0..3 {
        match octets.get(place) {
            Some(octet) if octet.is_ascii_digit() => {}
            Some(_) => return Some(false),
            None => return None,
        }
    }
    match octets.get(3) {
        // A line without its end, or one that is still to come: both can be one.
        None => Some(true),
        Some(octet) => Some(matches!(octet, b' ' | b'-' | b'\r' | b'\n' | b'\t')),
    }
}

/// The enhanced status code at the start of a reply's text, and what follows it (RFC 2034
/// section 4). Its class must be that of the reply.
pub(super) fn enhanced(code: u16, text: &[u8]) -> (Option<(u8, u16, u16)>, &[u8]) {
    let end = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    let mut parts = word.split(|octet| *octet == b'.').map(number);
    let (class, subject, detail) = (parts.next(), parts.next(), parts.next());
    if let (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) =
        (class, subject, detail, parts.next())
        && class == code / 100
        && matches!(class, 2 | 4 | 5)
    {
        let class = u8::try_from(class).unwrap_or_default();
        return (Some((class, subject, detail)), rest.trim_ascii());
    }
    (None, text)
}

/// A number of one to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    let sound = (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    sound.then(|| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, code, more, text) in [
            (&b"220 mx ESMTP "[..], 220, false, &b"mx ESMTP"[..]),
            (b"250-PIPELINING", 250, true, b"PIPELINING"),
            (b"250", 250, false, b""),
            (b"250 ", 250, false, b""),
        ] {
            assert_eq!(read(line), Some(ReplyLine { code, more, text }));
        }
        for line in [
            &b""[..],
            b"25",
            b"2500 x",
            b"25x y",
            b"150 ok",
            b"600 x",
            b"+OK",
        ] {
            assert_eq!(read(line), None, "{}", line.escape_ascii());
        }
        assert_eq!(begins(b"22"), None);
        assert_eq!(begins(b"2x"), Some(false));
    }

    #[test]
    fn enhanced_codes() {
        for (code, text, status, rest) in [
            (
                550,
                &b"5.1.1 no such user"[..],
                Some((5, 1, 1)),
                &b"no such user"[..],
            ),
            (550, b"5.7.1", Some((5, 7, 1)), b""),
            (550, b"4.7.1 x", None, b"4.7.1 x"),
            (550, b"5.7 x", None, b"5.7 x"),
            (550, b"5.7.1.2 x", None, b"5.7.1.2 x"),
            (550, b"5.7.1: x", None, b"5.7.1: x"),
            (354, b"3.0.0 go", None, b"3.0.0 go"),
            (250, b"2.1.999 ok", Some((2, 1, 999)), b"ok"),
            (250, b"2.1.1000 ok", None, b"2.1.1000 ok"),
        ] {
            assert_eq!(enhanced(code, text), (status, rest));
        }
    }
}
