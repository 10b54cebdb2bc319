//! The report in a browser, where there is one: what a person clicks and types.

use super::chromium::Chromium;
use super::report::data;
use super::*;
use std::net::IpAddr;

/// The captures that the study day is shipped as.
fn day() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/study-day/input.pcap.gz")
}

/// Of the day so much as shows five worms.
const UNTIL: &str = "--until 2005-02-25T01:30:00Z";

/// The hosts of the rows on display, in order.
const HOSTS: &str =
    "[...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[0].textContent)";
/// Whether nothing of the table and the page is beyond the edge.
const FITS: &str = "(() => {
    const frame = document.querySelector('#hosts .wide');
    return frame.scrollWidth <= frame.clientWidth && document.documentElement.scrollWidth <= innerWidth;
})()";

/// The hosts of the table of which this holds, by their addresses.
fn hosts(data: &Value, is: impl Fn(&Value) -> bool) -> Vec<String> {
    let rows = data["hosts"].as_array().unwrap().iter();
    let mut found: Vec<_> = rows
        .filter(|row| is(row))
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

fn shown(browser: &mut Chromium) -> Vec<String> {
    let hosts = browser.eval(HOSTS);
    let hosts = hosts.as_array().unwrap().iter();
    hosts
        .map(|host| host.as_str().unwrap().to_owned())
        .collect()
}

/// The same, sorted by their letters.
fn set(browser: &mut Chromium) -> Vec<String> {
    let mut hosts = shown(browser);
    hosts.sort();
    hosts
}

#[test]
fn an_analyst_clicks_through_the_study_day() {
    let place = Place::new();
    let Some(mut browser) = Chromium::start(place.0.path()) else {
        return;
    };
    let line = format!("report -q {UNTIL} {} -o r.html", day().display());
    place.run(&line, 0);
    let data = data(&place.read("r.html"));
    browser.resize(1280, 900);
    browser.open(&place.path("r.html"));
    assert_eq!(set(&mut browser), hosts(&data, |_| true));
    assert_eq!(browser.eval(FITS), true, "the table is wider than the page");

    sorts(&mut browser, &data);
    searches_and_filters(&mut browser, &data);
    opens_a_host(&mut browser, &data, &place);

    for fault in [
        "Runtime.consoleAPICalled",
        "Runtime.exceptionThrown",
        "Log.entryAdded",
    ] {
        assert_eq!(browser.told(fault), [&Value::Null; 0]);
    }
    let page = format!("file://{}", place.path("r.html").display());
    let requests = browser.told("Network.requestWillBeSent");
    assert!(!requests.is_empty());
    for request in requests {
        let url = request["request"]["url"].as_str().unwrap();
        assert!(url == page || url.starts_with("blob:"), "{url}");
    }
}

/// By a click on a column's name, and the other way by the next one; by keyboard.
fn sorts(browser: &mut Chromium, data: &Value) {
    let queries = "[...document.querySelectorAll('#table tbody tr')].map((row) => Number(row.cells[7].textContent))";
    let column = "#table th:nth-child(8)";
    browser.click(&format!("{column} button"));
    let down = browser.eval(queries);
    let down = down.as_array().unwrap().iter();
    let down: Vec<_> = down.map(|number| number.as_u64().unwrap()).collect();
    assert!(down.is_sorted_by(|one, other| one >= other), "{down:?}");
    assert_ne!(down.first(), down.last());
    browser.click(&format!("{column} button"));
    let up = browser.eval(queries);
    assert_eq!(up[0].as_u64(), down.last().copied());
    let sort =
        |column: &str| format!("document.querySelector('{column}').getAttribute('aria-sort')");
    assert_eq!(browser.eval(&sort(column)), "ascending");

    // From the filters over the frame of the table to the first column.
    browser.eval("document.getElementById('all').focus()");
    for key in ["Tab", "Tab"] {
        browser.press(key, 9);
    }
    browser.press("Enter", 13);
    assert_eq!(browser.eval(&sort("#table th")), "ascending");
    assert_eq!(browser.eval(&sort(column)), Value::Null);
    let addresses = hosts(data, |_| true).into_iter();
    let mut sorted: Vec<IpAddr> = addresses.map(|host| host.parse().unwrap()).collect();
    sorted.sort();
    let sorted: Vec<_> = sorted.iter().map(ToString::to_string).collect();
    assert_eq!(shown(browser), sorted);
}

/// Leaves one host on display, 192.0.2.6.
fn searches_and_filters(browser: &mut Chromium, data: &Value) {
    let all = hosts(data, |_| true);
    browser.click("#search");
    browser.insert("192.0.2.6");
    let found = hosts(data, |row| row[0].as_str().unwrap().contains("192.0.2.6"));
    assert!(found.len() < all.len());
    assert_eq!(set(browser), found);
    browser.eval("document.getElementById('search').select()");
    browser.press("Backspace", 8);
    assert_eq!(set(browser), all);

    choose(browser, "level", "likely");
    let is_convicted = |row: &Value| row[3] == "likely" || row[3] == "confirmed";
    let convicted = hosts(data, is_convicted);
    assert!(!convicted.is_empty());
    assert_eq!(set(browser), convicted);
    choose(browser, "class", "gen3-a");
    let third = |row: &Value| row[1] == "gen3-a" || row[16] == "gen3-a";
    let third = hosts(data, |row| is_convicted(row) && third(row));
    assert_eq!(third, ["192.0.2.6"]);
    assert_eq!(set(browser), third);
}

/// By keyboard.
fn choose(browser: &mut Chromium, id: &str, value: &str) {
    browser.eval(&format!("document.getElementById('{id}').focus()"));
    for _ in 0..20 {
        if browser.eval(&format!("document.getElementById('{id}').value")) == value {
            return;
        }
        browser.press("ArrowDown", 40);
    }
    panic!("{id} offers no {value}");
}

/// Its page, and the numbers behind its first picture, on display and as a file.
fn opens_a_host(browser: &mut Chromium, data: &Value, place: &Place) {
    browser.click("#table tbody a");
    browser.until("document.getElementById('host-192.0.2.6').open");
    assert_eq!(browser.eval("location.hash"), "#host-192.0.2.6");
    let numbers = "[id='host-192.0.2.6'] details.numbers[data-figure^='rates']";
    browser.click(&format!("{numbers} summary"));
    let rows = format!("document.querySelectorAll(\"{numbers} tbody tr\").length");
    browser.until(&format!("{rows} > 0"));
    let figure = data["figures"]["rates-192.0.2.6"]["rows"].as_array();
    assert_eq!(
        browser.eval(&rows).as_u64().unwrap(),
        figure.unwrap().len() as u64
    );
    browser.click(&format!("{numbers} button"));
    browser.wait("Browser.downloadProgress", |now| {
        now["state"] == "completed"
    });
    let line = format!("plot -q {UNTIL} 192.0.2.6 rates --csv {}", day().display());
    let told = place.run(&line, 0);
    assert_eq!(place.read("192.0.2.6-rates.csv"), told.stdout);
}

/// Of a site of thousands a few rows are made at once; on paper there are those that matter. At the
/// width of a phone, and in Japanese, the table is there as well.
#[test]
fn thousands_of_hosts_are_sorted_and_not_all_printed() {
    let place = Place::with("study-client-b");
    let Some(mut browser) = Chromium::start(place.0.path()) else {
        return;
    };
    place.run("report -q --lang ja study-client-b.pcap -o r.html", 0);
    let page = place.read("r.html");
    let mut many = data(&page);
    let (rows, found) = (5_000, many["hosts"][0].clone());
    let ordinary = |at: u64| {
        let mut row = found.clone();
        row[0] = format!("10.0.{}.{}", at / 250, at % 250).into();
        (row[1], row[16]) = ("ordinary".into(), "ordinary".into());
        (row[2], row[3], row[4]) = ("none".into(), "none".into(), 0.into());
        (row[7], row[15]) = (at.into(), false.into());
        row
    };
    let hosts = many["hosts"].as_array_mut().unwrap();
    hosts.truncate(1);
    hosts.extend((1..rows).map(ordinary));
    let (before, rest) = page.split_once("id=\"data\">").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    place.write(
        "many.html",
        format!("{before}id=\"data\">{many}</script>{after}"),
    );

    browser.resize(390, 844);
    browser.open(&place.path("many.html"));
    assert_eq!(browser.eval(FITS), true, "the table is wider than a phone");
    browser.resize(1280, 900);
    assert_eq!(browser.eval(FITS), true, "the table is wider than the page");
    // The class in the page's language, and the events' word for who looks for that.
    let class = browser.eval("document.querySelector('#table tbody').rows[0].cells[1].innerText");
    assert_eq!(class, "MX 検索型\ngen2-mx");

    let made = "document.querySelectorAll('#table tbody tr').length";
    assert_eq!(browser.eval(made), 50);
    browser.click("#more");
    assert_eq!(browser.eval(made), 300);
    browser.click("#table th:nth-child(8) button");
    assert_eq!(browser.eval(made), 50);
    let most = shown(&mut browser);
    assert_eq!(most[0], "10.0.19.249");
    assert!(!most.contains(&found[0].as_str().unwrap().to_owned()));

    browser.eval("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.eval(made), 51);
    let told = browser.eval("document.getElementById('printed').textContent");
    assert!(told.as_str().unwrap().starts_with("51 / 5000 "), "{told}");
    browser.eval("dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.eval(made), 50);
    assert_eq!(browser.told("Runtime.exceptionThrown"), [&Value::Null; 0]);
    assert_eq!(browser.told("Log.entryAdded"), [&Value::Null; 0]);
}
