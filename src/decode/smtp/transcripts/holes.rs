//! Octets are missing.

use super::*;

#[test]
fn holes() {
    let mut steps = two_mails();
    // In a command: it counts by its verb.
    steps.splice(3..4, [c("MAIL FROM:<x@a.exa"), c_gap(15)]);
    assert_eq!(
        hear(&steps),
        TWO_MAILS.replacen("MAIL(x@a.example)", "MAIL(?)", 1)
    );
    // In a text, and over its end.
    let mut steps = two_mails();
    steps.splice(
        9..10,
        [c("From: x\r\nSubj"), c_gap(9), c("ect\r\nDATA\r\n.\r\n")],
    );
    assert_eq!(hear(&steps), TWO_MAILS);
    steps.splice(9..12, [c("From: x\r\nSubj"), c_gap(999)]);
    assert_eq!(hear(&steps), TWO_MAILS);
    // The end of the text alone behind a hole.
    steps.splice(9..11, [c("From: x\r\nSubj"), c_gap(999), c(".\r\n")]);
    assert_eq!(hear(&steps), TWO_MAILS);
    // A reply is missed.
    let mut steps = two_mails();
    steps.splice(4..5, [s_gap(14)]);
    assert_eq!(hear(&steps), TWO_MAILS.replacen("250>Mail ", "", 1));
    // 354 is missed, and the reply to the message is: whether that was accepted is not known.
    let mut steps = two_mails();
    steps.splice(8..9, [s_gap(8)]);
    assert_eq!(hear(&steps), TWO_MAILS.replacen("354>Data ", "", 1));
    let mut steps = two_mails();
    steps.splice(10..11, [s_gap(18)]);
    assert_eq!(
        hear(&steps),
        TWO_MAILS.replacen("250>Message +message ", "", 1)
    );
    // A hole in a chunk.
    let mut steps = chunks();
    steps.splice(
        5..6,
        [
            c("BDAT 9\r\nQU"),
            c_gap(5),
            c("\r\nBDAT 4\r\nRSETBDAT 0 LAST\r\n"),
        ],
    );
    assert_eq!(hear(&steps), hear(&chunks()));
}

/// A session up to DATA, with its last reply.
fn up_to_data(rest: &[Step]) -> String {
    let steps = &two_mails()[..8];
    let told = hear(&[steps, rest].concat());
    let (_, behind) = told.split_once("DATA ").unwrap();
    behind.to_owned()
}

#[test]
fn a_lost_reply_does_not_make_the_next_its_own() {
    let steps = [
        s("354 go\r\n"),
        c("text\r\n.\r\n"),
        s_gap(14),
        c("MAIL FROM:<>\r\n"),
        s("250 ok\r\n"),
        c("QUIT\r\n"),
        s("221 bye\r\n"),
    ];
    assert_eq!(up_to_data(&steps), "354>Data MAIL() 250>Mail QUIT 221>Quit");
    // The permission was cut, and the hole has the reply to the text as well.
    let mut cut = steps.to_vec();
    cut.splice(..3, [s("354 go ah"), s_gap(40), c("text\r\n.\r\n")]);
    assert_eq!(up_to_data(&cut), "354>Data MAIL() 250>? QUIT 221>Quit");
    // Of commands sent together, up to the permission.
    let mut pipelined = pipelined();
    pipelined.splice(
        4..5,
        [
            s("250 sender ok\r\n"),
            s_gap(36),
            s("550 unknown\r\n354 go\r\n"),
        ],
    );
    assert_eq!(
        hear(&pipelined).split_once("DATA ").unwrap().1,
        "250>Mail 550>? 354>Data QUIT 250>Message +message 221>Quit"
    );
}

#[test]
fn a_hole_without_a_known_end_is_the_rest_of_nothing() {
    let lost = |side| Step::Gap(side, None);
    // Of a command: its reply may be in another hole, and the next one to another command.
    let known = [c("RCPT TO:<y@b.e"), c_gap(1), s("250 ok\r\n")];
    let unknown = [c("RCPT TO:<y@b.e"), lost(Side::Client), s("250 ok\r\n")];
    let behind = |steps: &[Step]| hear(&[&two_mails()[..5], steps].concat());
    assert!(behind(&known).ends_with("250>Mail RCPT(?) 250>Rcpt"));
    assert!(behind(&unknown).ends_with("250>Mail RCPT(?) 250>?"));
    // Of a reply.
    let next = s("250 ok\r\n");
    let known = [c("RSET\r\n"), s("250 o"), s_gap(1), next.clone()];
    let unknown = [c("RSET\r\n"), s("250 o"), lost(Side::Server), next];
    assert_eq!(behind(&known), behind(&unknown));
    // It may hide the permission and all before it, so that what looks like commands is text.
    let begin = &two_mails()[..3];
    let text = [c("MAIL FROM:<quoted@a.example>\r\n"), s("250 ok\r\n")];
    let head = "220>Connect EHLO(a.example) 250>Helo";
    let told = hear(&[begin, &[s_gap(9), c_gap(1)], &text].concat());
    assert_eq!(
        told,
        format!("{head} MAIL(quoted@a.example) 250>Mail !NoQuit")
    );
    let holes = [lost(Side::Server), lost(Side::Client)];
    let told = hear(&[begin, &holes, &text].concat());
    assert_eq!(told, format!("{head} 250>?"));
}

#[test]
fn a_command_behind_a_hole_counts_over_any_segments() {
    let behind = [
        c_gap(30),
        c("MAIL FR"),
        c("OM:<a@b.example>\r\n"),
        s("250 ok\r\n"),
        c("RCPT TO:<c@d.example>\r\n"),
        s("250 ok\r\n"),
    ];
    let told = hear(&[&two_mails()[..3], &behind].concat());
    assert!(
        told.ends_with("MAIL(a@b.example) 250>Mail RCPT(c@d.example) 250>Rcpt !NoQuit"),
        "{told}"
    );
    // Behind the rest of a line that is answered, too.
    let steps = [
        &[c_gap(10), c("b.exa"), c("mple>\r\n"), s("250 ok\r\n")],
        &behind[1..],
    ]
    .concat();
    let told = hear(&[&two_mails()[..3], &steps].concat());
    assert!(
        told.contains("250>? MAIL(a@b.example) 250>Mail RCPT"),
        "{told}"
    );
}

#[test]
fn a_text_is_none_of_commands_though_its_permission_was_lost() {
    let text = c("MAIL FROM:<quoted@a.example>\r\nRCPT TO:<q@b.example>\r\n\r\nhi\r\n.\r\n");
    let steps = [s_gap(8), text.clone(), s("250 ok\r\n"), c("QUIT\r\n")];
    assert_eq!(up_to_data(&steps), "250>Message +message QUIT");
    // The server is not seen at all.
    let client = |text: &[Step]| hear(&[&only(Side::Client, &two_mails()[..8]), text].concat());
    let head = "EHLO(a.example) MAIL(x@a.example) RCPT(y@b.example) DATA ";
    assert_eq!(
        client(&[text, c("QUIT\r\n")]),
        format!("{head}QUIT alone+message")
    );
    // DATA was refused: commands up to the next DATA or the end are such.
    let refused = ["NOOP\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<a@b.example>\r\n"].map(c);
    let more = [
        &refused[..],
        &[c("DATA\r\n"), c("hi\r\n.\r\n"), c("QUIT\r\n")],
    ]
    .concat();
    assert_eq!(
        client(&more),
        format!("{head}OTHER MAIL() RCPT(a@b.example) DATA QUIT alone+message")
    );
    let more = [&refused[..], &[c("QUIT\r\n")]].concat();
    assert_eq!(
        client(&more),
        format!("{head}OTHER MAIL() RCPT(a@b.example) QUIT alone+nothing")
    );
}

#[test]
fn segments_cut_by_a_snap_length() {
    let cut = |steps: &[Step], at: usize| -> Vec<Step> {
        let mut cut = Vec::new();
        for step in steps {
            let Step::Octets(side, octets) = step else {
                continue;
            };
            let (head, tail) = octets.split_at(octets.len().min(at));
            cut.push(Step::Octets(*side, head.to_vec()));
            if !tail.is_empty() {
                cut.push(Step::Gap(*side, Some(u32::try_from(tail.len()).unwrap())));
            }
        }
        cut
    };
    let expected = TWO_MAILS.replacen("MAIL(x@a.example)", "MAIL(?)", 1);
    assert_eq!(hear(&cut(&two_mails(), 30)), expected);
    let expected = TWO_MAILS
        .replace("MAIL(x@a.example)", "MAIL(?)")
        .replace("RCPT(y@b.example)", "RCPT(?)")
        .replace("RCPT(z@b.example)", "RCPT(?)");
    assert_eq!(hear(&cut(&two_mails(), 15)), expected);
    let client = hear(&only(Side::Client, &cut(&two_mails(), 15)));
    assert_eq!(
        client,
        "EHLO(a.example) MAIL(?) RCPT(?) DATA MAIL(?) RCPT(?) RSET MAIL() RCPT(?) DATA QUIT"
    );
}
