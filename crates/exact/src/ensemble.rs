//! Prediction with an exact model: the mean of the probabilities of its shards.

use crate::folder::model_file;
use crate::{ExactError, Manifest};
use lacuna_nn::{Device, Network, read_model};
use lacuna_train::{ModelOutput, Prediction, TrainError};
use std::path::{Path, PathBuf};

/// The finished shards of an exact model. They are read one after another: only one network is in memory.
#[derive(Clone, Debug)]
pub struct Ensemble {
    shards: Vec<(PathBuf, String)>,
}

impl Ensemble {
    /// Opens the model in a folder.
    ///
    /// # Errors
    /// If the manifest is damaged or inconsistent, or a shard is not trained to the end.
    pub fn open(folder: &Path) -> Result<Ensemble, ExactError> {
        let manifest = Manifest::read(folder)?;
        let shards = manifest.plan.living_shards().map(|shard| match &manifest.shards[shard].model {
            Some(kept) => Ok((model_file(folder, shard), kept.network.clone())),
            None => Err(ExactError::Unfit {
                path: folder.to_path_buf(),
                field: format!("shard {}", shard + 1),
                expected: "a finished model".to_string(),
                found: "a training that is not at its end".to_string(),
                fix: "go on with --resume",
            }),
        });
        Ok(Ensemble { shards: shards.collect::<Result<_, _>>()? })
    }

    /// The paths of the shards' model files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(|(path, _)| path.as_path())
    }

    /// The digest of the network if there is one shard, else a digest of the networks' digests in order of shards.
    pub fn digest(&self) -> String {
        match &self.shards[..] {
            [(_, only)] => only.clone(),
            shards => {
                let digests: Vec<&str> = shards.iter().map(|(_, digest)| digest.as_str()).collect();
                lacuna_disk::digest(digests.join("\n").as_bytes())
            }
        }
    }

    /// Predicts some scans with every shard, and averages the probabilities scan by scan.
    ///
    /// The callback returns one prediction per scan for the network of a shard.
    ///
    /// # Errors
    /// If a file differs from what the manifest states, and the errors of the callback.
    ///
    /// # Panics
    /// If the callback returns another number of scans, or other shapes, for one shard than for another.
    pub fn average(
        &self,
        device: &Device,
        outputs_of: &mut dyn FnMut(&Network) -> Result<Vec<ModelOutput>, TrainError>,
    ) -> Result<Vec<ModelOutput>, ExactError> {
        if let [(path, digest)] = &self.shards[..] {
            return Ok(outputs_of(&read_shard(path, digest, device)?)?);
        }
        let mut sums: Option<Vec<Sum>> = None;
        for (path, digest) in &self.shards {
            let outputs = outputs_of(&read_shard(path, digest, device)?)?;
            match &mut sums {
                None => sums = Some(outputs.iter().map(Sum::of).collect()),
                Some(sums) => {
                    assert_eq!(sums.len(), outputs.len(), "every shard is asked of the same scans");
                    sums.iter_mut().zip(&outputs).for_each(|(sum, output)| sum.add(output));
                }
            }
        }
        let shards = self.shards.len() as f64;
        Ok(sums.into_iter().flatten().map(|sum| sum.divided(shards)).collect())
    }
}

fn read_shard(path: &Path, digest: &str, device: &Device) -> Result<Network, ExactError> {
    let network = read_model(path, device)?.network;
    let found = network.digest();
    if found == digest {
        return Ok(network);
    }
    Err(ExactError::Unfit {
        path: path.to_path_buf(),
        field: "digest".to_string(),
        expected: digest.to_string(),
        found,
        fix: "restore it from a copy, or train again",
    })
}

/// Summed probabilities of several networks; they are kept as logarithms so that none underflows in `f32`.
struct Sum {
    probabilities: Vec<f64>,
    logarithms: Vec<f64>,
    shape: [usize; 4],
}

impl Sum {
    fn of(output: &ModelOutput) -> Sum {
        Sum {
            probabilities: output.prediction.probabilities.iter().copied().map(f64::from).collect(),
            logarithms: log_softmax(&output.logits, output.prediction.shape[0]),
            shape: output.prediction.shape,
        }
    }

    fn add(&mut self, output: &ModelOutput) {
        let more = Sum::of(output);
        assert_eq!(self.shape, more.shape, "shards of one model have one output grid");
        self.probabilities.iter_mut().zip(more.probabilities).for_each(|(sum, value)| *sum += value);
        self.logarithms.iter_mut().zip(more.logarithms).for_each(|(sum, value)| *sum = log_sum_exp([*sum, value]));
    }

    fn divided(self, by: f64) -> ModelOutput {
        let probabilities = self.probabilities.into_iter().map(|sum| (sum / by) as f32).collect();
        let logits = self.logarithms.into_iter().map(|sum| (sum - by.ln()) as f32).collect();
        ModelOutput { prediction: Prediction { probabilities, shape: self.shape }, logits }
    }
}

/// `x - ln sum exp x` over the classes of each voxel; logits are `[C, D, H, W]`.
fn log_softmax(logits: &[f32], classes: usize) -> Vec<f64> {
    let voxels = logits.len() / classes;
    let of_voxel = |voxel: usize| (0..classes).map(move |class| f64::from(logits[class * voxels + voxel]));
    let sums: Vec<f64> = (0..voxels).map(|voxel| log_sum_exp(of_voxel(voxel))).collect();
    logits.iter().enumerate().map(|(index, &logit)| f64::from(logit) - sums[index % voxels]).collect()
}

/// `ln sum exp x`, with the largest x subtracted first so that nothing overflows.
fn log_sum_exp(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    largest + values.into_iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One voxel of two classes whose logits differ by the logarithm of their odds.
    fn output(first: f32, second: f32) -> ModelOutput {
        let prediction = Prediction { probabilities: vec![first, second], shape: [2, 1, 1, 1] };
        ModelOutput { prediction, logits: vec![first.ln() + 7.0, second.ln() + 7.0] }
    }

    #[test]
    fn shards_are_averaged_voxel_by_voxel() {
        let mut sum = Sum::of(&output(0.25, 0.75));
        sum.add(&output(0.75, 0.25));
        sum.add(&output(0.875, 0.125));
        let mean = sum.divided(3.0);
        assert_eq!(mean.prediction.probabilities, [0.625, 0.375]);
        let off = |index: usize, p: f64| (f64::from(mean.logits[index]) - p.ln()).abs();
        assert!(off(0, 0.625) < 1e-6 && off(1, 0.375) < 1e-6, "{:?}", mean.logits);
    }

    #[test]
    fn what_every_shard_thinks_next_to_impossible_keeps_its_logarithm() {
        // exp(-200) is 0 in f32.
        let sure = ModelOutput { logits: vec![200.0, 0.0], ..output(1.0, 0.0) };
        let mut sum = Sum::of(&sure);
        sum.add(&sure);
        assert_eq!(sum.divided(2.0).logits, [0.0, -200.0]);
    }
}
