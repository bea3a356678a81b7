//! Machines that share a bucket and no folder: each has its copy of the plan and takes one task after the other.
//!
//! Two of them are disturbed. An attempt is killed with -9 once it has a checkpoint, as when a machine is lost; another
//! is stopped, given up for dead and continued when its task has been done elsewhere. Either task goes to the other
//! worker.

use crate::Failure;
use crate::machine::printed;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A study of seconds that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(1800);
const TRY_AGAIN: i32 = 75;

/// How the first attempt of a worker that has a checkpoint is disturbed.
#[derive(Clone, Copy, PartialEq)]
pub enum Harm {
    Killed,
    GivenUp,
}

/// A worker: its folder with `plan` in it, and how it is disturbed.
pub struct Worker {
    pub folder: PathBuf,
    pub harm: Harm,
}

/// The tasks to run.
struct Queue<'a> {
    /// For each task, those that must be done before it.
    needs: &'a [Vec<usize>],
    /// Tasks that wait, each with the worker that must not take it.
    waiting: VecDeque<(usize, Option<usize>)>,
    done: Vec<bool>,
    failed: bool,
}

impl Queue<'_> {
    fn is_over(&self) -> bool {
        self.failed || self.done.iter().all(|done| *done)
    }

    /// The next task for a worker; `None` if none can begin.
    fn take(&mut self, position: usize) -> Option<usize> {
        let is_fit = |&(index, not_by): &(usize, Option<usize>)| {
            not_by != Some(position) && self.needs[index].iter().all(|&need| self.done[need])
        };
        let at = self.waiting.iter().position(is_fit)?;
        self.waiting.remove(at).map(|(index, _)| index)
    }
}

/// Runs all tasks, each after those it depends on; returns which were disturbed, as `task 3 killed on worker 0`.
pub fn work(
    workers: &[Worker],
    needs: &[Vec<usize>],
    attempt: &(impl Fn(&Path, usize) -> Command + Sync),
) -> Result<Vec<String>, Failure> {
    let queue = Mutex::new(Queue {
        needs,
        waiting: (0..needs.len()).map(|index| (index, None)).collect(),
        done: vec![false; needs.len()],
        failed: false,
    });
    let disturbed = std::thread::scope(|scope| {
        let run = |(position, worker)| {
            let queue = &queue;
            scope.spawn(move || {
                let ran = run_worker(position, worker, queue, attempt).map_err(|error| error.to_string());
                // Other workers need not wait for a worker that has failed.
                queue.lock().expect("no worker panics").failed |= ran.is_err();
                ran
            })
        };
        let threads: Vec<_> = workers.iter().enumerate().map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("no worker panics")).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(disturbed.into_iter().flatten().collect())
}

fn run_worker(
    position: usize,
    worker: &Worker,
    queue: &Mutex<Queue<'_>>,
    attempt: &impl Fn(&Path, usize) -> Command,
) -> Result<Option<String>, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let lock = || queue.lock().expect("no worker panics");
    let mut disturbed = None;
    while !lock().is_over() {
        if Instant::now() > deadline {
            return Err("the tasks take too long".into());
        }
        let Some(index) = lock().take(position) else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let mut child = attempt(&worker.folder, index).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if disturbed.is_none() && has_checkpoint(&mut child, &worker.folder.join("plan/scratch"), index)? {
            let elsewhere = (index, Some(position));
            let how = match worker.harm {
                Harm::Killed => {
                    child.kill()?;
                    lock().waiting.push_front(elsewhere);
                    "killed"
                }
                Harm::GivenUp => {
                    signal(&child, "-STOP")?;
                    lock().waiting.push_front(elsewhere);
                    while !lock().done[index] && !lock().failed && Instant::now() < deadline {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    signal(&child, "-CONT")?;
                    "given up"
                }
            };
            disturbed = Some(format!("task {index} {how} on worker {position}"));
        }
        let output = child.wait_with_output()?;
        match output.status.code() {
            Some(0) => lock().done[index] = true,
            // Killed by the signal above; the task is in the queue already.
            None => {}
            Some(TRY_AGAIN) => {
                lock().waiting.push_back((index, None));
                std::thread::sleep(Duration::from_millis(200));
            }
            Some(code) => {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("task {index} ended with {code}: {}", said.trim()).into());
            }
        }
    }
    Ok(disturbed)
}

/// Waits until an attempt has a checkpoint; false if it ends first.
fn has_checkpoint(child: &mut Child, scratch: &Path, index: usize) -> Result<bool, Failure> {
    let is_checkpoint = |name: &str| name.ends_with(".checkpoint");
    loop {
        for entry in std::fs::read_dir(scratch).into_iter().flatten().filter_map(Result::ok) {
            let ours = entry.file_name().to_string_lossy().starts_with(&format!("{index:06}."));
            let mut files = std::fs::read_dir(entry.path()).into_iter().flatten().filter_map(Result::ok);
            if ours && files.any(|file| is_checkpoint(&file.file_name().to_string_lossy())) {
                return Ok(true);
            }
        }
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) -> Result<(), Failure> {
    printed(Command::new("kill").args([name, &child.id().to_string()])).map(drop)
}
