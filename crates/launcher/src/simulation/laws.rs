//! Laws that a forecast must satisfy for any tasks and machines.

use super::*;
use proptest::prelude::*;

fn job(seconds: f64, needs: &[usize], layer: usize) -> Job {
    Job { seconds, needs: needs.to_vec(), layer }
}

fn makespan(jobs: &[Job], cluster: &Cluster) -> f64 {
    simulate(jobs, cluster).unwrap().makespan_seconds
}

prop_compose! {
    /// Up to forty jobs, each needing up to two of those in front of it.
    fn some_jobs()(drawn in prop::collection::vec((0.1..100.0_f64, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3usize), 1..40)) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::new();
        for (seconds, one, other, count) in drawn {
            let mut needs: Vec<usize> = [one, other].into_iter().take(if jobs.is_empty() { 0 } else { count }).map(|at| at.index(jobs.len())).collect();
            needs.sort_unstable();
            needs.dedup();
            let layer = needs.iter().map(|&need| jobs[need].layer + 1).max().unwrap_or(0);
            jobs.push(Job { seconds, needs, layer });
        }
        jobs
    }
}

proptest! {
    /// Graham, "Bounds for certain multiprocessing anomalies" (1966): no list is slower than the work shared out
    /// evenly and the longest chain together, and none is faster than either.
    #[test]
    fn without_failures_the_makespan_lies_within_grahams_bounds(jobs in some_jobs(), nodes in 1..8usize, overhead in 0.0..3.0_f64) {
        let found = simulate(&jobs, &Cluster { overhead_seconds: overhead, ..Cluster::undisturbed(nodes) }).unwrap();
        let close = 1e-9 * found.busy_seconds;
        prop_assert!(found.makespan_seconds >= found.critical_path_seconds - close);
        prop_assert!(found.makespan_seconds >= found.ideal_seconds - close);
        prop_assert!(found.makespan_seconds <= found.ideal_seconds + found.critical_path_seconds + close);
        prop_assert!(found.failures == 0 && found.lost_seconds == 0.0);
        prop_assert!((found.busy_seconds - found.ideal_seconds * nodes as f64).abs() <= close);
    }

    #[test]
    fn one_node_does_one_thing_after_the_other(jobs in some_jobs()) {
        let total: f64 = jobs.iter().map(|job| job.seconds).sum();
        prop_assert!((makespan(&jobs, &Cluster::undisturbed(1)) - total).abs() < 1e-9 * total);
    }

    #[test]
    fn as_many_nodes_as_tasks_take_the_longest_chain(jobs in some_jobs()) {
        let found = simulate(&jobs, &Cluster::undisturbed(jobs.len())).unwrap();
        prop_assert!((found.makespan_seconds - found.critical_path_seconds).abs() < 1e-9 * found.busy_seconds);
    }

    #[test]
    fn work_done_is_work_needed_plus_work_lost(jobs in some_jobs(), nodes in 1..5usize, rate in 0.0..20.0_f64, every in 1.0..50.0_f64) {
        let unreliable = Cluster {
            failures_per_hour: rate,
            checkpoint_seconds: Some(every),
            requeue_seconds: 5.0,
            overhead_seconds: 0.5,
            ..Cluster::undisturbed(nodes)
        };
        let found = simulate(&jobs, &unreliable).unwrap();
        // A failed attempt's overhead is among the seconds lost.
        let needed = found.ideal_seconds * nodes as f64;
        prop_assert!((found.busy_seconds - needed - found.lost_seconds).abs() < 1e-6 * found.busy_seconds);
        prop_assert!(found.makespan_seconds >= found.critical_path_seconds - 1e-9);
        prop_assert!(found.makespan_seconds * nodes as f64 >= found.busy_seconds - 1e-6);
    }
}

#[test]
fn a_schedule_worked_by_hand() {
    // On two nodes: 0 (3 s) and 1 (2 s) begin; 2 needs 1 and runs from 2 to 6; 3 (1 s) fills in from 3 to 4.
    let jobs = [job(3.0, &[], 0), job(2.0, &[], 0), job(4.0, &[1], 1), job(1.0, &[], 0)];
    assert_eq!(makespan(&jobs, &Cluster::undisturbed(2)), 6.0);
    // By layers 2 has to wait for 0 and 3 as well: 1 and 0 from 0 (the longest chain first), 3 from 2 to 3, 2 from 3.
    assert_eq!(makespan(&jobs, &Cluster { order: Order::Layers, ..Cluster::undisturbed(2) }), 7.0);
    // With a second of overhead each: 1 until 3, 0 until 4, 2 from 3 to 8, 3 from 4 to 6.
    assert_eq!(makespan(&jobs, &Cluster { overhead_seconds: 1.0, ..Cluster::undisturbed(2) }), 8.0);
}

#[test]
fn equal_tasks_that_need_nothing_come_in_rounds() {
    let jobs = vec![job(7.0, &[], 0); 10];
    for nodes in 1..12 {
        assert_eq!(
            makespan(&jobs, &Cluster::undisturbed(nodes)),
            7.0 * 10_usize.div_ceil(nodes) as f64,
            "{nodes} nodes"
        );
    }
}

#[test]
fn failures_are_as_frequent_as_was_said_and_checkpoints_save_what_they_should() {
    // 2000 tasks of an hour each: at 0.5 failures an hour, about 1000 with every second kept, and none lost.
    let jobs = vec![job(3600.0, &[], 0); 2000];
    let kept = Cluster { failures_per_hour: 0.5, checkpoint_seconds: Some(1.0), ..Cluster::undisturbed(16) };
    let found = simulate(&jobs, &kept).unwrap();
    // Four standard deviations of a Poisson variable of mean 1000.
    assert!((found.failures as f64 - 1000.0).abs() < 4.0 * 1000.0_f64.sqrt(), "{}", found.failures);
    assert!(found.lost_seconds <= found.failures as f64);
    // Without checkpoints an attempt succeeds with probability exp(-0.5): exp(0.5) - 1 = 0.649 failures a task.
    let anew = simulate(&jobs, &Cluster { checkpoint_seconds: None, ..kept.clone() }).unwrap();
    let (q, n) = ((-0.5_f64).exp(), 2000.0);
    let (mean, deviation) = (n * (1.0 - q) / q, (n * (1.0 - q)).sqrt() / q);
    assert!((anew.failures as f64 - mean).abs() < 4.0 * deviation, "{} of {mean}", anew.failures);
    assert!(anew.makespan_seconds > found.makespan_seconds);
}

#[test]
fn a_forecast_is_the_same_every_time_and_another_seed_has_other_failures() {
    let jobs = vec![job(600.0, &[], 0); 50];
    let of_seed = |seed| simulate(&jobs, &Cluster { failures_per_hour: 1.0, seed, ..Cluster::undisturbed(4) }).unwrap();
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
}

#[test]
fn what_cannot_be_is_refused() {
    let jobs = [job(36_000.0, &[], 0)];
    let said = |cluster: Cluster| simulate(&jobs, &cluster).unwrap_err().to_string();
    assert!(said(Cluster::undisturbed(0)).contains("--nodes"));
    assert!(said(Cluster { failures_per_hour: f64::NAN, ..Cluster::undisturbed(1) }).contains("--failures"));
    assert!(said(Cluster { checkpoint_seconds: Some(0.0), ..Cluster::undisturbed(1) }).contains("--checkpoint"));
    // Ten hours without a checkpoint at ten failures an hour.
    assert!(said(Cluster { failures_per_hour: 10.0, ..Cluster::undisturbed(1) }).contains("10000 attempts"));
}

#[test]
fn copies_need_their_own() {
    let jobs = [job(1.0, &[], 0), job(2.0, &[0], 1)];
    let three = repeated(&jobs, 5);
    assert_eq!(three.len(), 6);
    assert_eq!(three[5].needs, [4]);
    assert!(repeated(&[], 5).is_empty());
}
