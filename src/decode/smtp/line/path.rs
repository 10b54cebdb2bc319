//! MAIL and RCPT: their paths and parameters (RFC 5321 section 4.1.2).

use super::super::defects::Defects;
use super::super::pieces::Line;
use super::super::{Command, Defect};
use super::{Parsed, first_word, has_controls};
use smtp_proto::{Error, MAIL_SMTPUTF8, Request};

/// What follows `FROM:` or `TO:`.
pub(super) fn path<'a>(rest: &'a [u8], keyword: &[u8]) -> Option<&'a [u8]> {
    let (found, path) = rest.trim_ascii_start().split_at_checked(keyword.len())?;
    let path = path.trim_ascii_start().strip_prefix(b":")?;
    found.eq_ignore_ascii_case(keyword).then_some(path)
}

/// MAIL and RCPT.
pub(super) fn mail<'a>(
    line: &Line<'a>,
    rest: &'a [u8],
    keyword: &[u8],
    command: impl Fn(Option<&'a [u8]>) -> Command<'a>,
) -> Parsed<'a> {
    let Some(path) = path(rest, keyword) else {
        return Parsed::with(command(None), Defect::Syntax);
    };
    let trimmed = path.trim_ascii_start();
    let mut defects = Defects::default();
    if trimmed.len() < path.len() && !trimmed.is_empty() {
        defects.insert(Defect::SpaceAfterColon);
    }
    let (address, parameters) = if let Some(bracketed) = trimmed.strip_prefix(b"<") {
        if let Some(end) = closing(bracketed) {
            (
                bracketed.get(..end),
                bracketed.get(end + 1..).unwrap_or_default(),
            )
        } else {
            defects.insert(Defect::MissingBrackets);
            first_word(bracketed)
        }
    } else if trimmed.is_empty() {
        // No path at all, while `<>` is the null one.
        (None, trimmed)
    } else {
        defects.insert(Defect::MissingBrackets);
        first_word(trimmed)
    };
    let address = address.map(without_route);
    let bracketed = !defects
        .iter()
        .any(|defect| defect == Defect::MissingBrackets);
    let (sound, utf8) = judge(line, address, parameters, bracketed);
    if !sound {
        defects.insert(Defect::Syntax);
    }
    let mut parsed = Parsed::new(command(address));
    parsed.defects = defects;
    parsed.utf8 = utf8;
    parsed
}

/// Whether address and parameters can be such, and whether SMTPUTF8 is among these.
fn judge(
    line: &Line<'_>,
    address: Option<&[u8]>,
    parameters: &[u8],
    bracketed: bool,
) -> (bool, bool) {
    let utf8 = parameters
        .split(u8::is_ascii_whitespace)
        .any(|parameter| parameter.eq_ignore_ascii_case(b"SMTPUTF8"));
    if line.is_cut() {
        // Too long, and so it is told.
        return (true, utf8);
    }
    let formed = parameters
        .split(u8::is_ascii_whitespace)
        .all(|parameter| parameter.is_empty() || is_parameter(parameter));
    match Request::parse(&mut line.head.iter()) {
        Ok(Request::Mail { from }) => (true, utf8 || from.flags & MAIL_SMTPUTF8 != 0),
        // Its reading of parameters stops at those that it does not know; and others have
        // their place in texts that it takes for numbers.
        Ok(_) | Err(Error::UnsupportedParameter { .. } | Error::InvalidParameter { .. }) => {
            (formed, utf8)
        }
        Err(Error::InvalidSenderAddress | Error::InvalidRecipientAddress) => (false, utf8),
        // It wants brackets, and no line without its end.
        Err(_) => {
            let plausible = address.is_some_and(|address| {
                address.is_empty() && bracketed || address.contains(&b'@') && !has_controls(address)
            });
            (plausible && formed, utf8)
        }
    }
}

/// The place of the bracket that closes a path: not within quotes.
fn closing(path: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    let found = path.iter().position(|octet| {
        if escaped {
            escaped = false;
            return false;
        }
        match octet {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' => return !quoted,
            _ => {}
        }
        false
    });
    // A quote that does not end is none.
    found.or_else(|| memchr::memchr(b'>', path))
}

/// Without the source route (RFC 5321 appendix C).
fn without_route(address: &[u8]) -> &[u8] {
    let address = address.trim_ascii();
    if address.starts_with(b"@")
        && let Some(colon) = memchr::memchr(b':', address)
    {
        return address.get(colon + 1..).unwrap_or_default();
    }
    address
}

/// `keyword[=value]` (RFC 5321 section 4.1.2).
fn is_parameter(parameter: &[u8]) -> bool {
    let mut parts = parameter.splitn(2, |octet| *octet == b'=');
    let keyword = parts.next().unwrap_or_default();
    let value = parts.next();
    let sound = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'-';
    !keyword.is_empty()
        && keyword.iter().all(sound)
        && value.is_none_or(|value| !value.is_empty() && !has_controls(value))
}
