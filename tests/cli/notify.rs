//! `mxray notify`: events of real runs, a relay in the test, and what it was handed.

use super::relay::{Relay, Taken};
use super::{Place, Run};
use mail_parser::{Message, MessageParser};
use std::io::Write as _;
use std::process::Stdio;

const INVENTORY: &str = r#"
[[host]]
net = "192.0.2.0/24"
owner = "net@example.ac.jp"
[[host]]
net = "192.0.2.66"
role = "pc"
owner = "alice@example.ac.jp, bob@example.ac.jp"
"#;

/// With events of a host that alice and bob own, and of one of the net's.
fn place(inventory: &str) -> Place {
    let place = Place::with("fanout-bot");
    place.write("study-client-b.pcap", super::capture("study-client-b"));
    place.run("replay -q fanout-bot.pcap -o a.ndjson", 0);
    place.run("replay -q study-client-b.pcap -o b.ndjson", 0);
    place.write(
        "events.ndjson",
        format!("{}{}", place.read("a.ndjson"), place.read("b.ndjson")),
    );
    place.write("inventory.toml", inventory);
    place
}

fn notify(place: &Place, relay: &Relay, more: &str, status: i32) -> Run {
    let line = format!(
        "notify --inventory inventory.toml --from sensor@example.ac.jp --state state \
         --relay {} {more} events.ndjson",
        relay.url()
    );
    place.run(&line, status)
}

fn read(taken: &Taken) -> Message<'_> {
    MessageParser::default().parse(&taken.mail).unwrap()
}

#[test]
fn owners_are_told_once_in_both_languages() {
    let (place, relay) = (place(INVENTORY), Relay::willing());
    let run = notify(&place, &relay, "--language both", 0);
    assert!(run.stderr.contains("2 mails"), "{}", run.stderr);
    let taken = relay.all();
    let [first, second] = taken.as_slice() else {
        panic!("{taken:?}");
    };
    assert_eq!(first.to, ["alice@example.ac.jp", "bob@example.ac.jp"]);
    assert_eq!(second.to, ["net@example.ac.jp"]);
    let mail = read(first);
    let subject = mail.subject().unwrap();
    assert!(subject.contains("192.0.2.66 が迷惑メール"), "{subject}");
    assert!(subject.contains("please check 192.0.2.66"), "{subject}");
    let body = mail.body_text(0).unwrap();
    for text in [
        "ネットワークから切り離してください",
        "Take the machine off the network",
        "mail connections begun                  : 400",
    ] {
        assert!(body.contains(text), "{text}\n{body}");
    }
    let from = mail.from().unwrap().first().unwrap().address().unwrap();
    assert_eq!(from, "sensor@example.ac.jp");
    assert!(mail.header("Auto-Submitted").is_some());
    // Nothing is told twice.
    let run = notify(&place, &relay, "", 0);
    assert!(run.stderr.contains("0 mails"), "{}", run.stderr);
    assert!(relay.all().is_empty());
}

#[test]
fn what_the_relay_refuses_is_set_aside_and_told() {
    let refuses = |to: &str| (to == "alice@example.ac.jp").then_some("550 no such user");
    let (place, relay) = (place(INVENTORY), Relay::new(refuses));
    let run = notify(&place, &relay, "", 1);
    assert!(run.stderr.contains("no such user"), "{}", run.stderr);
    assert!(run.stderr.contains("1 mails, 1 refused"), "{}", run.stderr);
    assert_eq!(relay.all().len(), 1);
    let aside: Vec<_> = std::fs::read_dir(place.path("state.refused"))
        .unwrap()
        .collect();
    assert_eq!(aside.len(), 1);
    let kept = std::fs::read_to_string(aside[0].as_ref().unwrap().path()).unwrap();
    assert!(kept.contains("To: alice@example.ac.jp"), "{kept}");
    notify(&place, &relay, "", 0);
    assert!(relay.all().is_empty());
}

#[test]
fn a_relay_that_refuses_the_sender_loses_nothing() {
    let refuses = |from: &str| (from == "sensor@example.ac.jp").then_some("550 not from you");
    let (place, relay) = (place(INVENTORY), Relay::new(refuses));
    let run = notify(&place, &relay, "", 1);
    assert!(run.stderr.contains("not from you"), "{}", run.stderr);
    assert!(
        run.stderr.contains("0 refused, 2 hosts wait"),
        "{}",
        run.stderr
    );
    assert!(!super::is_there(&place.path("state.refused")));
    notify(&place, &Relay::willing(), "", 0);
}

#[test]
fn a_relay_that_does_not_relay_for_us_is_for_people_to_mend() {
    // As Postfix says it (RFC 3463: 5.7.1 may be anything that is not permitted).
    let refuses = |to: &str| {
        (to == "alice@example.ac.jp").then_some("554 5.7.1 <alice>: Relay access denied")
    };
    let (place, relay) = (place(INVENTORY), Relay::new(refuses));
    let run = notify(&place, &relay, "", 1);
    assert!(run.stderr.contains("Relay access denied"), "{}", run.stderr);
    assert!(run.stderr.contains("0 refused"), "{}", run.stderr);
    assert_eq!(relay.all().len(), 1);
    assert!(!super::is_there(&place.path("state.refused")));
    // It is mended, and the mail goes.
    let relay = Relay::willing();
    notify(&place, &relay, "", 0);
    assert_eq!(relay.all().len(), 1);
}

#[test]
fn events_of_another_format_are_a_failure() {
    let place = place(INVENTORY);
    place.run("replay -q fanout-bot.pcap --format eve -o eve.ndjson", 0);
    let run = place.run("notify --dry-run --inventory inventory.toml eve.ndjson", 1);
    assert!(
        run.stderr.contains("owners are told from `ecs`"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_the_relay_does_not_want_now_is_tried_again() {
    let mut tries = 0;
    let later = move |to: &str| {
        tries += usize::from(to == "alice@example.ac.jp");
        (to == "alice@example.ac.jp" && tries == 1).then_some("451 come back later")
    };
    let (place, relay) = (place(INVENTORY), Relay::new(later));
    let run = notify(&place, &relay, "", 0);
    assert!(run.stderr.contains("come back later"), "{}", run.stderr);
    assert_eq!(relay.all().len(), 2);
}

/// A relay that offers no TLS gets nothing where TLS is wanted; what waits goes by the next run.
#[test]
fn without_tls_nothing_is_handed_over_and_nothing_is_lost() {
    let (place, relay) = (place(INVENTORY), Relay::willing());
    place.write("ca.pem", CERTIFICATE);
    let run = notify(&place, &relay, "--relay-ca ca.pem", 1);
    assert!(run.stderr.contains("2 hosts wait"), "{}", run.stderr);
    assert!(relay.all().is_empty());
    place.write("events.ndjson", "");
    notify(&place, &relay, "", 0);
    assert_eq!(relay.all().len(), 2);
}

#[test]
fn hosts_without_owner_and_suppressed_ones() {
    let nobody = "[[host]]\nnet = '192.0.2.66'\nowner = 'room 301'\n";
    let (place, relay) = (place(nobody), Relay::willing());
    let run = notify(&place, &relay, "", 0);
    assert!(
        run.stderr
            .contains("`room 301` in the inventory is no mail address"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("2 without owner"), "{}", run.stderr);
    notify(&place, &relay, "--fallback noc@example.ac.jp", 0);
    let taken = relay.all();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, ["noc@example.ac.jp"]);
    let quiet = format!("{INVENTORY}[[suppress]]\nnet = '192.0.2.0/24'\n");
    let place = self::place(&quiet);
    let run = notify(&place, &relay, "", 0);
    assert!(run.stderr.contains("0 mails"), "{}", run.stderr);
    assert!(relay.all().is_empty());
}

#[test]
fn mails_go_while_events_come() {
    let (place, relay) = (place(INVENTORY), Relay::willing());
    let line = format!(
        "notify --inventory inventory.toml --from sensor@example.ac.jp --state state --digest 0 \
         --relay {} -",
        relay.url()
    );
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mxray"));
    let command = command
        .current_dir(place.path(""))
        .args(line.split_whitespace());
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut events = child.stdin.take().unwrap();
    events.write_all(place.read("b.ndjson").as_bytes()).unwrap();
    assert_eq!(relay.next().to, ["net@example.ac.jp"]);
    events.write_all(place.read("a.ndjson").as_bytes()).unwrap();
    assert_eq!(relay.next().to.len(), 2);
    drop(events);
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_event_log_is_read_on_where_it_was() {
    let (place, relay) = (place(INVENTORY), Relay::willing());
    let notify = || {
        let line = format!(
            "notify --log log --once --inventory inventory.toml --from sensor@example.ac.jp \
             --state state --relay {}",
            relay.url()
        );
        place.run(&line, 0).stderr
    };
    place.run("replay -q fanout-bot.pcap --log log", 0);
    assert!(notify().contains("1 mails"));
    assert!(notify().starts_with("mxray: 0 lines read"));
    place.run("replay -q study-client-b.pcap --log log", 0);
    assert!(notify().contains("1 mails"));
    assert_eq!(relay.all().len(), 2);
}

#[test]
fn a_state_has_one_process() {
    let (place, relay) = (place(INVENTORY), Relay::willing());
    let lock = std::fs::File::create(place.path("state.lock")).unwrap();
    lock.lock().unwrap();
    let run = notify(&place, &relay, "", 1);
    assert!(
        run.stderr.contains("another mxray notify"),
        "{}",
        run.stderr
    );
    assert!(relay.all().is_empty());
}

#[test]
fn a_dry_run_shows_mails_and_sends_none() {
    let place = place(INVENTORY);
    let run = place.run(
        "notify --dry-run --language ja --inventory inventory.toml events.ndjson",
        0,
    );
    assert_eq!(run.stdout.matches("To: ").count(), 2, "{}", run.stdout);
    assert!(
        run.stdout.contains("Subject: [mxray] ご確認のお願い"),
        "{}",
        run.stdout
    );
    assert!(!super::is_there(&place.path("state")));
}

#[test]
fn faults_are_told_in_a_line() {
    let place = place(INVENTORY);
    place.write("login", "user\nsecret\n");
    place.write("torn", "{");
    let base = "notify --inventory inventory.toml --from a@example.ac.jp";
    for (line, said) in [
        ("--relay mail.example --state s e", "--relay: wants smtp://"),
        (
            "--relay smtp://u:secret@x --state s e",
            "--relay: takes no user",
        ),
        (
            "--relay smtp://x --state s --relay-ca none e",
            "--relay-ca: none: ",
        ),
        (
            "--relay smtp://x --state s --relay-login login e",
            "--relay-login: login can be read by everybody",
        ),
        (
            "--relay smtps://x --relay-plain --state s e",
            "--relay-plain: contradicts smtps://",
        ),
        (
            "--relay smtp://x --fallback nobody --state s e",
            "--fallback: `nobody` is no mail address",
        ),
    ] {
        let run = place.run(&format!("{base} {line}"), 2);
        assert!(run.stderr.contains(said), "{line}: {}", run.stderr);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    let run = place.run(
        &format!("{base} --relay smtp://localhost --state torn events.ndjson"),
        1,
    );
    assert!(run.stderr.contains("torn"), "{}", run.stderr);
    let run = place.run(
        &format!("{base} --relay smtp://localhost --state s none.ndjson"),
        1,
    );
    assert!(run.stderr.contains("none.ndjson"), "{}", run.stderr);
}

/// Of nobody: nothing can be checked by it.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUY8ob2EyGFihv6BVh3qYN0ynhK6AwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcmVsYXkuZXhhbXBsZTAgFw0yNjExMjYxMjU5NTNaGA8yMTI2
MTEwMjEyNTk1M1owGDEWMBQGA1UEAwwNcmVsYXkuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABNLQJGLhBKy9gGMaNSy8oIZ4pCfMKuesbqr2fYbOiAdi
jDSG1taKKY8/7hytbVUjTQcpp6iQG9MnOKiyNij+AuSjUzBRMB0GA1UdDgQWBBSS
w5MESGXtTsaJbSjWsDcgVmlWJTAfBgNVHSMEGDAWgBSSw5MESGXtTsaJbSjWsDcg
VmlWJTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIBL4sj1p8YKC
qa/0PB9uVG5H4JkXC+/I+Ssc+lRCkx6YAiEArT2Y5+5eFl1PxU/yClr7BocBSzwR
4becJhRD4UiTuN8=
-----END CERTIFICATE-----
";
