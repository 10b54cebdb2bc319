use super::*;

#[test]
fn check_says_what_is_valid_and_what_is_not() {
    let place = Place::new();
    place.write(
        "inventory.toml",
        "[[host]]\nnet = \"192.0.2.0/24\"\nrole = \"pc\"\n",
    );
    place.write(
        "mxray.toml",
        "inventory = \"inventory.toml\"\nfilter = \"port 53\"\n",
    );
    let good = place.run(
        "check --config mxray.toml --keywords +mta --home 192.0.2.0/24",
        0,
    );
    let expected = "\
config: valid: mxray.toml
inventory: valid: inventory.toml, 1 [[host]], 0 [[suppress]], 0 domains
keywords: valid: gate mail mta mx mxs ns relay smtp
home: valid: 192.0.2.0/24
filter: valid: port 53
";
    assert_eq!((&*good.stdout, &*good.stderr), (expected, ""));

    // All that is wrong at once.
    place.write(
        "inventory.toml",
        "[[host]]\nnet = \"192.0.2.0/24\"\nrole = \"server\"\n",
    );
    let mut bad = place.mxray("check --inventory inventory.toml --home here --keywords missing");
    let bad = Run::of(bad.args(["-f", "prot 53"]), 1);
    let parts = ["inventory", "keywords", "home", "filter"];
    let found: Vec<&str> = bad
        .stdout
        .lines()
        .map(|line| line.split_once(": not valid: ").unwrap().0)
        .collect();
    assert_eq!(found, parts);
    assert!(bad.stdout.contains("inventory.toml:3: "), "{}", bad.stdout);
}

#[test]
fn the_examples_are_valid() {
    let place = Place::new();
    for (name, text) in [
        ("mxray.toml", include_str!("../../docs/examples/mxray.toml")),
        (
            "inventory.toml",
            include_str!("../../docs/examples/inventory.toml"),
        ),
    ] {
        place.write(name, text);
    }
    place.run("check --inventory inventory.toml", 0);
    let run = place.mxray("check --config mxray.toml").output().unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.starts_with("config: valid: "), "{said}");
}

#[test]
fn what_the_package_configures_is_valid() {
    let place = Place::new();
    for (name, text) in [
        ("mxray.toml", include_str!("../../packaging/etc/mxray.toml")),
        (
            "inventory.toml",
            include_str!("../../packaging/etc/inventory.toml"),
        ),
    ] {
        // What stands there as a comment is to be used as it is.
        let comment = |line: &str| match line.strip_prefix("# ") {
            Some(entry) if entry.contains(" = ") || entry.starts_with('[') => entry.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<_> = text.lines().map(comment).collect();
        place.write(name, lines.join("\n"));
    }
    let said = place.run("check --config mxray.toml", 0).stdout;
    let inventory = "inventory: valid: inventory.toml, 1 [[host]], 1 [[suppress]], 1 domains";
    assert!(said.contains(inventory), "{said}");
    assert!(said.contains("home: valid: 192.0.2.0/24"), "{said}");
}

#[test]
fn completions_and_manual_pages() {
    let place = Place::new();
    let zsh = place.run("completions zsh", 0).stdout;
    assert!(zsh.starts_with("#compdef mxray\n"), "{zsh}");
    assert!(zsh.contains("--hosts-interval"), "{zsh}");
    place.run("man .", 0);
    assert!(place.read("mxray-replay.1").contains(".SH EXAMPLES\n"));
    let missing = place.run("man missing", 1).stderr;
    assert!(missing.starts_with("mxray: writing missing/"), "{missing}");
}

#[test]
fn explain_tells_one_hosts_story() {
    let place = Place::with("study-client-b");
    let run = place.run("explain 192.0.2.2 study-client-b.pcap", 0);
    assert!(
        run.stdout.starts_with("192.0.2.2  likely  gen2-mx  "),
        "{}",
        run.stdout
    );
    for part in [
        "queries   226: A 36, ",
        "MX 190",
        "study-client-b.pcap frame 1",
        "prefixes",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let lines = run.stdout.lines().count();
    assert!(lines <= 40, "a screenful has no {lines} lines");
    assert_eq!(run.stderr, "");
    // IPv4 written as IPv6 is IPv4.
    let mapped = place.run("explain ::ffff:192.0.2.2 study-client-b.pcap", 0);
    assert_eq!(mapped.stdout, run.stdout);

    let unknown = place.run("explain 192.0.2.99 study-client-b.pcap", 1);
    assert_eq!(unknown.stdout, "");
    assert_eq!(
        unknown.stderr,
        "mxray: 192.0.2.99 asked nothing in these captures\n"
    );
    let wrong = place.run("explain pc-7 study-client-b.pcap", 2);
    assert_eq!(wrong.stderr, "mxray: HOST: `pc-7` is no IP address\n");
}

#[test]
fn schema_is_a_json_schema_of_2020_12() {
    let schema = place_schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let place = Place::with("study-client-b");
    let mut event = place
        .run("replay -q study-client-b.pcap", 0)
        .events()
        .remove(0);
    assert!(validator.is_valid(&event));
    // It is strict: a name that it does not know is no part of an event.
    event["mxray"]["dns"]["quieries"] = 1.into();
    assert!(!validator.is_valid(&event));
}

fn place_schema() -> Value {
    let run = Place::new().run("schema", 0);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn synth_lists_and_writes() {
    let place = Place::new();
    let list = place.run("synth --list", 0).stdout;
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let known: Vec<&str> = synth::catalogue()
        .iter()
        .map(|recipe| recipe.name)
        .collect();
    assert_eq!(names, known);

    place.run("synth one-packet -o out.pcap", 0);
    assert_eq!(
        fs::read(place.path("out.pcap")).unwrap(),
        capture("one-packet")
    );
    let piped = place.mxray("synth one-packet -o -").output().unwrap();
    assert_eq!(piped.stdout, capture("one-packet"));

    let unknown = place.run("synth no-such -o made", 2);
    let expected = "mxray: NAME: there is no `no-such`; `mxray synth --list` lists them\n";
    assert_eq!(unknown.stderr, expected);
    assert!(!is_there(&place.path("made")));
}

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    let place = Place::with("one-packet");
    for line in [
        "",
        "replay",
        "frobnicate",
        "replay --hosts=some one-packet.pcap",
        "replay -q -v one-packet.pcap",
        "replay --workers 65 one-packet.pcap",
        "replay --memory 1 one-packet.pcap",
        "explain 192.0.2.1",
        "synth one-packet",
        "schema more",
        "schema --format cef",
    ] {
        let run = place.run(line, 2);
        assert_eq!(run.stdout, "", "{line}");
        assert!(!run.stderr.is_empty(), "{line}");
    }
    for line in [
        "--help",
        "-h",
        "--version",
        "help replay",
        "replay --help",
        "check -h",
    ] {
        let run = place.run(line, 0);
        assert!(!run.stdout.is_empty(), "{line}");
        assert_eq!(run.stderr, "", "{line}");
    }
}

#[test]
fn watching_a_sensor_that_is_not_there() {
    let place = Place::new();
    let run = place.run("top --once --status none", 1);
    assert!(run.stderr.contains("asking none: "), "{}", run.stderr);
    let run = place.run("top --status none", 1);
    assert!(run.stderr.contains("this is no terminal"), "{}", run.stderr);
    let run = place.run("metrics --status none --listen 192.0.2.1:9464", 1);
    assert!(
        run.stderr.contains("listening on 192.0.2.1:9464"),
        "{}",
        run.stderr
    );
}
