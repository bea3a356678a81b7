//! HyperQueue: one job definition file, in which each task names the tasks that it needs.
//!
//! Source: the chapter "Job Definition File" of HyperQueue's own documentation. A task that loses its worker is started
//! again by HyperQueue, up to `crash_limit` times.

use super::{Submission, Work};

pub(super) fn render(work: &Work) -> Vec<Submission> {
    if work.pending.is_empty() {
        return Vec::new();
    }
    let tasks: String = work.pending.iter().map(|&index| task(work, index)).collect();
    let text = format!("name = {}\n{tasks}", text(&format!("lacuna-{}", work.plan.about.study)));
    let command = ["hq", "job", "submit-file", Submission::FILE].map(str::to_string).to_vec();
    vec![Submission { name: "hyperqueue.toml".to_string(), text, command, after: Vec::new(), wait: None }]
}

fn task(work: &Work, index: usize) -> String {
    let part = index..index + 1;
    let needs: Vec<String> =
        work.plan.tasks[index].needs.iter().filter(|need| work.pending.contains(need)).map(usize::to_string).collect();
    let words: Vec<String> = work.command(0).iter().map(|word| self::text(word)).collect();
    let gpu = if work.has_gpu() { ", \"gpus/nvidia\" = 1" } else { "" };
    let minutes = work.minutes(&part);
    format!(
        "\n[[task]]\nid = {index}\ncommand = [{}]\ndeps = [{}]\ncrash_limit = {}\ntime_limit = \"{minutes}m\"\n\
         [[task.request]]\nresources = {{ \"cpus\" = {}{gpu} }}\n",
        words.join(", "),
        needs.join(", "),
        work.retries,
        work.resources.cpus,
    )
}

/// Quotes a string for TOML; every JSON string is a valid TOML string.
fn text(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::tests::{all, pairs, with_work};

    #[test]
    fn each_task_names_those_it_needs_that_are_still_to_be_done() {
        let plan = pairs(2);
        let file = |pending| -> toml::Table { with_work(&plan, pending, |work| render(work)[0].text.parse().unwrap()) };
        let deps = |file: &toml::Table| -> Vec<Vec<i64>> {
            let tasks = file["task"].as_array().unwrap();
            let of = |task: &toml::Value| {
                task["deps"].as_array().unwrap().iter().map(|id| id.as_integer().unwrap()).collect()
            };
            tasks.iter().map(of).collect()
        };
        let every = file(all(&plan));
        assert_eq!(deps(&every), [vec![], vec![], vec![0], vec![1]]);
        assert_eq!(deps(&file([1, 2, 3].into())), [vec![], vec![], vec![1]]);
        let task = &every["task"][3];
        assert_eq!(task["id"].as_integer(), Some(3));
        let words: Vec<&str> = task["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words, ["/usr/bin/lacuna", "--quiet", "--threads", "2", "study", "run-task", "/shared/my plan"]);
        assert_eq!(task["request"][0]["resources"]["cpus"].as_integer(), Some(2));
    }
}
