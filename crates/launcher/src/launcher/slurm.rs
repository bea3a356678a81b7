//! Slurm: job arrays, one layer after the other.
//!
//! A layer is one array or, where there are more tasks than an array may have, several; each waits by `afterok` for all
//! of the layer before. A step is started with `srun`, since Slurm signals steps and not the script's own children: one
//! minute before the time is up it gets SIGTERM and ends with 75. Slurm itself requeues a job whose node failed; one
//! that ended with 75 or was killed is requeued by the script.

use super::{Submission, Work, shell};
use std::ops::Range;

pub(super) fn render(work: &Work) -> Vec<Submission> {
    let mut submissions: Vec<Submission> = Vec::new();
    let mut before: Vec<usize> = Vec::new();
    for parts in work.parts() {
        let first = submissions.len();
        for part in &parts {
            let name = format!("slurm-{}.sh", submissions.len());
            let command = ["sbatch", "--parsable", Submission::FILE].map(str::to_string).to_vec();
            let after = before.clone();
            submissions.push(Submission { name, text: script(work, part), command, after, wait: None });
        }
        before = (first..submissions.len()).collect();
    }
    submissions
}

fn script(work: &Work, part: &Range<usize>) -> String {
    let offset = part.start;
    let numbers: Vec<usize> = work.tasks(part).map(|task| task.index - offset).collect();
    let folder = work.folder.display();
    let mut head: Vec<String> = vec![
        format!("--job-name=lacuna-{}", work.plan.about.study),
        format!("--array={}", ranges(&numbers)),
        format!("--cpus-per-task={}", work.resources.cpus),
        format!("--mem={}M", work.mebibytes(part)),
        format!("--time={}", work.minutes(part)),
        "--signal=TERM@60".to_string(),
        "--requeue".to_string(),
        "--open-mode=append".to_string(),
        format!("--output=\"{folder}/logs/%A_%a.log\""),
    ];
    if work.has_gpu() {
        head.push("--gres=gpu:1".to_string());
    }
    head.extend(work.options.iter().cloned());
    let head: String = head.iter().map(|line| format!("#SBATCH {line}\n")).collect();
    format!(
        "#!/bin/sh\n{head}srun {}\n\
         code=$?\n\
         # 75 asks to be tried again; from 128 on the step was killed.\n\
         if [ $code -eq 75 ] || [ $code -ge 128 ]; then\n    \
             if [ \"${{SLURM_RESTART_COUNT:-0}}\" -lt {} ]; then\n        \
                 scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\" && sleep 60\n    \
             fi\n\
         fi\n\
         exit $code\n",
        shell(&work.command(offset)),
        work.retries,
    )
}

/// The numbers in Slurm's range notation, such as `0-4,7`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let run = |run: &[usize]| match run {
        [one] => one.to_string(),
        _ => format!("{}-{}", run[0], run[run.len() - 1]),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::tests::{all, pairs, with_work};
    use std::path::Path;

    #[test]
    fn numbers_are_written_as_slurm_reads_them() {
        for (numbers, expected) in [(&[0][..], "0"), (&[0, 1, 2, 3, 4, 7], "0-4,7"), (&[1, 3, 4], "1,3-4")] {
            assert_eq!(ranges(numbers), expected);
        }
    }

    #[test]
    fn a_layer_waits_for_every_array_of_the_one_before() {
        let plan = pairs(25);
        with_work(&plan, all(&plan), |work| {
            let work = Work { array_max: 10, kubernetes: work.kubernetes.clone(), ..*work };
            let submissions = render(&work);
            assert_eq!(submissions.len(), 6);
            assert!(submissions[..3].iter().all(|one| one.after.is_empty()));
            assert!(submissions[3..].iter().all(|one| one.after == [0, 1, 2]));
            assert!(
                submissions[4].text.contains("#SBATCH --array=0-9\n") && submissions[4].text.contains("--offset 35\n")
            );
            let command = submissions[4].command_for(Path::new("x.sh"), &["7".to_string(), "8".to_string()]);
            assert_eq!(command, ["sbatch", "--parsable", "--dependency=afterok:7:8", "x.sh"]);
        });
    }

    #[test]
    fn a_script_asks_for_what_its_tasks_need_and_can_be_read_by_a_shell() {
        let plan = pairs(2);
        with_work(&plan, [0, 2, 3].into(), |work| {
            let [first, second] = &render(work)[..] else { panic!("two layers") };
            for line in ["--array=0\n", "--cpus-per-task=2\n", "--requeue\n", "--signal=TERM@60\n", "--partition=gpu\n"]
            {
                assert!(first.text.contains(&format!("#SBATCH {line}")), "{line}: {}", first.text);
            }
            // 120 s on one core are 60 on two, three times that is 3 min; 600 s are 15. Half a GiB and a quarter, plus 512.
            assert!(first.text.contains("--time=13\n") && second.text.contains("--time=25\n"), "{}", second.text);
            assert!(first.text.contains("--mem=1152M\n"));
            assert!(
                second
                    .text
                    .contains("srun /usr/bin/lacuna --quiet --threads 2 study run-task '/shared/my plan' --offset 2\n")
            );
            let parsed = std::process::Command::new("sh").args(["-n", "-c", &second.text]).status().unwrap();
            assert!(parsed.success());
        });
    }

    #[test]
    fn what_was_measured_counts_more_than_what_was_estimated() {
        let plan = pairs(1);
        with_work(&plan, all(&plan), |work| {
            let resources = crate::Resources { slower: 4.0, mib_measured: Some(2000.0), ..work.resources };
            let text = &render(&Work { resources, kubernetes: work.kubernetes.clone(), ..*work })[0].text;
            assert!(text.contains("--time=22\n") && text.contains("--mem=3012M\n"), "{text}");
        });
    }
}
