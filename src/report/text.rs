//! Octets from the wire as text that is safe wherever it is shown.

use std::fmt::Write as _;

/// Octets of text at most, as the contract says.
const LONGEST: usize = 255;

/// Wire octets as text: valid UTF-8 stays, control characters, backslashes and every other
/// octet become `\DDD` (decimal, as in RFC 1035 section 5.1); at most 255 octets of result.
#[must_use]
pub fn escape(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_plain(character) {
                text.push(character);
            } else {
                escape_octets(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape_octets(&mut text, chunk.invalid());
        if text.len() > LONGEST {
            break;
        }
    }
    let end = text.floor_char_boundary(LONGEST);
    text.truncate(end);
    text
}

/// Text of an event, in which wire octets are escaped already, once more made harmless: what is
/// escaped stays as it is, and what could do harm and is not, is escaped.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' || is_plain(character) {
            shown.push(character);
        } else {
            escape_octets(&mut shown, character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    shown
}

/// Whether a character shows as itself and does nothing else. Besides the control characters
/// those are left out that turn or hide text (Unicode "format" characters in use for that).
fn is_plain(character: char) -> bool {
    let hidden = matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !character.is_control() && character != '\\' && !hidden
}

fn escape_octets(text: &mut String, octets: &[u8]) {
    for octet in octets {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\{octet:03}");
    }
}

/// A folded name as text: labels joined by dots, a dot inside a label escaped.
#[must_use]
pub fn name(folded: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = folded;
    while let Some((&length, tail)) = rest.split_first() {
        let (label, tail) = tail.split_at_checked(length.into()).unwrap_or((tail, &[]));
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&escape(label).replace('.', "\\046"));
        rest = tail;
    }
    if text.is_empty() {
        text.push('.');
    }
    let end = text.floor_char_boundary(LONGEST);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_do_harm_is_escaped() {
        assert_eq!(escape(b"mail-1"), "mail-1");
        assert_eq!(escape("日本".as_bytes()), "日本");
        assert_eq!(escape(b"a\x1b[31mb\r\n\0"), "a\\027[31mb\\013\\010\\000");
        assert_eq!(escape(b"\xff\\x"), "\\255\\092x");
        assert_eq!(escape("\u{202e}x".as_bytes()), "\\226\\128\\174x");
        // A letter that only a machine reads (Unicode tags).
        assert_eq!(escape("\u{e0041}".as_bytes()), "\\243\\160\\129\\129");
        assert_eq!(escape(&[b'x'; 300]).len(), 255);
        assert_eq!(escape("é".repeat(200).as_bytes()).len(), 254);
    }

    #[test]
    fn what_was_escaped_stays() {
        assert_eq!(plain("a\\013\r\u{202e}"), "a\\013\\013\\226\\128\\174");
        assert_eq!(plain(&escape(b"a\xff\r\n")), escape(b"a\xff\r\n"));
    }

    #[test]
    fn names() {
        assert_eq!(name(b"\x04mail\x02ex"), "mail.ex");
        assert_eq!(name(b"\x04a.b\0\x02ex"), "a\\046b\\000.ex");
        assert_eq!(name(b""), ".");
        assert_eq!(name(b"\x3fcut"), "cut");
        let long: Vec<u8> = std::iter::repeat_n(*b"\x01\x00", 127).flatten().collect();
        assert!(name(&long).len() <= 255);
    }
}
