//! The report, its pictures and tables: what they say is what the events say.

use super::*;
use std::process::Stdio;

/// The data that a page's script works on.
fn data(page: &str) -> Value {
    let (_, rest) = page
        .split_once("<script type=\"application/json\" id=\"data\">")
        .unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The sum of a column of a picture's numbers.
fn sum(figure: &Value, column: &str) -> u64 {
    let columns = figure["columns"].as_array().unwrap();
    let at = columns.iter().position(|name| name == column).unwrap();
    let rows = figure["rows"].as_array().unwrap().iter();
    rows.map(|row| row[at].as_u64().unwrap()).sum()
}

#[test]
fn every_number_is_that_of_an_event() {
    let place = Place::with("study-client-b");
    place.write("f.pcap", capture("study-client-f"));
    place.write("bot.pcap", capture("fanout-bot"));
    let events = place.run(
        "replay --hosts --home 192.0.2.0/24 --report r.html study-client-b.pcap f.pcap bot.pcap",
        0,
    );
    let page = place.read("r.html");
    let data = data(&page);
    let rows = data["hosts"].as_array().unwrap();
    assert_eq!(rows.len(), events.hosts().len());
    for (row, event) in rows.iter().zip(events.hosts()) {
        let ours = &event["mxray"];
        let (queries, smtp) = (&ours["dns"]["queries"], &ours["smtp"]);
        let told = [
            &event["source"]["ip"],
            &ours["class"],
            &ours["level"],
            &row[3],
            &ours["score"],
            &ours["posterior"],
            &ours["role"]["name"],
            &queries["total"],
            &queries["mx"],
            &queries["a"],
            &queries["ptr"],
            &ours["correlation"]["r2_active"],
            &smtp["attempts"],
            &smtp["destinations"],
            &event["event"]["start"],
        ];
        for (at, told) in told.into_iter().enumerate() {
            assert_eq!(&row[at], told, "column {at} of {row}");
        }
        // The gravest level is that of a verdict, or none.
        let verdicts = events.verdicts();
        let of = |verdict: &&Value| verdict["source"]["ip"] == event["source"]["ip"];
        let levels: Vec<_> = verdicts
            .iter()
            .filter(of)
            .map(|it| &it["mxray"]["level"])
            .collect();
        assert_eq!(levels.is_empty(), row[3] == "none", "{row}");
        assert!(levels.is_empty() || levels.contains(&&row[3]), "{row}");

        // Pictures of seconds, read in a second pass, add up to the same.
        let host = event["source"]["ip"].as_str().unwrap();
        let shown = row[15].as_bool().unwrap();
        assert_eq!(shown, !levels.is_empty());
        let rates = &data["figures"][format!("rates-{host}")];
        if shown && queries["total"] != 0 {
            for (column, of) in [("total sum", "total"), ("A sum", "a"), ("MX sum", "mx")] {
                assert_eq!(
                    sum(rates, column),
                    queries[of].as_u64().unwrap(),
                    "{host} {of}"
                );
            }
            let correlation = &data["figures"][format!("correlation-{host}")];
            if !correlation.is_null() {
                assert_eq!(
                    sum(correlation, "seconds"),
                    ours["correlation"]["n_active"].as_u64().unwrap()
                );
                let r2 = ours["correlation"]["r2_active"].as_f64();
                let r2 = r2.map_or("R² –".to_owned(), |r2| format!("R² {r2:.4}"));
                assert!(page.contains(&r2), "{host}: {r2}");
            }
        }
        if shown && smtp["attempts"] != 0 {
            let peers = &data["figures"][format!("peers-{host}")];
            let told = peers["rows"].as_array().unwrap();
            let most = smtp["destinations"].as_u64().unwrap().min(200);
            assert!(
                told.len() as u64 >= most,
                "{host}: {} of {most}",
                told.len()
            );
        }
    }
    // Each verdict stands on the page with its weights.
    for verdict in events.verdicts() {
        let time = verdict["@timestamp"].as_str().unwrap();
        assert!(page.contains(time), "{time}");
    }
    let seen = events.totals()["packets"]["seen"].to_string();
    assert!(page.contains(&format!("<td>packets.seen</td><td>{seen}</td>")));
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

/// In a browser, where there is one: the script runs under the page's own policy, and the table is
/// there with a row for each host.
#[test]
fn a_browser_shows_the_table() {
    let place = Place::with("study-client-b");
    place.run("report study-client-b.pcap -o r.html", 0);
    let hosts = data(&place.read("r.html"))["hosts"]
        .as_array()
        .unwrap()
        .len();
    let page = format!("file://{}", place.path("r.html").display());
    let profile = format!("--user-data-dir={}", place.path("profile").display());
    let browser = std::process::Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
        ])
        .args([&*profile, "--dump-dom", &page])
        .stdin(Stdio::null())
        .output();
    let shown = match browser {
        Ok(shown) if shown.status.success() => shown,
        _ => {
            eprintln!("skipped: there is no chromium that runs");
            return;
        }
    };
    let page = String::from_utf8(shown.stdout).unwrap();
    let (_, table) = page.split_once("<tbody>").unwrap();
    let (table, _) = table.split_once("</tbody>").unwrap();
    assert_eq!(table.matches("<tr>").count(), hosts, "{table}");
    let log = String::from_utf8_lossy(&shown.stderr);
    assert!(!log.contains("CONSOLE"), "{log}");
}
