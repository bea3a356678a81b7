//! What every test needs: a folder, the command run in it, and what came of that.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A fresh folder that the command is run in.
pub struct Workspace {
    folder: tempfile::TempDir,
    /// Settings of the environment that the command finds.
    pub settings: Vec<(&'static str, String)>,
}

/// What a run of the command came to.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Workspace {
        Workspace { folder: tempfile::tempdir().unwrap(), settings: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Run the command here with words as a shell would split them.
    pub fn run(&self, words: &str) -> Ran {
        self.wait(self.spawn(words))
    }

    /// Begin to run it.
    pub fn spawn(&self, words: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
        command.current_dir(self.folder.path()).args(words.split_whitespace());
        // The tester's own settings are not the test's.
        for name in ["RUNS", "THREADS", "PROGRESS", "RECORDS", "MODELS", "CACHE", "LEDGER"] {
            command.env_remove(format!("LACUNA_{name}"));
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What came of it; a killed process has the code -1.
    pub fn wait(&self, child: Child) -> Ran {
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Run it and expect success.
    #[track_caller]
    pub fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, 0, "{words}: {}", ran.stderr);
        ran.stdout
    }

    /// Run it with `--json` and expect success and one object of the verb's schema.
    #[track_caller]
    pub fn json(&self, words: &str, schema: &str) -> Value {
        let stdout = self.ok(&format!("{words} --json"));
        let value: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(value["schema"], schema, "{words}");
        value
    }

    /// Run it and expect an exit code and all of these words on standard error.
    #[track_caller]
    pub fn fails(&self, words: &str, code: i32, said: &[&str]) {
        let ran = self.run(words);
        assert_eq!(ran.code, code, "{words}: {}", ran.stderr);
        for word in said {
            assert!(ran.stderr.contains(word), "{words}: `{word}` is not in: {}", ran.stderr);
        }
        assert!(ran.stdout.is_empty(), "{words}: {}", ran.stdout);
    }

    /// Run it and expect an exit code, whatever is printed.
    #[track_caller]
    pub fn fails_with_output(&self, words: &str, code: i32) {
        let ran = self.run(words);
        assert_eq!(ran.code, code, "{words}: {}{}", ran.stdout, ran.stderr);
    }

    /// A synthetic cohort of 16 x 18 x 12 voxels.
    pub fn heads(&self, name: &str, more: &str) {
        self.ok(&format!("phantom --out {name} --subjects 3 --dims 16x18x12 --progress none {more}"));
    }
}

/// Send a process a signal by its option of `kill`, such as `-INT`.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}
