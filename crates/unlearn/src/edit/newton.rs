//! One Newton step away from the forget subjects: the influence that they had.
//!
//! ```text
//! theta <- theta_0 + scale (|F| / |R|) (H_R + damping)^-1 grad l(F)
//! H_R = (1/N) sum_n g_n g_n^T   over the gradients of N retain samples
//! ```
//!
//! Were the loss a quadratic and theta_0 its minimum over everybody, `scale = 1` and no damping would end in the minimum
//! over those who stay. With the Hessian written as a sum of N outer products, the inverse is exact and takes nothing but
//! an N x N system (Woodbury's identity, G the N gradients as rows):
//!
//! ```text
//! (damping + G^T G / N)^-1 v = (v - G^T (N damping + G G^T)^-1 G v) / damping
//! ```
//!
//! Considered: conjugate gradients on Hessian-vector products take two passes per product and retain case, and the
//! Hessian of a network need not be positive; the recursion of WoodFisher as published keeps one of N vectors and is an
//! approximation of the same inverse. What this costs instead is memory: N gradients, each as large as the weights.
//!
//! Sources: Koh and Liang, "Understanding Black-box Predictions via Influence Functions", ICML 2017; Singh and Alistarh,
//! "WoodFisher", NeurIPS 2020 (the damped empirical Fisher); Jia et al., "Model Sparsity Can Simplify Machine
//! Unlearning", NeurIPS 2023 (as an unlearning method). *Our reading:* blocks of a volume as samples; l(F) is the mean
//! over the forget cases.
//! Cost: one pass forward and backward per retain sample and per forget case.

use super::change;
use crate::gradients::{Importance, PerWeight, Sampling, each, passes, summed};
use crate::{ForgetRetain, Unlearned};
use lacuna_nn::Network;
use lacuna_train::{Passes, TrainError};

/// How the step is taken.
#[derive(Clone, Copy)]
pub(super) struct NewtonStep {
    pub scale: f64,
    pub damping: f64,
    pub blocks_per_axis: usize,
}

pub(super) fn newton(mut network: Network, run: &Unlearned, how: NewtonStep) -> Result<Network, TrainError> {
    let sampling = Sampling { importance: Importance::Labels, blocks_per_axis: how.blocks_per_axis };
    let mut samples: Vec<PerWeight> = Vec::new();
    each(&network, run, &run.sets.retain, sampling, &mut |gradient| samples.push(gradient))?;
    let forget = summed(&network, run, &run.sets.forget, Sampling::CASES, |gradient| gradient)?.mean();
    let direction = damped_solution(&samples, forget, how.damping);
    let scale = how.scale * run.sets.forget.len() as f64 / run.sets.retain.len() as f64;
    change(&mut network, &direction, |value, step| (f64::from(value) + scale * f64::from(step)) as f32);
    Ok(network)
}

/// The passes that it takes.
pub(super) fn cost(sets: &ForgetRetain, blocks_per_axis: usize) -> Passes {
    let mut sum = passes(&sets.retain, blocks_per_axis);
    sum += passes(&sets.forget, 1);
    sum
}

/// `(damping + (1/N) sum_n g_n g_n^T)^-1 v`.
fn damped_solution(samples: &[PerWeight], v: PerWeight, damping: f64) -> PerWeight {
    let n = samples.len();
    let mut system: Vec<Vec<f64>> = Vec::new();
    for (row, sample) in samples.iter().enumerate() {
        let mut products: Vec<f64> = samples[..=row].iter().map(|other| dot(sample, other)).collect();
        products[row] += n as f64 * damping;
        system.push(products);
    }
    let coefficients = solved(system, samples.iter().map(|sample| dot(sample, &v)).collect());
    let mut solution = v;
    for (name, values) in &mut solution {
        let rows: Vec<Option<&Vec<f32>>> = samples.iter().map(|sample| sample.get(name)).collect();
        for (index, value) in values.iter_mut().enumerate() {
            let along = rows.iter().zip(&coefficients).map(|(row, c)| row.map_or(0.0, |row| c * f64::from(row[index])));
            *value = ((f64::from(*value) - along.sum::<f64>()) / damping) as f32;
        }
    }
    solution
}

fn dot(one: &PerWeight, other: &PerWeight) -> f64 {
    let of_tensor = |(name, values): (&String, &Vec<f32>)| {
        other.get(name).map_or(0.0, |other| values.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
    };
    one.iter().map(of_tensor).sum()
}

/// The solution of a symmetric positive definite system, given by its lower triangle, after Cholesky.
fn solved(mut lower: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for row in 0..n {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
            let rest = lower[row][column] - known;
            lower[row][column] = if row == column { rest.sqrt() } else { rest / lower[column][column] };
        }
    }
    for row in 0..n {
        let known: f64 = (0..row).map(|k| lower[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / lower[row][row];
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| lower[k][row] * right[k]).sum();
        right[row] = (right[row] - known) / lower[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use crate::{Edit, Recipe};
    use lacuna_seed::Seed;
    use lacuna_train::test_cases::{heads, resnet_10};

    fn vector(values: &[f32]) -> PerWeight {
        PerWeight::from([("w".to_string(), values.to_vec())])
    }

    #[test]
    fn one_sample_worked_by_hand() {
        // g = (1, 0), damping 1: the matrix is diag(2, 1), and (2, 1) goes to (1, 1).
        let found = damped_solution(&[vector(&[1.0, 0.0])], vector(&[2.0, 1.0]), 1.0);
        assert!((found["w"][0] - 1.0).abs() < 1e-6 && (found["w"][1] - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn on_a_quadratic_the_step_ends_where_retraining_ends() {
        // Least squares l = (y - x theta)^2 / 2 at theta = 0 with residuals y of +1 and -1, for which the outer product
        // of gradients -y x is the Hessian x^2. Everybody: x = 1, 2, 3 and y = 1, 1, -1, so sum x y = 0 and theta = 0 is
        // the minimum. Without the third: theta = sum x y / sum x^2 = 3 / 5.
        let gradient = |x: f32, y: f32| vector(&[-y * x]);
        let direction = damped_solution(&[gradient(1.0, 1.0), gradient(2.0, 1.0)], gradient(3.0, -1.0), 1e-6);
        let theta = f64::from(direction["w"][0]) / 2.0;
        assert!((theta - 0.6).abs() < 1e-5, "{theta}");
    }

    #[test]
    fn the_solution_solves_its_system() {
        let mut draws = Seed(3).stream("newton test").draws();
        let mut draw = || vector(&(0..20).map(|_| draws.normal() as f32).collect::<Vec<f32>>());
        let (samples, v) = ([draw(), draw(), draw()], draw());
        for damping in [1e-2, 1.0, 100.0] {
            let x = damped_solution(&samples, v.clone(), damping);
            for index in 0..20 {
                let along = samples.iter().map(|g| f64::from(g["w"][index]) * dot(g, &x)).sum::<f64>() / 3.0;
                let found = damping * f64::from(x["w"][index]) + along;
                assert!((found - f64::from(v["w"][index])).abs() < 1e-3, "damping {damping}: {found}");
            }
        }
    }

    #[test]
    fn with_much_damping_it_is_a_step_up_the_forget_loss() {
        let (scale, damping) = (50.0, 1e4);
        let edit = Edit::Newton { scale, damping, blocks_per_axis: 1 };
        let recipe = Recipe { edits: vec![edit], ..Recipe::fine_tuning() };
        let cases = heads(3);
        let name = "conv_seg.6.weight";
        with_run(&recipe, &cases, |run| {
            let gradient = summed(run.original, run, &run.sets.forget, Sampling::CASES, |value| value).unwrap().mean();
            let edited = run.fresh_state().unwrap().network;
            let values = |network: &Network| crate::gradients::host(network.parameters.get(name).values.clone());
            // |F| / |R| = 1 / 2.
            let factor = scale * 0.5 / damping;
            for ((after, before), gradient) in values(&edited).iter().zip(values(&resnet_10())).zip(&gradient[name]) {
                let expected = f64::from(before) + factor * f64::from(*gradient);
                assert!((f64::from(*after) - expected).abs() < 1e-6 + 1e-2 * factor * f64::from(gradient.abs()));
            }
        });
    }
}
