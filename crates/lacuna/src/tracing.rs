//! What a trace asks of the command: digests of networks, and whose ids `--redact` hides.

use crate::redact;
use lacuna_cohort::Cohort;
use lacuna_nn::{Device, read_model};
use lacuna_trace::Host;
use std::path::Path;

/// This program, for a search of `lacuna_trace`.
pub struct Command;

impl Host for Command {
    fn network_digest(&self, path: &Path) -> Option<String> {
        Some(read_model(path, &Device::flex()).ok()?.network.digest())
    }

    fn opened(&self, cohort: &Cohort) {
        redact::hide_cohort(cohort);
    }
}
