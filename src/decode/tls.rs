//! What TLS says in clear (RFC 8446): the names in the client's first message.

/// What a client asks for in its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The server's name (RFC 6066 section 3), as sent.
    pub server_name: Option<&'a [u8]>,
    /// The first application protocol that is offered (RFC 7301).
    pub alpn: Option<&'a [u8]>,
}
