//! One connection: what both directions have in common, and TLS.

use super::attribution::{MAX_OUTSTANDING, Outstanding};
use super::client::{Client, Mode};
use super::defects::Defects;
use super::estimate::Estimate;
use super::pieces::MAX_KEPT;
use super::server::Server;
use super::{Defect, Heard, Side};
use crate::decode::tls::hello::{Gathering, MAX_HELLO};
use crate::decode::tls::record::{APPLICATION_DATA, HANDSHAKE, Records, Seen};

/// Where what was heard goes.
pub(super) type Out<'o> = dyn FnMut(Heard<'_>) + 'o;

/// An SMTP connection. Keeps the beginnings of unfinished lines, lines of which it is not known
/// yet whether they are commands, the commands that wait for replies, and the client's first TLS message: no more than [`Session::MAX_KEPT`] octets.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the connection"
)]
pub struct Session {
    pub(super) client: Client,
    pub(super) server: Server,
    pub(super) outstanding: Outstanding,
    pub(super) owed: Owed,
    /// 354 came for a DATA that was not seen yet.
    pub(super) permitted: bool,
    /// 354 may have been missed: nothing tells text from commands but the text's own lines.
    pub(super) unheard: bool,
    pub(super) tls: Option<Box<Tls>>,
    /// It was seen from its beginning.
    pub(super) whole: bool,
    /// It is known to be SMTP.
    pub(super) settled: bool,
    gapped: bool,
    over: bool,
    /// It was said that the client is not heard.
    deaf: bool,
    pub(super) said: Defects,
}

/// Whether the server's next reply is to a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Owed {
    #[default]
    No,
    /// 354 was its last reply, and nothing of it was missed since: its next is to the text,
    /// whatever is missed of the client.
    Surely,
    /// The same, but behind that 354 something may be missing: a command of the client, who
    /// waits, tells that the reply to the text was.
    Perhaps,
}

impl Owed {
    /// Something of the server may be missing.
    pub(super) fn doubt(&mut self) {
        if *self == Self::Surely {
            *self = Self::Perhaps;
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client has said that nothing follows (FIN, RST), so that what is missing of it is
    /// known.
    Said,
    /// Otherwise, as by an RST of the server.
    Closed,
    /// Nothing more was heard of it.
    Forgotten,
}

/// Both directions inside TLS.
#[derive(Debug)]
pub(super) struct Tls {
    client: Records,
    server: Records,
    hello: Option<Gathering>,
    estimate: Estimate,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// Most octets that are kept.
    pub const MAX_KEPT: usize = 3 * MAX_KEPT + MAX_OUTSTANDING + MAX_HELLO + 4 + 255;

    /// A connection that is seen from its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self {
            client: Client::default(),
            server: Server::default(),
            outstanding: Outstanding::default(),
            owed: Owed::No,
            permitted: false,
            unheard: false,
            tls: None,
            whole: true,
            settled: false,
            gapped: false,
            over: false,
            deaf: false,
            said: Defects::default(),
        }
    }

    /// A connection that is picked up in the middle.
    #[must_use]
    pub fn midstream() -> Self {
        let mut session = Self::new();
        session.whole = false;
        session.gapped = true;
        session.client.after_hole();
        session.server.after_hole();
        session.outstanding.lose();
        session
    }

    /// Octets of one direction, in order; each call begins where a TCP segment began (or
    /// right after a gap).
    pub fn octets(&mut self, side: Side, octets: &[u8], out: &mut dyn FnMut(Heard<'_>)) {
        if self.over || octets.is_empty() {
            return;
        }
        match side {
            Side::Client => self.client_octets(octets, out),
            Side::Server => self.server_octets(octets, out),
        }
    }

    /// `missing` octets of that direction will never come (lost by the capture, or cut by the
    /// snap length); `None` where nobody knows how many.
    pub fn gap(&mut self, side: Side, missing: Option<u32>, out: &mut dyn FnMut(Heard<'_>)) {
        if self.over || missing == Some(0) {
            return;
        }
        self.gapped = true;
        match side {
            Side::Client => self.client_gap(missing, out),
            Side::Server => self.server_gap(missing, out),
        }
    }

    /// The connection has ended, or is forgotten: what is pending is said. Nothing is said
    /// after that.
    pub fn end(&mut self, end: End, out: &mut dyn FnMut(Heard<'_>)) {
        if self.over {
            return;
        }
        let closed = end != End::Forgotten;
        self.server_end(out);
        self.client_end(closed, out);
        if !self.settled && self.server.speaks_otherwise() && !self.client.is_seen() {
            self.not_smtp(out);
        }
        if let Some(gathering) = self.tls.as_mut().and_then(|tls| tls.hello.as_mut())
            && gathering.kept() > 0
        {
            gathering.give_up(&mut |hello| out(Heard::Hello(hello)));
        }
        // What was missed might be the message.
        if end == End::Said
            && self.whole
            && !self.gapped
            && let Some(tls) = &self.tls
            && tls.estimate.handed_nothing()
        {
            out(Heard::NothingInTls);
        }
        if end == End::Said
            && self.whole
            && !self.gapped
            && self.tls.is_none()
            && !self.server.is_seen()
            && let Some(handed) = self.client.handed()
        {
            out(Heard::OneSided { handed });
        }
        self.over = true;
    }

    /// Whether octets were missing somewhere.
    #[must_use]
    pub fn gapped(&self) -> bool {
        self.gapped
    }

    /// Octets that are kept, and commands.
    #[must_use]
    pub fn kept(&self) -> usize {
        let hello = self.tls.as_ref().and_then(|tls| tls.hello.as_ref());
        self.client.kept()
            + self.server.kept()
            + self.outstanding.len()
            + hello.map_or(0, Gathering::kept)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Each defect is said once.
    pub(super) fn defect(&mut self, defect: Defect, out: &mut Out<'_>) {
        if self.said.insert(defect) {
            out(Heard::Defect(defect));
        }
    }

    /// The server has said what it says only to a client that spoke.
    pub(super) fn client_must_have_spoken(&mut self, out: &mut Out<'_>) {
        if !self.client.is_seen() && !std::mem::replace(&mut self.deaf, true) {
            out(Heard::ClientUnheard);
        }
    }

    pub(super) fn not_smtp(&mut self, out: &mut Out<'_>) {
        self.over = true;
        out(Heard::NotSmtp);
    }

    /// The client goes on in TLS. `hello`: from its first octet on.
    pub(super) fn client_to_tls(&mut self, hello: bool) {
        let implicit = !self.client.has_spoken() && self.whole;
        self.tls(implicit, hello);
        self.client.mode = Mode::Tls;
        self.settled = true;
    }

    /// The server goes on in TLS.
    pub(super) fn server_to_tls(&mut self) {
        let implicit = !self.server.has_spoken() && self.whole;
        self.tls(implicit, true);
        self.server.tls = true;
        self.settled = true;
    }

    fn tls(&mut self, implicit: bool, hello: bool) {
        self.tls.get_or_insert_with(|| {
            Box::new(Tls {
                client: Records::default(),
                server: Records::default(),
                hello: hello.then(Gathering::default),
                estimate: Estimate::new(implicit),
            })
        });
    }

    pub(super) fn tls_octets(&mut self, side: Side, octets: &[u8], out: &mut Out<'_>) {
        if let Some(tls) = &mut self.tls {
            tls.walk(side, out, |records, each| records.octets(octets, each));
        }
    }

    pub(super) fn tls_gap(&mut self, side: Side, missing: Option<u32>, out: &mut Out<'_>) {
        if let Some(tls) = &mut self.tls {
            tls.walk(side, out, |records, each| records.gap(missing, each));
        }
    }
}

impl Tls {
    fn walk(
        &mut self,
        side: Side,
        out: &mut Out<'_>,
        step: impl FnOnce(&mut Records, &mut dyn FnMut(Seen<'_>)),
    ) {
        let Self {
            client,
            server,
            hello,
            estimate,
        } = self;
        let (records, mut hello) = match side {
            Side::Client => (client, hello.as_mut()),
            Side::Server => (server, None),
        };
        let each = &mut |seen: Seen<'_>| {
            match seen {
                Seen::Begins(header) => {
                    if estimate.record(side, header) {
                        out(Heard::MessagesInTls(1));
                    }
                }
                Seen::Lost => estimate.stop(),
                Seen::Body(..) | Seen::Missing(_) => {}
            }
            let Some(hello) = hello.as_mut() else {
                return;
            };
            let say = &mut |hello: crate::decode::tls::ClientHello<'_>| out(Heard::Hello(hello));
            match seen {
                Seen::Body(HANDSHAKE, piece) => hello.piece(piece, say),
                Seen::Begins(header) if header.kind != APPLICATION_DATA => {}
                Seen::Begins(_) | Seen::Missing(HANDSHAKE) | Seen::Lost => hello.give_up(say),
                Seen::Body(..) | Seen::Missing(_) => {}
            }
        };
        step(records, each);
    }
}
