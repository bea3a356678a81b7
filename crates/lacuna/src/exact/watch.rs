//! Progress of an exact training, and the user's wish to stop it.

use crate::context::Context;
use crate::interrupt;
use crate::progress::Progress;
use lacuna_exact::{Observer, Plan, StageProgress};
use std::collections::BTreeMap;

/// Shows progress in epochs over all shards and stages.
pub struct Watch<'a> {
    context: &'a Context,
    verb: &'static str,
    /// Epochs of the plan before each shard and slice, both counted from 1.
    before: BTreeMap<[usize; 2], usize>,
    total: usize,
    progress: Option<Progress>,
}

impl<'a> Watch<'a> {
    /// Of a plan that has not begun.
    pub fn new(context: &'a Context, verb: &'static str, plan: &Plan) -> Watch<'a> {
        let (mut before, mut total) = (BTreeMap::new(), 0);
        for shard in plan.living_shards() {
            for stage in plan.stages(shard) {
                before.insert([shard + 1, stage.slice + 1], total);
                total += stage.epochs;
            }
        }
        Watch { context, verb, before, total, progress: None }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, stage: StageProgress) {
        let before = self.before[&[stage.shard, stage.slice]];
        let done = before + stage.epoch - 1;
        let begin = || Progress::begin(self.context, self.verb, "epoch", self.total, done);
        let fields = format!("shard={} slice={} loss={:.4}", stage.shard, stage.slice, stage.loss);
        self.progress.get_or_insert_with(begin).within(before + stage.epoch, stage.share, &fields);
    }

    fn wants_to_stop(&self) -> bool {
        interrupt::requested()
    }

    fn note(&mut self, line: &str) {
        match &self.progress {
            Some(progress) => progress.note(self.context, line),
            None => self.context.note(line),
        }
    }
}
