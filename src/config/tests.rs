//! Command lines as strings, config files as texts, and what becomes of them.

use super::layer::Layer;
use super::reading::MAX_WORKERS;
use super::*;
use crate::cli::{Cli, Command};
use crate::eventlog::Bounds;
use crate::host::HostAddr;
use crate::keywords::Keywords;
use crate::keywords::Tier;
use crate::report::language::Language;
use crate::time::Timestamp;
use crate::verdict::Role;
use clap::Parser;
use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Words are split at spaces; `~` stands for a space within a word.
fn command(line: &str) -> Command {
    let words = line.split(' ').map(|word| word.replace('~', " "));
    Cli::try_parse_from(std::iter::once("mxray".to_owned()).chain(words))
        .unwrap()
        .command
}

fn replay_of(line: &str) -> Result<ReplayConfig, String> {
    match command(line) {
        Command::Replay(args) => replay(*args).map_err(|error| error.to_string()),
        other => panic!("{other:?}"),
    }
}

fn explain_of(line: &str) -> Result<ExplainConfig, String> {
    match command(line) {
        Command::Explain(args) => explain(*args).map_err(|error| error.to_string()),
        other => panic!("{other:?}"),
    }
}

fn live_of(line: &str) -> Result<LiveConfig, String> {
    match command(line) {
        Command::Live(args) => live(*args).map_err(|error| error.to_string()),
        other => panic!("{other:?}"),
    }
}

fn check_of(line: &str) -> Vec<String> {
    match command(line) {
        Command::Check(args) => check(args).iter().map(Finding::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn time(text: &str) -> Timestamp {
    value::moment(text).unwrap()
}

/// A folder with `site.toml`, whose path stands for `@` in command lines.
struct Site(tempfile::TempDir);

impl Site {
    fn new(config: &str) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.write("site.toml", config);
        site
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn line(&self, line: &str) -> String {
        line.replace('@', self.0.path().to_str().unwrap())
    }

    /// The message without the folder's name, which changes from run to run.
    fn error(&self, line: &str) -> String {
        let error = replay_of(&self.line(line)).unwrap_err();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[test]
fn defaults() {
    let config = replay_of("replay a.pcap").unwrap();
    assert_eq!(config.paths, [PathBuf::from("a.pcap")]);
    assert_eq!(config.hosts, Hosts::None);
    assert_eq!(config.stats, None);
    assert_eq!(config.output, Output::Stdout);
    assert_eq!(config.format, Format::Ecs);
    assert_eq!(config.sensor, "mxray");
    assert_eq!(config.evidence, Evidence::Counts);
    assert!(!config.exit_code);
    assert_eq!(config.bins, None);

    let reading = config.reading;
    assert_eq!(reading.filter, None);
    assert_eq!(reading.window, Window::default());
    assert_eq!(reading.home.nets().count(), 0);
    assert_eq!(reading.inventory.hosts_len(), 0);
    assert_eq!(reading.keywords, Keywords::default());
    assert!((1..=MAX_WORKERS).contains(&reading.workers.get()));
    assert_eq!(reading.memory, 1 << 30);
    assert_eq!(reading.verbosity, Verbosity::Normal);
}

#[test]
fn everything_on_the_command_line() {
    let config = replay_of(
        "replay -f port~53 --home 192.0.2.0/24 --home 2001:db8::/32 --keywords =mx \
         --keywords +mta --hosts=all --stats 60 -o out.ndjson --format ocsf --workers 3 \
         --memory 512M --sensor north --evidence full -vv --since 2005-02-25 \
         --until 2005-02-25T12:00+09:00 --exit-code --bins bins.csv a.pcap -",
    )
    .unwrap();
    assert_eq!(config.paths, ["a.pcap", "-"].map(PathBuf::from));
    assert_eq!(config.hosts, Hosts::All);
    assert_eq!(config.stats, NonZeroU64::new(60));
    assert_eq!(config.output, Output::File("out.ndjson".into()));
    assert_eq!(config.format, Format::Ocsf);
    assert_eq!(config.sensor, "north");
    assert_eq!(config.evidence, Evidence::Full);
    assert!(config.exit_code);
    assert_eq!(config.bins, Some("bins.csv".into()));

    let reading = config.reading;
    assert_eq!(reading.filter.as_deref(), Some("port 53"));
    let window = Window {
        since: Some(time("2005-02-25")),
        until: Some(time("2005-02-25T03:00:00Z")),
    };
    assert_eq!(reading.window, window);
    assert_eq!(reading.home.nets().count(), 2);
    assert_eq!(reading.keywords.words().collect::<Vec<_>>(), ["mta", "mx"]);
    assert_eq!(reading.workers.get(), 3);
    assert_eq!(reading.memory, 512 << 20);
    assert_eq!(reading.verbosity, Verbosity::Debug);
}

#[test]
fn events_go_to_the_log_alone_where_nothing_else_is_said() {
    let log = |line: &str| replay_of(line).map(|config| (config.output, config.log));
    assert_eq!(log("replay a").unwrap(), (Output::Stdout, None));
    let of = |total, segment| {
        let folder = PathBuf::from("l");
        let bounds = Bounds { total, segment };
        Some(Log { folder, bounds })
    };
    let alone = log("replay --log l a").unwrap();
    assert_eq!(alone, (Output::Nowhere, of(1 << 30, 64 << 20)));
    let both = log("replay --log l -o - --log-size 8M a").unwrap();
    assert_eq!(both, (Output::Stdout, of(8 << 20, 1 << 20)));
    let sizes = log("replay --log l --log-size 1M --log-segment 256K a").unwrap();
    assert_eq!(sizes, (Output::Nowhere, of(1 << 20, 1 << 18)));
}

#[test]
fn a_window_holds_its_start_and_not_its_end() {
    let window = replay_of("replay --since 10 --until 20.5 a").unwrap();
    let window = window.reading.window;
    let within = |text| window.contains(time(text));
    let times = ["9.999999999", "10", "20.499999999", "20.5"];
    assert_eq!(times.map(within), [false, true, true, false]);
    assert!(Window::default().contains(Timestamp::MAX));
}

#[test]
fn explain_takes_a_host() {
    let config = explain_of("explain ::ffff:192.0.2.7 -q a.pcap b").unwrap();
    assert_eq!(config.host, HostAddr::from_v4([192, 0, 2, 7]));
    assert_eq!(config.paths.len(), 2);
    assert_eq!(config.reading.verbosity, Verbosity::Quiet);
    let error = explain_of("explain pc7.example a.pcap").unwrap_err();
    assert_eq!(error, "HOST: `pc7.example` is no IP address");
}

#[test]
fn synth_lists_or_writes() {
    let of = |line| match command(line) {
        Command::Synth(args) => synth(args),
        other => panic!("{other:?}"),
    };
    assert_eq!(of("synth --list"), SynthConfig::List);
    let output = Output::Stdout;
    let name = "worm".to_owned();
    assert_eq!(of("synth worm -o -"), SynthConfig::Write { name, output });
}

#[test]
fn what_is_wrong_on_the_command_line() {
    for (line, message) in [
        ("-f udp~prot~53", "--filter: `udp prot 53`: "),
        ("--home 192.0.2", "--home: `192.0.2` is not a net: "),
        (
            "--home ::1 --home 10.0.0.1/8",
            "--home: `10.0.0.1/8` has bits",
        ),
        ("--workers 0", "--workers: 0 is not from 1 to 64"),
        ("--workers 65", "--workers: 65 is not from 1 to 64"),
        ("--memory 512", "--memory: `512` is less than 1M (a unit"),
        ("--memory lots", "--memory: `lots` is no size: write 512M"),
        ("--stats 0", "--stats: 0 is not from 1 to 86400 seconds"),
        ("--sensor ~", "--sensor: wants 1 to 128 octets"),
        ("--since noon", "--since: `noon` is no time: write 2005"),
        ("--until 2005-02-30", "--until: `2005-02-30` is no time"),
        (
            "--since 2005-02-26 --until 2005-02-25",
            "--since: 2005-02-26T00:00:00.000000Z is not before --until, 2005-02-25T00",
        ),
        ("--since 7 --until 7", "--since: 1970-01-01T00:00:07"),
        ("--keywords +mail_gw", "--keywords: `mail_gw` is no keyword"),
        (
            "--keywords /nonexistent",
            "--keywords: cannot read /nonexistent: ",
        ),
        (
            "--smtp-ports 2525,smtp",
            "--smtp-ports: `smtp` is no TCP port: write 2525,2526 to add",
        ),
        ("--smtp-ports 53", "--smtp-ports: 53 is the port of the DNS"),
        (
            "--inventory /nonexistent",
            "--inventory: cannot read /nonexistent: ",
        ),
        (
            "--config /nonexistent",
            "--config: cannot read /nonexistent: ",
        ),
        ("--bins -", "--bins: wants a file"),
        ("--report -", "--report: wants a file"),
        ("--lang ja", "--lang: wants --report"),
        (
            "--report x.html -o x.html",
            "--report: is the same file as another output",
        ),
        (
            "--bins x.csv -o x.csv",
            "--bins: is the same file as --output",
        ),
    ] {
        let error = replay_of(&format!("replay {line} a.pcap")).unwrap_err();
        assert!(error.starts_with(message), "{line}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn ports_add_up_and_replace() {
    for (line, ports) in [
        ("-q", &[25, 465, 587][..]),
        ("--smtp-ports 2525,26", &[25, 26, 465, 587, 2525]),
        ("--smtp-ports +26 --smtp-ports 27", &[25, 26, 27, 465, 587]),
        ("--smtp-ports 26 --smtp-ports =2525,25", &[25, 2525]),
    ] {
        let config = replay_of(&format!("replay {line} a.pcap")).unwrap();
        assert_eq!(config.reading.smtp_ports.iter().collect::<Vec<_>>(), ports);
    }
}

#[test]
fn no_capture_is_overwritten() {
    let site = Site::new("");
    site.write("a.pcap", "");
    for option in ["-o", "--bins", "--report"] {
        let line = format!("replay {option} @/./a.pcap @/b.pcap @/a.pcap");
        let error = site.error(&line);
        assert!(
            error.ends_with(": a.pcap is also a PATH to read"),
            "{error}"
        );
    }
    assert!(replay_of(&site.line("replay -o @/b.pcap @/a.pcap")).is_ok());
    assert!(replay_of("replay -o - -").is_ok());
}

#[test]
fn everything_in_a_file() {
    let site = Site::new(
        r#"
        filter = "port 53"
        home = "192.0.2.0/24"
        inventory = "hosts.toml"
        keywords = ["=mx", "more/words", "+mta"]
        hosts = "all"
        stats = 60
        output = "out.ndjson"
        format = "eve"
        workers = 3
        memory = "512M"
        sensor = "north"
        evidence = "full"
        since = 2005-02-25
        until = 1109300000.5
        exit-code = true
        bins = "/var/tmp/bins.csv"
        report = "report.html"
        lang = "ja"
        verbose = 1
        "#,
    );
    site.write(
        "hosts.toml",
        "[[host]]\nnet = '192.0.2.0/24'\nrole = 'pc'\n",
    );
    fs::create_dir(site.0.path().join("more")).unwrap();
    site.write("more/words", "post\n");

    let config = replay_of(&site.line("replay --config @/site.toml a.pcap")).unwrap();
    assert_eq!(config.hosts, Hosts::All);
    assert_eq!(config.stats, NonZeroU64::new(60));
    let output = site.0.path().join("out.ndjson");
    assert_eq!(config.output, Output::File(output));
    assert_eq!(config.format, Format::Eve);
    assert_eq!(config.sensor, "north");
    assert_eq!(config.evidence, Evidence::Full);
    assert!(config.exit_code);
    assert_eq!(config.bins, Some("/var/tmp/bins.csv".into()));
    let page = site.0.path().join("report.html");
    assert_eq!(config.report, Some(page));
    assert_eq!(config.language, Language::Japanese);
    let reading = &config.reading;
    assert_eq!(reading.filter.as_deref(), Some("port 53"));
    assert_eq!(reading.home.nets().count(), 1);
    assert_eq!(reading.inventory.hosts_len(), 1);
    let words: Vec<_> = reading.keywords.words().collect();
    assert_eq!(words, ["mta", "mx", "post"]);
    assert_eq!(reading.workers.get(), 3);
    assert_eq!(reading.memory, 512 << 20);
    assert_eq!(reading.window.since, Some(time("2005-02-25")));
    assert_eq!(reading.window.until, Some(time("1109300000.5")));
    assert_eq!(reading.verbosity, Verbosity::Verbose);

    // The command line wins, lists as a whole.
    let line = "replay --config @/site.toml --home ::1 --home ::2 --keywords +a --hosts \
                --stats 5 -o - --format ecs --workers 2 --memory 1M --sensor s --evidence counts -q \
                --since 0 --until 1 -f tcp --bins b --report r --lang en a.pcap";
    let config = replay_of(&site.line(line)).unwrap();
    assert_eq!(config.hosts, Hosts::Judged);
    assert_eq!(config.stats, NonZeroU64::new(5));
    assert_eq!(config.output, Output::Stdout);
    assert_eq!(config.format, Format::Ecs);
    assert_eq!(config.sensor, "s");
    assert_eq!(config.evidence, Evidence::Counts);
    assert_eq!(config.bins, Some("b".into()));
    assert_eq!(config.report, Some("r".into()));
    assert_eq!(config.language, Language::English);
    let reading = &config.reading;
    assert_eq!(reading.filter.as_deref(), Some("tcp"));
    assert_eq!(reading.home.nets().count(), 2);
    assert_eq!(reading.keywords.tier(b"mxs"), Some(Tier::Exact));
    assert_eq!(reading.keywords.tier(b"post"), None);
    assert_eq!(reading.workers.get(), 2);
    assert_eq!(reading.memory, 1 << 20);
    assert_eq!(reading.window.until, Some(time("1")));
    assert_eq!(reading.verbosity, Verbosity::Quiet);

    // One file serves both commands.
    let config = explain_of(&site.line("explain 192.0.2.1 --config @/site.toml -v a")).unwrap();
    assert_eq!(config.reading.workers.get(), 3);
}

#[test]
fn values_of_other_types_that_a_file_may_hold() {
    let site = Site::new(
        "hosts = false\nmemory = 2097152\nsince = '2005-02-25 09:00'\nhome = []\n\
         until = 2005-02-25T19:00:00+09:00\nquiet = true\nkeywords = '+mta'\noutput = '-'",
    );
    let config = replay_of(&site.line("replay --config @/site.toml a")).unwrap();
    assert_eq!(config.hosts, Hosts::None);
    assert_eq!(config.output, Output::Stdout);
    let reading = config.reading;
    assert_eq!(reading.memory, 2 << 20);
    assert_eq!(reading.window.since, Some(time("2005-02-25T09:00:00Z")));
    assert_eq!(reading.window.until, Some(time("2005-02-25T10:00:00Z")));
    assert_eq!(reading.verbosity, Verbosity::Quiet);
    assert_eq!(reading.keywords.tier(b"mta"), Some(Tier::Exact));
    // A file's `quiet` is undone by `-v`.
    let config = replay_of(&site.line("replay --config @/site.toml -v a")).unwrap();
    assert_eq!(config.reading.verbosity, Verbosity::Verbose);
}

#[test]
fn packets_go_to_a_folder_that_is_there() {
    let site = Site::new("write = 'kept'\nwrite-payload = true");
    let folder = site.0.path().join("kept");
    let live = |line: &str| live_of(&site.line(line));
    assert_eq!(live("live -i eth1").unwrap().write, None);
    let missing = format!("{} is not a folder that is there", folder.display());
    let error = live("live -i eth1 --write @/kept").unwrap_err();
    assert_eq!(error, format!("--write: {missing}"));
    let error = live("live -i eth1 --config @/site.toml").unwrap_err();
    assert_eq!(
        error,
        site.line(&format!("@/site.toml:1: write: {missing}"))
    );
    let error = live("live -i eth1 --write-payload").unwrap_err();
    assert_eq!(
        error,
        "--write-payload: wants --write, which says where packets go"
    );
    fs::create_dir(&folder).unwrap();
    let write = |payload| {
        Some(Write {
            folder: folder.clone(),
            payload,
        })
    };
    let config = live("live -i eth1 --config @/site.toml").unwrap();
    assert_eq!(config.write, write(true));
    let config = live("live -i eth1 --write @/kept").unwrap();
    assert_eq!(config.write, write(false));
}

#[test]
fn what_is_wrong_in_a_file() {
    for (text, message) in [
        (
            "# ours\nfiltr = 'udp'",
            "2: unknown key `filtr` (did you mean `filter`?)",
        ),
        (
            "exit_code = true",
            "1: unknown key `exit_code` (did you mean `exit-code`?)",
        ),
        (
            "zebra = 1\nfrobnicate = 2",
            "1: unknown key `zebra` (known are bins, checkpoint, checkpoint-interval, evidence, exit-code, fanout, filter, format, home, hosts, hosts-interval, \
             interface, inventory, keywords, lang, log, log-segment, log-size, memory, no-promiscuous, output, quiet, report, ring, sensor, since, \
             smtp-ports, snaplen, stats, status, tunnels, until, user, verbose, workers, write, write-payload)",
        ),
        (
            "[replay]\nstats = 1",
            "1: unknown key `replay` (known are bins, checkpoint, checkpoint-interval, evidence, exit-code, fanout, filter, format, home, hosts, hosts-interval, \
             interface, inventory, keywords, lang, log, log-segment, log-size, memory, no-promiscuous, output, quiet, report, ring, sensor, since, \
             smtp-ports, snaplen, stats, status, tunnels, until, user, verbose, workers, write, write-payload)",
        ),
        ("filter = 'a'\n\nfilter = 'b'", "3: duplicate key"),
        (
            "filter = udp",
            "1: string values must be quoted, expected literal string",
        ),
        ("filter = 53", "1: filter: wants a string, not 53"),
        ("home = ['::1',\n 7]", "2: home: wants a string, not 7"),
        (
            "home = [\n '::1',\n '::2',\n '192.0.2' ]",
            "4: home: `192.0.2` is not a net: write an address or a net, as 192.0.2.0/24 or \
             2001:db8::/32",
        ),
        ("inventory = ''", "1: inventory: wants a path, not \"\""),
        (
            "hosts = 'some'",
            "1: hosts: wants true, false or \"all\", not \"some\"",
        ),
        (
            "stats = '60'",
            "1: stats: wants a whole number of 0 or more, not \"60\"",
        ),
        (
            "stats = -1",
            "1: stats: wants a whole number of 0 or more, not -1",
        ),
        ("stats = 0", "1: stats: 0 is not from 1 to 86400 seconds"),
        (
            "evidence = 'all'",
            "1: evidence: wants \"counts\" or \"full\", not \"all\"",
        ),
        (
            "workers = 1.5",
            "1: workers: wants a whole number of 0 or more, not 1.5",
        ),
        ("workers = 0x80", "1: workers: 128 is not from 1 to 64"),
        (
            "memory = true",
            "1: memory: wants a size, as \"512M\", not true",
        ),
        (
            "memory = '2X'",
            "1: memory: `2X` is no size: write 512M, 1.5G or 2GiB",
        ),
        (
            "sensor = \"a\\nb\"",
            "1: sensor: wants 1 to 128 octets without control characters",
        ),
        (
            "\nuntil = 2005-02-25\nsince = 2005-02-26",
            "3: since: 2005-02-26T00:00:00.000000Z is not before --until, \
             2005-02-25T00:00:00.000000Z",
        ),
        (
            "since = [1]",
            "1: since: wants a time, as 2005-02-25 or 2005-02-25T09:00:00Z, not a list",
        ),
        ("exit-code = 1", "1: exit-code: wants true or false, not 1"),
        ("verbose = 300", "1: verbose: wants 0, 1 or 2, not 300"),
        (
            "quiet = true\nverbose = 1",
            "2: verbose: contradicts quiet = true",
        ),
        (
            "\nsmtp-ports = [25, 70000]",
            "2: smtp-ports: `70000` is no TCP port: write 2525,2526 to add some, =25,2525 for no others",
        ),
        (
            "keywords = ['+ok', '+not ok']",
            "1: keywords: `not ok` is no keyword: 1 to 63 letters, digits and hyphens, then a \
             comma or the end",
        ),
    ] {
        let site = Site::new(text);
        let error = site.error("replay --config @/site.toml a.pcap");
        assert_eq!(error, format!("site.toml:{message}"), "{text}");
    }
}

#[test]
fn a_format_is_one_of_three() {
    let site = Site::new("format = 'cef'");
    let error = site.error("replay --config @/site.toml a.pcap");
    let message = "site.toml:1: format: wants \"ecs\" or \"eve\" or \"ocsf\", not \"cef\"";
    assert_eq!(error, message);
}

#[test]
fn files_named_by_a_file() {
    let site = Site::new("\ninventory = 'hosts.toml'\nkeywords = 'words'");
    let line = "replay --config @/site.toml a.pcap";
    let error = site.error(line);
    let message = "site.toml:2: inventory: cannot read hosts.toml: ";
    assert!(error.starts_with(message), "{error}");
    site.write("hosts.toml", "[[host]]\nnet = 'x'");
    let error = site.error(line);
    assert!(
        error.starts_with("hosts.toml:2: net: `x` is not"),
        "{error}"
    );
    site.write("hosts.toml", "");
    let error = site.error(line);
    let message = "site.toml:3: keywords: cannot read words: ";
    assert!(error.starts_with(message), "{error}");
    site.write("words", "a\nb c\n");
    let error = site.error(line);
    assert!(error.starts_with("words:2: `b c` is no keyword"), "{error}");
}

#[test]
fn check_tells_of_each_part() {
    assert_eq!(
        check_of("check"),
        ["keywords: valid: gate mail mx mxs ns relay smtp"]
    );
    let site = Site::new("home = '192.0.2.0/24'\ninventory = 'hosts.toml'\nstats = 5");
    site.write("hosts.toml", "[site]\ndomains = 'a.example'");
    let found = check_of(&site.line("check --config @/site.toml -f port~53 --keywords =mx"));
    let folder = site.0.path().display();
    assert_eq!(
        found,
        [
            format!("config: valid: {folder}/site.toml"),
            format!("inventory: valid: {folder}/hosts.toml, 0 [[host]], 0 [[suppress]], 1 domains"),
            "keywords: valid: mx".to_owned(),
            "home: valid: 192.0.2.0/24".to_owned(),
            "filter: valid: port 53".to_owned(),
        ]
    );

    site.write("site.toml", "home = 'here'\nstats = 0");
    let found = check_of(&site.line("check --config @/site.toml --keywords +_"));
    let [config, keywords, home] = found.try_into().unwrap();
    let fault = "site.toml:2: stats: 0 is not from 1 to 86400 seconds";
    assert_eq!(config, format!("config: not valid: {folder}/{fault}"));
    assert!(keywords.starts_with("keywords: not valid: --keywords: `_` is no"));
    assert!(home.ends_with("site.toml:1: home: `here` is not a net: write an address or a net, as 192.0.2.0/24 or 2001:db8::/32"));
}

#[test]
fn the_shipped_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let config = examples.join("mxray.toml");
    let config = config.to_str().unwrap();
    let read = replay_of(&format!("replay --config {config} a.pcap")).unwrap();
    assert_eq!(read.sensor, "campus-core");
    let inventory = &read.reading.inventory;
    assert_eq!(inventory.domains(), ["example.ac.jp"]);
    let role = |octet| {
        let host = HostAddr::from_v4([192, 0, 2, octet]);
        inventory.host(host).and_then(|entry| entry.role)
    };
    assert_eq!(role(17), Some(Role::MailServer));
    assert_eq!(role(77), Some(Role::Pc));

    // What is commented out is valid too, and then every key is shown.
    let text = fs::read_to_string(config).unwrap();
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let layer = Layer::from_text(Path::new(config), &all).unwrap();
    let shown = format!("{layer:?}");
    assert!(!shown.contains(": None"), "{shown}");
}
