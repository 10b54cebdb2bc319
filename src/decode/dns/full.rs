//! A whole message in words, for evidence that a person looks at. By hickory-proto: complete,
//! and far too slow and hungry for every packet.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use std::fmt::Write as _;

/// Records of a reply that are told.
const RECORDS: usize = 6;

/// The message in one line, such as `asks A mail.example.com.` or `is answered NXDOMAIN to MX
/// example.com.`; `None` where hickory-proto refuses it.
///
/// Names and record data are in master file form, in which octets that are no plain text are
/// escaped (RFC 1035 section 5.1).
#[must_use]
pub fn describe(payload: &[u8]) -> Option<String> {
    let message = Message::from_vec(payload).ok()?;
    let question = message.queries.first().map_or_else(
        || "nothing".to_owned(),
        |query| format!("{} {}", query.query_type(), query.name()),
    );
    if message.metadata.message_type == MessageType::Query {
        return Some(format!("asks {question}"));
    }
    let mut text = match message.metadata.response_code {
        ResponseCode::NoError => format!("is answered {question}:"),
        ResponseCode::NXDomain => format!("is answered NXDOMAIN to {question}"),
        code => format!("is answered \"{code}\" to {question}"),
    };
    if message.metadata.response_code == ResponseCode::NoError {
        if message.answers.is_empty() {
            text.push_str(" nothing");
        }
        for record in message.answers.iter().take(RECORDS) {
            // Writing to a string cannot fail.
            let _ = write!(text, " {} {},", record.record_type(), record.data);
        }
        if message.answers.len() > RECORDS {
            text.push_str(" …");
        }
    }
    Some(text.trim_end_matches(',').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_words() {
        let query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x04mail\x02ex\x00\x00\x0f\x00\x01";
        assert_eq!(describe(query).as_deref(), Some("asks MX mail.ex."));
        let mut reply = query.to_vec();
        reply[2..4].copy_from_slice(&[0x81, 0x83]);
        assert_eq!(
            describe(&reply).as_deref(),
            Some("is answered NXDOMAIN to MX mail.ex.")
        );
        reply[3] = 0x80;
        reply[7] = 1;
        reply.extend(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x05\x00\x0a\x01b\x00");
        let expected = "is answered MX mail.ex.: MX 10 b.";
        assert_eq!(describe(&reply).as_deref(), Some(expected));
        assert_eq!(describe(&reply[..20]), None);
    }
}
