//! Captures of known behaviour, made and not recorded: `mxray synth`.
//!
//! The study's six clients with its own counts, ordinary PCs, and small cases for parsers.
//! Everything else of mxray is tried on these. Uses the frame's link types and packet time,
//! and none of the stages that it is there to test.
//!
//! Promise: a name gives the same bytes on every machine; a test keeps the digest of each, so
//! that nobody changes one unknowingly. Nothing here reads a clock, the network or a file.
//!
//! ```
//! let mut file = Vec::new();
//! let written = mxray::synth::write("one-packet", &mut file)?;
//! assert_eq!(written.packets, 1);
//! # Ok::<(), mxray::synth::Error>(())
//! ```
#![forbid(unsafe_code)]

mod case;
mod conversation;
mod day;
mod dialogue;
mod dice;
mod dns_cases;
mod dns_tcp_cases;
mod fanout_cases;
mod figure7;
mod flood_cases;
mod fragment_cases;
mod lan;
mod lan_cases;
mod link_cases;
mod mail;
mod mailserver;
mod message;
mod names;
mod op25b_cases;
mod ordinary;
mod packet;
pub mod population;
mod secret;
mod sensor_cases;
mod side_cases;
mod smtp_cases;
mod smtp_odd_cases;
mod tcp_cases;
mod time_cases;
mod tunnel_cases;
mod worm;

use packet::Capture;
use std::io::{self, Write};

/// A capture that can be made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What it is asked for by.
    pub name: &'static str,
    /// What is in it, in one line.
    pub summary: &'static str,
    /// What it catches: how a wrong sensor shows itself on it.
    pub catches: &'static str,
    build: fn() -> Capture,
}

/// How much was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Packets in the capture.
    pub packets: u64,
}

/// Why a capture was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No recipe has this name.
    #[error("no recipe is named {0:?}; `mxray synth --list` shows them all")]
    Unknown(String),
    /// The output refused.
    #[error("cannot write the capture")]
    Write(#[from] io::Error),
}

/// All recipes, the study's first.
#[must_use]
pub fn catalogue() -> &'static [Recipe] {
    &CATALOGUE
}

/// Writes the capture of that name to `out` as pcap with microseconds.
///
/// It is made in memory first, at most some 15 MB.
pub fn write(name: &str, out: &mut impl Write) -> Result<Written, Error> {
    let recipe = CATALOGUE
        .iter()
        .find(|recipe| recipe.name == name)
        .ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let capture = (recipe.build)();
    let mut out = io::BufWriter::new(out);
    capture.write(&mut out)?;
    out.flush()?;
    let packets = capture.packets.len() as u64;
    Ok(Written { packets })
}

macro_rules! recipes {
    ($($name:literal, $build:expr, $summary:literal, $catches:literal;)*) => {
        [$(Recipe { name: $name, summary: $summary, catches: $catches, build: $build }),*]
    };
}

static CATALOGUE: [Recipe; 67] = recipes! {
    "study-client-a", || dialogue::capture(&mailserver::study_client_a()),
    "a mail server, 2004-02-26: 2922 MX, 6675 A, 139 PTR queries (Table 1)",
    "a rule that calls a mail server a worm because it asks for MX";

    "study-client-b", || dialogue::capture(&worm::study_client_b()),
    "a PC with W32/Sobig.F, 2003-08-19: 190 MX, 36 A, no PTR (Table 1)",
    "a rule that needs many queries before it sees an SMTP engine";

    "study-client-c", || dialogue::capture(&worm::study_client_c()),
    "a PC with W32/Mydoom.A, 2004-01-28: 807 MX, 4823 A, no PTR (Table 1)",
    "a rule that takes more A than MX for a mail server";

    "study-client-d", || dialogue::capture(&worm::study_client_d()),
    "a PC with W32/Netsky.Q, 2004-03-29: 17346 MX, 1115 A, no PTR (Table 1)",
    "a table or a list that is not bounded";

    "study-client-e", || dialogue::capture(&worm::study_client_e()),
    "a PC with W32/Mydoom.S, 2004-08-16: 351 MX, 947 A, no PTR (Figure 5)",
    "a rule by the ratio of MX to A, which is that of the mail server";

    "study-client-f", || dialogue::capture(&figure7::study_client_f()),
    "a PC with W32/Mytob.A, 2005-02-25: 16521 A queries with the prefixes of Figure 7",
    "a rule that waits for MX; counts of prefixes or of K and T that are not exact";

    "ordinary-pcs", || dialogue::capture(&ordinary::ordinary_pcs()),
    "forty ordinary PCs on 2005-02-25, none a worm",
    "a rule that convicts a mail program, a poll, a search suffix or `dig mx`";

    "study-day", || dialogue::capture(&day::study_day()),
    "clients A to F, forty ordinary PCs and the resolver's own queries on 2005-02-25",
    "a resolver that is judged as a host; hosts that leak into each other";

    "dns-types", dns_cases::dns_types,
    "one query of each counted type and some others",
    "a type read as one octet; PTR of a forward name taken for a reverse lookup";

    "dns-case-and-tiers", dns_cases::dns_case_and_tiers,
    "first labels at the borders of exact, numbered and prefix, in mixed case",
    "tiers that overlap, case that is not folded, keywords looked for beyond the first label";

    "dns-compression", dns_cases::dns_compression,
    "names that loop, point out or do not end; headers that claim what is not there",
    "a reader that never returns, reads past the end, or counts a broken query";

    "dns-replies", dns_cases::dns_replies,
    "replies with A, AAAA, MX, CNAME, SOA, NXDOMAIN, SERVFAIL, TC, and a cut record",
    "no data counted as NXDOMAIN, a CNAME's address lost, one bad record that spoils the rest";

    "link-vlan", link_cases::link_vlan,
    "1, 2, 4 and 6 VLAN tags of types 0x8100, 0x88a8 and 0x9100",
    "a fixed depth of tags, or tag types that are not known";

    "link-ipv6-extensions", link_cases::link_ipv6_extensions,
    "hop-by-hop, routing, destination options and atomic fragments before UDP",
    "UDP looked for right behind the fixed header; an atomic fragment that waits for others";

    "link-padding", link_cases::link_padding,
    "Ethernet padding, a UDP datagram shorter than its packet, IPv4 total length 0",
    "padding read as DNS; an offloaded packet taken for an empty one";

    "snaplen-cut", link_cases::snaplen_cut,
    "frames cut in the DNS name, the UDP header, the IP header and before",
    "a cut name counted as a whole one; the captured length taken for the wire's";

    "link-sll", link_cases::link_sll,
    "Linux cooked capture: IPv4, IPv6, a VLAN tag, ARP",
    "the cooked header read as Ethernet";

    "link-sll2", link_cases::link_sll2,
    "Linux cooked capture version 2: IPv4, IPv6, a VLAN tag, ARP",
    "version 2 read as version 1";

    "link-null", link_cases::link_null,
    "BSD loopback in both byte orders, with each system's number of IPv6",
    "one byte order or one system's address family taken for all";

    "link-loop", link_cases::link_loop,
    "OpenBSD loopback: IPv4 and IPv6",
    "the host's byte order read where the network's stands";

    "link-raw", link_cases::link_raw,
    "raw IPv4, raw IPv6, and a packet of version 9",
    "a link header looked for where there is none";

    "tunnel-mpls", tunnel_cases::tunnel_mpls,
    "MPLS of one to three labels, pseudowires with and without a control word",
    "a payload that is guessed by four bits alone; labels read as IP";

    "tunnel-gre", tunnel_cases::tunnel_gre,
    "GRE with each optional field, IPv4, IPv6, Ethernet, MPLS in it, and PPTP",
    "optional fields not skipped; an acknowledgment or a keepalive called broken";

    "tunnel-erspan", tunnel_cases::tunnel_erspan,
    "ERSPAN of types I, II and III, with VLAN tags and the platform's subheader",
    "type I read as type II; the switch counted instead of the host";

    "tunnel-vxlan-geneve", tunnel_cases::tunnel_vxlan_geneve,
    "VXLAN and Geneve, and other datagrams on their ports",
    "a port taken for proof; a query from such a port that is lost";

    "tunnel-ip-in-ip", tunnel_cases::tunnel_ip_in_ip,
    "IPv4 and IPv6 in each other, and a query quoted in an ICMP error",
    "a quoted packet counted as traffic; the tunnel's end counted as the host";

    "tunnel-pppoe-ppp", tunnel_cases::tunnel_pppoe_ppp,
    "PPPoE sessions and L2TP with their optional fields, control messages beside",
    "a compressed protocol field misread; padding read as payload";

    "tunnel-gtp-teredo", tunnel_cases::tunnel_gtp_teredo,
    "GTP-U with extension headers, Teredo with its two headers, AYIYA",
    "extension headers not skipped, or an extension without length that loops";

    "tunnel-nested", tunnel_cases::tunnel_nested,
    "2, 8 and 9 tunnels in each other, and PPPoE in VXLAN in MPLS in ERSPAN",
    "a depth without a bound; one that stops at two";

    "fragments", fragment_cases::fragments,
    "queries and a reply in fragments in any order, doubled, in and around tunnels",
    "ports looked for in later fragments; fragments of two datagrams mixed";

    "fragments-hostile", fragment_cases::fragments_hostile,
    "overlaps, two ends, mixed protocols, uneven lengths, 31 s between, a reused number",
    "the later copy believed; a datagram made of two; waiting for ever";

    "dns-tcp", dns_tcp_cases::dns_tcp,
    "DNS over TCP: many messages in a segment, one in many, holes, damage, port 53 to 53",
    "a segment taken for a message; a stream that is lost at the first hole or damage";

    "tcp-reassembly", tcp_cases::tcp_reassembly,
    "a letter to three over TCP that is reordered, sent again, overlapped, mirrored twice",
    "commands counted twice or out of order; the later copy believed; 2^32 not passed";

    "tcp-holes", tcp_cases::tcp_holes,
    "SMTP with a lost segment in commands, bodies, replies, or without its begin",
    "a hole that is passed over in silence, or that ends the counting of a connection";

    "tcp-snaplen", tcp_cases::tcp_snaplen,
    "SMTP sessions of which 90 octets a frame were captured",
    "a cut frame taken for a short segment, so that the streams join where octets miss";

    "smtp-session", smtp_cases::smtp_session,
    "SMTP: two letters in a session, RSET, VRFY, replies of many lines, IPv6, port 2525",
    "one letter a connection; each line of a reply counted; RSET taken for delivery";

    "smtp-pipelining", smtp_cases::smtp_pipelining,
    "SMTP commands in groups (RFC 2920), offered and not",
    "one command a segment; replies given to the wrong command";

    "smtp-bdat", smtp_cases::smtp_bdat,
    "SMTP chunks (RFC 3030): several, empty, refused, pipelined, with commands as text",
    "chunks read as commands; a dot looked for in them";

    "smtp-body", smtp_cases::smtp_body,
    "SMTP bodies: dots, the end over segments, text like commands, 300 kB, smuggling",
    "an end of data that is missed or made up; text of a body counted as commands";

    "smtp-auth", smtp_cases::smtp_auth,
    "SMTP AUTH: LOGIN, PLAIN, CRAM-MD5; right, wrong, given up",
    "credentials read as commands, or told of";

    "smtp-rejections", smtp_cases::smtp_rejections,
    "SMTP refusals: unknown users, block lists, greylisting, 421, at each command",
    "a refusal given to the wrong command, or counted by its lines";

    "smtp-starttls", smtp_cases::smtp_starttls,
    "STARTTLS: accepted, refused, failing; hellos over two segments and two records",
    "ciphertext read as commands; a hello that must be in one record and segment";

    "smtps-465", smtp_cases::smtps_465,
    "SMTP in TLS from the begin: no, one and three letters; a hello over three segments",
    "letters not seen by the sizes of records; handshakes counted as letters";

    "smtp-outcomes", smtp_odd_cases::smtp_outcomes,
    "connections to 25, 465, 587: answered, refused, not answered, late, ports used again",
    "a SYN sent again counted as an attempt; a refusal taken for silence";

    "smtp-one-way", smtp_odd_cases::smtp_one_way,
    "SMTP sessions of which one direction was mirrored",
    "a server that was not seen taken for one that does not answer";

    "smtp-defects", smtp_odd_cases::smtp_defects,
    "an SMTP session for each thing that bots do wrong, and good ones",
    "a defect that is missed, counted by the line, or found where there is none";

    "not-smtp", smtp_odd_cases::not_smtp,
    "HTTP, SSH, TLS and noise on port 25",
    "a port taken for proof; defects counted of who does not speak SMTP";

    "fanout-bot", fanout_cases::fanout_bot,
    "a PC without DNS that makes 400 connections to 300 mail servers in 40 minutes",
    "a rule that needs DNS; one that is content when a few letters are taken";

    "fanout-server", fanout_cases::fanout_server,
    "an honest mail server without DNS that delivers to 120 others in an hour",
    "a rule that goes by the number of destinations alone";

    "fanout-pcs", fanout_cases::fanout_pcs,
    "ten PCs that submit to one mail server or two, one with a script that mails to five",
    "a rule that convicts whoever uses port 25, or two servers";

    "submission-bot", fanout_cases::submission_bot,
    "a PC that logs in at twelve mail providers on 465 and 587",
    "a rule that looks at port 25 only, or cannot count servers in TLS";

    "irc-bot", side_cases::irc_bot,
    "a bot that registers at a chat server, joins its channel and mails; others on its ports",
    "a port taken for proof; chat that is followed for ever, or counted as SMTP";

    "hidden-dns", side_cases::hidden_dns,
    "DNS over TLS, QUIC and HTTPS, refused and not; the web; a mailbox before a letter",
    "a resolver's name that must be in one segment; a SYN taken for hidden DNS";

    "sensor-blind", sensor_cases::sensor_blind,
    "forty PCs of which half are out of sight for 15 minutes, and all for half an hour",
    "a sensor that takes a broken mirror for quiet hosts, or an evening for a broken mirror";

    "sensor-one-way", sensor_cases::sensor_one_way,
    "ten PCs of which the replies are out of sight for ten minutes",
    "a resolver called dead, or hosts judged by answers that nobody saw";

    "resolver-egress", sensor_cases::resolver_egress,
    "what a resolver asks 250 servers for its clients: MX, mail hosts, web hosts",
    "a host judged by the questions of all its clients";

    "flood-ptr", flood_cases::flood_ptr,
    "PTR queries to a resolver: as usual, more of all, a search, a bot's, one name by two",
    "a flood told by its volume; a bot that is found at the servers it writes to, missed";

    "flood-a", flood_cases::flood_a,
    "A queries to a resolver: as usual, more of all, a crowd, one name by two",
    "a site that wakes up or a crowd called a flood";

    "op25b", op25b_cases::op25b,
    "a site that blocks port 25: blocked, leaked, allowed, by IPv6; forged and open mail",
    "a blocked attempt counted as a leak; IPv6 mixed in; a mail server blamed";

    "lan-bindings", lan_cases::lan_bindings,
    "ARP, neighbour discovery and DHCP: what tells whose an address is, what does not, broken",
    "a probe or a proxy believed; what came over a router believed; chatter that costs";

    "lan-arp-dhcp", lan_cases::lan_arp_dhcp,
    "a bot whose DHCP lease changes midway, the PC that gets its address, and a lie by ARP",
    "a bot that begins anew with an address, or leaves its history to the next one there";

    "lan-ipv6-privacy", lan_cases::lan_ipv6_privacy,
    "a bot with ten IPv6 privacy addresses that sends one letter from each, and a PC with such",
    "ten hosts with one letter each, none of which is worth a word";

    "lan-router", lan_cases::lan_router,
    "sixteen hosts behind two routers that answer for them; each sends one letter",
    "a router taken for one host that sends sixteen";

    "late-packets", time_cases::late_packets,
    "packets 1.5, 2.0 and 5 seconds behind those before them",
    "bins closed too early, or opened again when they were judged";

    "one-packet", time_cases::one_packet,
    "a single query",
    "a division by a span or a variance of zero";

    "second-edges", time_cases::second_edges,
    "queries at the first and last microsecond of seconds, and a gap of three years",
    "rounding instead of the floor; a walk over all the empty seconds";

    "empty", || Capture::ethernet(Vec::new()),
    "a capture without packets",
    "a first packet that is taken for granted";
};

#[cfg(test)]
mod tests;
