//! Kubernetes: one Indexed Job per layer.
//!
//! `backoffLimitPerIndex` repeats one task without the others. The pod failure policy fails at once on exit codes that
//! are permanent, and does not count pods that the cluster itself removed. A Job does not know of other Jobs, so the
//! user waits for one layer before submitting the next. A task that begins too early all the same ends with 75.

use super::{Submission, Work};
use serde_json::{Value, json};
use std::ops::Range;

/// The exit codes that stay the same however often the task is repeated.
const PERMANENT: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];
/// The largest number of pods at once; the scheduler may start fewer.
const PODS_MAX: usize = 500;

pub(super) fn render(work: &Work) -> Vec<Submission> {
    let parts: Vec<Range<usize>> = work.parts().concat();
    let submission = |(index, part): (usize, &Range<usize>)| {
        let name = job_name(&work.plan.about.study, index);
        let wait = work.minutes(part) * (1 + work.retries as u64);
        Submission {
            name: format!("k8s-{index}.json"),
            text: format!("{:#}\n", job(work, part, &name)),
            command: ["kubectl", "apply", "-f", Submission::FILE].map(str::to_string).to_vec(),
            after: Vec::new(),
            wait: Some(vec![
                "kubectl".to_string(),
                "wait".to_string(),
                "--for=condition=complete".to_string(),
                format!("--timeout={wait}m"),
                format!("job/{name}"),
            ]),
        }
    };
    parts.iter().enumerate().map(submission).collect()
}

/// A name that Kubernetes takes: small letters, digits and `-`, at most 63.
fn job_name(study: &str, index: usize) -> String {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let study: String = study.chars().map(fit).take(48).collect();
    format!("lacuna-{}-{index}", study.trim_matches('-'))
}

/// The Job of a part of a layer, as JSON, which kubectl takes as it takes YAML.
fn job(work: &Work, part: &Range<usize>, name: &str) -> Value {
    let labels = json!({ "app.kubernetes.io/name": "lacuna" });
    let permanent = json!({ "containerName": "lacuna", "operator": "In", "values": PERMANENT });
    let lost = json!([{ "type": "DisruptionTarget", "status": "True" }]);
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name, "labels": labels },
        "spec": {
            "completionMode": "Indexed",
            "completions": part.len(),
            "parallelism": part.len().min(PODS_MAX),
            "backoffLimitPerIndex": work.retries,
            "podFailurePolicy": { "rules": [
                { "action": "Ignore", "onPodConditions": lost },
                { "action": "FailIndex", "onExitCodes": permanent },
            ] },
            "template": { "metadata": { "labels": labels }, "spec": pod(work, part) },
        },
    })
}

fn pod(work: &Work, part: &Range<usize>) -> Value {
    let claim = json!({ "claimName": work.kubernetes.claim });
    json!({
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 60 * work.minutes(part),
        "terminationGracePeriodSeconds": 60,
        "containers": [container(work, part)],
        "volumes": [{ "name": "shared", "persistentVolumeClaim": claim }],
    })
}

fn container(work: &Work, part: &Range<usize>) -> Value {
    // The program's name within the container image, instead of its path on this machine.
    let command: Vec<String> =
        std::iter::once("lacuna".to_string()).chain(work.command(part.start).into_iter().skip(1)).collect();
    let memory = format!("{}Mi", work.mebibytes(part));
    let mut limits = json!({ "memory": memory });
    if work.has_gpu() {
        limits["nvidia.com/gpu"] = "1".into();
    }
    json!({
        "name": "lacuna",
        "image": work.kubernetes.image,
        "command": command,
        "resources": { "requests": { "cpu": work.resources.cpus.to_string(), "memory": memory }, "limits": limits },
        "volumeMounts": [{ "name": "shared", "mountPath": work.kubernetes.mount.display().to_string() }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::About;
    use crate::launcher::tests::{all, pairs, with_work};
    use k8s_openapi::api::batch::v1::{Job, JobSpec};

    fn submissions(device: &str) -> Vec<Submission> {
        let plan = pairs(3);
        let plan = crate::Plan {
            about: About { device: device.to_string(), study: "My_study".to_string(), ..plan.about },
            ..plan
        };
        with_work(&plan, all(&plan), render)
    }

    fn parsed(submission: &Submission) -> Job {
        serde_json::from_str(&submission.text).unwrap()
    }

    #[test]
    fn every_field_is_one_that_the_api_knows() {
        // The API's types pass over what they do not know, so that a misspelt field is missing from what they write.
        for submission in submissions("cuda") {
            let written: Value = serde_json::from_str(&submission.text).unwrap();
            assert_eq!(serde_json::to_value(parsed(&submission)).unwrap(), written);
        }
    }

    #[test]
    fn each_layer_is_an_indexed_job_of_its_tasks() {
        let [first, second] = &submissions("cpu")[..] else { panic!("two layers") };
        for (submission, name) in [(first, "lacuna-my-study-0"), (second, "lacuna-my-study-1")] {
            let job = parsed(submission);
            let JobSpec { completions, parallelism, completion_mode, backoff_limit_per_index, .. } = job.spec.unwrap();
            assert_eq!((completions, parallelism, backoff_limit_per_index), (Some(3), Some(3), Some(5)));
            assert_eq!(completion_mode.as_deref(), Some("Indexed"));
            assert_eq!(job.metadata.name.as_deref(), Some(name));
            let wait = submission.wait.as_ref().unwrap();
            assert_eq!(wait.last().unwrap(), &format!("job/{name}"));
        }
        let container = parsed(second).spec.unwrap().template.spec.unwrap().containers.remove(0);
        let command = container.command.unwrap().join(" ");
        assert_eq!(command, "lacuna --quiet --threads 2 study run-task /shared/my plan --offset 3");
    }

    #[test]
    fn permanent_exit_codes_fail_their_index_and_a_lost_node_costs_no_attempt() {
        let policy = parsed(&submissions("cpu")[0]).spec.unwrap().pod_failure_policy.unwrap();
        let [lost, permanent] = &policy.rules[..] else { panic!("two rules") };
        assert_eq!((lost.action.as_str(), permanent.action.as_str()), ("Ignore", "FailIndex"));
        let codes = &permanent.on_exit_codes.as_ref().unwrap().values;
        assert!(!codes.contains(&75) && !codes.contains(&0) && !codes.contains(&130) && codes.contains(&4));
    }

    #[test]
    fn a_name_is_one_that_kubernetes_takes() {
        let long = job_name(&"A_b".repeat(40), 123);
        assert!(
            long.len() <= 63
                && long.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert_eq!(job_name("ixi7", 2), "lacuna-ixi7-2");
    }
}
