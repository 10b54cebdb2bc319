//! The words of mails: complete, of a width, and about the right things.

use super::*;
use crate::notify::pick::Piece;
use std::net::IpAddr;

fn notice(host: u8, class: Class, level: Level, news: News) -> Notice {
    let case = Case {
        episode: host.to_string(),
        host: IpAddr::from([192, 0, 2, host]),
        mac: Some("02-00-00-00-02-42".to_owned()),
        vlan: None,
        class,
        level,
        role: None,
        closed: false,
        acquitted: false,
        suppressed: false,
        first_seen: Timestamp::from_parts(1_767_571_200, 0),
        time: Timestamp::from_parts(1_767_571_260, 0),
        reason: "192.0.2.66 turned to port 25 of 300 addresses, which PCs leave to their mail \
                 server; many of them refused it."
            .to_owned(),
        evidence: Family::ALL
            .map(|family| Piece { family, llr: 3.0 })
            .to_vec(),
        numbers: vec![(Number::Connections, 400), (Number::Servers, 305)],
        sensor: "campus".to_owned(),
        event: "0a1b".to_owned(),
    };
    Notice { case, news }
}

fn batch(notices: Vec<Notice>) -> Batch {
    Batch {
        owner: "owner@example.ac.jp".to_owned(),
        notices,
        held: 0,
        omitted: 0,
        last_today: false,
    }
}

fn letter(batch: &Batch, language: Language) -> Letter {
    compose(batch, language, &TimeZone::fixed(jiff::tz::offset(9)))
}

#[test]
fn every_class_has_words_in_both_languages_that_fit_a_mail() {
    for class in Class::ALL {
        for (news, level) in [
            (News::Convicted, Level::Likely),
            (News::Convicted, Level::Confirmed),
            (News::Confirmed, Level::Confirmed),
            (News::Over, Level::None),
        ] {
            let letter = letter(&batch(vec![notice(66, class, level, news)]), Language::Both);
            assert!(letter.subject.contains("192.0.2.66"), "{}", letter.subject);
            assert_eq!(letter.subject.lines().count(), 1);
            for line in letter.body.lines() {
                assert!(line.width() <= 80, "{}: {line}", line.width());
                assert!(!line.ends_with(' '), "{line:?}");
            }
            let steps = letter.body.matches("\n  1. ").count();
            assert_eq!(steps, if news == News::Over { 0 } else { 2 });
        }
    }
}

#[test]
fn what_was_seen_since_when_and_the_numbers() {
    let one = batch(vec![notice(
        66,
        Class::SpamFanout,
        Level::Likely,
        News::Convicted,
    )]);
    let english = letter(&one, Language::English);
    assert_eq!(
        english.subject,
        "[mxray] please check 192.0.2.66: it seems to send spam or worms"
    );
    for text in [
        "traffic of 1 machine registered\nto you",
        "Machine with the IP address 192.0.2.66\nNEW: very likely\n",
        "First sign                              : 2026-01-05 09:00:00 +09 (UTC+09:00)\n",
        "mail connections begun                  : 400\n",
        "connects to ever new mail servers       : medium\n",
        "Take the machine off the network",
        ": very likely (likely)\n",
        ": spam-fanout\n",
    ] {
        assert!(english.body.contains(text), "{text}\n{}", english.body);
    }
    let japanese = letter(&one, Language::Japanese);
    for text in [
        "機器 1 台について",
        "対象機器の IP アドレス: 192.0.2.66\n【新規】可能性が非常に高いと判定しました\n",
        "メールの接続                            : 400\n",
        "ネットワークから切り離してください",
    ] {
        assert!(japanese.body.contains(text), "{text}\n{}", japanese.body);
    }
    let both = letter(&one, Language::Both);
    assert!(both.body.contains(&japanese.body) && both.body.contains(&english.body));
}

#[test]
fn the_opening_accuses_nobody_of_what_the_class_does_not_say() {
    let flooded = notice(53, Class::PtrFlood, Level::Likely, News::Convicted);
    let Letter { body, .. } = letter(&batch(vec![flooded]), Language::Both);
    for accusation in ["worms", "ワーム"] {
        assert!(!body.contains(accusation), "{body}");
    }
}

#[test]
fn who_shares_an_address_is_not_cut_off() {
    for role in [Role::Aggregate, Role::Gateway, Role::Resolver] {
        let mut shared = notice(1, Class::Gen2Mx, Level::Likely, News::Convicted);
        shared.case.role = Some(role);
        let Letter { body, .. } = letter(&batch(vec![shared]), Language::Both);
        assert!(
            body.contains("Find the machine behind this address"),
            "{body}"
        );
        assert!(!body.contains("Take the machine off"), "{body}");
        assert!(!body.contains("\n  1. 機器をネットワークから"), "{body}");
        assert!(body.lines().all(|line| line.width() <= 80), "{body}");
    }
}

#[test]
fn a_false_alarm_is_called_one() {
    let mut over = notice(1, Class::Gen2Mx, Level::None, News::Over);
    over.case.acquitted = true;
    let Letter { body, .. } = letter(&batch(vec![over]), Language::Both);
    for text in ["That was a false alarm", "誤報でした"] {
        assert!(body.contains(text), "{body}");
    }
    assert!(!body.contains("switched off"), "{body}");
    assert!(body.lines().all(|line| line.width() <= 80), "{body}");
}

#[test]
fn the_subject_counts_hosts() {
    let mut notices =
        [1, 1, 2].map(|host| notice(host, Class::Gen2Mx, Level::Likely, News::Convicted));
    notices[1].case.episode = "other".to_owned();
    let Letter { subject, .. } = letter(&batch(notices.to_vec()), Language::English);
    assert!(subject.ends_with("(and 1 more)"), "{subject}");
}

#[test]
fn servers_are_not_told_to_be_unplugged() {
    let server = notice(25, Class::HijackedServer, Level::Likely, News::Convicted);
    let body = letter(&batch(vec![server]), Language::English).body;
    assert!(body.contains("password of that account"), "{body}");
    assert!(!body.contains("off the network"), "{body}");
}

#[test]
fn many_hosts_and_what_had_to_wait() {
    let notices = (1..=30).map(|host| {
        let news = if host > 25 {
            News::Over
        } else {
            News::Convicted
        };
        notice(host, Class::Gen2Mx, Level::Likely, news)
    });
    let many = Batch {
        held: 3,
        omitted: 7,
        last_today: true,
        ..batch(notices.collect())
    };
    let Letter { subject, body } = letter(&many, Language::English);
    assert!(subject.ends_with("(and 29 more)"), "{subject}");
    assert!(body.contains("traffic of 25 machines registered"), "{body}");
    assert!(
        body.contains("Of 5 machines that you were told of before"),
        "{body}"
    );
    assert!(body.contains("3 reports in this mail had waited"), "{body}");
    assert!(body.contains("leave out 7 more"), "{body}");
    assert!(body.contains("is in tomorrow's."), "{body}");
    assert_eq!(body.matches("Machine with the IP address").count(), IN_FULL);
    for host in 1..=30 {
        assert!(body.contains(&format!("192.0.2.{host}")), "{host}");
    }
}

#[test]
fn long_words_and_wide_ones() {
    let mut out = String::new();
    wrapped(&mut out, &"word ".repeat(30));
    wrapped(&mut out, &"x".repeat(100));
    assert!(out.lines().all(|line| line.starts_with("  ")));
    assert!(
        out.lines()
            .filter(|line| !line.contains('x'))
            .all(|line| line.width() <= COLUMNS)
    );
    let mut out = String::new();
    row(&mut out, &"広".repeat(21), "1");
    assert_eq!(out.lines().count(), 2);
}
