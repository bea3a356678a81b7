//! Studies: strategies x horizons x forgotten subjects x seeds, each run once.
//!
//! [`StudyConfig`] is read and checked before any work; [`Study::open`] lists the cohort and splits it; [`Study::run`]
//! runs every task that has no record; [`Study::rows`] turns the records into result rows. A task is named by the
//! digest of everything that determines its outcome, so any study that needs the same task finds its record: the
//! baseline of two studies, or the model retrained without a subject, is trained once.
//!
//! [`audit`] audits the models of a study.
//!
//! Deliberately absent: printing, and any decision about how a strategy works.

pub mod audit;
mod cases;
mod config;
mod cost;
mod curve;
mod error;
mod estimate;
mod executor;
mod forecast;
mod measure;
mod memory;
mod models;
mod opening;
mod probe_config;
mod probe_rows;
mod probing;
mod progress;
mod record;
mod rows;
mod runs;
mod search;
mod store;
mod study;
mod task;
mod variant;
mod watch;

pub use cases::{Data, Loading, OpenData};
pub use config::{
    CONFIGURATION, DataConfig, Forget, KeepModels, LabelChoice, NetworkConfig, ReferencesConfig, SplitConfig,
    StudyConfig, UnlearnConfig, VariantConfig,
};
pub use cost::{HorizonCost, Stopwatch};
pub use error::StudyError;
pub use estimate::{Estimate, Machine, Workload, available_gib, duration};
pub use executor::{Executor, ExecutorConfig};
pub use measure::{Seen, SeenScan};
pub use memory::peak_bytes;
pub use opening::{InitialWeights, check_init};
pub use probe_config::{Probe, ProbeConfig, ProbeHorizons, ReboundConfig, RelearnConfig};
pub use progress::{Progress, Unwatched};
pub use record::{CurvePoint, EpochScores, RECORD_SCHEMA, Record, Relearned};
pub use search::{SearchConfig, SpaceConfig, chosen};
pub use store::Store;
pub use study::Study;
pub use task::{GivenModel, Original, ProbeTask, Probed, Task, TrainTask, UnlearnTask, by_role, task_device};
pub use variant::Variant;
