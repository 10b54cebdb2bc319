//! What the kernel is asked to let through of a live link is no less than what is read of a
//! capture: every frame of every capture that says something passes the filter.

use crate::captures;
use mxray::capture::LinkType;
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::{MailPorts, Route, route};
use mxray::decode::packet::Sliced;
use mxray::decode::wanted;
use pcap::{BpfProgram, Capture, Linktype};

/// What a frame of it is to say, and whether any frame does.
fn missed(frames: &[captures::Captured], what: &str) -> usize {
    let mail = MailPorts::default();
    let compile = |link: i32, text: &str| -> BpfProgram {
        let dead = Capture::dead(Linktype(link)).unwrap();
        dead.compile(text, true)
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let ethernet = compile(1, &wanted::expression(&mail, true, None));
    let cooked = wanted::cooked_expression(&mail, true, None);
    let (cooked, cooked2) = (compile(113, &cooked), compile(276, &cooked));
    let raw = compile(12, &wanted::ip_expression(&mail, true, None));
    let mut fragments = Fragments::default();
    let mut said = 0;
    for captured in frames {
        let program = match captured.link {
            LinkType::ETHERNET => &ethernet,
            LinkType::RAW => &raw,
            LinkType::LINUX_SLL => &cooked,
            LinkType::LINUX_SLL2 => &cooked2,
            _ => continue,
        };
        let frame = captured.frame();
        let says = match fragments.slice(&frame).sliced {
            Sliced::Packet(packet) => route(&packet, &mail) != Route::Ignored,
            Sliced::Binding(_) | Sliced::Fragment(_) => true,
            _ => false,
        };
        if says {
            said += 1;
            assert!(
                program.filter(frame.bytes),
                "{what}: frame {} would be kept away",
                frame.origin.frame
            );
        }
    }
    said
}

#[test]
fn the_kernel_lets_through_all_that_is_read_of_made_captures() {
    let mut said = 0;
    for name in captures::synth_names() {
        said += missed(&captures::synth(name), name);
    }
    assert!(said > 100_000, "{said}");
}

#[test]
fn the_kernel_lets_through_all_that_is_read_of_real_captures() {
    let Some(folder) = captures::real_folder() else {
        return;
    };
    for path in captures::real_files(&folder) {
        missed(&captures::read(&[&path]), &path.display().to_string());
    }
}

#[test]
fn what_nothing_reads_stays_away() {
    let mail = MailPorts::default();
    let dead = Capture::dead(Linktype::ETHERNET).unwrap();
    let program = dead
        .compile(&wanted::expression(&mail, false, None), true)
        .unwrap();
    // Ethernet, IPv4 of TCP from 40000 to 443 with a segment that is no handshake.
    let mut frame = vec![0; 12];
    frame.extend([8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 1, 0xbb]);
    frame.extend([0; 8]);
    frame.extend([0x50, 0x10, 0, 0, 0, 0, 0, 0, 23, 3, 3, 0, 5, 0]);
    assert!(!program.filter(&frame));
    // The same as a handshake, and to port 25.
    frame[54] = 22;
    assert!(program.filter(&frame));
    frame[54] = 23;
    (frame[36], frame[37]) = (0, 25);
    assert!(program.filter(&frame));
}
