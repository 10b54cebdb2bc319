//! What the two processes of a live capture may do, as the kernel tells it, and how one
//! starts the other.
//!
//! The tests run this program again as those processes, since none may have a thread when it
//! gives up its privileges, and `launch` executes the program that it is called from. What
//! the system does not let be tested is skipped, and says why.

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails here says where, and one that is skipped says why"
)]
mod linux {
    use mxray::privilege::{Child, Confinement, REOPEN, confine, launch};
    use mxray::service::Notifier;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{Pid, getppid};
    use sd_notify::NotifyState;
    use serde_json::{Value, json};
    use signal_hook::consts::{SIGHUP, SIGTERM};
    use signal_hook::iterator::Signals;
    use std::collections::BTreeMap;
    use std::fs::{self, File, OpenOptions, Permissions};
    use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::path::Path;
    use std::process::{Child as Process, Command, Stdio, exit};
    use std::time::{Duration, Instant};
    use std::{env, thread};
    use tempfile::TempDir;

    /// What begins the argument that says which process this is.
    const ROLE: &str = "role:";

    pub(super) fn main() {
        let arguments: Vec<_> = env::args().skip(1).collect();
        if let Some(role) = arguments.first().and_then(|word| word.strip_prefix(ROLE)) {
            return play(role, Path::new(&arguments[1]));
        }
        // What lists tests is answered as by a harness that has none.
        if arguments.iter().any(|word| word == "--list") {
            return;
        }
        for (name, test) in TESTS {
            println!("test {name} ...");
            test();
        }
    }

    const TESTS: [(&str, fn()); 8] = [
        ("a_confined_process_can_do_its_work_and_no_more", confined),
        ("threads_are_not_left_out", threads_are_not_left_out),
        ("sockets_are_opened_again_and_state_goes_on", state_goes_on),
        (
            "the_user_of_a_capability_alone_can_do_all_of_it",
            one_capability,
        ),
        ("a_crash_is_survived", a_crash_is_survived),
        ("signals_and_statuses_are_passed_on", signals),
        ("what_was_left_is_drained_at_the_end", drained),
        ("no_child_outlives_its_launcher", no_orphan),
    ];

    fn play(role: &str, place: &Path) {
        match role {
            "confined" => play_confined(place),
            "threads" => {
                thread::spawn(|| thread::sleep(Duration::from_mins(1)));
                let error = confine(&Confinement::default()).unwrap_err();
                println!("{error}");
            }
            role => {
                let mut caught = Signals::new([SIGHUP, SIGTERM]).unwrap();
                if let Some(child) = Child::begin().unwrap() {
                    return play_child(role, child, &mut caught, place);
                }
                drop(caught);
                let status = launch(None, &mut |text| eprintln!("{text}")).unwrap();
                exit(status.into());
            }
        }
    }

    /// A folder that everybody may use.
    fn place() -> TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        place
    }

    fn run(role: &str, place: &Path) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg(format!("{ROLE}{role}")).arg(place);
        command
    }

    /// `/proc/PROCESS/status`.
    fn status(process: &str) -> BTreeMap<String, String> {
        let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect()
    }

    fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    const NONE: &str = "0000000000000000";
    /// Bit 13.
    const NET_RAW: &str = "0000000000002000";

    /// What became of `result`: `ok`, or the error's name.
    fn outcome<T>(result: io::Result<T>) -> Value {
        match result {
            Ok(_) => json!("ok"),
            Err(error) => json!(error.kind().to_string()),
        }
    }

    /// Confines itself and tries what it needs and what it must not be able to do.
    fn play_confined(place: &Path) {
        let (read, write) = (place.join("read"), place.join("write"));
        let listener = UnixListener::bind(place.join("write/status")).unwrap();
        let notifier = Notifier::from_env().unwrap().unwrap();
        let log = write.join("events.ndjson");
        let mut before = File::create(&log).unwrap();
        let mut packets = pcap::Capture::from_device("lo")
            .and_then(|lo| lo.immediate_mode(true).timeout(10).open())
            .and_then(pcap::Capture::setnonblock)
            .ok();

        let confined = confine(&Confinement {
            // Named by a file in it, and not yet there.
            read: vec![read.join("mxray.toml"), place.join("absent/inventory.toml")],
            write: vec![write.clone()],
        })
        .unwrap();

        let works = json!({
            "read": outcome(fs::read(read.join("mxray.toml"))),
            "write_before": outcome(before.write_all(b"line\n").and_then(|()| before.sync_all())),
            "rotate": outcome(fs::rename(&log, write.join("events.1"))),
            "reopen": outcome(OpenOptions::new().append(true).create(true).open(&log)),
            "folder": outcome(fs::create_dir(write.join("2026"))),
            "move": outcome(fs::rename(write.join("events.1"), write.join("2026/events"))),
            "truncate": outcome(File::create(&log).and_then(|file| file.set_len(10))),
            "list": outcome(fs::read_dir(&write).map(Iterator::count)),
            "remove": outcome(fs::remove_file(&log)),
            "interface": outcome(fs::read("/sys/class/net/lo/statistics/rx_dropped")),
            "memory": outcome(fs::read("/proc/self/statm")),
            "signals": outcome(Signals::new([SIGHUP])),
            "notify": outcome(notifier.notify(&[NotifyState::Ready])),
            "threads": outcome(
                thread::Builder::new()
                    .name("worker".to_owned())
                    .spawn(|| vec![0_u8; 1 << 26].len())
                    .map(|thread| thread.join().unwrap()),
            ),
            "filter": outcome(
                pcap::Capture::dead(pcap::Linktype::ETHERNET)
                    .and_then(|dead| dead.compile("udp port domain", true))
                    .map_err(io::Error::other),
            ),
            "status": outcome(listener.accept().and_then(|(mut client, _)| {
                client.write_all(b"{}\n")
            })),
            // Without CAP_NET_RAW there is no socket to go on reading from.
            "packets": outcome(packets.as_mut().map_or(Ok(()), |packets| {
                match packets.next_packet() {
                    Ok(_) | Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => {
                        packets.stats().map(|_| ()).map_err(io::Error::other)
                    }
                    Err(error) => Err(io::Error::other(error)),
                }
            })),
        });
        let refused = json!({
            "read_outside": outcome(fs::read("/etc/passwd")),
            "read_beside": outcome(fs::read(place.join("secret"))),
            "write_to_read": outcome(fs::write(read.join("new"), "")),
            "write_outside": outcome(fs::write(place.join("new"), "")),
            "move_out": outcome(fs::rename(write.join("2026/events"), place.join("events"))),
            "udp": outcome(UdpSocket::bind("127.0.0.1:0")),
            "tcp": outcome(TcpListener::bind("127.0.0.1:0")),
            "connect": outcome(TcpStream::connect("127.0.0.1:25")),
            "unix": outcome(UnixDatagram::unbound()),
            "capture": outcome(
                pcap::Capture::from_device("lo")
                    .and_then(pcap::Capture::open)
                    .map_err(io::Error::other),
            ),
            "execute": outcome(Command::new("/bin/true").status()),
            "signal": outcome(kill(getppid(), Signal::SIGCONT).map_err(Into::into)),
        });
        let threads = thread::spawn(|| status("thread-self")).join().unwrap();
        println!(
            "{}",
            json!({
                "confined": confined,
                "works": works,
                "refused": refused,
                "process": status("self"),
                "thread": threads,
                "captures": packets.is_some(),
            })
        );
    }

    fn confined() {
        let place = place();
        for folder in ["read", "write"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        fs::write(place.path().join("read/mxray.toml"), "").unwrap();
        fs::write(place.path().join("secret"), "").unwrap();
        let manager = UnixDatagram::bind(place.path().join("notify")).unwrap();
        let child = run("confined", place.path())
            .env("NOTIFY_SOCKET", place.path().join("notify"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut client = wait_for("status socket", || {
            UnixStream::connect(place.path().join("write/status")).ok()
        });
        let mut line = String::new();
        client.read_to_string(&mut line).unwrap();
        assert_eq!(line, "{}\n");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut text = [0; 20];
        let length = manager.recv(&mut text).unwrap();
        assert_eq!(&text[..length], b"READY=1");

        println!("     {}", told["confined"]);
        if told["captures"] == false {
            println!("     no packet socket: CAP_NET_RAW is missing");
        }
        for (what, outcome) in told["works"].as_object().unwrap() {
            assert_eq!(outcome, "ok", "{what}");
        }
        for state in [&told["process"], &told["thread"]] {
            for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
                assert_eq!(state[set], NONE, "{set}");
            }
            assert_eq!(state["NoNewPrivs"], "1");
        }
        let confined = &told["confined"];
        assert_eq!(confined["capabilities"], json!([]));
        assert_eq!(confined["no_new_privs"], true);
        let missing = confined["missing"].to_string();
        assert!(missing.contains("absent"), "{missing}");

        let refused = told["refused"].as_object().unwrap();
        if confined["landlock"] == "full" {
            for (what, outcome) in refused {
                assert_ne!(outcome, "ok", "{what}");
            }
        } else {
            println!("     landlock is not complete: {missing}");
        }
        if confined["seccomp"] == "filter" {
            assert_eq!(told["thread"]["Seccomp"], "2");
            for what in ["udp", "tcp", "connect", "unix", "execute", "signal"] {
                assert_ne!(refused[what], "ok", "{what}");
            }
        } else {
            println!("     seccomp is not used: {missing}");
        }
    }

    fn threads_are_not_left_out() {
        let output = run("threads", &env::temp_dir()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "2 threads run, which could not be confined\n");
    }

    /// What a child does that [`launch`] started.
    fn play_child(role: &str, mut child: Child, caught: &mut Signals, place: &Path) {
        let state = child.take_state(|state| {
            let mut text = String::new();
            state.read_to_string(&mut text).unwrap();
            text
        });
        let state = state.unwrap();
        match (role, state.as_deref()) {
            ("state", None) => {
                child
                    .leave_state(|state| state.write_all(b"counted so far"))
                    .unwrap();
                exit(REOPEN.into());
            }
            ("state", Some(state)) => {
                let own = status("self");
                let launcher = status(&getppid().to_string());
                let opened = pcap::Capture::from_device("lo").and_then(pcap::Capture::open);
                let opened = opened.is_ok();
                let confined = confine(&Confinement::default()).unwrap();
                println!(
                    "{}",
                    json!({
                        "state": state,
                        "child": own,
                        "launcher": launcher,
                        "opened": opened,
                        "confined": confined,
                        "after": status("self"),
                    })
                );
                exit(10);
            }
            ("crash", state) => {
                assert_eq!(state, None);
                if !place.join("crashed").exists() {
                    File::create(place.join("crashed")).unwrap();
                    child.leave_state(|state| state.write_all(b"half")).unwrap();
                    std::process::abort();
                }
            }
            ("drained", Some(state)) => {
                assert!(child.stops_at_once());
                println!("{state}");
            }
            ("drained", None) => {
                println!("ready");
                assert_eq!(caught.forever().next(), Some(SIGTERM));
                child.leave_state(|state| state.write_all(b"left")).unwrap();
                exit(REOPEN.into());
            }
            ("signals", None) => {
                println!("ready");
                for signal in caught.forever() {
                    println!("{signal}");
                    if signal == SIGTERM {
                        exit(3);
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// The end of a run in which one child leaves its state to the next.
    fn told_of_state(command: &mut Command) -> Value {
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{errors}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["state"], "counted so far");
        assert_eq!(told["child"]["Name"], "mxray-capture");
        for process in ["child", "launcher"] {
            println!("     {process}: {}", shown(&told[process]));
            assert_eq!(told[process]["NoNewPrivs"], "1");
        }
        println!("     child, confined: {}", shown(&told["after"]));
        assert_eq!(told["launcher"]["CapEff"], NONE);
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert_eq!(told["after"][set], NONE);
        }
        told
    }

    fn shown(status: &Value) -> String {
        let names = [
            "Uid",
            "Groups",
            "CapInh",
            "CapPrm",
            "CapEff",
            "CapBnd",
            "CapAmb",
            "NoNewPrivs",
            "Seccomp",
        ];
        let told = names.map(|name| format!("{name} {}", status[name].as_str().unwrap_or("?")));
        told.join(", ").replace('\t', " ")
    }

    fn state_goes_on() {
        let told = told_of_state(&mut run("state", place().path()));
        if !is_root() {
            println!("     not root: there is no user to leave");
            return;
        }
        for process in ["child", "launcher"] {
            let told = &told[process];
            let users = told["Uid"].as_str().unwrap().split_whitespace();
            assert!(users.clone().all(|user| user != "0"), "{}", told["Uid"]);
            assert_eq!(users.count(), 4);
            for set in ["CapPrm", "CapInh", "CapBnd", "CapAmb"] {
                assert_eq!(told[set], NET_RAW, "{process} {set}");
            }
        }
        assert_eq!(told["opened"], true);
        assert_ne!(told["confined"]["user"], "root");
    }

    fn is_root() -> bool {
        nix::unistd::Uid::effective().is_root()
    }

    /// As a service that has one capability, and as a program file that gives it.
    fn one_capability() {
        let place = place();
        if !is_root() {
            println!("     skipped: only root can become another with a capability");
            return;
        }
        // Where others can execute it.
        let program = place.path().join("program");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let unprivileged = |capabilities: &str| {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg("--bounding-set=-all,+net_raw")
                .arg(format!("--inh-caps={capabilities}"))
                .arg(format!("--ambient-caps={capabilities}"))
                .arg(&program)
                .arg(format!("{ROLE}state"))
                .arg(place.path());
            command
        };
        match Command::new("setpriv").arg("--version").output() {
            Ok(_) => {
                let mut service = unprivileged("-all,+net_raw");
                assert_eq!(told_of_state(&mut service)["opened"], true);
            }
            Err(error) => return println!("     skipped: setpriv: {error}"),
        }
        let setcap = Command::new("setcap")
            .arg("cap_net_raw+p")
            .arg(&program)
            .output();
        match setcap {
            Ok(output) if output.status.success() => {
                let mut file = unprivileged("-all");
                assert_eq!(told_of_state(&mut file)["opened"], true);
            }
            other => println!("     no program file with a capability: {other:?}"),
        }
    }

    fn a_crash_is_survived() {
        let output = run("crash", place().path()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(errors.contains("it starts again in 1 s"), "{errors}");
        println!("     {}", errors.trim());
    }

    /// A launcher whose child is ready, and what that child writes.
    fn ready(role: &str, place: &Path) -> (Process, impl FnMut() -> Option<String>) {
        let mut launcher = run(role, place).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(launcher.stdout.take().unwrap()).lines();
        let mut line = move || lines.next().map(Result::unwrap);
        assert_eq!(line().unwrap(), "ready");
        (launcher, line)
    }

    fn send(process: &Process, signal: Signal) {
        let number = i32::try_from(process.id()).unwrap();
        kill(Pid::from_raw(number), signal).unwrap();
    }

    fn signals() {
        let place = place();
        let (mut launcher, mut line) = ready("signals", place.path());
        send(&launcher, Signal::SIGHUP);
        assert_eq!(line().unwrap(), SIGHUP.to_string());
        send(&launcher, Signal::SIGTERM);
        assert_eq!(line().unwrap(), SIGTERM.to_string());
        assert_eq!(launcher.wait().unwrap().code(), Some(3));
        assert_eq!(line(), None);
    }

    fn drained() {
        let place = place();
        let (mut launcher, mut line) = ready("drained", place.path());
        send(&launcher, Signal::SIGTERM);
        assert_eq!(line().unwrap(), "left");
        assert_eq!(launcher.wait().unwrap().code(), Some(0));
    }

    fn no_orphan() {
        let place = place();
        let (mut launcher, mut line) = ready("signals", place.path());
        launcher.kill().unwrap();
        launcher.wait().unwrap();
        assert_eq!(line().unwrap(), SIGTERM.to_string());
        assert_eq!(line(), None);
    }
}
