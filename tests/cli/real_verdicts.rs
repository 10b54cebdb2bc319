//! What is said of hosts in real captures; docs/REAL-VERDICTS.md says why, and which of it is
//! wrong. The table beside this file holds every host that had a verdict, and those whose lack
//! of one matters; every other host of the captures is a `none`.

use crate::{Place, events};
use std::collections::BTreeMap;
use std::path::Path;

const TABLE: &str = include_str!("real_verdicts.tsv");

/// Role, level and class.
type Said = [String; 3];

/// The table: by capture and host.
fn table() -> BTreeMap<(String, String), Said> {
    let rows = TABLE.lines().skip(1).map(|row| {
        let fields: Vec<_> = row.split('\t').map(str::to_owned).collect();
        let [capture, host, _label, role, level, class] = fields.try_into().unwrap();
        ((capture, host), [role, level, class])
    });
    rows.collect()
}

/// What a replay says of each host of a capture at its end.
fn said(capture: &Path) -> Vec<(String, Said)> {
    let place = Place::new();
    let mut command = place.mxray("replay --hosts=all -q");
    let output = command.arg(capture).output().unwrap();
    let events = events(&String::from_utf8(output.stdout).unwrap());
    let hosts = events
        .iter()
        .filter(|event| event["event"]["dataset"] == "mxray.host");
    hosts
        .map(|event| {
            let said = &event["mxray"];
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let said = [&said["role"]["name"], &said["level"], &said["class"]].map(text);
            (text(&event["source"]["ip"]), said)
        })
        .collect()
}

#[test]
fn hosts_of_real_captures_are_judged_as_documented() {
    let Some(folder) = std::env::var_os("MXRAY_REAL_CAPTURES") else {
        println!("skipped: MXRAY_REAL_CAPTURES names no folder of captures");
        return;
    };
    let folder = Path::new(&folder);
    let mut expected = table();
    let (mut hosts, mut wrong) = (0, Vec::new());
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "pcap" || it == "pcapng")
        })
        .collect();
    files.sort();
    for file in files {
        let capture = file.file_name().unwrap().to_str().unwrap().to_owned();
        for (host, said) in said(&file) {
            hosts += 1;
            let right = match expected.remove(&(capture.clone(), host.clone())) {
                Some(row) => said == row,
                None => said[1] == "none",
            };
            if !right {
                wrong.push(format!("{capture}\t{host}\t{}", said.join("\t")));
            }
        }
        expected.retain(|(of, host), _| {
            let missing = *of == capture;
            if missing {
                wrong.push(format!("{capture}\t{host}\tis no host"));
            }
            !missing
        });
    }
    assert!(hosts > 0, "no captures in {}", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_capture_of_the_table_is_documented() {
    let text = include_str!("../../docs/REAL-VERDICTS.md");
    for (capture, _) in table().into_keys() {
        assert!(text.contains(&capture), "{capture}");
    }
}
