//! A network in a file, and its predictions on arrays.

use crate::refused;
use lacuna_inference::{Axis, ModelNotes, SlidingWindow, predict};
use lacuna_nn::{Device, DeviceKind, Network, read_model};
use lacuna_seed::Seed;
use lacuna_volume::{Affine, Grid, Preprocessing, Volume, keep_largest_components};
use numpy::ndarray::{Array3, ArrayView4, Axis as ArrayAxis, ShapeBuilder, stack};
use numpy::{IntoPyArray, PyArray3, PyArray4, PyReadonlyArray2, PyReadonlyArray4};
use pyo3::prelude::*;
use std::error::Error;
use std::path::PathBuf;

/// A model that lacuna wrote; the file holds everything that a prediction needs.
#[pyclass(frozen, module = "lacuna")]
pub struct Model {
    network: Network,
    notes: ModelNotes,
    preprocessing: Preprocessing,
    device: Device,
}

/// The options of a segmentation; the names are those of `lacuna predict`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    window: Option<[usize; 3]>,
    overlap: f64,
    flips: String,
    largest_component: bool,
    probabilities: bool,
    seed: u64,
    name: String,
}

/// Class numbers `[i, j, k]`, and probabilities `[C, i, j, k]` if they are asked for.
type Segmented = (Array3<u8>, Option<numpy::ndarray::Array4<f32>>);

/// Class numbers and probabilities as NumPy arrays.
type SegmentedArrays<'py> = (Bound<'py, PyArray3<u8>>, Option<Bound<'py, PyArray4<f32>>>);

#[pymethods]
impl Model {
    #[new]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Model> {
        py.detach(|| read(&path)).map_err(refused)
    }

    /// The names of the classes, the background first; their numbers if the file has no names.
    #[getter]
    fn classes(&self) -> Vec<String> {
        let numbers = || (0..self.network.architecture().classes()).map(|class| class.to_string()).collect();
        self.notes.classes.clone().unwrap_or_else(numbers)
    }

    /// The number of channels of an input: images per scan.
    #[getter]
    fn channels(&self) -> usize {
        self.network.architecture().channels()
    }

    /// A description of the network's architecture.
    #[getter]
    fn network(&self) -> String {
        self.network.architecture().about()
    }

    /// The digest of the network's weights.
    #[getter]
    fn digest(&self, py: Python<'_>) -> String {
        py.detach(|| self.network.digest())
    }

    fn __repr__(&self) -> String {
        format!("<lacuna.Model {}: {}>", self.network(), self.classes().join(", "))
    }

    /// Segments channels `[C, i, j, k]`; the affine from voxels to millimetres has 3 or 4 rows.
    fn segment<'py>(
        &self,
        py: Python<'py>,
        channels: PyReadonlyArray4<'py, f32>,
        affine: PyReadonlyArray2<'py, f64>,
        options: Options,
    ) -> PyResult<SegmentedArrays<'py>> {
        let affine = affine.as_array();
        let affine = Affine(std::array::from_fn(|row| std::array::from_fn(|column| affine[[row, column]])));
        let channels = channels.as_array();
        let (labels, probabilities) =
            py.detach(|| self.segmented(&volumes(channels, affine), &options)).map_err(refused)?;
        Ok((labels.into_pyarray(py), probabilities.map(|all| all.into_pyarray(py))))
    }
}

fn read(path: &std::path::Path) -> Result<Model, Box<dyn Error + Send + Sync>> {
    let device = DeviceKind::Cpu.open()?;
    let file = read_model(path, &device)?;
    let notes = ModelNotes::from_metadata(path, &file.metadata)?;
    let preprocessing = notes.preprocessing.clone().ok_or_else(|| {
        let path = path.display();
        format!(
            "{path}: metadata `preprocessing`: expected how its images were prepared, found nothing; fix: predict with \
                 the command, which takes --preprocess"
        )
    })?;
    Ok(Model { network: file.network, notes, preprocessing, device })
}

/// One volume per channel, with `i` varying fastest.
fn volumes(channels: ArrayView4<f32>, affine: Affine) -> Vec<Volume> {
    let volume = |channel: numpy::ndarray::ArrayView3<f32>| {
        let (i, j, k) = channel.dim();
        Volume::new(Grid { dims: [i, j, k], affine }, channel.reversed_axes().iter().copied().collect())
    };
    channels.outer_iter().map(volume).collect()
}

impl Model {
    fn segmented(&self, channels: &[Volume], options: &Options) -> Result<Segmented, Box<dyn Error + Send + Sync>> {
        let expected = self.channels();
        if channels.len() != expected {
            return Err(format!("array: expected {expected} channels, found {}", channels.len()).into());
        }
        let sliding_window = SlidingWindow::new(options.window, options.overlap, &axes(&options.flips)?)?;
        let noise = Seed(options.seed).stream("preprocess noise").subject(&options.name).part(&options.name);
        let prepared = self.preprocessing.apply(channels, &noise)?;
        // Runs on a thread of the pool, as the command does: the many short operations of a pass would wake it each
        // time.
        let prediction =
            rayon::scope(|_| predict(&self.network, &prepared, &sliding_window, &self.device, &mut || Ok(())))?
                .prediction;
        let inverse_transform = &prepared.inverse_transform;
        let mut classes = inverse_transform.probabilities_to_image(&prediction.probabilities, prediction.shape)?;
        if options.largest_component {
            keep_largest_components(&mut classes);
        }
        let [i, j, k] = classes.grid().dims;
        let array = |voxels| Array3::from_shape_vec((i, j, k).f(), voxels).expect("a voxel for each place");
        let mut of_classes = Vec::new();
        for class in (0..prediction.shape[0]).filter(|_| options.probabilities) {
            let image = inverse_transform.probability_to_image(&prediction.probabilities, prediction.shape, class)?;
            of_classes.push(Array3::from_shape_vec((i, j, k).f(), image.into_voxels())?);
        }
        let views: Vec<_> = of_classes.iter().map(|class| class.view()).collect();
        let probabilities = if views.is_empty() { None } else { Some(stack(ArrayAxis(0), &views)?) };
        Ok((array(classes.into_voxels()), probabilities))
    }
}

fn axes(names: &str) -> Result<Vec<Axis>, String> {
    let axis = |letter: char| {
        let named = Axis::ALL.into_iter().find(|axis| axis.name().eq_ignore_ascii_case(&letter.to_string()));
        named.ok_or_else(|| format!("flips: expected letters of d, h and w, found `{letter}`"))
    };
    names.chars().map(axis).collect()
}
