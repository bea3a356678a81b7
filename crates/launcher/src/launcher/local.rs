//! The local launcher: a pool of processes, one per attempt.
//!
//! A task begins when the tasks that it depends on are done; among those that may begin, the one with the longest chain
//! of dependent work goes first. Attempts are processes and not threads, so that one can be killed as on any other
//! launcher. Each process runs in a numbered slot, by whose number it can be given a device of its own.

use crate::simulation::chains;
use crate::{Job, LauncherError, Plan};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The settings of the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    /// The largest number of processes at once.
    pub slots: usize,
    /// How often an attempt that ended with 75 or was killed is repeated.
    pub retries: usize,
}

/// The end of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The number of the task, from 0.
    pub index: usize,
    /// Exit code of the process; `None` if a signal killed it.
    pub code: Option<i32>,
    /// Seconds from the start of the process to its end.
    pub seconds: f64,
    /// The text that the process wrote to standard error.
    pub said: String,
    /// Whether the task is tried again.
    pub again: bool,
}

/// The exit code that asks for another attempt.
const TRY_AGAIN: i32 = 75;

impl Pool {
    /// Runs the pending tasks of a plan, each by the process that `start` returns for a task and a slot; no two
    /// processes use one slot at once. `tell` is called with the end of each attempt. Once `stop` returns true nothing
    /// more is started and running processes receive SIGTERM. Returns the tasks that are not done.
    ///
    /// # Errors
    /// If a process cannot be started; running ones receive SIGTERM first.
    pub fn run(
        self,
        plan: &Plan,
        pending: &BTreeSet<usize>,
        start: &dyn Fn(usize, usize) -> Command,
        tell: &mut dyn FnMut(&Finished),
        stop: &dyn Fn() -> bool,
    ) -> Result<BTreeSet<usize>, LauncherError> {
        let mut queue = Queue::new(plan, pending);
        let mut running: Vec<Running> = Vec::new();
        let mut tried: BTreeMap<usize, usize> = BTreeMap::new();
        let mut outcome = Ok(());
        let mut asked = false;
        loop {
            let stopping = outcome.is_err() || stop();
            while !stopping && let Some(slot) = self.free_slot(&running) {
                let Some(index) = queue.next() else { break };
                match Running::begin(index, slot, start(index, slot)) {
                    Ok(process) => running.push(process),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            if stopping && !asked {
                asked = true;
                running.iter().for_each(Running::ask_to_stop);
            }
            if running.is_empty() && (stopping || outcome.is_err() || queue.is_idle()) {
                break;
            }
            let mut ended = Vec::new();
            running.retain_mut(|process| match process.ended() {
                None => true,
                Some(finished) => {
                    ended.push(finished);
                    false
                }
            });
            if ended.is_empty() {
                std::thread::sleep(pause(&running));
            }
            for mut finished in ended {
                let tries = tried.entry(finished.index).or_default();
                *tries += 1;
                let failed = !matches!(finished.code, Some(0));
                finished.again = matches!(finished.code, None | Some(TRY_AGAIN)) && *tries <= self.retries && !stopping;
                tell(&finished);
                match (failed, finished.again) {
                    (false, _) => queue.is_done(finished.index),
                    (true, true) => queue.again(finished.index),
                    (true, false) => {}
                }
            }
        }
        outcome.map(|()| queue.left())
    }

    /// The first slot in which nothing runs.
    fn free_slot(self, running: &[Running]) -> Option<usize> {
        (0..self.slots).find(|slot| running.iter().all(|process| process.slot != *slot))
    }
}

/// The polling interval: a fiftieth of the age of the youngest process, so that short tasks are noticed soon and long
/// ones are polled rarely.
fn pause(running: &[Running]) -> Duration {
    let youngest = running.iter().map(|process| process.since.elapsed()).min().unwrap_or_default();
    (youngest / 50).clamp(Duration::from_millis(1), Duration::from_millis(100))
}

/// The tasks that may begin, and those that wait for others.
struct Queue {
    /// Tasks that may begin, longest chain first, then by number.
    ready: BTreeSet<(Reverse<u64>, usize)>,
    chains: Vec<f64>,
    unmet: BTreeMap<usize, usize>,
    needed_by: BTreeMap<usize, Vec<usize>>,
    left: BTreeSet<usize>,
}

impl Queue {
    fn new(plan: &Plan, pending: &BTreeSet<usize>) -> Queue {
        let jobs: Vec<Job> = plan
            .tasks
            .iter()
            .map(|task| Job { seconds: task.core_seconds, needs: task.needs.clone(), layer: task.layer })
            .collect();
        let mut queue = Queue {
            ready: BTreeSet::new(),
            chains: chains(&jobs, 0.0),
            unmet: BTreeMap::new(),
            needed_by: BTreeMap::new(),
            left: pending.clone(),
        };
        for &index in pending {
            let needs: Vec<usize> =
                plan.tasks[index].needs.iter().copied().filter(|need| pending.contains(need)).collect();
            needs.iter().for_each(|&need| queue.needed_by.entry(need).or_default().push(index));
            queue.unmet.insert(index, needs.len());
            if needs.is_empty() {
                queue.again(index);
            }
        }
        queue
    }

    fn next(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, index)| index)
    }

    fn again(&mut self, index: usize) {
        // The bits of positive floating-point numbers sort like the numbers.
        self.ready.insert((Reverse(self.chains[index].to_bits()), index));
    }

    fn is_done(&mut self, index: usize) {
        self.left.remove(&index);
        for next in self.needed_by.remove(&index).unwrap_or_default() {
            let unmet = self.unmet.get_mut(&next).expect("what waits is pending");
            *unmet -= 1;
            if *unmet == 0 {
                self.again(next);
            }
        }
    }

    /// Whether no task can begin until a running one ends.
    fn is_idle(&self) -> bool {
        self.ready.is_empty()
    }

    fn left(self) -> BTreeSet<usize> {
        self.left
    }
}

struct Running {
    index: usize,
    slot: usize,
    child: Child,
    since: Instant,
}

impl Running {
    fn begin(index: usize, slot: usize, mut command: Command) -> Result<Running, LauncherError> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let since = Instant::now();
        let child = command.spawn().map_err(|source| {
            let program = command.get_program().to_string_lossy().into_owned();
            LauncherError::Start { program, source }
        })?;
        Ok(Running { index, slot, child, since })
    }

    /// The end of the process, or `None` while it runs.
    fn ended(&mut self) -> Option<Finished> {
        let status = self.child.try_wait().ok().flatten()?;
        let seconds = self.since.elapsed().as_secs_f64();
        let mut said = Vec::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            // Output that cannot be read is left out of the report.
            let _ = pipe.read_to_end(&mut said);
        }
        let said = String::from_utf8_lossy(&said).trim().to_string();
        Some(Finished { index: self.index, code: status.code(), seconds, said, again: false })
    }

    fn ask_to_stop(&self) {
        #[cfg(unix)]
        if let Some(process) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            // A process that has already ended needs no signal; the error is ignored.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::launcher::tests::{all, pairs};

    /// The outcome of a plan whose tasks are lines of shell.
    struct Ran {
        /// Tasks that are not done.
        left: BTreeSet<usize>,
        /// Each attempt with its code.
        ended: Vec<(usize, Option<i32>)>,
        /// What the tasks wrote to `log`.
        log: Vec<String>,
    }

    /// Runs a line of shell for each task, in one fresh folder.
    fn run(plan: &Plan, pool: Pool, line: &str, stop: &dyn Fn() -> bool) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let start = |index: usize, slot: usize| {
            let mut command = Command::new("sh");
            command.current_dir(folder.path()).args(["-c", line]);
            command.env("INDEX", index.to_string()).env("DEVICE", ["cuda:0", "cuda:1", "cuda:2"][slot % 3]);
            command
        };
        let mut ended = Vec::new();
        let mut tell = |finished: &Finished| ended.push((finished.index, finished.code));
        let left = pool.run(plan, &all(plan), &start, &mut tell, stop).unwrap();
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        Ran { left, ended, log: log.lines().map(str::to_string).collect() }
    }

    fn pool(slots: usize) -> Pool {
        Pool { slots, retries: 2 }
    }

    #[test]
    fn every_task_is_done_once_and_after_what_it_needs() {
        let plan = pairs(6);
        for slots in [1, 3, 20] {
            let Ran { left, ended, log } =
                run(&plan, pool(slots), "echo begin $INDEX >> log; echo end $INDEX >> log", &|| false);
            assert!(left.is_empty() && ended.len() == 12);
            let at = |line: String| log.iter().position(|found| *found == line).unwrap();
            for task in &plan.tasks {
                for need in &task.needs {
                    assert!(at(format!("end {need}")) < at(format!("begin {}", task.index)), "{log:?}");
                }
            }
        }
    }

    #[test]
    fn no_more_processes_run_at_once_than_there_are_slots() {
        let line = "mkdir run.$INDEX; ls -d run.* | wc -l >> log; sleep 0.02; rmdir run.$INDEX";
        let Ran { log, .. } = run(&pairs(8), pool(3), line, &|| false);
        let most = log.iter().map(|count| count.trim().parse::<usize>().unwrap()).max();
        assert!(most.is_some_and(|most| (1..=3).contains(&most)), "{log:?}");
    }

    #[test]
    fn each_device_has_one_task_at_a_time_and_none_is_idle_while_tasks_wait() {
        // Making a folder fails where there is one, so two tasks on one device would end with 9.
        let line = "mkdir $DEVICE || exit 9; echo $DEVICE >> log; sleep 0.05; rmdir $DEVICE";
        let Ran { left, ended, log } = run(&pairs(9), pool(3), line, &|| false);
        assert!(left.is_empty() && ended.iter().all(|(_, code)| *code == Some(0)), "{ended:?}");
        let tasks_on = |device: &str| log.iter().filter(|found| *found == device).count();
        let counts = ["cuda:0", "cuda:1", "cuda:2"].map(tasks_on);
        assert!(counts.iter().sum::<usize>() == 18 && counts.iter().all(|count| *count >= 3), "{counts:?}");
    }

    #[test]
    fn an_attempt_that_asks_for_it_or_is_killed_is_repeated() {
        let line = "if [ $INDEX != 0 ]; then exit 0; fi; \
                    if mkdir a 2>/dev/null; then exit 75; fi; if mkdir b 2>/dev/null; then kill -9 $$; fi";
        let Ran { left, ended, .. } = run(&pairs(1), pool(1), line, &|| false);
        assert_eq!(ended, [(0, Some(75)), (0, None), (0, Some(0)), (1, Some(0))]);
        assert!(left.is_empty());
        let Ran { left, ended, .. } = run(&pairs(1), pool(1), "exit 75", &|| false);
        assert_eq!((ended.len(), left.len()), (3, 2), "but not for ever");
    }

    #[test]
    fn a_failure_is_not_repeated_and_keeps_back_only_what_needs_it() {
        let Ran { left, ended, .. } = run(&pairs(3), pool(2), "[ $INDEX != 1 ] || exit 4", &|| false);
        assert_eq!(left, [1, 4].into());
        assert_eq!(ended.len(), 5);
        assert!(ended.contains(&(1, Some(4))));
    }

    #[test]
    fn asked_to_stop_it_asks_its_processes_and_begins_no_other() {
        let began = Instant::now();
        let stop = || began.elapsed() > Duration::from_millis(300);
        let line = "trap 'kill $!; exit 75' TERM; sleep 60 & wait";
        let Ran { left, ended, .. } = run(&pairs(4), pool(2), line, &stop);
        assert_eq!(left.len(), 8);
        assert_eq!(ended.iter().map(|(_, code)| *code).collect::<Vec<_>>(), [Some(75); 2]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let plan = pairs(1);
        let start = |_: usize, _: usize| Command::new("/no/such/program");
        let error = pool(1).run(&plan, &all(&plan), &start, &mut |_| {}, &|| false).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/program: cannot be started"), "{error}");
    }
}
