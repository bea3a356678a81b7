//! Training of a U-Net: deep supervision in the loop, and a run that is stopped.

use crate::test_cases::{StopAt, heads_of, moved, tiny_unet, train};
use crate::{NoMonitor, OptimiserConfig, State, TrainConfig, TrainError, read_checkpoint, write_checkpoint};
use lacuna_nn::loss::SegmentationLoss;

fn config(epochs: usize) -> TrainConfig {
    TrainConfig {
        epochs,
        batch_size: 2,
        learning_rate: 1e-2,
        head_multiplier: 1.0,
        optimiser: OptimiserConfig::Sgd { momentum: 0.99, weight_decay: 3e-5 },
        loss: SegmentationLoss::Nnunet,
        ..TrainConfig::default()
    }
}

fn trained(config: &TrainConfig, threads: usize) -> State {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let network = tiny_unet();
        let cases = heads_of(&network, 3);
        let mut state = State::new(network, config);
        train(&mut state, &cases, config, 7, &mut NoMonitor).unwrap();
        state
    })
}

#[test]
fn training_lowers_the_loss_and_moves_every_head_but_the_lowest() {
    let state = trained(&config(12), 1);
    let (first, last) = (&state.history[0], state.history.last().unwrap());
    assert!(last.loss < 0.9 * first.loss, "{} to {}", first.loss, last.loss);
    let moved = moved(&tiny_unet(), &state.network);
    let heads = |index: usize| moved.contains(&format!("decoder.seg_layers.{index}.weight"));
    assert_eq!([0, 1, 2].map(heads), [false, true, true]);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let digests = [1, 2, 4].map(|threads| trained(&config(2), threads).network.digest());
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[test]
fn a_run_stopped_within_an_epoch_ends_in_the_same_bytes() {
    let (config, folder) = (config(3), tempfile::tempdir().unwrap());
    let path = folder.path().join("checkpoint.safetensors");
    let cases = heads_of(&tiny_unet(), 3);
    let mut stopped = State::new(tiny_unet(), &config);
    let outcome = train(&mut stopped, &cases, &config, 7, &mut StopAt { epoch: 1, step: Some(0) });
    assert!(matches!(outcome, Err(TrainError::Interrupted { epochs_done: 1 })));
    write_checkpoint(&path, &stopped, "run").unwrap();
    let mut resumed = State::new(tiny_unet(), &config);
    read_checkpoint(&path, &mut resumed, "run").unwrap();
    train(&mut resumed, &cases, &config, 7, &mut NoMonitor).unwrap();
    assert_eq!(resumed.network.digest(), trained(&config, 2).network.digest());
}
