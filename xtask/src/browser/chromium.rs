//! Chromium over its DevTools protocol, through a pipe: no port is opened and no library is needed.
//!
//! Chromium reads commands from descriptor 3 and writes answers to descriptor 4, each a JSON text with a zero byte
//! behind it; a shell moves our pipes there.

use crate::Failure;
use base64::Engine;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A browser without a window.
pub struct Chromium {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
}

/// One page of the browser, and everything that it reported as wrong.
pub struct Tab<'a> {
    browser: &'a mut Chromium,
    session: String,
    complaints: Vec<String>,
}

impl Chromium {
    /// Start it with a profile of its own in a folder.
    pub fn start(program: &str, folder: &Path) -> Result<Chromium, Failure> {
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        // Chromium's sandbox does not work in containers; the pages are lacuna's own.
        let flags = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--remote-debugging-pipe"];
        // Without a graphics processor, three dimensions are drawn by Chromium's own software.
        let graphics = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >/dev/null", program])
            .args(flags)
            .args(graphics)
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let (to, from) = to.zip(from).ok_or("no pipe to the browser")?;
        let mut browser = Chromium { process, to, from: BufReader::new(from), last: 0 };
        let downloads = json!({ "behavior": "allow", "downloadPath": folder.display().to_string() });
        browser.call(None, "Browser.setDownloadBehavior", downloads, &mut Vec::new())?;
        Ok(browser)
    }

    /// A file in a new page of this size, with the network cut.
    pub fn open(&mut self, width: u32, height: u32, file: &Path) -> Result<Tab<'_>, Failure> {
        let mut none = Vec::new();
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }), &mut none)?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", attach, &mut none)?["sessionId"]
            .as_str()
            .unwrap_or("")
            .to_string();
        let mut tab = Tab { browser: self, session, complaints: Vec::new() };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            tab.call(domain, json!({}))?;
        }
        let offline = json!({ "offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0 });
        tab.call("Network.emulateNetworkConditions", offline)?;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        tab.call("Emulation.setDeviceMetricsOverride", metrics)?;
        tab.call("Page.navigate", json!({ "url": format!("file://{}", file.display()) }))?;
        for _ in 0..600 {
            if tab.evaluate(
                "document.readyState === 'complete' && performance.getEntriesByType('navigation')[0]?.loadEventEnd > 0",
            )? == true
            {
                return Ok(tab);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err(format!("{} did not load within a minute", file.display()).into())
    }

    fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
        complaints: &mut Vec<String>,
    ) -> Result<Value, Failure> {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.to.write_all(command.to_string().as_bytes())?;
        self.to.write_all(&[0])?;
        self.to.flush()?;
        loop {
            let mut message = Vec::new();
            self.from.read_until(0, &mut message)?;
            if message.pop() != Some(0) {
                return Err("the browser went away".into());
            }
            let mut message: Value = serde_json::from_slice(&message)?;
            if message["id"] == self.last {
                return match message["error"].take() {
                    Value::Null => Ok(message["result"].take()),
                    error => Err(format!("{method}: {error}").into()),
                };
            }
            complaints.extend(complaint(&message));
        }
    }
}

/// The complaint in an event, if the page reports an error or tries to use the network.
fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
        "Runtime.consoleAPICalled" if params["type"] == "error" => Some(format!("console: {}", params["args"])),
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(format!("log: {}", params["entry"]["text"])),
        "Network.requestWillBeSent" => {
            let url = params["request"]["url"].as_str()?;
            let is_own = ["file:", "blob:", "data:", "about:"].iter().any(|scheme| url.starts_with(scheme));
            (!is_own).then(|| format!("asked the network for {url}"))
        }
        _ => None,
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.call(None, "Browser.close", json!({}), &mut Vec::new());
        let _ = self.process.wait();
    }
}

impl Tab<'_> {
    fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.browser.call(Some(&self.session), method, params, &mut self.complaints)
    }

    /// Evaluates an expression in the page; waits for it if it is a promise.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value, Failure> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut found = self.call("Runtime.evaluate", params)?;
        match found["exceptionDetails"].take() {
            Value::Null => Ok(found["result"]["value"].take()),
            details => Err(format!("in the page: {details}").into()),
        }
    }

    /// Waits until an expression is true, at most ten seconds.
    pub fn until(&mut self, expression: &str) -> Result<(), Failure> {
        for _ in 0..100 {
            if self.evaluate(expression)? == true {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err(format!("ten seconds have not made it true: {expression}").into())
    }

    /// The left, top, width and height of an element on the screen.
    pub fn rectangle_of(&mut self, selector: &str) -> Result<[f64; 4], Failure> {
        let rectangle = self.evaluate(&format!(
            "{{ const box = document.querySelector('{selector}').getBoundingClientRect(); [box.x, box.y, box.width, box.height]; }}"
        ))?;
        let of = |side: usize| rectangle[side].as_f64().ok_or(format!("{selector} is nowhere"));
        Ok([of(0)?, of(1)?, of(2)?, of(3)?])
    }

    /// Presses a key as a user does.
    pub fn key(&mut self, key: &str) -> Result<(), Failure> {
        let text = if key.chars().count() == 1 { Some(key) } else { None };
        self.call("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": key, "text": text.unwrap_or("") }))?;
        self.call("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key }))?;
        Ok(())
    }

    fn mouse(&mut self, kind: &str, [x, y]: [f64; 2], buttons: u32) -> Result<(), Failure> {
        let event = json!({
            "type": kind, "x": x, "y": y, "button": if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" },
            "buttons": buttons, "clickCount": 1,
        });
        self.call("Input.dispatchMouseEvent", event).map(|_| ())
    }

    /// Press, move in steps, release.
    pub fn drag(&mut self, from: [f64; 2], to: [f64; 2]) -> Result<(), Failure> {
        self.mouse("mouseMoved", from, 0)?;
        self.mouse("mousePressed", from, 1)?;
        for step in 1..=8 {
            let share = f64::from(step) / 8.0;
            let along = |axis: usize| from[axis] + (to[axis] - from[axis]) * share;
            self.mouse("mouseMoved", [along(0), along(1)], 1)?;
        }
        self.mouse("mouseReleased", to, 0)
    }

    /// Press and release in one place.
    pub fn click(&mut self, at: [f64; 2]) -> Result<(), Failure> {
        self.mouse("mousePressed", at, 1)?;
        self.mouse("mouseReleased", at, 0)
    }

    /// Turn the wheel.
    pub fn wheel(&mut self, [x, y]: [f64; 2], by: f64) -> Result<(), Failure> {
        let event = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by });
        self.call("Input.dispatchMouseEvent", event)?;
        // The browser hands wheel events on with the next frame.
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))").map(|_| ())
    }

    /// The page as PNG.
    pub fn screenshot(&mut self) -> Result<Vec<u8>, Failure> {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        Ok(base64::engine::general_purpose::STANDARD
            .decode(shot["data"].as_str().unwrap_or(""))
            .map_err(|error| format!("a picture that is not base64: {error}"))?)
    }

    /// Fails if the page reported an error or made a request.
    pub fn expect_quiet(&mut self) -> Result<(), Failure> {
        self.evaluate("0")?;
        if self.complaints.is_empty() { Ok(()) } else { Err(self.complaints.join("\n").into()) }
    }
}
