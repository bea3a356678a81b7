//! A server that speaks S3, on this machine and for one run: moto, from PyPI, in a virtual environment.

use crate::Failure;
use crate::machine::python_with;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The version that figures were measured with.
pub const PACKAGE: &str = "moto[server]==5.2.5";

pub const BUCKET: &str = "lacuna";

/// A running server with one empty bucket; it ends with this value.
pub struct Server {
    child: Child,
    at: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Installs the server unless it is there, starts it, and makes the bucket.
    pub fn start(folder: &Path) -> Result<Server, Failure> {
        let venv = folder.join("venv");
        python_with(Path::new("python3"), &venv, &[PACKAGE])?;
        // A port that is free at this moment; no other program here asks for one.
        let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = folder.join("server.log");
        let file = File::create(&log)?;
        let mut command = Command::new(venv.join("bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &at.port().to_string()]).stdout(file.try_clone()?).stderr(file);
        let server = Server { child: command.spawn()?, at, log };
        server.make_bucket()?;
        Ok(server)
    }

    fn make_bucket(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut stream = loop {
            match TcpStream::connect(self.at) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > deadline => return Err(format!("the server is silent: {error}").into()),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        };
        let at = self.at;
        write!(stream, "PUT /{BUCKET} HTTP/1.1\r\nHost: {at}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let line = answer.lines().next().unwrap_or_default();
        if line.contains(" 200 ") { Ok(()) } else { Err(format!("no bucket: {line}").into()) }
    }

    /// The environment variables that a program needs to reach the server.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.at)),
            ("AWS_ALLOW_HTTP", "true".to_string()),
            ("AWS_ACCESS_KEY_ID", "nobody".to_string()),
            ("AWS_SECRET_ACCESS_KEY", "nothing".to_string()),
            ("AWS_REGION", "us-east-1".to_string()),
        ]
    }

    /// The number of answers by method and status: `PUT 412` is a conditional put that came second.
    pub fn answers(&self) -> Result<BTreeMap<String, usize>, Failure> {
        let mut answers = BTreeMap::new();
        for line in std::fs::read_to_string(&self.log)?.lines() {
            // ... "PUT /lacuna/records/x.json HTTP/1.1" 200 -
            let mut parts = line.split('"').skip(1);
            let (Some(request), Some(code)) = (parts.next(), parts.next()) else { continue };
            let (Some(method), Some(code)) = (request.split(' ').next(), code.split_whitespace().next()) else {
                continue;
            };
            // A status other than 200 is coloured, and a colour's code ends in `m`.
            let method = method.rsplit('m').next().unwrap_or(method);
            *answers.entry(format!("{method} {code}")).or_default() += 1;
        }
        Ok(answers)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
