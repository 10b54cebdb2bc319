//! TCP sessions packet by packet: of mail for the mix of a campus, most in clear, some in TLS, some
//! refused; and downloads from the web. The texts are always the same; who speaks with whom is not.

use super::{Dice, Site};
use rand_core::Rng as _;

const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// Who speaks, with which flags, and what.
type Step = (Speaker, u8, Payload);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Client,
    Server,
}

#[derive(Clone, Copy)]
enum Payload {
    Text(&'static str),
    /// So many octets of a letter.
    Letter(usize),
    /// A TLS record of that type and so many octets.
    Record(u8, usize),
    /// The beginning of TLS (RFC 8446 section 4.1.2), with a server's name.
    Hello,
}

use Payload::{Hello, Letter, Record, Text};
use Speaker::{Client, Server};

const OPEN: [Step; 3] = [
    (Client, SYN, Text("")),
    (Server, SYN | ACK, Text("")),
    (Client, ACK, Text("")),
];

const CLEAR: &[Step] = &[
    (
        Server,
        PSH | ACK,
        Text("220 mx.example.com ESMTP ready\r\n"),
    ),
    (Client, PSH | ACK, Text("EHLO mail.example.net\r\n")),
    (
        Server,
        PSH | ACK,
        Text(
            "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
        ),
    ),
    (
        Client,
        PSH | ACK,
        Text("MAIL FROM:<news@shop.example.net> SIZE=9000\r\n"),
    ),
    (Server, PSH | ACK, Text("250 2.1.0 Ok\r\n")),
    (
        Client,
        PSH | ACK,
        Text("RCPT TO:<somebody@example.com>\r\n"),
    ),
    (Server, PSH | ACK, Text("250 2.1.5 Ok\r\n")),
    (Client, PSH | ACK, Text("DATA\r\n")),
    (
        Server,
        PSH | ACK,
        Text("354 End data with <CR><LF>.<CR><LF>\r\n"),
    ),
    (Client, ACK, Letter(1_448)),
    (Client, ACK, Letter(1_448)),
    (Server, ACK, Text("")),
    (Client, ACK, Letter(1_448)),
    (Client, ACK, Letter(1_448)),
    (Server, ACK, Text("")),
    (Client, PSH | ACK, Letter(700)),
    (Client, PSH | ACK, Text("\r\n.\r\n")),
    (Server, PSH | ACK, Text("250 2.0.0 Ok: queued as 4F2A\r\n")),
    (Client, PSH | ACK, Text("QUIT\r\n")),
    (Server, PSH | ACK, Text("221 2.0.0 Bye\r\n")),
];

const TLS: &[Step] = &[
    (Client, PSH | ACK, Record(22, 512)),
    (Server, ACK, Record(22, 1_380)),
    (Server, PSH | ACK, Record(23, 900)),
    (Client, PSH | ACK, Record(23, 53)),
    (Server, PSH | ACK, Record(23, 60)),
    (Client, PSH | ACK, Record(23, 45)),
    (Server, PSH | ACK, Record(23, 190)),
    (Client, PSH | ACK, Record(23, 110)),
    (Server, PSH | ACK, Record(23, 40)),
    (Client, ACK, Record(23, 1_440)),
    (Client, ACK, Record(23, 1_440)),
    (Server, ACK, Text("")),
    (Client, PSH | ACK, Record(23, 600)),
    (Server, PSH | ACK, Record(23, 70)),
    (Client, PSH | ACK, Record(23, 28)),
];

/// How a download begins.
const WEB: &[Step] = &[
    (Client, PSH | ACK, Hello),
    (Server, ACK, Record(22, 1_455)),
    (Server, PSH | ACK, Record(23, 700)),
    (Client, PSH | ACK, Record(23, 64)),
    (Client, PSH | ACK, Record(23, 200)),
];

/// Packets of the rest of it: full ones, behind each sixteen of which the client says that they came.
const DOWNLOAD: usize = 340;
const FULL: Step = (Server, ACK, Record(23, 1_455));
const CAME: Step = (Client, ACK, Text(""));

const CLOSE: [Step; 3] = [
    (Client, FIN | ACK, Text("")),
    (Server, FIN | ACK, Text("")),
    (Client, ACK, Text("")),
];

/// TCP port of the web in TLS.
const HTTPS: u16 = 443;

/// A connection that goes on.
pub(super) struct Session {
    /// Of the client.
    address: [u8; 4],
    server: u32,
    port: u16,
    client_port: u16,
    step: usize,
    /// Next numbers of client and server.
    numbers: [u32; 2],
}

impl Session {
    pub(super) fn begin(dice: &mut Dice, site: Site) -> Self {
        Self {
            address: site.address(site.turns_to_servers(dice)),
            server: dice.below(4_000),
            // Of ten, six in clear, three in TLS, one to a port that is shut.
            port: match dice.below(10) {
                0..6 => 25,
                6..9 => 465,
                _ => 587,
            },
            client_port: 1024 | dice.word(),
            step: 0,
            numbers: [dice.0.next_u32(), dice.0.next_u32()],
        }
    }

    /// A download, of whomever.
    pub(super) fn download(dice: &mut Dice, site: Site) -> Self {
        Self {
            address: site.address(dice.below(site.clients)),
            port: HTTPS,
            ..Self::begin(dice, site)
        }
    }

    fn now(&self) -> Option<Step> {
        let talk = match self.port {
            587 => {
                return match self.step {
                    0 => Some((Client, SYN, Text(""))),
                    1 => Some((Server, RST | ACK, Text(""))),
                    _ => None,
                };
            }
            25 => CLEAR,
            HTTPS => WEB,
            _ => TLS,
        };
        let begin = OPEN.len() + talk.len();
        let full = if self.port == HTTPS { DOWNLOAD } else { 0 };
        match self.step.checked_sub(begin) {
            None => OPEN.iter().chain(talk).nth(self.step).copied(),
            Some(at) if at < full => Some(if at % 17 == 16 { CAME } else { FULL }),
            Some(at) => CLOSE.get(at - full).copied(),
        }
    }

    /// The session's next packet; `None` after its last.
    pub(super) fn frame(&mut self, frame: &mut Vec<u8>) -> Option<()> {
        let (from, flags, payload) = self.now()?;
        self.step += 1;
        let [_, _, far_high, far_low] = self.server.to_be_bytes();
        let ends = [
            (self.address, self.client_port),
            ([203, 0, far_high, far_low], self.port),
        ];
        let client = from == Client;
        let [(source, from_port), (destination, to_port)] =
            if client { ends } else { [ends[1], ends[0]] };
        let [mine, others] = if client {
            self.numbers
        } else {
            [self.numbers[1], self.numbers[0]]
        };
        frame.clear();
        super::ethernet(self.address, frame);
        frame.extend([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(source);
        frame.extend(destination);
        frame.extend([from_port, to_port].map(u16::to_be_bytes).as_flattened());
        let ack = if flags & ACK == 0 { 0 } else { others };
        frame.extend([mine, ack].map(u32::to_be_bytes).as_flattened());
        frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        let before = frame.len();
        match payload {
            Text(text) => frame.extend(text.bytes()),
            Letter(length) => {
                let line = b"A line of a letter, as long as lines of letters are nowadays.\r\n";
                frame.extend(line.iter().cycle().take(length));
            }
            Record(kind, length) => {
                frame.extend([kind, 3, 3]);
                frame.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
                frame.extend(std::iter::repeat_n(0x5a, length));
            }
            Hello => hello(frame),
        }
        let length = u32::try_from(frame.len() - before).unwrap_or(0);
        let total = u16::try_from(frame.len() - 14).unwrap_or(0).to_be_bytes();
        frame.splice(16..18, total);
        let begins = u32::from(flags & (SYN | FIN) != 0);
        let [ours, theirs] = &mut self.numbers;
        let number = if client { ours } else { theirs };
        *number = number.wrapping_add(length + begins);
        Some(())
    }
}

/// A `ClientHello` of TLS 1.2 or later: one cipher suite, and the server's name (RFC 6066 section 3).
fn hello(frame: &mut Vec<u8>) {
    const NAME: &[u8] = b"www.shop.example.com";
    fn counted(octets: &[u8]) -> Vec<u8> {
        let length = u16::try_from(octets.len()).unwrap_or(0).to_be_bytes();
        [&length[..], octets].concat()
    }
    let name = counted(&[&[0][..], &counted(NAME)].concat());
    let extensions = counted(&[&[0, 0][..], &counted(&name)].concat());
    let random = [0x5a; 32];
    // Version, random, no session, TLS_AES_128_GCM_SHA256, no compression.
    let body = [&[3, 3][..], &random, &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &counted(&body)].concat();
    frame.extend([22, 3, 1]);
    frame.extend(counted(&message));
}
