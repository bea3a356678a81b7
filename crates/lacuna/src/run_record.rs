//! This process, as the record of a run names it.

use crate::command::BURN_VERSION;
use crate::context::Context;
use crate::words;
use lacuna_nn::{device_identity, kernels_digest};
use lacuna_runs::Maker;

impl From<&Context> for Maker {
    fn from(context: &Context) -> Maker {
        Maker {
            lacuna: env!("CARGO_PKG_VERSION").to_string(),
            burn: BURN_VERSION.to_string(),
            device: device_identity(&context.device),
            kernels: kernels_digest().to_string(),
            driver: context.adapter.as_ref().and_then(|adapter| adapter.driver.clone()),
            threads: rayon::current_num_threads(),
            command: words::texts(),
        }
    }
}
