//! One slurmctld, two slurmd and munged on this machine, from the distribution's packages.
//!
//! Debian's build lets several slurmd run on one host. All state lies in one folder, all sockets on loopback. Only the
//! processes that were started here are stopped, by their process ids.

use crate::Failure;
use crate::machine::printed;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The names of the two nodes.
pub const NODES: [&str; 2] = ["n1", "n2"];
/// Cores that each node claims to have; they share those of this machine.
pub const CORES: usize = 4;

const PACKAGES: [&str; 4] = ["slurmctld", "slurmd", "slurm-client", "munge"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster; it ends when it is dropped.
pub struct Cluster {
    folder: PathBuf,
    /// Whether munged was started here.
    munge: bool,
}

impl Cluster {
    /// Install what is missing and start everything; `folder` is made anew.
    pub fn start(folder: &Path) -> Result<Cluster, Failure> {
        install()?;
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("slurm.conf"), configuration(folder)?)?;
        let mut cluster = Cluster { folder: folder.to_path_buf(), munge: false };
        cluster.start_munge()?;
        cluster.start_controller()?;
        NODES.iter().try_for_each(|node| cluster.start_node(node))?;
        cluster.wait("both nodes are idle", || {
            Ok(cluster.said("sinfo", &["-h", "-N", "-o", "%T"])?.lines().all(|state| state == "idle"))
        })?;
        Ok(cluster)
    }

    /// Start the controller, the first time or again.
    pub fn start_controller(&self) -> Result<(), Failure> {
        self.said("slurmctld", &[]).map(drop)?;
        self.wait("the controller answers", || Ok(self.said("scontrol", &["ping"])?.contains("is UP")))
    }

    /// Start the daemon of a node, the first time or again.
    pub fn start_node(&self, node: &str) -> Result<(), Failure> {
        self.said("slurmd", &["-N", node]).map(drop)
    }

    /// Kills the daemon of a node, or the controller, with SIGKILL.
    pub fn kill(&self, daemon: &str) -> Result<(), Failure> {
        let pid = std::fs::read_to_string(self.pid_file(daemon))?;
        printed(Command::new("kill").args(["-9", pid.trim()])).map(drop)
    }

    /// The standard output of one of Slurm's programs.
    pub fn said(&self, program: &str, arguments: &[&str]) -> Result<String, Failure> {
        printed(self.command(program).args(arguments))
    }

    /// A command with the environment that finds this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf")).env("PATH", path());
        command
    }

    /// Waits until `is_so` returns true.
    pub fn wait(&self, what: &str, is_so: impl Fn() -> Result<bool, Failure>) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so().unwrap_or(false) {
            if Instant::now() > deadline {
                return Err(
                    format!("{what}: not within {} s; see {}", PATIENCE.as_secs(), self.folder.display()).into()
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Starts munged, unless it is running.
    fn start_munge(&mut self) -> Result<(), Failure> {
        if printed(Command::new("munge").arg("-n")).is_ok() {
            return Ok(());
        }
        std::fs::create_dir_all("/run/munge")?;
        printed(Command::new("chown").args(["munge:munge", "/run/munge"]))?;
        printed(Command::new("runuser").args(["-u", "munge", "--", "/usr/sbin/munged"]))?;
        self.munge = true;
        self.wait("munge answers", || Ok(printed(Command::new("munge").arg("-n")).is_ok()))
    }

    fn pid_file(&self, daemon: &str) -> PathBuf {
        self.folder.join(format!("{daemon}.pid"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Jobs that have already ended need not be cancelled; errors are ignored.
        let _ = self.said("scancel", &["--quiet", "--full", "--signal=KILL", "--user=root"]);
        let _ = self.said("scancel", &["--quiet", "--user=root"]);
        for daemon in NODES.iter().chain(&["slurmctld"]) {
            if let Ok(pid) = std::fs::read_to_string(self.pid_file(daemon)) {
                let _ = printed(Command::new("kill").arg(pid.trim()));
            }
        }
        if self.munge {
            let _ = printed(Command::new("runuser").args(["-u", "munge", "--", "/usr/sbin/munged", "--stop"]));
        }
    }
}

/// The search path with the folders of daemons, which an ordinary user's path lacks.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

fn install() -> Result<(), Failure> {
    let has = |program: &str| {
        printed(Command::new("sh").env("PATH", path()).args(["-c", &format!("command -v {program}")])).is_ok()
    };
    if ["slurmctld", "slurmd", "sbatch", "munged"].iter().all(|program| has(program)) {
        return Ok(());
    }
    println!("installing {}", PACKAGES.join(" "));
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--no-install-recommends"]).args(PACKAGES);
    printed(&mut apt).map(drop)
}

fn configuration(folder: &Path) -> Result<String, Failure> {
    let (host, at) = (printed(&mut Command::new("hostname"))?, folder.display());
    let nodes: String = NODES
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let port = 17_101 + index;
            format!(
                "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CORES} RealMemory=16000\n"
            )
        })
        .collect();
    Ok(format!(
        "ClusterName=lacuna\n\
         SlurmctldHost={host}(127.0.0.1)\n\
         SlurmctldPort=17100\n\
         SlurmUser=root\n\
         SlurmdUser=root\n\
         AuthType=auth/munge\n\
         CommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n\
         ProctrackType=proctrack/linuxproc\n\
         TaskPlugin=task/none\n\
         JobAcctGatherType=jobacct_gather/none\n\
         SelectType=select/cons_tres\n\
         SelectTypeParameters=CR_CPU\n\
         SlurmdParameters=config_overrides\n\
         SchedulerParameters=sched_interval=2,bf_interval=2\n\
         ReturnToService=2\n\
         SlurmdTimeout=600\n\
         MpiDefault=none\n\
         StateSaveLocation={at}/state\n\
         SlurmdSpoolDir={at}/spool.%n\n\
         SlurmctldPidFile={at}/slurmctld.pid\n\
         SlurmdPidFile={at}/%n.pid\n\
         SlurmctldLogFile={at}/slurmctld.log\n\
         SlurmdLogFile={at}/%n.log\n\
         {nodes}\
         PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
    ))
}
