//! What counting tells of whole captures: facts by host.

use crate::captures;
use crate::feed::{Outcome, run, settings};
use mxray::count::delta::{HiddenDns, Server, What};
use mxray::host::HostAddr;

fn told(name: &str) -> Outcome {
    run(&captures::synth(name), 2, &settings(1000))
}

fn address(text: &str) -> HostAddr {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// The facts about a host that `pick` picks, in order.
fn facts<T>(outcome: &Outcome, host: &str, pick: impl Fn(What) -> Option<T>) -> Vec<T> {
    let host = address(host);
    let seconds = outcome
        .seconds
        .iter()
        .filter(|((_, about), _)| *about == host);
    let facts = seconds.flat_map(|(_, second)| &second.facts);
    facts.filter_map(|fact| pick(fact.what)).collect()
}

fn chat(outcome: &Outcome, host: &str) -> Vec<(u16, bool)> {
    facts(outcome, host, |what| match what {
        What::Irc { server, joined } => Some((server.port, joined)),
        _ => None,
    })
}

#[test]
fn chat_by_what_is_said() {
    let outcome = told("irc-bot");
    assert_eq!(chat(&outcome, "192.0.2.60"), [(6667, false), (6667, true)]);
    assert_eq!(chat(&outcome, "192.0.2.61"), [(7000, false)]);
    assert_eq!(chat(&outcome, "192.0.2.62"), [(6697, false)]);
    for other in 63..=66 {
        assert_eq!(chat(&outcome, &format!("192.0.2.{other}")), [], "{other}");
    }
    // Chat makes no host.
    assert_eq!(
        outcome.hosts.keys().collect::<Vec<_>>(),
        [&address("192.0.2.60")]
    );
    assert_eq!(outcome.packets.tcp.midstream, 0);
}

#[test]
fn hidden_dns_by_what_shows_that_it_works() {
    let outcome = told("hidden-dns");
    let hidden = |host: &str| {
        let kinds = facts(&outcome, host, |what| match what {
            What::HiddenDns { server, kind } => Some((server.addr, kind)),
            _ => None,
        });
        (kinds, outcome.hosts[&address(host)].0.dns_hidden)
    };
    let dns = address("203.0.113.53");
    let yes = Some(true);
    assert_eq!(hidden("192.0.2.71"), (vec![(dns, HiddenDns::Tls)], yes));
    assert_eq!(hidden("192.0.2.72"), (vec![], None));
    let google = (address("203.0.113.8"), HiddenDns::Https);
    assert_eq!(hidden("192.0.2.73"), (vec![google], yes));
    assert_eq!(hidden("192.0.2.75"), (vec![(dns, HiddenDns::Quic)], yes));
    assert_eq!(hidden("192.0.2.76"), (vec![], None));
    assert_eq!(hidden("192.0.2.77"), (vec![], None));
    // Its TLS was seen, and it was the web.
    assert_eq!(hidden("192.0.2.74"), (vec![], Some(false)));
    let boxes = facts(&outcome, "192.0.2.77", |what| match what {
        What::Mailbox { server } => Some(server),
        _ => None,
    });
    let addr = address("198.51.100.25");
    let both = [110, 995].map(|port| Server { addr, port });
    assert_eq!(boxes, both);
}

#[test]
fn logins_and_recipients() {
    let outcome = told("smtp-auth");
    let mut asked = 0;
    for host in outcome.hosts.keys() {
        let host = host.to_string();
        let logins = facts(&outcome, &host, |what| match what {
            What::Auth { accepted, .. } => Some(accepted),
            _ => None,
        });
        asked += logins.iter().filter(|accepted| accepted.is_none()).count() as u64;
        let recipients = facts(&outcome, &host, |what| {
            matches!(what, What::Recipient { .. }).then_some(())
        });
        let smtp = &outcome.hosts[&address(&host)].0.smtp;
        assert_eq!(recipients.len() as u64, smtp.rcpt_to, "{host}");
        let accepted = logins.iter().filter(|accepted| **accepted == Some(true));
        let refused = logins.iter().filter(|accepted| **accepted == Some(false));
        println!("{host}: {} in, {} not", accepted.count(), refused.count());
    }
    let all: u64 = outcome
        .hosts
        .values()
        .map(|(totals, _)| totals.smtp.auth)
        .sum();
    assert_eq!(asked, all);
}

#[test]
fn tls_by_the_name_asked_for() {
    let outcome = told("submission-bot");
    let names = facts(&outcome, "192.0.2.77", |what| match what {
        What::Tls { name, .. } => name,
        _ => None,
    });
    let messages = facts(&outcome, "192.0.2.77", |what| match what {
        What::TlsMessages { count, .. } => Some(count),
        _ => None,
    });
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((names.len(), distinct.len()), (30, 10));
    assert_eq!(messages.iter().sum::<u32>(), 60);
}

#[test]
fn a_mail_server_is_told_of_by_those_who_mail_to_it() {
    let outcome = told("fanout-bot");
    let bot = address("192.0.2.66");
    let (mut attempted, mut served, mut mailed) = (0, 0, 0);
    for ((_, host), second) in &outcome.seconds {
        for fact in &second.facts {
            let peer = match fact.what {
                What::InboundAttempt { peer } => {
                    attempted += 1;
                    peer
                }
                What::ServesSmtp { peer } => {
                    served += 1;
                    peer
                }
                What::InboundMail { peer, domain } => {
                    assert!(domain.is_some());
                    mailed += 1;
                    peer
                }
                _ => continue,
            };
            assert_eq!(peer, bot);
            assert!(fact.what.is_of_others());
            // Nothing is counted of them.
            assert_eq!(second.totals, None, "{host}");
        }
    }
    // 400 attempts at 300 servers, within one hour of the clock; once each.
    assert_eq!(attempted, 300);
    assert!(served < attempted && served > 100, "{served}");
    assert!(mailed > 100 && mailed <= 170, "{mailed}");
}

#[test]
fn who_asks_for_a_name_is_told_of_whose_it_is() {
    let outcome = told("study-client-a");
    let mut asked = std::collections::BTreeSet::new();
    for ((_, host), second) in &outcome.seconds {
        for fact in &second.facts {
            if let What::Backscatter { querier } = fact.what {
                assert_ne!(querier, *host);
                asked.insert(*host);
            }
        }
    }
    println!("{} addresses", asked.len());
    assert!(!asked.is_empty());
}
