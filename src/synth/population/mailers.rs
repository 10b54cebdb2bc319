//! Honest programs of people that ask for mail hosts, and look like a worm in that.

use super::super::message::kind::{A, AAAA, MX, SRV};
use super::host::{Host, seconds};
use super::rates::{HOUR, Law, MINUTE};

/// Nothing but one mail host, at a beat: K is T in every second.
pub(super) fn idle(host: &mut Host, _: u32) {
    host.stub.cache = 0;
    host.stub.suffix = None;
    let domain = host.world.hoster(100 + host.dice.below(12));
    let label = *host.dice.pick(&["mail", "smtp", "mx", "relay", "mail2"]);
    let period = host.dice.between(60, 900) * 1000;
    host.poll(&format!("{label}.{domain}"), period, 0, 24 * HOUR);
}

/// A mail program is set up for one to three accounts.
pub(super) fn autodiscover(host: &mut Host, _: u32) {
    let guesses = [
        ("autodiscover", A),
        ("_autodiscover._tcp", SRV),
        ("autoconfig", A),
        ("_imaps._tcp", SRV),
        ("_pop3s._tcp", SRV),
        ("_submission._tcp", SRV),
        ("imap", A),
        ("mail", A),
        ("mail", AAAA),
        ("smtp", A),
        ("pop", A),
        ("pop3", A),
        ("mx", A),
        ("relay", A),
    ];
    for account in 0..host.dice.between(1, 3) {
        let domain = host.world.domain(host.dice.below(3000));
        let mut now = Host::at((9 + account) * HOUR + host.dice.below(HOUR));
        if host.dice.chance(500) {
            now = host.query(now, &domain, MX).0;
        }
        let first = host.dice.index(guesses.len());
        for (label, asked) in guesses.iter().cycle().skip(first).take(guesses.len()) {
            if host.dice.chance(800) {
                now = host.query(now, &format!("{label}.{domain}"), *asked).0;
                now = now.plus_nanos(host.pause(2, 300));
            }
        }
    }
    let queries = host.appetite() / 4;
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
}

/// Polls and submits at one to three providers.
pub(super) fn client(host: &mut Host, _: u32) {
    for _ in 0..host.dice.between(1, 3) {
        let provider = host.provider();
        let period = host.dice.between(1, 15) * MINUTE;
        host.poll(&provider.imap, period, 7 * HOUR, 22 * HOUR);
        let letters = host.dice.between(5, 40);
        for at in host.moments(Law::Diurnal, letters, 0, 24 * HOUR) {
            host.send_mail(at, &provider);
        }
    }
}

/// Scan to mail: straight to the receiver's server where nobody has set a relay.
pub(super) fn printer(host: &mut Host, _: u32) {
    let maker = host.world.living(905);
    host.poll(&format!("ntp.{maker}"), HOUR, 0, 24 * HOUR);
    let direct = host.dice.chance(400);
    let own = host.world.living(3_000_000);
    let partner = host.world.harvested(&mut host.dice, 0, 400, false);
    let name = format!("printer{}", host.dice.below(30));
    let mut dialect = super::delivery::Dialect::server(&name, &own);
    dialect.starttls = false;
    dialect.octets = 3000;
    let provider = host.provider();
    let scans = host.dice.between(2, 30);
    for at in host.moments(Law::Diurnal, scans, 0, 24 * HOUR) {
        if direct {
            let (now, _) = host.query(at, &partner, MX);
            let (now, found) = host.lookup(seconds(now, 0), &format!("mail.{partner}"));
            let server = found.first().copied();
            let server = server.unwrap_or_else(|| host.world.v4(&partner));
            let letter = super::delivery::Letter {
                recipients: vec![format!("office@{partner}")],
                unknown: false,
                probe: false,
            };
            host.deliver(now, server.into(), &dialect, &letter);
        } else {
            host.send_mail(at, &provider);
        }
    }
}
