//! The report, its pictures and tables: what they say is what the events say.

use super::*;

/// The data that a page's script works on.
pub(super) fn data(page: &str) -> Value {
    let (_, rest) = page
        .split_once("<script type=\"application/json\" id=\"data\">")
        .unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The sum of a column of a picture's numbers.
pub(super) fn sum(figure: &Value, column: &str) -> u64 {
    let columns = figure["columns"].as_array().unwrap();
    let at = columns.iter().position(|name| name == column).unwrap();
    let rows = figure["rows"].as_array().unwrap().iter();
    rows.map(|row| row[at].as_u64().unwrap()).sum()
}

#[test]
fn what_strangers_say_stays_text() {
    /// Where the name of a query begins: behind Ethernet, IPv4, UDP and the head of DNS.
    const NAME: usize = RECORD_HEADER + 14 + 20 + 8 + 12;
    let plain = capture("study-client-b");
    let hostile: Vec<Vec<u8>> = records(&plain)
        .into_iter()
        .map(|record| {
            let mut record = record.to_vec();
            let length = usize::from(record[NAME]);
            if length >= 8 {
                let mark = b"<i>&\"'</script>".iter().cycle();
                let label = &mut record[NAME + 1..=NAME + length - 4];
                label
                    .iter_mut()
                    .zip(mark)
                    .for_each(|(to, from)| *to = *from);
            }
            record
        })
        .collect();
    let place = Place::new();
    let file = of_records(&plain, hostile.iter().map(Vec::as_slice));
    place.write("hostile.pcap", file);
    place.run("report hostile.pcap -o r.html", 0);
    let page = place.read("r.html");
    assert!(page.contains("&lt;i&gt;&amp;"), "no such name was shown");
    assert!(
        page.contains("\\u003ci\\u003e"),
        "no such prefix was counted"
    );
    assert!(!page.to_lowercase().contains("<i>"));
    assert_eq!(page.matches("</script>").count(), 2);
    data(&page);
}

#[test]
fn a_page_needs_nothing_else() {
    let place = Place::with("study-client-b");
    for language in ["en", "ja"] {
        place.run(
            &format!("report --lang {language} study-client-b.pcap -o r.html"),
            0,
        );
        let page = place.read("r.html");
        assert!(page.contains(&format!("<html lang=\"{language}\">")));
        // The one address in it names the format of pictures.
        let addresses = page.matches("://").count();
        assert_eq!(
            addresses,
            page.matches("http://www.w3.org/2000/svg").count()
        );
        assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
    }
}

#[test]
fn replay_writes_it_in_either_language() {
    let place = Place::with("study-client-b");
    place.run("replay -q --report en.html study-client-b.pcap", 0);
    place.run(
        "replay -q --report ja.html --lang ja study-client-b.pcap",
        0,
    );
    place.run("report --lang ja study-client-b.pcap -o same.html", 0);
    assert!(place.read("en.html").contains("<html lang=\"en\">"));
    assert_eq!(place.read("ja.html"), place.read("same.html"));
    place.write("site.toml", "lang = \"ja\"\n");
    place.run(
        "report --config site.toml study-client-b.pcap -o file.html",
        0,
    );
    assert_eq!(place.read("file.html"), place.read("same.html"));
    let alone = place.run("replay --lang ja study-client-b.pcap", 2);
    assert!(
        alone.stderr.contains("--lang: wants --report"),
        "{}",
        alone.stderr
    );
}

#[test]
fn a_pipe_is_read_once() {
    let place = Place::new();
    let mut command = place.mxray("report - -o r.html");
    Run::of(command.write_stdin(capture("study-client-b")), 0);
    let page = place.read("r.html");
    assert!(page.contains("read once"));
    let figures = data(&page)["figures"].clone();
    let rates = figures
        .as_object()
        .unwrap()
        .iter()
        .find(|(name, _)| name.starts_with("rates-"));
    assert!(sum(rates.unwrap().1, "MX sum") > 0, "{figures}");
}

#[test]
fn pictures_and_their_numbers() {
    let place = Place::with("study-client-f");
    let run = place.run("replay --hosts study-client-f.pcap", 0);
    let host = run.hosts()[0].clone();
    let ip = host["source"]["ip"].as_str().unwrap();
    for kind in ["rates", "correlation", "score", "prefixes", "labels"] {
        let svg = place
            .run(&format!("plot {ip} {kind} study-client-f.pcap"), 0)
            .stdout;
        assert!(svg.starts_with("<svg xmlns="), "{svg}");
        assert!(svg.contains("<title ") && svg.contains("<desc ") && svg.contains("<style>"));
        assert_eq!(
            svg.contains("(UTC)"),
            kind == "rates" || kind == "score",
            "{kind}"
        );
    }
    let labels = place
        .run(&format!("plot {ip} labels --csv study-client-f.pcap"), 0)
        .stdout;
    let told: Vec<_> = host["mxray"]["dns"]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| format!("{},{}", label["label"].as_str().unwrap(), label["count"]))
        .collect();
    let lines: Vec<_> = labels.lines().skip(1).collect();
    assert_eq!(lines, told);

    let nothing = place.run(&format!("plot {ip} peers study-client-f.pcap"), 1);
    assert!(
        nothing
            .stderr
            .contains("did nothing that `peers` would show"),
        "{}",
        nothing.stderr
    );
    place.run("plot here rates study-client-f.pcap", 2);
    place.run("plot 203.0.113.9 rates study-client-f.pcap", 1);
}

#[test]
fn counts_as_csv() {
    let place = Place::with("study-client-f");
    let events = place.run("replay --hosts study-client-f.pcap", 0).hosts();
    place.run("report study-client-f.pcap -o r.html --csv counts", 0);
    let hosts = place.read("counts/hosts.csv");
    let mut lines = hosts
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), events.len());
    for (line, event) in lines.iter().zip(&events) {
        assert_eq!(line.len(), head.len());
        let cell = |name: &str| line[head.iter().position(|it| *it == name).unwrap()];
        let ours = &event["mxray"];
        assert_eq!(cell("host"), event["source"]["ip"].as_str().unwrap());
        assert_eq!(cell("a"), ours["dns"]["queries"]["a"].to_string());
        assert_eq!(cell("k_exact"), ours["dns"]["keyword"]["exact"].to_string());
        assert_eq!(
            cell("r2_active"),
            ours["correlation"]["r2_active"].to_string()
        );
        assert_eq!(cell("smtp_attempts"), ours["smtp"]["attempts"].to_string());
    }
    let bins = place.read("counts/bins.csv");
    assert!(bins.lines().count() > 1 && bins.starts_with("ts,host,t,"));
}

#[test]
fn explain_as_json() {
    let place = Place::with("study-client-b");
    let run = place.run("replay --hosts study-client-b.pcap", 0);
    let host = run.hosts()[0].clone();
    let ip = host["source"]["ip"].as_str().unwrap();
    let told = place.run(&format!("explain --json {ip} study-client-b.pcap"), 0);
    let story: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(story["event"], host);
    let verdicts = story["verdicts"].as_array().unwrap();
    assert_eq!(*verdicts, run.verdicts());
    let shown = place
        .run(&format!("explain {ip} study-client-b.pcap"), 0)
        .stdout;
    assert!(
        shown.contains("\nrate      ") && shown.contains("\nR²        "),
        "{shown}"
    );
}
