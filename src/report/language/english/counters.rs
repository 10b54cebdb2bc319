//! What the counters of the totals count.

pub(super) fn counter(name: &str) -> &'static str {
    match name {
        "packets.seen" => "all packets",
        "packets.decoded" => "read whole",
        "packets.ignored" => "well-formed, and nothing that is read",
        "packets.filtered" => "kept out by the filter or the window of time",
        "packets.fragments_unfinished" => "fragments whose datagram was never whole",
        "packets.shed" => "thrown away for lack of time",
        "truncated" => "cut by the snap length",
        "late" => "more than two seconds behind: in totals, not in pictures by the second",
        "duplicates" => "messages that the mirror port delivered twice",
        "reassembled" => "datagrams put together from fragments",
        "observations_omitted" => "left out of judgement, as too many came at once",
        "tcp.midstream" => "connections picked up in the middle",
        "tcp.retransmitted" => "segments with nothing new",
        "tcp.reordered" => "segments that came too early",
        "tcp.holes" => "holes in connections",
        "tcp.octets_lost" => "octets in them",
        "tcp.evicted" => "connections forgotten for others",
        "hosts.tracked" => "hosts in the tables at the end",
        "hosts.evicted" => "hosts forgotten for others",
        "files" => "capture files",
        "kernel.received" => "packets that the kernel counted",
        "kernel.dropped" => "dropped for want of room",
        "kernel.if_dropped" => "dropped by the interface",
        name if name.starts_with("packets.unsupported.") => "not read, for that reason",
        name if name.starts_with("packets.malformed.") => "broken in that way",
        _ => "",
    }
}
