//! Honest senders that do what bots are told by: many senders' domains, a bad name in HELO, users
//! of the web behind the same address.

use super::host::Host;
use super::infrastructure::users;
use super::rates::{HOUR, Law};
use super::senders::Office;

/// Hands on to its subscribers what others write, in the names of those: a list of old, or a
/// server whose users have their mail sent on.
pub(super) fn list_server(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "lists");
    office.partners = host.dice.between(20, 150);
    office.dead = host.dice.between(0, 40);
    office.unknown = host.dice.between(5, 60);
    let letters = host.dice.between(10, 60);
    for at in host.moments(Law::Diurnal, letters, 0, 22 * HOUR) {
        office.receive(host, at);
        office.dialect.senders = vec![host.world.domain(office.first + host.dice.below(800))];
        for _ in 0..host.dice.between(1, 6) {
            let later = at.plus_nanos(host.pause(500, 20_000));
            let domain = office.partner(host);
            office.send(host, later, &domain);
        }
    }
}

/// An application with a mail library that nobody has told its name.
pub(super) fn careless(host: &mut Host, _: u32) {
    let mut office = Office::new(host, "app");
    let address = host.address.to_string();
    let name = match host.dice.below(4) {
        0 => "localhost".to_owned(),
        1 => "localhost.localdomain".to_owned(),
        2 => address,
        _ => format!("app{}", host.dice.below(20)),
    };
    office.dialect.names = vec![name];
    office.dialect.groups = false;
    office.dialect.starttls = host.dice.chance(600);
    office.dialect.quits = host.dice.between(700, 1000);
    office.partners = host.dice.between(4, 80);
    office.dead = host.dice.between(5, 60);
    office.unknown = host.dice.between(0, 60);
    let outbound = host.dice.between(10, 150);
    office.day(host, 0, outbound);
}

/// A small company: one address for its mail server and for everybody's browser.
pub(super) fn behind_nat(host: &mut Host, _: u32) {
    // Their stubs, and not the server's, ask for what browsers ask.
    let kinds = host.stub.kinds;
    let mut office = Office::new(host, "mail");
    office.partners = host.dice.between(5, 60);
    let (inbound, outbound) = (host.dice.between(10, 120), host.dice.between(8, 80));
    office.day(host, inbound, outbound);
    host.stub.kinds = kinds;
    host.stub.cache = 0;
    users(host);
}
