//! The state of each task of a plan.

use crate::{AllAttempts, AttemptOutcome, Plan, TaskKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// The task has its record.
    Done,
    /// The task has no result because the run that it probes diverged.
    LeftOut,
    /// An attempt began and has no note of its end. Whether it was killed or still runs is unknown here.
    Begun,
    /// The last attempt was stopped; the next one continues from its checkpoint.
    Stopped,
    /// The last attempt ended with an error.
    Failed,
    /// No attempt has begun, and the task's dependencies are done.
    Ready,
    /// No attempt has begun, and the task's dependencies are not done.
    Waiting,
}

impl TaskState {
    /// All states, in the order of tables.
    pub const ALL: [TaskState; 7] = [
        TaskState::Done,
        TaskState::LeftOut,
        TaskState::Begun,
        TaskState::Stopped,
        TaskState::Failed,
        TaskState::Ready,
        TaskState::Waiting,
    ];

    /// The state's name in tables.
    pub fn name(self) -> &'static str {
        match self {
            TaskState::Done => "done",
            TaskState::LeftOut => "left out",
            TaskState::Begun => "begun",
            TaskState::Stopped => "stopped",
            TaskState::Failed => "failed",
            TaskState::Ready => "ready",
            TaskState::Waiting => "waiting",
        }
    }

    /// Whether the task needs no further attempt.
    pub fn is_over(self) -> bool {
        matches!(self, TaskState::Done | TaskState::LeftOut)
    }
}

/// The number of tasks of one kind in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The kind of task.
    pub kind: TaskKind,
    /// The state of the tasks.
    pub standing: TaskState,
    /// The number of tasks.
    pub tasks: usize,
}

/// The state of each task of a plan, by task number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStates(Vec<TaskState>);

impl TaskStates {
    /// Determines the states from the tasks that have a record, and from all attempts.
    pub fn of(plan: &Plan, recorded: &BTreeSet<usize>, attempts: &AllAttempts) -> TaskStates {
        let mut task_states: Vec<TaskState> = Vec::new();
        for task in &plan.tasks {
            let last = attempts.range((task.index, 0)..(task.index + 1, 0)).next_back().map(|(_, (_, ended))| ended);
            let is_there = |need: &usize| task_states[*need].is_over();
            task_states.push(match last.map(|ended| ended.as_ref().map(|ended| &ended.ending)) {
                _ if recorded.contains(&task.index) => TaskState::Done,
                Some(Some(AttemptOutcome::LeftOut)) => TaskState::LeftOut,
                Some(Some(AttemptOutcome::Stopped)) => TaskState::Stopped,
                Some(Some(AttemptOutcome::Failed { .. })) => TaskState::Failed,
                Some(None) => TaskState::Begun,
                // Covers an attempt that committed a record which was deleted afterwards.
                Some(Some(_)) | None if task.needs.iter().all(is_there) => TaskState::Ready,
                Some(Some(_)) | None => TaskState::Waiting,
            });
        }
        TaskStates(task_states)
    }

    /// The state of the task with this number.
    pub fn get(&self, index: usize) -> TaskState {
        self.0[index]
    }

    /// The numbers of the tasks that need another attempt.
    pub fn pending(&self) -> BTreeSet<usize> {
        (0..self.0.len()).filter(|&index| !self.0[index].is_over()).collect()
    }

    /// The number of tasks by kind and state; combinations without tasks are left out.
    pub fn counts(&self, plan: &Plan) -> Vec<Count> {
        let mut counts: BTreeMap<(TaskKind, TaskState), usize> = BTreeMap::new();
        for task in &plan.tasks {
            *counts.entry((task.kind, self.get(task.index))).or_default() += 1;
        }
        counts.into_iter().map(|((kind, standing), tasks)| Count { kind, standing, tasks }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ended;
    use crate::attempt::tests::{begun, ended};
    use crate::plan::tests::small;

    #[test]
    fn how_tasks_stand_worked_by_hand() {
        let plan = small();
        // o, r, u (needs o), q (needs r), p (needs u).
        let failed = || ended(AttemptOutcome::Failed { message: "no".to_string() });
        let check = |recorded: &[usize], attempts: &[((usize, usize), Option<Ended>)], expected: [TaskState; 5]| {
            let attempts = attempts.iter().map(|(at, ended)| (*at, (begun(), ended.clone()))).collect();
            let found = TaskStates::of(&plan, &recorded.iter().copied().collect(), &attempts);
            assert_eq!((0..5).map(|index| found.get(index)).collect::<Vec<_>>(), expected);
            found
        };
        use TaskState::*;
        check(&[], &[], [Ready, Ready, Waiting, Waiting, Waiting]);
        check(&[0], &[((1, 1), None)], [Done, Begun, Ready, Waiting, Waiting]);
        // The last attempt counts, and a record counts more than any.
        let stopped = Some(ended(AttemptOutcome::Stopped));
        check(&[0], &[((1, 1), stopped.clone()), ((1, 2), Some(failed()))], [Done, Failed, Ready, Waiting, Waiting]);
        check(&[0, 1], &[((1, 1), None), ((2, 1), stopped)], [Done, Done, Stopped, Ready, Waiting]);
        let left_out = Some(ended(AttemptOutcome::LeftOut));
        let all = check(&[0, 1, 2, 3], &[((4, 1), left_out)], [Done, Done, Done, Done, LeftOut]);
        assert!(all.pending().is_empty());
        let counts: Vec<_> = all.counts(&plan).into_iter().map(|count| (count.kind.name(), count.tasks)).collect();
        assert_eq!(counts, [("train", 2), ("unlearn", 1), ("probe", 1), ("probe", 1)]);
    }
}
