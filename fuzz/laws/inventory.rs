//! What must hold of any octets as an inventory: the longest net wins, and a suppression of any
//! net around a host holds, both beside a search from one end of the file to the other. The fuzz
//! target tries it on what the fuzzer thinks of, the test `fuzz_seeds` on what is kept.

#[path = "scratch.rs"]
mod scratch;

use ipnet::IpNet;
use mxray::home::parse_net;
use mxray::host::HostAddr;
use mxray::inventory::Inventory;
use mxray::time::Timestamp;
use mxray::toml_file::FileError;
use mxray::verdict::Class;
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use toml::{Table, Value};

thread_local! {
    static FILE: RefCell<(TempDir, PathBuf)> = RefCell::new({
        let folder = scratch::folder();
        let path = folder.path().join("inventory.toml");
        (folder, path)
    });
}

/// # Panics
/// Where it does not hold that what is refused is refused in one line that names a line of the
/// file; that texts are within their bound; and that a host has the entry of the longest net
/// around it, and is suppressed where a net around it says so.
pub(crate) fn holds(octets: &[u8]) {
    let loaded = FILE.with_borrow(|(_, path)| {
        fs::write(path, octets).expect("room");
        Inventory::load(path)
    });
    let inventory = match loaded {
        Ok(inventory) => inventory,
        Err(fault) => {
            let told = fault.to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
            let FileError::Line { line, .. } = fault else {
                panic!("{told}: the file is there");
            };
            let lines = 1 + octets.split(|octet| *octet == b'\n').count();
            assert!((1..=lines).contains(&line), "{told}");
            return;
        }
    };
    // What the inventory takes is text and TOML.
    let text = std::str::from_utf8(octets).expect("text");
    let written: Table = text.parse().expect("TOML");
    for text in inventory.owners() {
        is_bounded(text);
    }
    let hosts = tables(&written, "host");
    let suppressions = tables(&written, "suppress");
    assert_eq!(inventory.hosts_len(), hosts.len());
    assert_eq!(inventory.suppressions_len(), suppressions.len());
    for (net, _) in hosts.iter().chain(&suppressions) {
        for host in [net.network(), net.broadcast()].map(HostAddr::from) {
            looked_up(&inventory, host, &hosts);
            suppressed(&inventory, host, &suppressions);
        }
    }
}

/// The tables of a list, each with its net.
fn tables<'a>(written: &'a Table, key: &str) -> Vec<(IpNet, &'a Table)> {
    let listed = written.get(key).and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_table);
    let net = |table: &Table| {
        let net = table.get("net").and_then(Value::as_str);
        parse_net(net.expect("a net")).expect("a net")
    };
    listed.map(|table| (net(table), table)).collect()
}

fn is_bounded(text: &str) {
    assert!((1..=256).contains(&text.len()) && !text.contains(char::is_control));
}

fn looked_up(inventory: &Inventory, host: HostAddr, hosts: &[(IpNet, &Table)]) {
    let around = hosts.iter().filter(|(net, _)| net.contains(&host.ip()));
    let longest = around.clone().max_by_key(|(net, _)| net.prefix_len());
    let found = inventory.host(host);
    assert_eq!(found.map(|entry| entry.net), longest.map(|(net, _)| *net));
    if let (Some(found), Some((_, table))) = (found, longest) {
        let text = |key| table.get(key).and_then(Value::as_str);
        assert_eq!(found.note.as_deref(), text("note"));
        found.note.as_deref().map(is_bounded);
    }
    let with_one = around.filter(|(_, table)| table.contains_key("owner"));
    let narrowest = with_one.max_by_key(|(net, _)| net.prefix_len());
    let owner = narrowest.and_then(|(_, table)| table.get("owner"));
    assert_eq!(inventory.owner(host), owner.and_then(Value::as_str));
}

fn suppressed(inventory: &Inventory, host: HostAddr, suppressions: &[(IpNet, &Table)]) {
    for class in [Class::SpamFanout, Class::Gen2Mx] {
        let around = suppressions.iter().filter(|(net, table)| {
            let only = table.get("class").and_then(Value::as_str);
            let only = only.map(|only| only.parse::<Class>().expect("a class"));
            net.contains(&host.ip()) && only.is_none_or(|only| only == class)
        });
        let ends = |(_, table): &&(IpNet, &Table)| table.contains_key("until");
        let for_ever = around.clone().any(|entry| !ends(&entry));
        for at in [Timestamp::MIN, Timestamp::from_parts(0, 0), Timestamp::MAX] {
            let found = inventory.suppressed(host, class, at);
            if for_ever {
                assert!(found.is_some());
            }
            if let Some(found) = found {
                assert!(around.clone().any(|(net, _)| *net == found.net));
                found.reason.as_deref().map(is_bounded);
            }
        }
    }
}
