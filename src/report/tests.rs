//! What is told of a host's SMTP.

use super::explain::Story;
use super::json::{EventWriter, Format, LARGEST};
use super::{HostReport, Totals, explain};
use crate::capture::Origin;
use crate::correlate::evidence::{Evidence, Family, Witness};
use crate::correlate::fanout::Reach;
use crate::correlate::role::{RoleSource, RoleView};
use crate::correlate::{CounterEvidence, Judgement, Verdict};
use crate::count::host::HostTotals;
use crate::count::prefixes::Prefixes;
use crate::count::smtp::{PortTotals, SmtpTotals};
use crate::decode::smtp::Defect;
use crate::host::HostAddr;
use crate::time::Timestamp;
use crate::verdict::{Class, Level, Role};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn host() -> HostAddr {
    HostAddr::from_v4([192, 0, 2, 1])
}

fn role() -> RoleView {
    RoleView {
        role: Role::Pc,
        source: RoleSource::Default,
        basis: Vec::new(),
    }
}

fn bot() -> SmtpTotals {
    SmtpTotals {
        attempts: 30,
        established: 18,
        refused: 2,
        unanswered: 10,
        answers_seen: Some(true),
        destinations: 29,
        destinations_exact: true,
        mail_from: 18,
        rcpt_to: 40,
        messages: 12,
        messages_accepted: 11,
        messages_in_tls: 3,
        replies_4xx: 4,
        replies_5xx: 9,
        starttls: 2,
        helo_names: 5,
        sender_domains: 7,
        tls: 2,
        server_names: vec![(b"mx.example.net\x1b[2J".as_slice().into(), 2)],
        defects: BTreeMap::from([(Defect::NoQuit, 18), (Defect::HeloBareIp, 3)]),
        by_port: vec![PortTotals {
            port: 25,
            attempts: 30,
            established: 18,
            destinations: 29,
        }],
        ..SmtpTotals::default()
    }
}

fn window(span: u32, ports: u16) -> Reach {
    let port = |port| PortTotals {
        port,
        attempts: 1_000_000,
        established: 900_000,
        destinations: 800_000,
    };
    Reach {
        span,
        attempts: 30,
        established: 18,
        refused: 2,
        unanswered: 10,
        destinations: 29,
        exact: span < 86_400,
        new: 28,
        ports: (0..ports).map(port).collect(),
    }
}

fn judgement(windows: Vec<Reach>) -> Judgement {
    Judgement {
        class: Class::SpamFanout,
        level: Level::Likely,
        score: 12.3,
        windows,
        ..Judgement::ordinary(role())
    }
}

fn write(smtp: &SmtpTotals, judgement: &Judgement) -> Vec<Value> {
    write_as(Format::Ecs, smtp, judgement)
}

fn write_as(format: Format, smtp: &SmtpTotals, judgement: &Judgement) -> Vec<Value> {
    let totals = HostTotals {
        smtp: smtp.clone(),
        ..HostTotals::default()
    };
    let at = Timestamp::from_parts(1_000, 0);
    let verdict = Verdict {
        totals: totals.clone(),
        ..Verdict::first(host(), at, judgement.clone())
    };
    let mut out = Vec::new();
    let mut writer =
        EventWriter::new(&mut out, "test", &[PathBuf::from("x".repeat(500))]).in_format(format);
    writer.verdict(&verdict).unwrap();
    let report = HostReport {
        host: host(),
        at,
        span: (totals.first, totals.last),
        totals,
        judgement: judgement.clone(),
        prefixes: Some(&Prefixes::default()),
    };
    writer.host(&report).unwrap();
    writer.flush().unwrap();
    let lines = out.split_inclusive(|octet| *octet == b'\n');
    let lines = lines.inspect(|line| assert!(line.len() <= LARGEST, "{}", line.len()));
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn smtp_is_told_in_verdicts_and_of_hosts() {
    let windows = [600, 3_600, 86_400].map(|span| window(span, 1));
    for event in write(&bot(), &judgement(windows.into())) {
        let mxray = &event["mxray"];
        let smtp = &mxray["smtp"];
        for (key, value) in [
            ("attempts", json!(30)),
            ("established", json!(18)),
            ("refused", json!(2)),
            ("unanswered", json!(10)),
            ("messages_accepted", json!(11)),
            ("messages_in_tls", json!(3)),
            ("sender_domains", json!(7)),
            ("tls", json!(2)),
            ("not_smtp", json!(0)),
            ("gapped", json!(0)),
            (
                "server_names",
                json!([{"name": "mx.example.net\\027[2J", "count": 2}]),
            ),
            (
                "defects",
                json!([{"name": "helo-bare-ip", "count": 3}, {"name": "no-quit", "count": 18}]),
            ),
        ] {
            assert_eq!(smtp[key], value, "{key}");
        }
        let window = &smtp["windows"][2];
        assert_eq!(window["span_s"], 86_400);
        assert_eq!(window["destinations_new"], 28);
        assert_eq!(window["destinations_exact"], false);
        assert_eq!(window["by_port"][0]["established"], 900_000);
    }
    let [verdict, _] = &write(&bot(), &judgement(Vec::new()))[..] else {
        panic!("two events")
    };
    assert!(verdict["mxray"]["smtp"].get("windows").is_none());
    assert_eq!(verdict["rule"]["id"], "spam-fanout");
    let visibility = &verdict["mxray"]["visibility"];
    assert_eq!(visibility["smtp_out"], true);
    assert_eq!(visibility["smtp_replies"], true);
    assert_eq!(visibility["tls_only"], false);
    assert_eq!(verdict["mxray"]["capture"]["one_way"], false);
}

#[test]
fn what_a_client_said_is_null_where_its_packets_are_not_mirrored() {
    let deaf = SmtpTotals {
        commands_seen: Some(false),
        ..bot()
    };
    for event in write(&deaf, &judgement(Vec::new())) {
        let smtp = &event["mxray"]["smtp"];
        for key in [
            "mail_from",
            "rcpt_to",
            "messages_in_tls",
            "starttls",
            "auth",
            "helo_names",
            "sender_domains",
            "tls",
        ] {
            assert!(smtp[key].is_null(), "{key}");
        }
        assert_eq!(
            (&smtp["attempts"], &smtp["replies_5xx"]),
            (&30.into(), &9.into())
        );
    }
}

#[test]
fn unseen_is_null_and_none_is_zero() {
    let blind = SmtpTotals {
        answers_seen: Some(false),
        ..bot()
    };
    let events = write(&blind, &judgement(vec![window(600, 1)]));
    for event in &events {
        let smtp = &event["mxray"]["smtp"];
        for key in [
            "established",
            "refused",
            "unanswered",
            "messages",
            "messages_accepted",
            "replies_4xx",
            "replies_5xx",
        ] {
            assert_eq!(smtp[key], Value::Null, "{key}");
        }
        for key in ["established", "refused", "unanswered"] {
            assert_eq!(smtp["windows"][0][key], Value::Null, "{key}");
        }
        assert_eq!(smtp["by_port"][0]["established"], Value::Null);
        assert_eq!(smtp["windows"][0]["by_port"][0]["established"], Value::Null);
        assert_eq!(
            (&smtp["attempts"], &smtp["mail_from"]),
            (&json!(30), &json!(18))
        );
    }
    assert_eq!(events[0]["mxray"]["visibility"]["smtp_replies"], false);
    assert_eq!(events[0]["mxray"]["capture"]["one_way"], true);

    for event in write(&SmtpTotals::default(), &judgement(Vec::new())) {
        let smtp = event["mxray"]["smtp"].as_object().unwrap();
        for (key, value) in smtp {
            let expected = match key.as_str() {
                "destinations_exact" => json!(true),
                "by_port" => json!([]),
                _ => json!(0),
            };
            assert_eq!(*value, expected, "{key}");
        }
        let visibility = &event["mxray"]["visibility"];
        if visibility.is_object() {
            assert_eq!(visibility["smtp_out"], false);
            assert_eq!(visibility["smtp_replies"], Value::Null);
            assert_eq!(visibility["tls_only"], Value::Null);
        }
    }
}

#[test]
fn tls_from_the_first_octet_on() {
    let tls_only = |smtp: &SmtpTotals| {
        let events = write(smtp, &judgement(Vec::new()));
        events[0]["mxray"]["visibility"]["tls_only"].clone()
    };
    let implicit = SmtpTotals {
        attempts: 3,
        tls: 3,
        ..SmtpTotals::default()
    };
    let started = SmtpTotals {
        starttls: 1,
        ..implicit.clone()
    };
    let silent = SmtpTotals {
        tls: 0,
        ..implicit.clone()
    };
    assert_eq!(tls_only(&implicit), true);
    assert_eq!(tls_only(&started), false);
    assert_eq!(tls_only(&silent), Value::Null);
}

/// The longest that there can be: what is left out is marked.
#[test]
fn the_largest_event_is_cut() {
    let mut smtp = bot();
    smtp.server_names = (0..9).map(|n| ([7; 300].as_slice().into(), n)).collect();
    smtp.by_port = (0..100)
        .map(|port| PortTotals {
            port,
            attempts: u64::MAX,
            established: u64::MAX,
            destinations: u64::MAX,
        })
        .collect();
    let windows = [600, 3_600, 86_400].map(|span| window(span, 100));
    let witness = Witness {
        origin: Origin::default(),
        time: Timestamp::from_parts(0, 0),
    };
    let piece = |family| Evidence {
        family,
        llr: 4.6,
        capped: true,
        text: "x".repeat(250),
        packets: vec![witness; 5],
        domains: Vec::new(),
        more: true,
    };
    let families = [
        Family::Mx,
        Family::Fan,
        Family::Fail,
        Family::Rej,
        Family::Proto,
    ];
    let against = CounterEvidence {
        what: "smtp-answered",
        count: 1,
        llr: -1.2,
        text: "x".repeat(80),
    };
    let judgement = Judgement {
        evidence: families.map(piece).into(),
        counterevidence: vec![against; 6],
        ..judgement(windows.into())
    };
    for (format, place) in [
        (Format::Ecs, "/mxray/smtp"),
        (Format::Eve, "/mxray/smtp"),
        (Format::Ocsf, "/unmapped/mxray/smtp"),
    ] {
        // `write_as` checks the length.
        for event in write_as(format, &smtp, &judgement) {
            let smtp = event.pointer(place).unwrap();
            assert_eq!(smtp["cut"], true);
            assert_eq!(smtp["windows"].as_array().unwrap().len(), 3);
        }
    }
}

#[test]
fn the_story_of_a_spam_bot() {
    let story = |smtp: SmtpTotals, windows| {
        let story = Story {
            host: host(),
            totals: HostTotals {
                smtp,
                ..HostTotals::default()
            },
            judgement: judgement(windows),
            rates: super::story::rates::Rates::default(),
            prefixes: Vec::new(),
            verdicts: Vec::new(),
            files: Vec::new(),
            packets: BTreeMap::new(),
        };
        let mut out = Vec::new();
        explain::write(&mut out, &story, 0).unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = story(bot(), vec![window(600, 1), window(86_400, 1)]);
    for line in [
        "smtp      30 mail connections begun to 29 addresses (port 25 30): 18 established, 2 refused, 10 unanswered\n",
        "          last 10 min 30 to 29 addresses, 28 of them new: 18 established, 2 refused, 10 unanswered\n",
        "          last 24 h   30 to about 29 addresses, 28 of them new: 18 established, 2 refused, 10 unanswered\n",
        "mail      5 names in HELO; 18 senders of 7 domains, 40 recipients; 12 messages, 11 accepted; replies 4xx 4, 5xx 9\n",
        "tls       2 connections, 2 STARTTLS, 0 AUTH in clear, about 3 messages inside; to mx.example.net\\027[2J 2\n",
        "defects   helo-bare-ip 3, no-quit 18\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let deaf = SmtpTotals {
        commands_seen: Some(false),
        ..bot()
    };
    let text = story(deaf, vec![window(600, 1)]);
    assert!(
        text.contains("mail      what it said not seen; 12 messages, 11 accepted"),
        "{text}"
    );
    let blind = SmtpTotals {
        answers_seen: Some(false),
        ..bot()
    };
    let text = story(blind, vec![window(600, 1)]);
    assert!(text.contains(": outcomes not seen\n") && text.contains("unseen    what mail servers"));
    assert!(!text.contains("established") && !text.contains("accepted"));
    let text = story(SmtpTotals::default(), Vec::new());
    assert!(text.contains("smtp      no mail connections\n"));
}

#[test]
fn forgotten_bindings_are_told_in_the_totals() {
    let mut out = Vec::new();
    let totals = Totals {
        bindings_evicted: 4_096,
        ..Totals::default()
    };
    let mut writer = EventWriter::new(&mut out, "test", &[]);
    writer.totals(&totals, None).unwrap();
    let event: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(event["mxray"]["identity"]["bindings_evicted"], 4_096);
}
