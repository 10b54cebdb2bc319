use super::*;
use toml::Table;

/// The hosts of a draft: net and role, in its order.
fn hosts(draft: &str) -> Vec<(String, String)> {
    let draft: Table = draft.parse().unwrap();
    let hosts = draft.get("host").and_then(toml::Value::as_array);
    let text = |host: &toml::Value, key| host[key].as_str().unwrap().to_owned();
    let hosts = hosts.into_iter().flatten();
    hosts
        .inspect(|host| assert!(!text(host, "note").is_empty()))
        .map(|host| (text(host, "net"), text(host, "role")))
        .collect()
}

fn has(hosts: &[(String, String)], net: &str, role: &str) -> bool {
    hosts.contains(&(net.to_owned(), role.to_owned()))
}

#[test]
fn a_draft_of_the_roles_that_hosts_showed() {
    let place = Place::with("study-day");
    let run = place.run("inventory --workers 1 study-day.pcap", 0);
    assert_eq!(run.stderr, "");
    let comments = run.stdout.lines().take_while(|line| !line.is_empty());
    let header: Vec<&str> = comments.collect();
    assert!(header.iter().all(|line| line.starts_with("# ")));
    let tail = [
        "# Without --home, hosts outside of the site are among them.",
        "# Packet time 2005-02-25T00:00:02.550000Z to 2005-02-25T23:59:02.775012Z, from",
        "#   study-day.pcap",
    ];
    assert!(header.ends_with(&tail), "{header:?}");
    let drawn = hosts(&run.stdout);
    assert!(has(&drawn, "192.0.2.1/32", "mail-server"), "{drawn:?}");
    assert!(has(&drawn, "198.51.100.53/32", "resolver"), "{drawn:?}");
    // Worms B to F are nothing by trade.
    let worms = [
        "192.0.2.2/",
        "192.0.2.3/",
        "192.0.2.4/",
        "192.0.2.5/",
        "192.0.2.6/",
    ];
    let is_worm = |net: &String| worms.iter().any(|worm| net.starts_with(worm));
    assert!(!drawn.iter().any(|(net, _)| is_worm(net)), "{drawn:?}");

    let other = place.run("inventory --workers 3 -o draft.toml study-day.pcap", 0);
    assert_eq!((&*other.stdout, &*other.stderr), ("", ""));
    assert_eq!(
        place.read("draft.toml"),
        run.stdout,
        "for any number of workers"
    );
    let valid = place.run("check --inventory draft.toml", 0).stdout;
    let said = format!("inventory: valid: draft.toml, {} [[host]], ", drawn.len());
    assert!(valid.starts_with(&said), "{valid}");

    // What is outside is no host of the site.
    let inside = place.run("inventory --home 192.0.2.0/24 study-day.pcap", 0);
    assert!(!inside.stdout.contains("--home"), "{}", inside.stdout);
    let inside = hosts(&inside.stdout);
    assert!(has(&inside, "192.0.2.1/32", "mail-server"), "{inside:?}");
    assert!(inside.iter().all(|(net, _)| net.starts_with("192.0.2.")));
}

#[test]
fn what_the_inventory_holds_is_left_out_and_what_differs_is_told() {
    let place = Place::with("fanout-server");
    let draft = place.run("inventory -o draft.toml fanout-server.pcap", 0);
    assert_eq!(draft.stdout, "");
    let role = ("192.0.2.25/32".to_owned(), "unregistered-mta".to_owned());
    assert_eq!(hosts(&place.read("draft.toml")), [role]);
    // A draft that is kept is an inventory.
    let kept = place.run(
        "replay -q --hosts --inventory draft.toml fanout-server.pcap",
        0,
    );
    let server = |host: &&Value| host["source"]["ip"] == "192.0.2.25";
    let hosts_told = kept.hosts();
    let role = &hosts_told.iter().find(server).unwrap()["mxray"]["role"];
    assert_eq!(role["name"], "unregistered-mta");
    assert_eq!(role["source"], "inventory");
    let again = place.run("inventory --inventory draft.toml fanout-server.pcap", 0);
    assert!(hosts(&again.stdout).is_empty(), "{}", again.stdout);
    let said = "mxray: no host showed a role that the inventory does not hold\n";
    assert_eq!(again.stderr, said);

    place.write(
        "pcs.toml",
        "[[host]]\nnet = \"192.0.2.0/24\"\nrole = \"pc\"\n",
    );
    let run = place.run("inventory --inventory pcs.toml fanout-server.pcap", 0);
    let differs = "\n# 192.0.2.25 is \"pc\" in the inventory, and behaves as unregistered-mta: ";
    assert!(run.stdout.contains(differs), "{}", run.stdout);
    assert!(hosts(&run.stdout).is_empty(), "{}", run.stdout);
    assert_eq!(run.stderr, "");

    // A draft leaves out what the inventory holds, and must not take its place.
    let held = place.read("pcs.toml");
    let line = "inventory --inventory pcs.toml -o ./pcs.toml fanout-server.pcap";
    let run = place.run(line, 2);
    assert_eq!(
        run.stderr,
        "mxray: --output: is the same file as --inventory\n"
    );
    assert_eq!(place.read("pcs.toml"), held);
    let line = "inventory -o fanout-server.pcap fanout-server.pcap";
    let run = place.run(line, 2);
    assert!(
        run.stderr.contains("is also a PATH to read"),
        "{}",
        run.stderr
    );
}

#[test]
fn where_no_role_was_shown_the_draft_is_a_header() {
    let place = Place::with("study-client-b");
    let run = place.run("inventory study-client-b.pcap", 0);
    assert_eq!(run.stderr, "mxray: no host showed a role\n");
    assert!(run.stdout.lines().all(|line| line.starts_with("# ")));
    place.write("draft.toml", &run.stdout);
    let valid = place.run("check --inventory draft.toml", 0).stdout;
    assert!(valid.contains(" 0 [[host]], "), "{valid}");

    let quiet = place.run("inventory -q study-client-b.pcap", 0);
    assert_eq!((&*quiet.stdout, &*quiet.stderr), (&*run.stdout, ""));
    let missing = place.run("inventory -q study-client-b.pcap missing", 1);
    assert_eq!(missing.stdout, run.stdout, "the others are read");
    assert!(
        missing
            .stderr
            .starts_with("mxray: missing: cannot be read: ")
    );
    let nothing = place.run("inventory -q missing", 1).stdout;
    assert!(nothing.ends_with("\n# No capture was read.\n"), "{nothing}");
    let window = "inventory --until 2003-08-19 study-client-b.pcap";
    let none = place.run(window, 0).stdout;
    assert!(none.contains("# No packet was read from\n"), "{none}");
}

#[test]
fn a_config_file_for_replay_serves_and_its_events_stay() {
    let place = Place::with("fanout-server");
    place.write(
        "mxray.toml",
        "home = [\"192.0.2.0/24\"]\nhosts = true\nexit-code = true\noutput = \"events\"\n\
         bins = \"bins.csv\"\n",
    );
    place.write("events", "of last week\n");
    let run = place.run("inventory --config mxray.toml fanout-server.pcap", 0);
    assert_eq!(hosts(&run.stdout).len(), 1, "{}", run.stdout);
    assert!(!run.stdout.contains("--home"), "{}", run.stdout);
    assert_eq!(place.read("events"), "of last week\n");
    assert!(!is_there(&place.path("bins.csv")));
}
