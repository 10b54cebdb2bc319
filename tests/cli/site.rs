use super::*;

#[test]
fn hosts_outside_of_home_are_counted_and_not_judged() {
    let place = Place::with("study-client-b");
    place.write("raw.pcap", capture("link-raw"));
    let unknown = place.run("replay -q study-client-b.pcap", 0).verdicts();
    assert_eq!(unknown[0]["mxray"]["visibility"]["home"], "unknown");
    let inside = place.run("replay -q --home 192.0.2.0/28 study-client-b.pcap", 0);
    assert_eq!(inside.verdicts().len(), unknown.len());
    assert_eq!(
        inside.verdicts()[0]["mxray"]["visibility"]["home"],
        "inside"
    );
    let outside = place.run("replay -q --home 192.0.2.128/25 study-client-b.pcap", 0);
    assert!(outside.verdicts().is_empty());
    assert_eq!(outside.totals()["hosts"]["tracked"], 1);

    let ips = |run: &Run| -> Vec<String> {
        let ip = |event: &Value| event["source"]["ip"].as_str().unwrap().to_owned();
        run.hosts().iter().map(ip).collect()
    };
    let home = "--home 192.0.2.0/24 --home 203.0.113.0/24";
    let judged = place.run(&format!("replay -q --hosts {home} raw.pcap"), 0);
    assert_eq!(ips(&judged), ["192.0.2.130"]);
    let all = place.run(&format!("replay -q --hosts=all {home} raw.pcap"), 0);
    assert_eq!(ips(&all), ["192.0.2.130", "2001:db8:0:2::130"]);
    assert_eq!(all.hosts()[1]["mxray"]["role"]["name"], "external");
    assert_eq!(all.hosts()[1]["mxray"]["level"], "none");
    let none = place.run("replay -q raw.pcap", 0);
    assert!(none.hosts().is_empty());
    // What is outside is external whatever the inventory says of it.
    place.write(
        "roles.toml",
        "[[host]]\nnet = \"2001:db8::/32\"\nrole = \"mail-server\"\n",
    );
    let known = place.run(
        &format!("replay -q --hosts=all --inventory roles.toml {home} raw.pcap"),
        0,
    );
    assert_eq!(known.hosts()[1]["mxray"]["role"]["name"], "external");

    let wrong = place.run("replay --home 192.0.2.1/24 raw.pcap", 2);
    assert!(
        wrong.stderr.starts_with("mxray: --home: "),
        "{}",
        wrong.stderr
    );
}

#[test]
fn the_inventory_gives_roles_and_suppresses() {
    let place = Place::with("study-client-b");
    place.write(
        "roles.toml",
        "[[host]]\nnet = \"192.0.2.0/24\"\nrole = \"pc\"\n\
         [[host]]\nnet = \"192.0.2.2\"\nrole = \"mail-server\"\n",
    );
    let run = place.run(
        "replay -q --hosts --inventory roles.toml study-client-b.pcap",
        0,
    );
    assert!(run.verdicts().is_empty(), "a mail server may ask for MX");
    let role = &run.hosts()[0]["mxray"]["role"];
    assert_eq!(
        (&role["name"], &role["source"]),
        (&"mail-server".into(), &"inventory".into())
    );

    let suppress =
        |more: &str| format!("[[suppress]]\nnet = \"192.0.2.2\"\nreason = \"ticket 1\"\n{more}");
    for (more, suppressed) in [
        ("", true),
        ("class = \"gen2-mx\"\n", true),
        ("class = \"gen3-a\"\n", false),
        ("until = 2003-08-19\n", true), // that day included, by packet time
        ("until = 2003-08-18\n", false),
    ] {
        place.write("mute.toml", suppress(more));
        let run = place.run("replay --inventory mute.toml study-client-b.pcap", 0);
        let verdicts = run.verdicts();
        assert_eq!(verdicts.len(), 4, "still written: {more}");
        let convicted = &verdicts[2];
        assert_eq!(convicted["mxray"]["level"], "likely");
        assert_eq!(convicted["mxray"]["suppressed"], suppressed, "{more}");
        let kind = if suppressed { "event" } else { "alert" };
        assert_eq!(convicted["event"]["kind"], kind, "{more}");
        assert_eq!(
            convicted["mxray"]["suppressed_reason"] == "ticket 1",
            suppressed,
            "{more}"
        );
        assert_eq!(run.stderr.contains("(suppressed)"), suppressed, "{more}");
    }

    place.write(
        "bad.toml",
        "[[host]]\nnet = \"192.0.2.2\"\nrole = \"server\"\n",
    );
    let run = place.run("replay --inventory bad.toml study-client-b.pcap", 2);
    assert!(
        run.stderr.starts_with("mxray: bad.toml:3: "),
        "{}",
        run.stderr
    );
}

#[test]
fn keywords_are_added_and_replaced_in_order() {
    let place = Place::with("dns-case-and-tiers");
    place.write("words", "# ours\nmta\nPOP  # case does not matter\n");
    place.write("bad", "mta\nno.dots\n");
    // exact, numbered, prefix by the recipe's table of labels.
    for (specs, tiers) in [
        ("", [9, 7, 10]),
        ("--keywords +www", [11, 7, 10]), // and www.mail
        ("--keywords words", [11, 7, 10]),
        ("--keywords =gate,mta", [2, 1, 1]), // gate, mta; gate-007; gate7x
        ("--keywords =gate --keywords +mx", [3, 2, 6]), // mx MX gate; MX01 gate-007; mxs is a prefix
        ("--keywords +www --keywords =gate", [1, 1, 1]),
    ] {
        let line = format!("replay -q --hosts {specs} dns-case-and-tiers.pcap");
        let host = place.run(&line, 0).hosts().remove(0);
        let keyword = &host["mxray"]["dns"]["keyword"];
        let found = ["exact", "numbered", "prefix"].map(|tier| keyword[tier].as_u64().unwrap());
        assert_eq!(found, tiers, "{specs}");
        assert_eq!(host["mxray"]["correlation"]["k"], tiers[0] + tiers[1]);
    }
    for (spec, said) in [
        ("bad", "mxray: bad:2: "),
        ("missing", "mxray: --keywords: "),
        ("+", "mxray: --keywords: "),
    ] {
        let run = place.run(
            &format!("replay --keywords {spec} dns-case-and-tiers.pcap"),
            2,
        );
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
    }
}

#[test]
fn the_command_line_wins_over_the_config_file() {
    let place = Place::with("study-client-b");
    place.write("etc/mute.toml", "[[suppress]]\nnet = \"192.0.2.2\"\n");
    place.write(
        "etc/mxray.toml",
        "home = [\"192.0.2.0/24\"]\nquiet = true\nhosts = true\nsensor = \"one\"\n\
         exit-code = true\ninventory = \"mute.toml\"\noutput = \"events\"\n",
    );
    // Relative to the folder that the file lies in, as its inventory and output are.
    let run = place.run("replay --config etc/mxray.toml study-client-b.pcap", 10);
    assert_eq!((&*run.stdout, &*run.stderr), ("", ""));
    let written = events(&place.read("etc/events"));
    assert_eq!(written.len(), 6, "four verdicts, a host, totals");
    assert_eq!(written[0]["observer"]["name"], "one");
    assert_eq!(written[0]["mxray"]["suppressed"], true);

    let line = "replay --config etc/mxray.toml --home 198.51.100.0/24 --sensor two -o - -v \
                study-client-b.pcap";
    let run = place.run(line, 0);
    assert_eq!(run.events().len(), 1, "{}", run.stdout);
    assert_eq!(run.events()[0]["observer"]["name"], "two");
    assert!(
        run.stderr
            .ends_with("452 packets, 452 decoded, 1 host, 0 convicted\n")
    );
}

#[test]
fn a_config_file_says_what_is_wrong_in_which_line() {
    let place = Place::with("one-packet");
    for (text, said) in [
        (
            "sensor = \"x\"\nfrobnicate = 1\n",
            "mxray: c.toml:2: unknown key `frobnicate`",
        ),
        ("sensor = 7\n", "mxray: c.toml:1: "),
        ("\n\nhome = [\"192.0.2.0/33\"]\n", "mxray: c.toml:3: home: "),
        ("stats = 0\n", "mxray: c.toml:1: stats: "),
        ("home = [\n", "mxray: c.toml:"),
    ] {
        place.write("c.toml", text);
        let run = place.run("replay --config c.toml one-packet.pcap", 2);
        assert!(run.stderr.starts_with(said), "{text}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    let run = place.run("replay --config missing.toml one-packet.pcap", 2);
    assert!(
        run.stderr
            .starts_with("mxray: --config: cannot read missing.toml")
    );
}
