use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' ').filter(|word| !word.is_empty()))
}

fn help(line: &str) -> String {
    let command = Cli::command().term_width(100);
    let words = line.split(' ');
    let shown = command.try_get_matches_from(words).unwrap_err();
    assert_eq!(shown.exit_code(), 0, "{shown}");
    shown.to_string()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_texts() {
    for (name, line) in [
        ("main", "mxray --help"),
        ("replay_short", "mxray replay -h"),
        ("replay", "mxray replay --help"),
        ("live_short", "mxray live -h"),
        ("live", "mxray live --help"),
        ("explain_short", "mxray explain -h"),
        ("report", "mxray report --help"),
        ("report_short", "mxray report -h"),
        ("plot_short", "mxray plot -h"),
        ("inventory_short", "mxray inventory -h"),
        ("synth", "mxray synth --help"),
        ("check", "mxray check --help"),
        ("schema", "mxray schema --help"),
        ("notify", "mxray notify --help"),
        ("notify_short", "mxray notify -h"),
        ("metrics", "mxray metrics --help"),
        ("top", "mxray top --help"),
        ("ship", "mxray ship --help"),
        ("ship_short", "mxray ship -h"),
    ] {
        let help = help(line);
        if name.ends_with("_short") {
            // One line for each option, or it is not short.
            assert!(!help.contains("\n                     "), "{help}");
        }
        let widest = help.lines().map(|text| text.chars().count()).max();
        assert!(widest <= Some(100), "{line}: {widest:?} columns");
        insta::assert_snapshot!(format!("help_{name}"), help);
    }
}

#[test]
fn version() {
    let shown = parse("mxray --version").unwrap_err();
    assert_eq!(shown.exit_code(), 0);
    let version = concat!("mxray ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(shown.to_string(), version);
}

#[test]
fn wrong_usage_is_status_2() {
    for line in [
        "mxray",
        "mxray frobnicate",
        "mxray replay",
        "mxray replay --frobnicate a.pcap",
        "mxray replay --hosts=some a.pcap",
        "mxray replay --workers many a.pcap",
        "mxray replay --workers -1 a.pcap",
        "mxray replay --stats 0.5 a.pcap",
        "mxray replay --format cef a.pcap",
        "mxray replay --evidence all a.pcap",
        "mxray replay -q -v a.pcap",
        "mxray replay -o a -o b a.pcap",
        "mxray replay --home",
        "mxray live",
        "mxray live eth0",
        "mxray live -i eth0 --since 2005-02-25",
        "mxray explain 192.0.2.1",
        "mxray explain --hosts 192.0.2.1 a.pcap",
        "mxray inventory",
        "mxray inventory --exit-code a.pcap",
        "mxray synth",
        "mxray synth worm",
        "mxray synth -o a.pcap",
        "mxray synth worm -o a.pcap --list",
        "mxray check a.pcap",
        "mxray schema a",
        "mxray schema --format cef",
        "mxray notify",
        "mxray notify e",
        "mxray notify --inventory i --dry-run",
        "mxray notify --inventory i --dry-run --log l e",
        "mxray notify --inventory i --dry-run --once e",
        "mxray notify --inventory i e",
        "mxray notify --inventory i --dry-run --limit 0 e",
        "mxray notify --inventory i --dry-run --language fr e",
        "mxray metrics",
        "mxray metrics --status s --listen here",
        "mxray top",
        "mxray ship",
        "mxray ship --log a",
        "mxray ship --to syslog+udp://a",
        "mxray ship --log a --to b --tls-cert c",
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}: {error}");
    }
}

#[test]
fn hosts_takes_no_word_that_follows() {
    let hosts = |line| match parse(line).unwrap().command {
        Command::Replay(replay) => (replay.hosts, replay.paths.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(hosts("mxray replay a"), (None, 1));
    assert_eq!(hosts("mxray replay --hosts a"), (Some(Hosts::Judged), 1));
    assert_eq!(hosts("mxray replay --hosts=all a"), (Some(Hosts::All), 1));
    assert_eq!(
        hosts("mxray replay --hosts all a"),
        (Some(Hosts::Judged), 2)
    );
}

#[test]
fn synth_writes_or_lists() {
    assert!(parse("mxray synth --list").is_ok());
    assert!(parse("mxray synth worm -o -").is_ok());
}
