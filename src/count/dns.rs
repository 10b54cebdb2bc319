//! What a DNS message changes in the counters of the host that asks.

use super::asked::{Kind, Query};
use super::delta::{Domain, HostBin, What};
use super::host::Label;
use super::lookups::{Lookup, Of};
use super::names::{self, ServerLookup};
use super::prefixes::Prefix;
use super::shard_of;
use super::tally::Tally;
use crate::decode::dns::name::Room;
use crate::decode::dns::{Data, INTERNET, Message, NXDOMAIN, QType, Question, SERVFAIL, Section};
use crate::decode::malformed::Malformed;
use crate::decode::observation::{By, Observation, observe};
use crate::decode::packet::{Packet, Transport};
use crate::keywords::Tier;

/// Hosts known to answer DNS that a shard remembers, to tell of each only once.
const SERVERS: usize = 4096;

/// Exchangers of one MX reply that are told: RFC 5321 section 5.1 lets a client try a few.
const EXCHANGERS: usize = 16;

/// A query name in the forms that are counted.
pub(super) struct Folded<'a> {
    text: &'a [u8],
    hash: u64,
}

impl Tally {
    /// Counts a message; what is wrong with it, if anything.
    #[inline]
    pub(super) fn message(&mut self, packet: &Packet<'_>, late: bool) -> Option<Malformed> {
        let Observation { by, message } = match observe(packet) {
            Ok(observation) => observation,
            Err(damage) => return Some(damage.or_cut(packet.is_cut())),
        };
        match by {
            By::Host => self.query(packet, &message, late),
            By::Server => self.reply(packet, &message, late),
            By::Nobody => {}
        }
        // Records are looked at in replies; an update (RFC 2136) may leave their data out.
        let records = || match by {
            By::Server => message.broken_record(),
            By::Host | By::Nobody => None,
        };
        let damage = message.damage.or_else(records)?;
        Some(damage.or_cut(packet.is_cut()))
    }

    fn query(&mut self, packet: &Packet<'_>, message: &Message<'_>, late: bool) {
        let shard = &mut self.shards[shard_of(packet.src)];
        let host = shard.hosts.entry(packet.src);
        host.seen(packet.time);
        host.tag = packet.tag.or(host.tag);
        if packet.is_cut() {
            host.cut_short();
        }
        host.queries.total += 1;
        host.iterative += u64::from(!message.header.recursion_desired());
        if let Some(qtype) = message.qtype {
            host.queries.add(qtype);
        }
        let Some(question) = message.question else {
            let a = message.qtype == Some(QType::A);
            if a && !late {
                host.series.add(packet.time.second(), self.closed, None);
            }
            if !late {
                self.bin(packet.time, packet.src, |bin| {
                    count_type(bin, message.qtype, None);
                });
            }
            return;
        };
        let mut room = Room::default();
        let text = question.name.fold(&mut room);
        let name = Folded {
            text,
            hash: names::hash(text),
        };
        let domain = self.domains.of(name.text);
        let mut tier = None;
        let mut of = Of::Other;
        let mut grew = false;
        if matches!(question.qtype, QType::A | QType::AAAA) {
            let label = names::first_label(text);
            tier = self.settings.keywords.tier(label);
            if question.qtype == QType::A {
                of = Of::A(Prefix::of(text));
                if let Some(tier) = tier {
                    let keyword = host.keyword.get_or_insert_default();
                    grew = keyword.add(tier, Label::new(label));
                }
                if !late {
                    host.series.add(packet.time.second(), self.closed, tier);
                }
            }
        }
        if question.qtype == QType::MX {
            of = Of::Mx;
        }
        grew |= host.lookups.add(Lookup {
            name: name.hash,
            domain,
            of,
        });
        if late {
            if grew {
                self.weigh(packet.src);
            }
            return;
        }
        let resolves = host.turns_resolver();
        // Of TCP, a second copy was known by its numbers.
        let duplicate = packet.transport == Transport::Udp
            && shard.duplicates.seen(packet, message, &question, name.hash);
        self.packets.duplicates += u64::from(duplicate);
        // Of class IN, as all that is told of: `version.bind` is no mail host.
        let mail_host = matches!(tier, Some(Tier::Exact | Tier::Numbered));
        let lookup = question.qtype == QType::MX || question.qtype == QType::A && mail_host;
        if lookup && !duplicate && question.qclass == INTERNET {
            let coupling = host.coupling.get_or_insert_default();
            coupling.lookup(packet.time.second(), self.closed);
        }
        self.bin(packet.time, packet.src, |bin| {
            count_type(bin, message.qtype, tier);
        });
        if !duplicate {
            self.asked(packet, &question, &name);
            self.query_facts(packet, &question, &name, domain, tier);
        }
        // Of a second with more facts than are told, its counters are.
        if resolves && self.tell(packet.time, packet.src) {
            self.fact(packet.time, packet.origin, packet.src, What::Resolves);
        }
        if grew || lookup {
            self.weigh(packet.src);
        }
    }

    /// Counts a query of its server's minute.
    fn asked(&mut self, packet: &Packet<'_>, question: &Question<'_>, name: &Folded<'_>) {
        let kind = match question.qtype {
            QType::A => Kind::A,
            QType::PTR => Kind::Ptr,
            _ => return,
        };
        // Service discovery asks PTR of its own names.
        let reverse = || ServerLookup::of(question.qtype, name.text).is_some();
        if question.qclass != INTERNET || kind == Kind::Ptr && !reverse() {
            return;
        }
        self.asked.count(&Query {
            source: packet.src,
            server: packet.dst,
            kind,
            hash: name.hash,
            folded: name.text,
            packet: (packet.origin, packet.time),
        });
    }

    /// What a query says beyond its count.
    fn query_facts(
        &mut self,
        packet: &Packet<'_>,
        question: &Question<'_>,
        name: &Folded<'_>,
        domain: u64,
        tier: Option<Tier>,
    ) {
        // `version.bind` in class CHAOS is no sender's policy, nor is anything else there mail.
        if question.qclass != INTERNET {
            return;
        }
        let mx = question.qtype == QType::MX;
        let mail_host = matches!(tier, Some(Tier::Exact | Tier::Numbered))
            && (mx || !names::is_private(name.text));
        let lookup = (!mx && !mail_host).then(|| ServerLookup::of(question.qtype, name.text));
        let lookup = lookup.flatten();
        if lookup == Some(ServerLookup::ReversePtr) {
            self.backscatter(packet, name.text);
        }
        if !(mx || mail_host || lookup.is_some()) || !self.tell(packet.time, packet.src) {
            return;
        }
        let what = if let Some(lookup) = lookup {
            What::ServerLookup {
                lookup,
                name: name.hash,
            }
        } else {
            let domain = self.domain(packet, name, domain);
            let label = Label::new(names::first_label(name.text));
            let name = name.hash;
            if mx {
                What::MxQuery(domain)
            } else {
                What::MailHostQuery {
                    domain,
                    name,
                    label,
                }
            }
        };
        self.fact(packet.time, packet.origin, packet.src, what);
    }

    /// Tells of an address that its name was asked for.
    fn backscatter(&mut self, packet: &Packet<'_>, folded: &[u8]) {
        let Some(host) = names::reverse_address(folded) else {
            return;
        };
        let querier = packet.src;
        // The servers of a site ask one after another; the site is one witness.
        let key = (host, querier.network());
        let what = What::Backscatter { querier };
        let origin = (packet.origin, packet.time);
        self.tell_once(querier, key, origin, (packet.time, host, what));
    }

    fn reply(&mut self, packet: &Packet<'_>, message: &Message<'_>, late: bool) {
        let shard = &mut self.shards[shard_of(packet.dst)];
        // A reply makes no host: a host is who asks.
        let Some(host) = shard.hosts.get_mut(packet.dst) else {
            return;
        };
        let rcode = message.header.rcode();
        if packet.is_cut() {
            host.cut_short();
        }
        host.replies.total += 1;
        host.replies.nxdomain += u64::from(rcode == NXDOMAIN);
        host.replies.servfail += u64::from(rcode == SERVFAIL);
        if late {
            return;
        }
        // Who answers itself, under one address or as resolvers of one machine do, serves nobody
        // else.
        let others = || packet.src != packet.dst && !packet.src.ip().is_loopback();
        if !shard.servers.contains(&packet.src) && shard.servers.len() < SERVERS && others() {
            shard.servers.insert(packet.src);
            self.fact(packet.time, packet.origin, packet.src, What::AnswersDns);
        }
        let Some(question) = message.question else {
            return;
        };
        let label = question.name.first_label();
        let mail_host = || {
            matches!(question.qtype, QType::A | QType::AAAA)
                && matches!(
                    self.settings.keywords.tier(label),
                    Some(Tier::Exact | Tier::Numbered)
                )
        };
        if question.qtype != QType::MX && !mail_host() {
            return;
        }
        let mut room = Room::default();
        let text = question.name.fold(&mut room);
        let name = Folded {
            text,
            hash: names::hash(text),
        };
        let shard = &mut self.shards[shard_of(packet.dst)];
        if packet.transport == Transport::Udp
            && shard.duplicates.seen(packet, message, &question, name.hash)
        {
            self.packets.duplicates += 1;
            return;
        }
        if question.qtype != QType::MX && names::is_private(text) {
            return;
        }
        if !self.tell(packet.time, packet.dst) {
            return;
        }
        let failed = is_negative(message);
        if question.qtype == QType::MX {
            let domain = self.domains.of(name.text);
            self.fact(
                packet.time,
                packet.origin,
                packet.dst,
                What::MxReply { domain, failed },
            );
            self.exchangers(packet, message);
        } else if !failed || rcode == NXDOMAIN || question.qtype == QType::A {
            // That a host has no IPv6 address is the rule, and says nothing of its name.
            let name = name.hash;
            self.fact(
                packet.time,
                packet.origin,
                packet.dst,
                What::MailHostReply { name, failed },
            );
        }
    }

    fn exchangers(&mut self, packet: &Packet<'_>, message: &Message<'_>) {
        let exchangers = message
            .records()
            .map_while(Result::ok)
            .filter_map(|record| match record.data {
                Data::Mx { exchange, .. } if record.section == Section::Answer => Some(exchange),
                _ => None,
            });
        let mut room = Room::default();
        for exchange in exchangers.take(EXCHANGERS) {
            let name = names::hash(exchange.fold(&mut room));
            self.fact(
                packet.time,
                packet.origin,
                packet.dst,
                What::Exchanger { name },
            );
        }
    }

    fn domain(&mut self, packet: &Packet<'_>, name: &Folded<'_>, hash: u64) -> Domain {
        let folded = names::registrable(name.text);
        let text = &mut self.second(packet.time).delta.text;
        // A second's domains beyond 4 GiB of text could not be told; they keep their hash.
        let at = u32::try_from(text.len()).unwrap_or(u32::MAX);
        text.extend_from_slice(folded);
        Domain {
            hash,
            at,
            len: u8::try_from(folded.len()).unwrap_or(u8::MAX),
        }
    }
}

/// Counts a query of this type in a bin.
fn count_type(bin: &mut HostBin, qtype: Option<QType>, tier: Option<Tier>) {
    match qtype {
        Some(QType::A) => bin.a.add(tier),
        Some(QType::MX) => bin.mx += 1,
        Some(QType::PTR) => bin.ptr += 1,
        Some(QType::AAAA) => bin.aaaa += 1,
        _ => bin.other += 1,
    }
}

/// The answer says that there is nothing: the name does not exist, or no record of that type
/// (RFC 2308: no answer, and an SOA in the authority section).
fn is_negative(message: &Message<'_>) -> bool {
    let [_, answers, ..] = message.header.counts;
    let no_data = || {
        answers == 0
            && message
                .records()
                .map_while(Result::ok)
                .any(|record| record.section == Section::Authority && record.rtype == QType::SOA)
    };
    match message.header.rcode() {
        NXDOMAIN => true,
        0 => !message.header.is_truncated() && no_data(),
        _ => false,
    }
}
