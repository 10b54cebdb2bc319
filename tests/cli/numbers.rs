//! Every number in a report is that of an event: a run writes both, and they are compared.

use super::report::{data, sum};
use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// A page and the events beside it.
struct Told {
    page: String,
    data: Value,
    run: Run,
}

impl Told {
    /// Of a site with a worm, a spam bot, a resolver that is flooded and a port 25 that is open.
    fn site() -> Self {
        let place = Place::with("study-client-b");
        for name in [
            "study-client-f",
            "fanout-bot",
            "flood-ptr",
            "op25b",
            "smtp-rejections",
        ] {
            place.write(&format!("{name}.pcap"), capture(name));
        }
        let run = place.run(
            "replay -q --hosts --home 192.0.2.0/24 --home 198.51.100.53 --home 2001:db8:1::/48 --report r.html study-client-b.pcap \
             study-client-f.pcap fanout-bot.pcap flood-ptr.pcap op25b.pcap smtp-rejections.pcap",
            0,
        );
        let page = place.read("r.html");
        let data = data(&page);
        Self { page, data, run }
    }

    /// What stands between these two.
    fn between(&self, from: &str, to: &str) -> &str {
        let (_, rest) = self
            .page
            .split_once(from)
            .unwrap_or_else(|| panic!("no {from}"));
        rest.split_once(to).map_or(rest, |(part, _)| part)
    }

    /// The part of a host with a page.
    fn part(&self, ip: &str) -> &str {
        let part = self.between(&format!("id=\"host-{ip}\""), "id=\"host-");
        part.split_once("id=\"site\"")
            .map_or(part, |(part, _)| part)
    }

    /// Of a host's picture a column's sum; `None` where there is no such picture.
    fn sum(&self, figure: &str, column: &str) -> Option<u64> {
        let figure = &self.data["figures"][figure];
        (!figure.is_null()).then(|| sum(figure, column))
    }
}

/// The cells of the first table behind the mark, as text.
fn table(part: &str, mark: &str) -> Vec<Vec<String>> {
    let (_, rest) = part.split_once(mark).unwrap_or_else(|| panic!("no {mark}"));
    let (_, rest) = rest.split_once("<tbody>").unwrap();
    let (body, _) = rest.split_once("</tbody>").unwrap();
    let rows = body.split("<tr>").skip(1);
    rows.map(|row| row.split("<td>").skip(1).map(text).collect())
        .collect()
}

/// Markup without its tags.
fn text(markup: &str) -> String {
    let pieces = markup.split('<').enumerate();
    let pieces = pieces.map(|(at, piece)| match at {
        0 => piece,
        // A tag that is cut off is none.
        _ => piece.split_once('>').map_or("", |(_, rest)| rest),
    });
    let text: String = pieces.collect();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// A number as the page shows it: whole ones without a point.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "–".to_owned(),
        Some(number) => number.to_string(),
    }
}

fn ip(event: &Value) -> &str {
    event["source"]["ip"].as_str().unwrap()
}

#[test]
fn every_number_is_that_of_an_event() {
    let told = Told::site();
    let events = told.run.hosts();
    let verdicts = told.run.verdicts();
    let rows = told.data["hosts"].as_array().unwrap();
    assert_eq!(rows.len(), events.len());
    let mut pages = 0;
    for (row, event) in rows.iter().zip(&events) {
        the_row(row, event);
        let of: Vec<_> = verdicts.iter().filter(|it| ip(it) == ip(event)).collect();
        // The gravest level is that of a verdict, or none.
        let levels: Vec<_> = of.iter().map(|it| &it["mxray"]["level"]).collect();
        assert_eq!(levels.is_empty(), row[3] == "none", "{row}");
        assert!(levels.is_empty() || levels.contains(&&row[3]), "{row}");
        assert_eq!(row[15], !levels.is_empty(), "{row}");
        if !of.is_empty() {
            the_pictures(&told, event);
            the_page(&told, &of);
            pages += 1;
        }
    }
    assert!(pages >= 3, "{pages}");
    the_summary(&told, &verdicts);
    the_totals(&told, &events);
    the_audit(&told);
    the_resolvers(&told, &events, &verdicts);
}

fn the_row(row: &Value, event: &Value) {
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
}

/// Pictures of seconds, read in a second pass, add up to the same; so do servers, which are named.
fn the_pictures(told: &Told, event: &Value) {
    let (host, ours) = (ip(event), &event["mxray"]);
    let (queries, smtp) = (&ours["dns"]["queries"], &ours["smtp"]);
    for (column, of) in [
        ("total sum", &queries["total"]),
        ("A sum", &queries["a"]),
        ("MX sum", &queries["mx"]),
        ("PTR sum", &queries["ptr"]),
        ("smtp sum", &smtp["attempts"]),
    ] {
        let sum = told.sum(&format!("rates-{host}"), column).unwrap_or(0);
        assert_eq!(Some(sum), of.as_u64(), "{host} {column}");
    }
    let correlation = &ours["correlation"];
    if let Some(seconds) = told.sum(&format!("correlation-{host}"), "seconds") {
        assert_eq!(Some(seconds), correlation["n_active"].as_u64());
        let r2 = correlation["r2_active"].as_f64();
        let r2 = r2.map_or("R² –".to_owned(), |r2| format!("R² {r2:.4}"));
        assert!(told.part(host).contains(&r2), "{host}: {r2}");
    }
    let peers = &told.data["figures"][format!("peers-{host}")];
    for (column, of) in [
        ("mail connections", "attempts"),
        ("answered", "established"),
        ("refused", "refused"),
        ("not answered", "unanswered"),
        ("messages accepted", "messages_accepted"),
    ] {
        if peers.is_null() {
            assert_eq!(smtp["attempts"], 0, "{host}");
        } else if !smtp[of].is_null() {
            assert_eq!(Some(sum(peers, column)), smtp[of].as_u64(), "{host} {of}");
        }
    }
    if smtp["destinations_exact"] == true {
        let servers = peers["rows"].as_array().into_iter().flatten();
        let servers: BTreeSet<_> = servers.map(|row| row[0].to_string()).collect();
        assert_eq!(Some(servers.len() as u64), smtp["destinations"].as_u64());
    }
    let labels = told.data["figures"][format!("labels-{host}")]["rows"].clone();
    let labels: Vec<_> = labels.as_array().into_iter().flatten().cloned().collect();
    let of = ours["dns"]["labels"].as_array().unwrap().iter();
    let of: Vec<_> = of
        .map(|label| serde_json::json!([label["label"], label["count"]]))
        .collect();
    assert_eq!(labels, of, "{host}");
}

/// Verdicts with their scores, and evidence with its weights and frames.
fn the_page(told: &Told, verdicts: &[&Value]) {
    let host = ip(verdicts[0]);
    let part = told.part(host);
    let rows = table(part, "aria-label=\"Verdicts\"");
    assert_eq!(rows.len(), verdicts.len(), "{host}");
    for (row, verdict) in rows.iter().zip(verdicts) {
        let ours = &verdict["mxray"];
        assert_eq!(row[0], verdict["@timestamp"].as_str().unwrap());
        assert_eq!(row[1], ours["level"].as_str().unwrap());
        assert!(row[2].ends_with(&format!("({})", ours["class"].as_str().unwrap())));
        assert_eq!(row[3], ours["state"].as_str().unwrap());
        assert_eq!(
            row[4..],
            [number(&ours["score"]), number(&ours["posterior"])]
        );
    }
    let pieces = |verdict: &Value| verdict["mxray"]["evidence"].as_array().unwrap().clone();
    let Some(newest) = verdicts
        .iter()
        .rev()
        .find(|verdict| !pieces(verdict).is_empty())
    else {
        return;
    };
    let rows = table(part, "aria-label=\"Evidence\"");
    let evidence = pieces(newest);
    assert_eq!(rows.len(), evidence.len(), "{host}");
    for (row, piece) in rows.iter().zip(&evidence) {
        assert!(row[0].contains(piece["text"].as_str().unwrap()), "{row:?}");
        let weight = row[1].trim_end_matches(" ≥");
        assert_eq!(weight, number(&piece["llr"]), "{row:?}");
        assert_eq!(weight != row[1], piece["capped"] == true, "{row:?}");
        for packet in piece["packets"].as_array().unwrap() {
            let frame = packet["frame"].to_string();
            assert!(
                row[2].split([' ', ',', '{', '}']).any(|it| it == frame),
                "{row:?}"
            );
        }
    }
    // The newest verdict's, whole capture or not.
    let capture = &verdicts.last().unwrap()["mxray"]["capture"];
    let cut = format!("packets cut {}, one direction alone ", capture["truncated"]);
    let one_way = if capture["one_way"] == true {
        "✓"
    } else {
        "✗"
    };
    assert!(
        part.contains(&format!("{cut}{one_way}")),
        "{host}: {cut}{one_way}"
    );
    let against = &verdicts.last().unwrap()["mxray"]["against"];
    let sums = ["pc", "sender", "prober"].map(|of| number(&against[of]));
    let sums = format!(
        "(PC {}, mail server {}, prober of mail servers {})",
        sums[0], sums[1], sums[2]
    );
    assert!(part.contains(&sums), "{host}: {sums}");
}

/// Who is convicted, how many, and how sure.
fn the_summary(told: &Told, verdicts: &[Value]) {
    let mut gravest: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for verdict in verdicts {
        gravest.entry(ip(verdict)).or_default().push(verdict);
    }
    let level = |verdict: &Value| verdict["event"]["severity"].as_u64().unwrap();
    let of = |least, below| {
        let most = |of: &[&Value]| of.iter().map(|it| level(it)).max().unwrap();
        let is = |of: &[&Value]| (least..below).contains(&most(of));
        gravest.values().filter(|of| is(of)).count()
    };
    let hosts = told.data["hosts"].as_array().unwrap().len();
    let [convicted, suspected, noticed] = [of(73, 100), of(47, 73), of(21, 47)];
    let summary = told.between("id=\"summary\"", "id=\"hosts\"");
    let sentence = format!(
        "Of {hosts} hosts, {convicted} convicted, {suspected} suspected, {noticed} noticed."
    );
    assert!(summary.contains(&sentence), "{sentence}");
    assert!(convicted >= 2 && suspected >= 1, "{sentence}");
    let items = summary.split("<li ").skip(1);
    let items = items.map(|item| item.split_once("</li>").unwrap().0);
    let items: Vec<_> = items.map(text).collect();
    assert_eq!(items.len(), convicted);
    for item in items {
        let (host, of) = gravest
            .iter()
            .find(|(host, _)| item.contains(&format!("{host} ")))
            .unwrap();
        let most = of.iter().map(|it| level(it)).max();
        let newest = of.iter().rev().find(|it| Some(level(it)) == most).unwrap();
        let posterior = newest["mxray"]["posterior"].as_f64().unwrap();
        let percent = if posterior > 0.999 {
            "> 99.9".to_owned()
        } else {
            format!("{:.1}", 100.0 * posterior)
        };
        assert!(
            item.contains(&format!("Probability {percent}%")),
            "{host}: {item}"
        );
        let since = newest["mxray"]["episode"]["first_seen"].as_str().unwrap();
        assert!(item.contains(since), "{host}: {item}");
    }
}

/// The sums over the hosts, and each counter of the last totals.
fn the_totals(told: &Told, events: &[Value]) {
    let site = told.between("id=\"site\"", "</main>");
    let sum = |of: &dyn Fn(&Value) -> &Value| {
        let sum: u64 = events
            .iter()
            .filter_map(|event| of(&event["mxray"]).as_u64())
            .sum();
        sum.to_string()
    };
    let types = ["total", "mx", "a", "ptr", "aaaa"];
    let mut sums: Vec<_> = types
        .map(|of| sum(&|ours| &ours["dns"]["queries"][of]))
        .into();
    sums.push(sum(&|ours| &ours["smtp"]["attempts"]));
    assert_eq!(table(site, "Queries of all hosts in the table"), [sums]);

    let totals = told.run.totals();
    let rows = table(site, "aria-label=\"Quality of the capture\"");
    assert!(rows.len() >= 20);
    for row in rows {
        let value = row[0].split('.').fold(&totals, |value, key| &value[key]);
        assert_eq!(row[1], value.to_string(), "{}", row[0]);
    }
}

fn the_audit(told: &Told) {
    let site = told.between("id=\"site\"", "</main>");
    let audit = &told.run.totals()["op25b"];
    let row = |net: &str, of: &Value| {
        let counts = [
            "hosts",
            "attempts",
            "blocked",
            "leaked",
            "leak_ratio",
            "allowed",
        ];
        let mut row = vec![net.to_owned()];
        row.extend(counts.map(|count| number(&of[count])));
        row
    };
    let mut rows = vec![row("IPv4", &audit["ipv4"]), row("IPv6", &audit["ipv6"])];
    let prefixes = audit["prefixes"].as_array().unwrap();
    assert!(!prefixes.is_empty());
    rows.extend(
        prefixes
            .iter()
            .map(|of| row(of["net"].as_str().unwrap(), of)),
    );
    let mark = "aria-label=\"Port 25 to the outside (OP25B)\"";
    assert_eq!(table(site, mark), rows);
    let (_, second) = site.split_once(mark).unwrap();
    let flows = [
        "forged",
        "pop_before_smtp",
        "submitted_auth",
        "submitted_tls",
        "submitted_open",
    ];
    assert_eq!(
        table(second, mark),
        [flows.map(|of| number(&audit["flows"][of])).to_vec()]
    );
}

/// What resolvers asked, and each flood with its rate and its entropies.
fn the_resolvers(told: &Told, events: &[Value], verdicts: &[Value]) {
    let site = told.between("id=\"site\"", "</main>");
    let rows = table(site, "aria-label=\"Resolvers\"");
    let floods = table(site, "aria-label=\"Floods of DNS servers\"");
    let of: Vec<_> = verdicts
        .iter()
        .filter(|it| it["mxray"]["class"] == "ptr-flood")
        .collect();
    let mut episodes: Vec<&Value> = Vec::new();
    for verdict in &of {
        let episode = &verdict["mxray"]["episode"]["id"];
        if !episodes.contains(&episode) {
            episodes.push(episode);
        }
    }
    assert_eq!(floods.len(), episodes.len());
    assert!(floods.len() >= 2, "{floods:?}");
    for (row, episode) in floods.iter().zip(episodes) {
        let newest = of
            .iter()
            .rev()
            .find(|it| it["mxray"]["episode"]["id"] == *episode)
            .unwrap();
        let ours = &newest["mxray"];
        assert_eq!(row[0], ip(newest));
        assert_eq!(row[1..3], ["ptr-flood", ours["level"].as_str().unwrap()]);
        assert_eq!(row[3], number(&ours["score"]));
        assert!(
            row[4].starts_with(ours["episode"]["first_seen"].as_str().unwrap()),
            "{row:?}"
        );
        for piece in ours["evidence"].as_array().unwrap() {
            let said = format!(
                "{} ({}",
                piece["text"].as_str().unwrap(),
                number(&piece["llr"])
            );
            assert!(row[5].contains(&said), "{row:?}: {said}");
        }
        for other in newest["related"]["ip"].as_array().unwrap() {
            let other = other.as_str().unwrap();
            assert!(other == ip(newest) || row[6].contains(other), "{row:?}");
        }
    }
    let listed: Vec<_> = rows.iter().map(|row| &*row[0]).collect();
    assert!(of.iter().all(|it| listed.contains(&ip(it))), "{listed:?}");
    let resolvers = events
        .iter()
        .filter(|it| it["mxray"]["role"]["name"] == "resolver");
    for event in resolvers {
        let row = rows.iter().find(|row| row[0] == ip(event)).unwrap();
        let dns = &event["mxray"]["dns"];
        let told = [
            &dns["queries"]["total"],
            &dns["queries"]["a"],
            &dns["queries"]["mx"],
            &dns["queries"]["ptr"],
            &dns["replies"]["total"],
            &dns["replies"]["nxdomain"],
            &dns["replies"]["servfail"],
            &dns["names_distinct"],
            &dns["domains_distinct"],
        ];
        assert_eq!(row[2..11], told.map(ToString::to_string), "{row:?}");
    }
}
