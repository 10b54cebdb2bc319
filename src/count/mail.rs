//! What a TCP connection changes in the counters of the host that began it, and what it tells.

use super::delta::{Server, What};
use super::host::HostCounters;
use super::names;
use super::shard_of;
use super::smtp::SmtpCounters;
use super::tally::Tally;
use crate::decode::irc;
use crate::decode::malformed::Malformed;
use crate::decode::packet::{Packet, Segment, Transport};
use crate::decode::smtp::{Heard, Reply, Side, Verb};
use crate::decode::tcp::{Connection, Moment, Said};
use crate::host::HostAddr;

/// Where mail servers take mail from each other (RFC 5321 section 4.5.4.2); at the other ports
/// users hand it in.
const TRANSPORT: u16 = 25;

impl Tally {
    /// Counts what a connection said; what is wrong with it, if anything.
    pub(super) fn said(
        &mut self,
        connection: &Connection,
        moment: &Moment,
        said: Said<'_>,
    ) -> Option<Malformed> {
        let damage = self.take(connection, moment, said);
        // Others add to counts alone, and a message of the DNS is weighed there.
        if let Said::Attempt | Said::Smtp(Heard::Command(_) | Heard::Hello(_)) = said {
            self.weigh(connection.client);
        }
        damage
    }

    fn take(
        &mut self,
        connection: &Connection,
        moment: &Moment,
        said: Said<'_>,
    ) -> Option<Malformed> {
        match said {
            Said::Dns { side, message, cut } => {
                return self.dns(connection, moment, side, message, cut);
            }
            Said::Attempt => self.attempt(connection, moment),
            Said::Outcome(outcome) => {
                if let Some(smtp) = self.known(connection.client) {
                    smtp.outcome(connection.port, outcome);
                    let what = What::Outcome(server(connection), outcome);
                    self.mail_fact(connection.client, moment, what);
                }
            }
            Said::Answers(seen) => {
                if let Some(smtp) = self.known(connection.client) {
                    smtp.answers(seen);
                }
            }
            Said::Irc(heard) => self.chat(connection, moment, heard),
            Said::Smtp(heard) => self.heard(connection, moment, heard),
            Said::Ended { gapped } => {
                if let Some(smtp) = self.known(connection.client) {
                    smtp.totals.gapped += u64::from(gapped);
                }
            }
        }
        None
    }

    /// Notes that the snap length cut a packet of a host's connections.
    pub(super) fn cut(&mut self, host: HostAddr) {
        if let Some(counters) = self.shards[shard_of(host)].hosts.get_mut(host) {
            counters.cut_short();
        }
    }

    /// A message of the DNS over TCP counts as one in a datagram.
    fn dns(
        &mut self,
        connection: &Connection,
        moment: &Moment,
        side: Side,
        message: &[u8],
        cut: bool,
    ) -> Option<Malformed> {
        let Connection {
            client,
            server,
            client_port,
            port,
            ..
        } = *connection;
        let (src, dst, src_port, dst_port) = match side {
            Side::Client => (client, server, client_port, port),
            Side::Server => (server, client, port, client_port),
        };
        let packet = Packet {
            time: moment.time,
            origin: moment.origin,
            tag: moment.tag,
            src,
            dst,
            transport: Transport::Tcp(Segment::default()),
            src_port,
            dst_port,
            missing: cut.into(),
            payload: message,
        };
        self.came = Some(moment.packet_time);
        let damage = self.message(&packet, moment.late);
        self.came = None;
        damage
    }

    fn attempt(&mut self, connection: &Connection, moment: &Moment) {
        let closed = self.closed;
        let host = self.host(connection, moment);
        host.smtp.get_or_insert_default().attempt(connection);
        if !moment.late {
            let coupling = host.coupling.get_or_insert_default();
            coupling.connection(moment.time.second(), closed);
            self.bin(moment.time, connection.client, |bin| {
                bin.smtp_attempts += 1;
            });
        }
        self.mail_fact(connection.client, moment, What::Attempt(server(connection)));
        let peer = connection.client;
        self.server_fact(connection, moment, What::InboundAttempt { peer });
    }

    fn heard(&mut self, connection: &Connection, moment: &Moment, heard: Heard<'_>) {
        let peer = connection.client;
        if let Heard::Reply(_) = heard {
            self.server_fact(connection, moment, What::ServesSmtp { peer });
        }
        // Whoever says something by SMTP is a host; answers alone make none.
        let smtp = match heard {
            Heard::Command(_) | Heard::Hello(_) => self.mail_host(connection, moment),
            _ => match self.known(connection.client) {
                Some(smtp) => smtp,
                None => return,
            },
        };
        let server = server(connection);
        let what = match heard {
            Heard::Command(command) => {
                smtp.commands(true);
                smtp.command(command, server)
            }
            Heard::Reply(reply) => {
                let refusal = smtp.reply(&reply).map(|cause| What::Refusal {
                    server,
                    code: reply.code,
                    cause,
                });
                if let Some(accepted) = login(&reply) {
                    let accepted = Some(accepted);
                    self.mail_fact(peer, moment, What::Auth { server, accepted });
                }
                refusal
            }
            Heard::Message { accepted } => {
                smtp.totals.messages += 1;
                smtp.totals.messages_accepted += u64::from(accepted);
                Some(What::Message { server, accepted })
            }
            Heard::Hello(hello) => {
                smtp.commands(true);
                smtp.hello(hello.server_name);
                let name = hello.server_name.and_then(names::fold_text);
                let name = name.map(|folded| names::hash(&folded));
                Some(What::Tls { server, name })
            }
            Heard::MessagesInTls(count) => {
                smtp.totals.messages_in_tls += u64::from(count);
                Some(What::TlsMessages { server, count })
            }
            Heard::NothingInTls => Some(What::NothingInTls { server }),
            Heard::OneSided { handed } => Some(What::OneSided { server, handed }),
            Heard::ClientUnheard => {
                smtp.commands(false);
                None
            }
            Heard::NotSmtp => {
                smtp.totals.not_smtp += 1;
                None
            }
            Heard::Defect(defect) => {
                *smtp.totals.defects.entry(defect).or_insert(0) += 1;
                Some(What::Defect { server, defect })
            }
        };
        if let Some(what) = what {
            self.mail_fact(peer, moment, what);
            if let What::Mail { domain, .. } = what {
                self.server_fact(connection, moment, What::InboundMail { peer, domain });
            }
        }
    }

    /// Tells what a connection says of its server, where it is one to which mail is handed over
    /// by other servers.
    fn server_fact(&mut self, connection: &Connection, moment: &Moment, what: What) {
        let Connection { client, server, .. } = *connection;
        if connection.port == TRANSPORT && !moment.late {
            let packet = (moment.origin, moment.packet_time);
            self.tell_once(client, (server, what), packet, (moment.time, server, what));
        }
    }

    fn chat(&mut self, connection: &Connection, moment: &Moment, heard: irc::Heard) {
        if moment.late {
            return;
        }
        let host = connection.client;
        let what = What::Irc {
            server: server(connection),
            joined: heard == irc::Heard::Joins,
        };
        let packet = (moment.origin, moment.packet_time);
        self.tell_once(host, (host, what), packet, (moment.time, host, what));
    }

    /// The SMTP counters of the host that began a connection; new ones where it has none.
    fn mail_host(&mut self, connection: &Connection, moment: &Moment) -> &mut SmtpCounters {
        self.host(connection, moment).smtp.get_or_insert_default()
    }

    /// The counters of the host that began a connection.
    fn host(&mut self, connection: &Connection, moment: &Moment) -> &mut HostCounters {
        let host = connection.client;
        let counters = self.shards[shard_of(host)].hosts.entry(host);
        counters.seen(moment.time);
        counters.tag = moment.tag.or(counters.tag);
        counters
    }

    /// The SMTP counters of a host that has some.
    fn known(&mut self, host: HostAddr) -> Option<&mut SmtpCounters> {
        let counters = self.shards[shard_of(host)].hosts.get_mut(host)?;
        counters.smtp.as_deref_mut()
    }

    fn mail_fact(&mut self, host: HostAddr, moment: &Moment, what: What) {
        if !moment.late && self.tell(moment.time, host) {
            let packet = (moment.origin, moment.packet_time);
            self.tell_of(packet, moment.time, host, what);
        }
    }
}

/// Whether a reply says that a login succeeded, or that it failed. Nothing but AUTH is answered
/// with 235 (RFC 4954 section 6).
fn login(reply: &Reply<'_>) -> Option<bool> {
    match (reply.code, reply.to) {
        (235, _) => Some(true),
        (400.., Some(Verb::Auth)) => Some(false),
        _ => None,
    }
}

fn server(connection: &Connection) -> Server {
    Server {
        addr: connection.server,
        port: connection.port,
    }
}
