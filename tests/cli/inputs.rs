use super::*;

#[test]
fn a_cut_last_record_is_a_warning_with_its_offset() {
    let place = Place::new();
    let whole = capture("study-client-b");
    place.write("cut.pcap", &whole[..30_000]);
    let run = place.run("replay cut.pcap", 0);
    assert!(
        run.stderr.starts_with(
            "mxray: warning: cut.pcap: cut off in the middle of record 258 at offset 29936\n"
        ),
        "{}",
        run.stderr
    );
    assert_eq!(run.totals()["packets"]["seen"], 257);
    assert_eq!(place.run("replay -q cut.pcap", 0).stderr, "");
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_are_read() {
    let place = Place::with("study-client-b");
    place.write("notes.txt", "no capture at all");
    place.write("nothing", "");
    place.write("sub/readme", "nor this");
    let run = place.run(
        "replay -q missing notes.txt study-client-b.pcap nothing sub",
        1,
    );
    assert_eq!(run.totals()["packets"]["seen"], 452);
    let expected = "\
mxray: missing: cannot be read: No such file or directory (os error 2)
mxray: notes.txt: not a capture file (no pcap or pcapng magic number)
mxray: nothing: empty file
mxray: sub: no capture file in this folder
";
    assert_eq!(run.stderr, expected);
    // Also where nothing could be read there are totals, of nothing.
    let run = place.run("replay -q missing", 1);
    assert_eq!(run.totals()["packets"]["seen"], 0);
    assert_eq!(run.totals()["time_source"], "wall");
}

#[test]
fn a_folder_is_all_captures_in_it() {
    let place = Place::with("study-client-b");
    place.write("spool/deep/b.pcap", capture("study-client-b"));
    place.write("spool/one", capture("one-packet"));
    place.write("spool/README", "what this is");
    let run = place.run("replay -q spool", 0);
    assert_eq!(run.totals()["packets"]["seen"], 453);
    assert_eq!(run.totals()["files"], 2);
    let file = &run.verdicts()[0]["mxray"]["evidence"][0]["packets"][0]["file"];
    assert_eq!(file, "spool/deep/b.pcap");
}

#[test]
fn standard_input_pipes_and_compressed_files_say_the_same() {
    let place = Place::with("study-client-b");
    let plain = capture("study-client-b");
    place.write("b.gz", gzip(&plain));
    place.write("b", zstd::encode_all(&*plain, 1).unwrap());
    let expected = placeless(&place.run("replay -q study-client-b.pcap", 0).stdout);
    assert_eq!(expected.len(), 5);
    for line in ["replay -q b.gz", "replay -q b"] {
        assert_eq!(placeless(&place.run(line, 0).stdout), expected, "{line}");
    }
    for octets in [plain.clone(), gzip(&plain)] {
        let piped = Run::of(place.mxray("replay -q -").write_stdin(octets), 0);
        assert_eq!(placeless(&piped.stdout), expected);
        let file = &piped.verdicts()[0]["mxray"]["evidence"][0]["packets"][0]["file"];
        assert_eq!(file, "-");
    }
    let nothing = Run::of(place.mxray("replay -q -").write_stdin(""), 1);
    assert_eq!(nothing.stderr, "mxray: -: empty file\n");
}

#[test]
fn the_order_of_paths_does_not_matter_and_overlapping_files_are_merged() {
    let place = Place::with("study-client-b");
    let whole = capture("study-client-b");
    let all = records(&whole);
    // One after the other, and by turns.
    let (head, tail) = all.split_at(200);
    place.write("head", of_records(&whole, head.iter().copied()));
    place.write("tail", of_records(&whole, tail.iter().copied()));
    for turn in 0..3 {
        let mine = all.iter().skip(turn).step_by(3).copied();
        place.write(&format!("turn{turn}"), of_records(&whole, mine));
    }
    let expected = placeless(&place.run("replay -q study-client-b.pcap", 0).stdout);
    for paths in [
        "head tail",
        "tail head",
        "turn0 turn1 turn2",
        "turn2 turn0 turn1",
    ] {
        let run = place.run(&format!("replay -q {paths}"), 0);
        assert_eq!(placeless(&run.stdout), expected, "{paths}");
    }
    let forward = place.run("replay -q head tail", 0);
    let backward = place.run("replay -q tail head", 0);
    assert_eq!(forward.stdout, backward.stdout, "octet by octet");
}

#[test]
fn since_is_read_and_until_is_not() {
    let place = Place::with("second-edges");
    // Packets at seconds 0, 0.999999, 1, 1.999999, 2, 59.999999, 60 and later.
    for (window, read) in [
        (
            "--since 2026-01-05T00:00:01Z --until 2026-01-05T00:00:02Z",
            2,
        ),
        (
            "--since 2026-01-05T00:00:01Z --until 2026-01-05T00:00:02.000001Z",
            3,
        ),
        (
            "--since 2026-01-05T00:00:01.000001Z --until 2026-01-05T00:00:02",
            1,
        ),
        ("--since 2026-01-05T09:00:01+09:00 --until 1767571202", 2),
        ("--until 2026-01-05", 0),
        ("--since 2026-01-05", 11),
    ] {
        let totals = place
            .run(&format!("replay -q {window} second-edges.pcap"), 0)
            .totals();
        assert_eq!(totals["packets"]["decoded"], read, "{window}");
        assert_eq!(totals["packets"]["filtered"], 11 - read, "{window}");
        assert_eq!(totals["packets"]["seen"], 11, "{window}");
    }
    for window in ["--since now", "--since 2026-01-06 --until 2026-01-05"] {
        let run = place.run(&format!("replay {window} second-edges.pcap"), 2);
        assert!(run.stderr.starts_with("mxray: --since: "), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_filter_keeps_out_what_does_not_match() {
    let place = Place::with("link-raw");
    let mut command = place.mxray("replay -q --hosts link-raw.pcap");
    let run = Run::of(command.args(["-f", "ip6 and port 53"]), 0);
    let packets = &run.totals()["packets"];
    assert_eq!(
        (&packets["decoded"], &packets["filtered"]),
        (&1.into(), &2.into())
    );
    assert_eq!(run.hosts()[0]["source"]["ip"], "2001:db8:0:2::130");

    let mut command = place.mxray("replay link-raw.pcap");
    let run = Run::of(command.args(["-f", "prot 53"]), 2);
    assert!(
        run.stderr.starts_with("mxray: --filter: `prot 53`: "),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn questions_of_another_class_are_counted_and_are_no_evidence() {
    const MESSAGE: usize = RECORD_HEADER + 14 + 20 + 8; // Ethernet, IPv4, UDP
    let place = Place::new();
    let whole = capture("study-client-b");
    let chaos: Vec<Vec<u8>> = records(&whole)
        .into_iter()
        .map(|record| {
            let mut record = record.to_vec();
            let name = record[MESSAGE + 12..].iter().position(|&octet| octet == 0);
            let class = MESSAGE + 12 + name.unwrap() + 3;
            assert_eq!(record[class..class + 2], [0, 1], "the Internet's");
            record[class + 1] = 3;
            record
        })
        .collect();
    place.write(
        "chaos",
        of_records(&whole, chaos.iter().map(|record| &**record)),
    );
    let run = place.run("replay -q --hosts chaos", 0);
    assert!(run.verdicts().is_empty(), "nobody's mail goes by CHAOS");
    assert_eq!(run.hosts()[0]["mxray"]["dns"]["queries"]["mx"], 190);
    assert_eq!(run.hosts()[0]["mxray"]["correlation"]["k"], 22);
}
