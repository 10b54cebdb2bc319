//! Chromium without a window, driven by its debugging protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>). Its messages go over a pair of pipes, each
//! ended by a zero octet, so that no port is open.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A browser with one page.
pub(super) struct Chromium {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    sent: u64,
    /// What it told without being asked.
    events: Vec<Value>,
}

impl Chromium {
    /// Starts it with what it keeps, and what it downloads, in this folder; `None`, and a word why,
    /// where there is none that runs.
    pub(super) fn start(folder: &Path) -> Option<Self> {
        // It reads from descriptor 3 and writes to 4. One that hangs is ended: a test that waits for
        // ever says nothing.
        let script = "exec timeout 300 chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let mut process = Command::new("sh")
            .args(["-c", script, "sh", "--headless", "--no-sandbox"])
            .args(["--disable-gpu", "--remote-debugging-pipe", &profile])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let mut browser = Self {
            process,
            to: to.unwrap(),
            from: BufReader::new(from.unwrap()),
            session: None,
            sent: 0,
            events: Vec::new(),
        };
        let Some(page) = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))
        else {
            eprintln!("skipped: there is no chromium that runs");
            return None;
        };
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &target);
        let downloads = json!({
            "behavior": "allow", "downloadPath": folder, "eventsEnabled": true,
        });
        browser.call("Browser.setDownloadBehavior", &downloads);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Opens a file, and waits until it is loaded.
    pub(super) fn open(&mut self, path: &Path) {
        self.events.clear();
        let url = format!("file://{}", path.display());
        self.call("Page.navigate", &json!({ "url": url }));
        self.wait("Page.loadEventFired", |_| true);
    }

    /// How wide and high the page is, in pixels of CSS.
    pub(super) fn resize(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What an expression yields, once it is no promise any more.
    pub(super) fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let told = self.call("Runtime.evaluate", &asked);
        assert_eq!(told.get("exceptionDetails"), None, "{expression}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression is true; not for ever, since a test that hangs says nothing.
    pub(super) fn until(&mut self, expression: &str) {
        let came = self.eval(&format!(
            "new Promise((done) => {{
                let looks = 3000;
                const look = () => {{
                    const is = Boolean({expression});
                    looks -= 1;
                    is || looks === 0 ? done(is) : setTimeout(look, 20);
                }};
                look();
            }})"
        ));
        assert_eq!(came, true, "{expression}");
    }

    /// Clicks into the middle of the element.
    pub(super) fn click(&mut self, selector: &str) {
        let selector = Value::from(selector);
        // When it lies there for a while: what was clicked before may still move the page.
        let at = self.eval(&format!(
            "new Promise((done) => {{
                const element = document.querySelector({selector});
                let before = '';
                const look = () => {{
                    element.scrollIntoView({{ behavior: 'instant', block: 'center' }});
                    const box = element.getBoundingClientRect();
                    const at = {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
                    const there = element.contains(document.elementFromPoint(at.x, at.y));
                    const now = JSON.stringify([at, there]);
                    there && now === before ? done(at) : setTimeout(look, 100);
                    before = now;
                }};
                look();
            }})"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let button = json!({
                "type": kind, "x": at["x"], "y": at["y"], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", &button);
        }
    }

    /// Presses a key by its name and number, as `Tab` and 9.
    pub(super) fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        let down = json!({
            "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
        });
        self.call("Input.dispatchKeyEvent", &down);
        let up = json!({
            "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code,
        });
        self.call("Input.dispatchKeyEvent", &up);
    }

    /// Types into what has the focus.
    pub(super) fn insert(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Waits for an event of that name of which this holds.
    pub(super) fn wait(&mut self, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut known = self.events.iter();
            let found = known.find(|event| event["method"] == name && is(&event["params"]));
            if let Some(found) = found {
                return found["params"].clone();
            }
            let event = self.read().expect("the browser ended");
            self.events.push(event);
        }
    }

    /// What it told of that name since the page was opened.
    pub(super) fn told(&self, name: &str) -> Vec<&Value> {
        let events = self.events.iter();
        let of = events.filter(|event| event["method"] == name);
        of.map(|event| &event["params"]).collect()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.ask(method, params).expect("the browser ended")
    }

    fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = Value::from(session.as_str());
        }
        // One that ended says so when it is read from.
        let _ = write!(self.to, "{message}\0");
        loop {
            let answer = self.read()?;
            if answer["id"] == self.sent {
                assert_eq!(answer.get("error"), None, "{method}");
                return Some(answer["result"].clone());
            }
            self.events.push(answer);
        }
    }

    fn read(&mut self) -> Option<Value> {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).unwrap();
        (message.pop() == Some(0)).then(|| serde_json::from_slice(&message).unwrap())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its helpers end with it, and the folder can be removed.
        self.session = None;
        let _ = write!(self.to, "{{\"id\":0,\"method\":\"Browser.close\"}}\0");
        let _ = self.process.wait();
    }
}
