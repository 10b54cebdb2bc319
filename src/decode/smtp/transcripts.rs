//! Transcripts, and what is heard of them.

mod holes;
mod tls;

use super::{Command, End, Heard, Session, Side};
use proptest::prelude::*;
use tls::starttls;

/// What a session is fed.
#[derive(Clone, Debug)]
enum Step {
    Octets(Side, Vec<u8>),
    /// Of so many octets, or nobody knows how many.
    Gap(Side, Option<u32>),
}

fn c(text: impl AsRef<[u8]>) -> Step {
    Step::Octets(Side::Client, text.as_ref().to_vec())
}

fn s(text: impl AsRef<[u8]>) -> Step {
    Step::Octets(Side::Server, text.as_ref().to_vec())
}

fn c_gap(missing: u32) -> Step {
    Step::Gap(Side::Client, Some(missing))
}

fn s_gap(missing: u32) -> Step {
    Step::Gap(Side::Server, Some(missing))
}

fn text(heard: Heard<'_>) -> String {
    let octets = |octets: &[u8]| octets.escape_ascii().to_string();
    let path = |address: Option<&[u8]>| address.map_or("?".into(), octets);
    match heard {
        Heard::Command(Command::Helo { name, extended }) => {
            format!(
                "{}({})",
                if extended { "EHLO" } else { "HELO" },
                octets(name)
            )
        }
        Heard::Command(Command::Mail { address }) => format!("MAIL({})", path(address)),
        Heard::Command(Command::Rcpt { address }) => format!("RCPT({})", path(address)),
        Heard::Command(Command::Bdat { last }) => if last { "BDAT!" } else { "BDAT" }.to_owned(),
        Heard::Command(Command::Auth { mechanism }) => format!("AUTH({})", octets(mechanism)),
        Heard::Command(command) => format!("{command:?}").to_uppercase(),
        Heard::Reply(reply) => {
            let to = reply.to.map_or("?".into(), |to| format!("{to:?}"));
            format!("{}>{to}", reply.code)
        }
        Heard::Message { accepted } => if accepted { "+message" } else { "-message" }.to_owned(),
        Heard::Hello(hello) => {
            format!("hello({} {})", path(hello.server_name), path(hello.alpn))
        }
        Heard::MessagesInTls(messages) => format!("tls+{messages}"),
        Heard::NothingInTls => "tls+nothing".to_owned(),
        Heard::OneSided { handed: true } => "alone+message".to_owned(),
        Heard::OneSided { handed: false } => "alone+nothing".to_owned(),
        Heard::ClientUnheard => "unheard".to_owned(),
        Heard::NotSmtp => "not-smtp".to_owned(),
        Heard::Defect(defect) => format!("!{defect:?}"),
    }
}

fn hear_in(session: &mut Session, steps: &[Step]) -> Vec<String> {
    hear_until(session, steps, End::Said)
}

fn hear_until(session: &mut Session, steps: &[Step], end: End) -> Vec<String> {
    let mut told = Vec::new();
    let mut out = |heard: Heard<'_>| told.push(text(heard));
    for step in steps {
        match step {
            Step::Octets(side, octets) => session.octets(*side, octets, &mut out),
            Step::Gap(side, missing) => session.gap(*side, *missing, &mut out),
        }
        assert!(session.kept() <= Session::MAX_KEPT);
    }
    session.end(end, &mut out);
    session.octets(Side::Client, b"QUIT\r\n", &mut out);
    session.end(end, &mut out);
    told
}

fn hear(steps: &[Step]) -> String {
    hear_in(&mut Session::new(), steps).join(" ")
}

fn hear_midstream(steps: &[Step]) -> String {
    hear_in(&mut Session::midstream(), steps).join(" ")
}

/// One direction of a transcript only.
fn only(side: Side, steps: &[Step]) -> Vec<Step> {
    let kept = |step: &&Step| match step {
        Step::Octets(of, _) | Step::Gap(of, _) => *of == side,
    };
    steps.iter().filter(kept).cloned().collect()
}

const TWO_MAILS: &str = "220>Connect EHLO(a.example) 250>Helo MAIL(x@a.example) 250>Mail \
    RCPT(y@b.example) 250>Rcpt DATA 354>Data 250>Message +message MAIL(x@a.example) 250>Mail \
    RCPT(z@b.example) 550>Rcpt RSET 250>Rset MAIL() 250>Mail RCPT(z@b.example) 250>Rcpt DATA \
    354>Data 554>Message -message QUIT 221>Quit";

fn two_mails() -> Vec<Step> {
    vec![
        s("220 mx.b.example ESMTP\r\n"),
        c("EHLO a.example\r\n"),
        s("250-mx.b.example\r\n250-SIZE 1000000\r\n250 HELP\r\n"),
        c("MAIL FROM:<x@a.example> SIZE=100\r\n"),
        s("250 2.1.0 Ok\r\n"),
        c("RCPT TO:<y@b.example>\r\n"),
        s("250 2.1.5 Ok\r\n"),
        c("DATA\r\n"),
        s("354 go\r\n"),
        c("From: x\r\nSubject: .\r\n\r\n..dot\r\nMAIL FROM:<not@this>\r\n.\r\n"),
        s("250 2.0.0 queued\r\n"),
        c("MAIL FROM:<x@a.example>\r\n"),
        s("250 Ok\r\n"),
        c("RCPT TO:<z@b.example>\r\n"),
        s("550 5.1.1 no such user\r\n"),
        c("RSET\r\n"),
        s("250 Ok\r\n"),
        c("MAIL FROM:<>\r\n"),
        s("250 Ok\r\n"),
        c("RCPT TO:<z@b.example>\r\n"),
        s("250 Ok\r\n"),
        c("DATA\r\n"),
        s("354 go\r\n"),
        c(".\r\n"),
        s("554 5.7.1 spam\r\n"),
        c("QUIT\r\n"),
        s("221 bye\r\n"),
    ]
}

/// RFC 2920 section 5.
fn pipelined() -> Vec<Step> {
    vec![
        s("220 innosoft.com SMTP service ready\r\n"),
        c("EHLO dbc.mtview.ca.us\r\n"),
        s("250-innosoft.com\r\n250 PIPELINING\r\n"),
        c(
            "MAIL FROM:<mrose@dbc.mtview.ca.us>\r\nRCPT TO:<ned@innosoft.com>\r\n\
           RCPT TO:<dan@innosoft.com>\r\nRCPT TO:<kvc@innosoft.com>\r\nDATA\r\n",
        ),
        s(
            "250 sender ok\r\n250 recipient ok\r\n250 recipient ok\r\n550 unknown\r\n\
           354 enter mail\r\n",
        ),
        c("a\r\n.\r\nQUIT\r\n"),
        s("250 message sent\r\n221 goodbye\r\n"),
    ]
}

/// RFC 3030 section 4.2, shortened.
fn chunks() -> Vec<Step> {
    vec![
        s("220 cnri.reston.va.us SMTP service ready\r\n"),
        c("EHLO ymir.claremont.edu\r\n"),
        s("250-cnri.reston.va.us\r\n250-PIPELINING\r\n250-BINARYMIME\r\n250 CHUNKING\r\n"),
        c(
            "MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME\r\nRCPT TO:<gv@cnri.reston.va.us>\r\n\
           RCPT TO:<jay@cnri.reston.va.us>\r\n",
        ),
        s("250 ok\r\n250 ok\r\n250 ok\r\n"),
        c("BDAT 9\r\nQUIT\r\n.\r\nBDAT 4\r\nRSETBDAT 0 LAST\r\n"),
        s("250 9 octets\r\n250 4 octets\r\n250 Message ok\r\n"),
        c("QUIT\r\n"),
        s("221 bye\r\n"),
    ]
}

fn authenticated() -> Vec<Step> {
    vec![
        s("220 mx\r\n"),
        c("EHLO a.example\r\n"),
        s("250-mx\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"),
        c("AUTH LOGIN\r\n"),
        s("334 VXNlcm5hbWU6\r\n"),
        c("QUIT\r\n"),
        s("334 UGFzc3dvcmQ6\r\n"),
        c("c2VjcmV0\r\n"),
        s("535 5.7.8 no\r\n"),
        c("AUTH PLAIN\r\n"),
        s("334\r\n"),
        c("AGEAYg==\r\n"),
        s("535 5.7.8 no\r\n"),
        c("AUTH PLAIN AGEAYg==\r\n"),
        s("535 5.7.8 no\r\n"),
        c("AUTH CRAM-MD5\r\n"),
        s("334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n"),
        c("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"),
        s("235 2.7.0 yes\r\n"),
        c("QUIT\r\n"),
        s("221 bye\r\n"),
    ]
}

#[test]
fn a_chunk_of_no_size_hands_nothing_over() {
    let steps = [
        s("220 mx\r\n"),
        c("EHLO a.example\r\n"),
        s("250 CHUNKING\r\n"),
        c("MAIL FROM:<x@a.example>\r\n"),
        s("250 ok\r\n"),
        c("BDAT 15555555557777777777 LAST\r\n"),
        s("521 bad size\r\n"),
    ];
    assert_eq!(
        hear(&steps),
        "220>Connect EHLO(a.example) 250>Helo MAIL(x@a.example) 250>Mail OTHER !Syntax 521>Other \
         !NoQuit"
    );
}

#[test]
fn whole_sessions() {
    assert_eq!(hear(&two_mails()), TWO_MAILS);
    assert_eq!(
        hear(&pipelined()),
        "220>Connect EHLO(dbc.mtview.ca.us) 250>Helo MAIL(mrose@dbc.mtview.ca.us) \
         RCPT(ned@innosoft.com) RCPT(dan@innosoft.com) RCPT(kvc@innosoft.com) DATA 250>Mail \
         250>Rcpt 250>Rcpt 550>Rcpt 354>Data QUIT 250>Message +message 221>Quit"
    );
    assert_eq!(
        hear(&chunks()),
        "220>Connect EHLO(ymir.claremont.edu) 250>Helo MAIL(ned@ymir.claremont.edu) \
         RCPT(gv@cnri.reston.va.us) RCPT(jay@cnri.reston.va.us) 250>Mail 250>Rcpt 250>Rcpt BDAT \
         BDAT BDAT! 250>Chunk 250>Chunk 250>Message +message QUIT 221>Quit"
    );
    assert_eq!(
        hear(&authenticated()),
        "220>Connect EHLO(a.example) 250>Helo AUTH(LOGIN) 334>Auth 334>Auth 535>Auth AUTH(PLAIN) \
         334>Auth 535>Auth AUTH(PLAIN) 535>Auth AUTH(CRAM-MD5) 334>Auth 235>Auth QUIT 221>Quit"
    );
}

#[test]
fn replies_are_whole() {
    let mut told = Vec::new();
    let mut session = Session::new();
    let mut out = |heard: Heard<'_>| {
        if let Heard::Reply(reply) = heard {
            let text = String::from_utf8_lossy(reply.text).into_owned();
            told.push((reply.code, reply.enhanced, text));
        }
    };
    let octets = b"220-mx\n220 ready\n150 noise\r\nnoise\r\n550-5.7.1 no\r\n550 5.7.1 blocked \r\n";
    session.octets(Side::Server, octets, &mut out);
    assert_eq!(
        told,
        [
            (220, None, "ready".to_owned()),
            (550, Some((5, 7, 1)), "blocked".to_owned())
        ]
    );
}

#[test]
fn what_is_wrong_is_said_once() {
    let greeting = s("220 mx\r\n");
    for (steps, expected) in [
        (
            vec![c("HELO pc\r\n"), greeting.clone(), s("250 ok\r\n")],
            "HELO(pc) !HeloNotQualified 220>Connect !EarlyTalk 250>Helo",
        ),
        (
            vec![
                greeting.clone(),
                c("MAIL FROM: a@b.example\n"),
                s("250 ok\r\n"),
                c("MAIL FROM: a@b.example\n"),
                s("503 nested\r\n"),
            ],
            "220>Connect MAIL(a@b.example) !BareLf !MissingBrackets !SpaceAfterColon !NoHelo \
             250>Mail MAIL(a@b.example) 503>Mail !NoQuit",
        ),
        (
            vec![
                greeting.clone(),
                c("HELO a.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"),
                s("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                c("text\r\n.\r\nQUIT"),
                s("250 ok\r\n221 bye\r\n"),
            ],
            "220>Connect HELO(a.example) MAIL(a@a.example) !UnofferedPipelining RCPT(b@b.example) \
             DATA 250>Helo 250>Mail 250>Rcpt 354>Data 250>Message +message 221>? QUIT",
        ),
        (
            vec![
                greeting.clone(),
                c("EHLO a.example\r\n"),
                s("250 ok\r\n"),
                c("EHLO b.example\r\n"),
                s("250 ok\r\n"),
                c("XYZZY\r\n"),
                s("500 what\r\n"),
            ],
            "220>Connect EHLO(a.example) 250>Helo EHLO(b.example) !HeloChanged 250>Helo UNKNOWN \
             !UnknownCommand 500>Other",
        ),
        (
            vec![
                greeting.clone(),
                c([&b"VRFY "[..], &[0x90; 2048], b"\r\n"].concat()),
                s("502 no\r\n"),
                c([&b"X"[..], &[b'x'; 5000], b"\r\n"].concat()),
                s("500 no\r\n"),
            ],
            "220>Connect OTHER !LineTooLong !EightBit 502>Other UNKNOWN !UnknownCommand 500>Other",
        ),
        (
            vec![
                greeting.clone(),
                c("HELO a.example\r\n"),
                s("250 ok\r\n"),
                c("MAIL FROM:<a@a.example>\r\n"),
                s("421 bye\r\n"),
            ],
            "220>Connect HELO(a.example) 250>Helo MAIL(a@a.example) 421>Mail",
        ),
        (
            vec![s("554 go away\r\n"), c("QUIT\r\n"), s("221 bye\r\n")],
            "554>Connect QUIT 221>Quit",
        ),
    ] {
        assert_eq!(hear(&steps), expected);
    }
}

#[test]
fn data_refused() {
    let begin = [
        s("220 mx\r\n"),
        c("HELO a.example\r\n"),
        s("250 ok\r\n"),
        c("DATA\r\n"),
    ];
    let head = "220>Connect HELO(a.example) 250>Helo DATA ";
    for (steps, expected) in [
        (vec![s("503 no\r\n"), c("QUIT\r\n")], "503>Data QUIT"),
        // The text was captured before the refusal.
        (
            vec![c("text\r\nmore"), s("503 no\r\n"), c(" text\r\nQUIT\r\n")],
            "503>Data QUIT",
        ),
        // And before the permission.
        (
            vec![
                c("text\r\n"),
                s("354 go\r\n"),
                c("QUIT\r\n.\r\n"),
                s("250 ok\r\n"),
                c("QUIT\r\n"),
            ],
            "354>Data 250>Message +message QUIT",
        ),
        // A lone dot, and a dot that begins the text in pieces.
        (
            vec![
                s("354 go\r\n"),
                c("."),
                c("\r"),
                c("\nQUIT\r\n"),
                s("250 ok\r\n221 bye\r\n"),
            ],
            "354>Data QUIT !UnofferedPipelining 250>Message +message 221>Quit",
        ),
        (
            vec![
                s("354 go\r\n"),
                c("."),
                c(".\r\n"),
                c(".\r"),
                c("\nQUIT\r\n"),
                s("250 ok\r\n"),
            ],
            "354>Data QUIT !UnofferedPipelining 250>Message +message",
        ),
        // The reply was captured before the end of the text.
        (
            vec![
                s("354 go\r\n"),
                c("a\r\n"),
                s("250 ok\r\n"),
                c(".\r\nNOOP\r\n"),
                s("250 ok\r\n"),
            ],
            "354>Data 250>Message +message OTHER !UnofferedPipelining 250>Other",
        ),
    ] {
        assert_eq!(
            hear(&[&begin[..], &steps].concat()),
            format!("{head}{expected}")
        );
    }
}

#[test]
fn one_direction_only() {
    assert_eq!(
        hear(&only(Side::Client, &two_mails())),
        "EHLO(a.example) MAIL(x@a.example) RCPT(y@b.example) DATA MAIL(x@a.example) \
         RCPT(z@b.example) RSET MAIL() RCPT(z@b.example) DATA QUIT alone+message"
    );
    assert_eq!(
        hear(&only(Side::Server, &two_mails())),
        "220>Connect unheard 250>? 250>? 250>? 354>Data 250>Message +message 250>? 550>? 250>? 250>? \
         250>? 354>Data 554>Message -message 221>?"
    );
    // Of AUTH alone, credentials go on until a command.
    assert_eq!(
        hear(&only(Side::Client, &authenticated()[..9])),
        "EHLO(a.example) AUTH(LOGIN) QUIT UNKNOWN !UnknownCommand"
    );
}

/// SMTP waits for replies, so that what a client sends tells what it was answered.
#[test]
fn what_became_of_an_envelope_is_told_by_the_client_alone() {
    let envelope = [
        c("HELO a\r\n"),
        c("MAIL FROM:<x@a.example>\r\n"),
        c("RCPT TO:<y@b.example>\r\n"),
    ];
    let last = |rest: &[Step]| {
        let told = hear(&[&envelope[..], rest].concat());
        told.rsplit(' ').next().map(str::to_owned).unwrap()
    };
    let (data, text, quit) = (
        c("DATA\r\n"),
        c("Subject: a\r\n\r\nb\r\n.\r\n"),
        c("QUIT\r\n"),
    );
    let handed = [data.clone(), text.clone(), quit.clone()];
    assert_eq!(last(&handed), "alone+message");
    assert_eq!(
        last(&[c("BDAT 3 LAST\r\nabc"), quit.clone()]),
        "alone+message"
    );
    // RCPT was refused, or DATA was.
    for refused in [
        &[quit.clone()][..],
        &[c("RSET\r\n")],
        &[data.clone(), quit.clone()],
    ] {
        assert_eq!(last(refused), "alone+nothing");
    }
    // Who waits for nothing tells nothing.
    assert_eq!(
        last(&[c("DATA\r\nSubject: a\r\n\r\nb\r\n.\r\n"), quit.clone()]),
        "QUIT"
    );
    // Nor what has a hole, or is not known to have ended.
    assert_eq!(last(&[c_gap(8), quit.clone()]), "QUIT");
    let forgotten = hear_until(&mut Session::new(), &envelope, End::Forgotten);
    assert_eq!(forgotten.last().unwrap(), "RCPT(y@b.example)");
    // Where the server is seen, it tells itself.
    assert_eq!(last(&[s("550 no\r\n"), quit.clone()]), "QUIT");
    // No envelope: who looks whether anybody is there.
    assert_eq!(hear(&[c("HELO a.b\r\n"), quit]), "HELO(a.b) QUIT");
}

#[test]
fn picked_up_in_the_middle() {
    let steps = two_mails();
    let text = "Received: from x\r\nHelp me please\r\nData is here\r\n\r\nQuit it\r\n";
    assert_eq!(
        hear_midstream(&[&[c(text), c("more\r\n.\r\n")], &steps[10..11], &steps[25..]].concat()),
        "250>? QUIT 221>Quit"
    );
    assert_eq!(
        hear_midstream(&steps[3..11]),
        "MAIL(x@a.example) 250>Mail RCPT(y@b.example) 250>Rcpt DATA 354>Data 250>Message +message \
         !NoQuit"
    );
    assert_eq!(
        hear_midstream(&[c("GET / HTTP/1.1\r\n"), s("HTTP/1.1 200 OK\r\n")]),
        ""
    );
    assert!(Session::midstream().gapped() && !Session::new().gapped());
}

#[test]
fn other_protocols() {
    let http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (steps, expected) in [
        (vec![c(http)], "not-smtp"),
        (vec![c(http), s("HTTP/1.1 400 Bad\r\n")], "not-smtp"),
        (vec![s("SSH-2.0-x\r\n"), c("SSH-2.0-y\r\n")], "not-smtp"),
        (vec![c("SSH-2.0-y\r\n")], "not-smtp"),
        (
            vec![s("+OK ready\r\n"), c("USER me\r\n"), s("+OK\r\n")],
            "not-smtp",
        ),
        (
            vec![c("USER me\r\n"), s("+OK ready\r\n")],
            "UNKNOWN !UnknownCommand not-smtp",
        ),
        (vec![c(b"\x03\x00\x00\x13\x0e\xe0")], "not-smtp"),
        (
            vec![s("+OK ready\r\n"), c("EHLO a.example\r\n")],
            "EHLO(a.example)",
        ),
        // A bot's first command may be broken.
        (
            vec![s("220 mx\r\n"), c("XHELO me\r\n"), s("500 what\r\n")],
            "220>Connect UNKNOWN !UnknownCommand 500>Other",
        ),
        (
            vec![s("220 mx\r\n"), c(http), s("500 what\r\n")],
            "220>Connect UNKNOWN !UnknownCommand UNKNOWN !UnofferedPipelining UNKNOWN 500>Other",
        ),
    ] {
        assert_eq!(hear(&steps), expected);
    }
}

/// The transcript with each call cut at some places.
fn cut_at(steps: &[Step], cuts: &[usize]) -> Vec<Step> {
    let mut cuts = cuts.iter().cycle();
    let mut all = Vec::new();
    for step in steps {
        let Step::Octets(side, octets) = step else {
            all.push(step.clone());
            continue;
        };
        let mut rest = &octets[..];
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            all.push(Step::Octets(*side, head.to_vec()));
            rest = tail;
        }
    }
    all
}

fn transcripts() -> Vec<Vec<Step>> {
    let mut transcripts = vec![
        two_mails(),
        pipelined(),
        chunks(),
        authenticated(),
        starttls(2),
    ];
    for side in [Side::Client, Side::Server] {
        let alone: Vec<_> = transcripts[..5]
            .iter()
            .map(|steps| only(side, steps))
            .collect();
        transcripts.extend(alone);
    }
    let odd = vec![
        c("HELO localhost\n"),
        s("220 mx\r\n250 ok\r\n"),
        c([
            &b"VRFY "[..],
            &[0x90; 2500],
            b"\r\n",
            b"JUNK\r\n\r\nRCPT TO: a\r\nDATA\r\ntext\r\n.\r\n",
        ]
        .concat()),
        s("502 no\r\n500 no\r\n500 no\r\n550 no\r\n503 no\r\n"),
        c("QUIT\r\n"),
    ];
    transcripts.push(odd);
    transcripts.push(vec![c("GET / HTTP/1.1\r\n\r\n"), s("HTTP/1.1 400 x\r\n")]);
    transcripts.push(vec![s("SSH-2.0-x\r\n"), c("SSH-2.0-y\r\n\x01\x02")]);
    transcripts
}

/// Without what depends on segments by its nature: what came in one had not waited.
fn without_pipelining(mut told: Vec<String>) -> Vec<String> {
    told.retain(|one| one != "!UnofferedPipelining" && !one.starts_with("alone+"));
    told
}

#[test]
fn octet_by_octet() {
    for steps in transcripts() {
        let whole = without_pipelining(hear_in(&mut Session::new(), &steps));
        let single = without_pipelining(hear_in(&mut Session::new(), &cut_at(&steps, &[1])));
        assert_eq!(single, whole);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let phrases = [
        "220 mx\r\n",
        "250 ok\r\n",
        "250-x\r\n",
        "354 go\r\n",
        "334 x\r\n",
        "550 5.1.1 no\r\n",
        "221 bye\r\n",
        "421 x\r\n",
        "EHLO a.example\r\n",
        "MAIL FROM:<a@b.example>\r\n",
        "RCPT TO:<c@d.example>\r\n",
        "DATA\r\n",
        "text\r\n",
        ".\r\n",
        "\r\n.\r\n",
        "BDAT 5 LAST\r\n",
        "BDAT 5\r\n",
        "AUTH LOGIN\r\n",
        "STARTTLS\r\n",
        "QUIT\r\n",
        "RSET\r\n",
        "HELO",
        " x",
        "\n",
        "\u{16}\u{3}\u{1}",
        "\u{17}\u{3}\u{3}\0\u{5}",
    ];
    let phrase = prop::sample::select(phrases.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    let octets = prop_oneof![
        8 => phrase,
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(vec![b'x'; 3000]),
    ];
    (side, octets, prop::option::weighted(0.8, 0_u32..2000), 0..8).prop_map(
        |(side, octets, missing, kind)| {
            if kind == 0 {
                Step::Gap(side, missing)
            } else {
                Step::Octets(side, octets)
            }
        },
    )
}

proptest! {
    #[test]
    fn segmentation_does_not_matter(which in 0_usize..18, cuts in prop::collection::vec(1_usize..60, 1..40)) {
        let steps = &transcripts()[which];
        let whole = without_pipelining(hear_in(&mut Session::new(), steps));
        let cut = without_pipelining(hear_in(&mut Session::new(), &cut_at(steps, &cuts)));
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn anything_goes(steps in prop::collection::vec(step(), 0..60), whole: bool) {
        let mut session = if whole { Session::new() } else { Session::midstream() };
        let told = hear_in(&mut session, &steps);
        let count = |test: &dyn Fn(&str) -> bool| told.iter().filter(|one| test(one)).count();
        for one in told.iter().filter(|one| one.starts_with('!')) {
            prop_assert_eq!(count(&|other| other == one), 1);
        }
        prop_assert!(count(&|one| one.ends_with("message")) <= count(&|one| one.contains('>')));
        prop_assert!(count(&|one| one.starts_with("hello")) <= 1);
        if let Some(place) = told.iter().position(|one| one == "not-smtp") {
            prop_assert_eq!(place + 1, told.len());
        }
    }
}
