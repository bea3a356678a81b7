//! From a prepared scan to a label map on the image's own grid.

use crate::{InferenceError, Input, Prediction};
use lacuna_volume::{ClassMap, InverseTransform, Prepared, Volume, keep_largest_components};
use std::collections::BTreeMap;

/// The prediction of one scan, and how it is put back onto the image's own grid.
pub struct Segmentation {
    /// The prediction on the network's output grid.
    pub prediction: Prediction,
    inverse_transform: InverseTransform,
}

/// Predicts a prepared scan with `predict`; the network's input is freed before the result is returned.
///
/// # Errors
/// Those of `predict`.
pub fn segment<E: From<InferenceError>>(
    prepared: Prepared,
    predict: &mut dyn FnMut(Input<'_>) -> Result<Prediction, E>,
) -> Result<Segmentation, E> {
    let prediction = predict(Input::from(&prepared))?;
    Ok(Segmentation { prediction, inverse_transform: prepared.inverse_transform })
}

impl Segmentation {
    /// The most probable class of each voxel of the image. With `largest_component`, all but the largest connected
    /// component of each class become background, and the number of voxels removed of each class is returned too.
    ///
    /// # Errors
    /// [`InferenceError::InverseTransform`] if a probability is not finite.
    pub fn label_map(&self, largest_component: bool) -> Result<(ClassMap, Option<BTreeMap<u8, u64>>), InferenceError> {
        let Prediction { probabilities, shape, .. } = &self.prediction;
        let mut classes = self.inverse_transform.probabilities_to_image(probabilities, *shape)?;
        let removed = largest_component.then(|| keep_largest_components(&mut classes));
        Ok((classes, removed))
    }

    /// The probability of one class on the image's own grid.
    ///
    /// # Errors
    /// As [`Segmentation::label_map`].
    pub fn probability(&self, class: usize) -> Result<Volume, InferenceError> {
        let Prediction { probabilities, shape, .. } = &self.prediction;
        Ok(self.inverse_transform.probability_to_image(probabilities, *shape, class)?)
    }
}
