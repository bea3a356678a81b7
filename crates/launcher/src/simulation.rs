//! A discrete-event simulation of a plan on a cluster: how long it takes, and what failures cost.
//!
//! Each node runs one task at a time. Of the tasks that may begin, the one with the longest chain of dependent work
//! goes first, as in the local launcher. A node fails while it computes, after an exponential time; the attempt loses
//! what it computed since its last checkpoint, and node and task are available again after a delay. The time to the
//! failure of an attempt is drawn from a stream of its own, so a cluster of another size meets the same failures.
//!
//! Deliberately absent: the queue of other users' jobs, and a network.

use crate::LauncherError;
use lacuna_seed::Seed;
use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

/// A task, reduced to its duration and dependencies.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Seconds of computing on one node.
    pub seconds: f64,
    /// Indices of the jobs that must be done first; they stand earlier in the list.
    pub needs: Vec<usize>,
    /// The length of the longest chain of jobs that must be done first.
    pub layer: usize,
}

/// The rule that decides when a task may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// A task begins when the tasks that it depends on are done.
    Tasks,
    /// A task begins when every task of the earlier layers is done, as with dependent job arrays.
    Layers,
}

/// The machines of a simulation, and how they fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The number of tasks that run at once.
    pub nodes: usize,
    /// The rule that decides when a task may begin.
    pub order: Order,
    /// The failure rate of one computing node, per hour.
    pub failures_per_hour: f64,
    /// The interval of checkpoints in seconds of computing; `None` for no checkpoints.
    pub checkpoint_seconds: Option<f64>,
    /// Seconds from a failure until the node and the task are available again.
    pub requeue_seconds: f64,
    /// Seconds that every attempt takes before it computes.
    pub overhead_seconds: f64,
    /// The seed of the drawn failures.
    pub seed: u64,
}

/// The result of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The number of tasks that were run.
    pub tasks: usize,
    /// Seconds from the first beginning to the last end.
    pub makespan_seconds: f64,
    /// Node-seconds of all attempts, those that failed included.
    pub busy_seconds: f64,
    /// The part of `busy_seconds` that failures made worthless.
    pub lost_seconds: f64,
    /// The number of node failures.
    pub failures: usize,
    /// Seconds of the longest chain of dependent tasks: a lower bound of the makespan for any number of nodes.
    pub critical_path_seconds: f64,
    /// The makespan in seconds if every node were busy to the end and none failed.
    pub ideal_seconds: f64,
}

impl Forecast {
    /// The ratio of `ideal_seconds` to `makespan_seconds`.
    pub fn efficiency(&self) -> f64 {
        self.ideal_seconds / self.makespan_seconds
    }
}

/// The largest number of attempts at one task before the simulation gives up.
const ATTEMPTS_MAX: usize = 10_000;

/// Repeats the whole list of jobs until there are at least `tasks` of them.
pub fn repeated(jobs: &[Job], tasks: usize) -> Vec<Job> {
    let copies = if jobs.is_empty() { 0 } else { tasks.div_ceil(jobs.len()) };
    let copy = |number: usize| {
        let moved = move |need: &usize| need + number * jobs.len();
        jobs.iter().map(move |job| Job { needs: job.needs.iter().map(moved).collect(), ..job.clone() })
    };
    (0..copies).flat_map(copy).collect()
}

/// Simulates the jobs on a cluster.
///
/// # Errors
/// If a setting of the cluster is impossible, or failures are so frequent that a task never ends.
pub fn simulate(jobs: &[Job], cluster: &Cluster) -> Result<Forecast, LauncherError> {
    cluster.check()?;
    let chains = chains(jobs, cluster.overhead_seconds);
    let mut simulation = Simulation::new(jobs, cluster, &chains);
    simulation.run()?;
    let seconds: f64 = jobs.iter().map(|job| job.seconds + cluster.overhead_seconds).sum();
    Ok(Forecast {
        tasks: jobs.len(),
        makespan_seconds: simulation.now,
        busy_seconds: simulation.busy,
        lost_seconds: simulation.lost,
        failures: simulation.failures,
        critical_path_seconds: chains.iter().copied().fold(0.0, f64::max),
        ideal_seconds: seconds / cluster.nodes as f64,
    })
}

/// For each job, the seconds of the longest chain of dependent jobs that begins with it.
pub(crate) fn chains(jobs: &[Job], overhead_seconds: f64) -> Vec<f64> {
    let mut behind = vec![0.0_f64; jobs.len()];
    for (index, job) in jobs.iter().enumerate().rev() {
        behind[index] += job.seconds + overhead_seconds;
        for &need in &job.needs {
            assert!(need < index, "what is needed stands in front");
            behind[need] = behind[need].max(behind[index]);
        }
    }
    behind
}

impl Cluster {
    /// A cluster without failures and without overhead.
    pub fn undisturbed(nodes: usize) -> Cluster {
        Cluster {
            nodes,
            order: Order::Tasks,
            failures_per_hour: 0.0,
            checkpoint_seconds: None,
            requeue_seconds: 0.0,
            overhead_seconds: 0.0,
            seed: 0,
        }
    }

    fn check(&self) -> Result<(), LauncherError> {
        let not_negative = |setting, value: f64| {
            if value.is_finite() && value >= 0.0 {
                return Ok(());
            }
            Err(LauncherError::BadSetting { setting, expected: "a number from 0", found: value.to_string() })
        };
        if self.nodes == 0 {
            return Err(LauncherError::BadSetting {
                setting: "--nodes",
                expected: "1 or more",
                found: "0".to_string(),
            });
        }
        not_negative("--failures", self.failures_per_hour)?;
        not_negative("--requeue", self.requeue_seconds)?;
        not_negative("--overhead", self.overhead_seconds)?;
        match self.checkpoint_seconds {
            Some(seconds) if seconds <= 0.0 || !seconds.is_finite() => {
                let found = seconds.to_string();
                Err(LauncherError::BadSetting { setting: "--checkpoint", expected: "a number above 0", found })
            }
            _ => Ok(()),
        }
    }
}

/// A point in simulated time. Events of one moment are ordered by task number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct At {
    seconds: f64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Ends(usize),
    Fails(usize),
    /// A node and its task are available again.
    Back(usize),
}

impl Eq for At {}

impl Ord for At {
    fn cmp(&self, other: &At) -> Ordering {
        self.seconds.total_cmp(&other.seconds).then(self.what.cmp(&other.what))
    }
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &At) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Simulation<'a> {
    jobs: &'a [Job],
    cluster: &'a Cluster,
    now: f64,
    free: usize,
    events: BinaryHeap<Reverse<At>>,
    /// Jobs that may begin, longest chain first, then by number.
    ready: BTreeSet<(Reverse<u64>, usize)>,
    chains: &'a [f64],
    /// For each job, the number of its dependencies that are not done.
    unmet: Vec<usize>,
    needed_by: Vec<Vec<usize>>,
    /// For each layer, the number of tasks that are not done.
    layers: Vec<usize>,
    of_layer: Vec<Vec<usize>>,
    done_seconds: Vec<f64>,
    attempts: Vec<usize>,
    busy: f64,
    lost: f64,
    failures: usize,
}

impl<'a> Simulation<'a> {
    fn new(jobs: &'a [Job], cluster: &'a Cluster, chains: &'a [f64]) -> Simulation<'a> {
        let depth = jobs.iter().map(|job| job.layer + 1).max().unwrap_or(0);
        let (mut layers, mut of_layer, mut needed_by) =
            (vec![0; depth], vec![Vec::new(); depth], vec![Vec::new(); jobs.len()]);
        for (index, job) in jobs.iter().enumerate() {
            layers[job.layer] += 1;
            of_layer[job.layer].push(index);
            job.needs.iter().for_each(|&need| needed_by[need].push(index));
        }
        let mut simulation = Simulation {
            jobs,
            cluster,
            now: 0.0,
            free: cluster.nodes,
            events: BinaryHeap::new(),
            ready: BTreeSet::new(),
            chains,
            unmet: jobs.iter().map(|job| job.needs.len()).collect(),
            needed_by,
            layers,
            of_layer,
            done_seconds: vec![0.0; jobs.len()],
            attempts: vec![0; jobs.len()],
            busy: 0.0,
            lost: 0.0,
            failures: 0,
        };
        match cluster.order {
            Order::Tasks => {
                (0..jobs.len())
                    .filter(|&index| jobs[index].needs.is_empty())
                    .for_each(|index| simulation.is_ready(index));
            }
            Order::Layers => simulation.begin_layer(0),
        }
        simulation
    }

    fn run(&mut self) -> Result<(), LauncherError> {
        loop {
            while self.free > 0 {
                let Some((_, index)) = self.ready.pop_first() else { break };
                self.begin(index)?;
            }
            let Some(Reverse(At { seconds, what })) = self.events.pop() else { return Ok(()) };
            self.now = seconds;
            match what {
                What::Ends(index) => {
                    self.free += 1;
                    self.is_done(index);
                }
                What::Fails(index) => {
                    self.failures += 1;
                    let seconds = self.now + self.cluster.requeue_seconds;
                    self.events.push(Reverse(At { seconds, what: What::Back(index) }));
                }
                What::Back(index) => {
                    self.free += 1;
                    self.is_ready(index);
                }
            }
        }
    }

    fn begin(&mut self, index: usize) -> Result<(), LauncherError> {
        self.free -= 1;
        let Cluster { overhead_seconds, failures_per_hour, .. } = *self.cluster;
        let left = self.jobs[index].seconds - self.done_seconds[index];
        let fails_after = self.draw(index) / (failures_per_hour / 3600.0);
        self.attempts[index] += 1;
        if self.attempts[index] > ATTEMPTS_MAX {
            return Err(LauncherError::Endless { seconds: self.jobs[index].seconds, attempts: ATTEMPTS_MAX });
        }
        let takes = overhead_seconds + left;
        let (spent, what) = if fails_after < takes {
            let kept = self.kept(fails_after - overhead_seconds);
            self.done_seconds[index] += kept;
            self.lost += fails_after - kept;
            (fails_after, What::Fails(index))
        } else {
            (takes, What::Ends(index))
        };
        self.busy += spent;
        self.events.push(Reverse(At { seconds: self.now + spent, what }));
        Ok(())
    }

    /// The part of `computed` seconds that lies before the last checkpoint.
    fn kept(&self, computed: f64) -> f64 {
        match self.cluster.checkpoint_seconds {
            Some(every) if computed > 0.0 => (computed / every).floor() * every,
            _ => 0.0,
        }
    }

    /// A draw from the exponential distribution with mean 1.
    fn draw(&self, index: usize) -> f64 {
        let stream = Seed(self.cluster.seed).stream("failures").part(&index.to_string());
        -(1.0 - stream.part(&self.attempts[index].to_string()).draws().uniform()).ln()
    }

    fn is_ready(&mut self, index: usize) {
        // The bits of positive floating-point numbers sort like the numbers.
        self.ready.insert((Reverse(self.chains[index].to_bits()), index));
    }

    fn is_done(&mut self, index: usize) {
        if self.cluster.order == Order::Layers {
            let layer = self.jobs[index].layer;
            self.layers[layer] -= 1;
            if self.layers[layer] == 0 {
                self.begin_layer(layer + 1);
            }
            return;
        }
        for next in std::mem::take(&mut self.needed_by[index]) {
            self.unmet[next] -= 1;
            if self.unmet[next] == 0 {
                self.is_ready(next);
            }
        }
    }

    fn begin_layer(&mut self, layer: usize) {
        let indices = self.of_layer.get_mut(layer).map(std::mem::take).unwrap_or_default();
        indices.into_iter().for_each(|index| self.is_ready(index));
    }
}

#[cfg(test)]
mod laws;
