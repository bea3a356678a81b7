//! A study done task by task, as other machines do it: planned, attempted as often as a scheduler likes, collected.

use super::{SMALL, last_run, passes_left, records, results, workspace, write};
use crate::support::{Ran, Workspace};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The files that are equal to the last byte on any machine; `results.csv` is, but for time and memory.
const EQUAL: [&str; 5] = ["table.md", "table.json", "gates.md", "gates.json", "probes.csv"];

/// The small study with a probe, planned into `plan` with records and models of its own.
fn planned(more: &str) -> Workspace {
    let workspace = workspace();
    write(&workspace, "small.toml", SMALL, &[("probe.rebound", "{ epochs = 2, learning_rate = 5e-3 }")]);
    workspace.ok(&format!("study plan small.toml --out plan --records r --models m --progress none --quiet {more}"));
    workspace
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How attempts at a task ended, in their order.
fn endings(workspace: &Workspace, index: usize) -> Vec<String> {
    let path = |number: usize| workspace.path(&format!("plan/attempts/{index:06}.{number}.end.json"));
    let how = |path| {
        let ended: Value = serde_json::from_str(&read(path)).unwrap();
        ended["ending"]["how"].as_str().unwrap().to_string()
    };
    (1..).map(path).take_while(|path| path.exists()).map(how).collect()
}

/// Begin the first attempt at the first task and wait for its checkpoint.
fn begin(workspace: &Workspace, more: &str) -> Child {
    let mut child =
        workspace.spawn(&format!("study run-task plan --index 0 --threads 1 --progress none --quiet {more}"));
    let deadline = Instant::now() + Duration::from_secs(120);
    let is_there = |folder: &Path| {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        names.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().ends_with(".checkpoint"))
    };
    while !is_there(&workspace.path("plan/scratch/000000.1")) {
        assert!(child.try_wait().unwrap().is_none(), "ended before the moment to disturb it");
        assert!(Instant::now() < deadline, "no checkpoint");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_study_done_by_others_has_the_very_tables_of_one_done_here() {
    let workspace = planned("");
    workspace.ok("study small.toml --progress none --quiet --runs here");
    let submitted = workspace.json("study submit plan --jobs 2 --quiet", "lacuna.study-submit/1");
    assert_eq!((submitted["tasks"].as_u64(), submitted["attempts"].as_u64()), (Some(6), Some(6)));
    workspace.ok("study collect plan --progress none --quiet --runs there");
    let [here, there] = ["here", "there"].map(|runs| last_run(&workspace, runs));
    for file in EQUAL {
        assert_eq!(read(here.join(file)), read(there.join(file)), "{file}");
    }
    assert_eq!(results(&here), results(&there));
    assert!(!workspace.path("plan/scratch").exists());

    let status = workspace.json("study status plan", "lacuna.study-status/1");
    assert_eq!((status["over"].as_u64(), status["alarms"].as_array().unwrap().len()), (Some(6), 0));
    let again = workspace.json("study submit plan --quiet", "lacuna.study-submit/1");
    assert_eq!(again["attempts"].as_u64(), Some(0), "nothing is done twice");
    let forecast = workspace.json("study simulate plan --nodes 2 --tasks 1000", "lacuna.study-simulate/1");
    assert_eq!((forecast["tasks"].as_u64(), forecast["measured"].as_u64()), (Some(1002), Some(6)));
}

#[test]
#[cfg(not(feature = "object-store"))]
fn a_bucket_is_refused_by_a_program_without_network_code() {
    let workspace = workspace();
    write(&workspace, "small.toml", SMALL, &[]);
    let plan = "study plan small.toml --out plan --records s3://bucket/small --quiet";
    workspace.fails(plan, 3, &["s3://bucket/small", "--features object-store"]);
    assert!(!workspace.path("plan").exists());
    // Scans of people are copied to the folder that was given, and nowhere else.
    write(&workspace, "small.toml", SMALL, &[("data.root", "\"s3://bucket/heads\"")]);
    workspace.fails("study small.toml --quiet", 3, &["data.root", "s3://bucket/heads", "--cache"]);
    workspace.fails("study small.toml --quiet --cache c", 3, &["s3://bucket/heads", "--features object-store"]);
}

#[test]
fn a_task_is_found_by_the_engines_number_and_waits_for_what_it_needs() {
    let mut workspace = planned("");
    workspace.fails("study run-task plan --quiet", 3, &["SLURM_ARRAY_TASK_ID"]);
    workspace.fails("study run-task plan --index 6 --quiet", 3, &["expected: 0 to 5"]);
    workspace.fails("study run-task plan --index 2 --quiet", 75, &["the record of what it needs", "fix:"]);
    workspace.fails("study collect plan --quiet", 75, &["6 tasks that are over", "lacuna study status"]);
    workspace.settings.push(("SLURM_ARRAY_TASK_ID", "1".to_string()));
    let told = workspace.json("study run-task plan --offset 0 --progress none --quiet", "lacuna.study-run-task/1");
    assert_eq!((told["index"].as_u64(), told["how"].as_str()), (Some(1), Some("committed")));
    let told = workspace.json("study run-task plan --index 1 --quiet", "lacuna.study-run-task/1");
    assert_eq!((told["attempt"].as_u64(), told["how"].as_str()), (Some(2), Some("found")));
    let begun: Value = serde_json::from_str(&read(workspace.path("plan/attempts/000001.1.json"))).unwrap();
    assert_eq!(begun["setting"]["job"]["SLURM_ARRAY_TASK_ID"], "1");
    assert_eq!(endings(&workspace, 2), ["stopped"]);
}

#[test]
#[cfg(unix)]
fn an_attempt_that_is_stopped_or_killed_is_gone_on_with_by_the_next() {
    let undisturbed = planned("");
    undisturbed.ok("study submit plan --quiet");
    for name in ["-TERM", "-KILL"] {
        let workspace = planned("");
        let child = begin(&workspace, "");
        signal(&child, name);
        let Ran { code, stderr, .. } = workspace.wait(child);
        match name {
            "-TERM" => assert!(code == 75 && stderr.contains("the next attempt goes on from here"), "{code}: {stderr}"),
            _ => assert_eq!(code, -1, "killed, not ended"),
        }
        let next = workspace.run("study run-task plan --index 0 --progress none");
        assert!(next.code == 0 && next.stderr.contains("goes on from the checkpoint of attempt 1"), "{}", next.stderr);
        workspace.ok("study submit plan --quiet");
        for workspace in [&workspace, &undisturbed] {
            workspace.ok("study collect plan --progress none --quiet --runs there");
        }
        let [one, other] = [&workspace, &undisturbed].map(|workspace| last_run(workspace, "there"));
        assert_eq!(results(&one), results(&other), "{name}");
    }
}

#[test]
#[cfg(unix)]
fn an_orphan_neither_harms_a_later_attempt_nor_is_harmed_and_confirms_its_result() {
    let workspace = planned("");
    let orphan = begin(&workspace, "");
    // Given up for dead: the scheduler begins another attempt, which overtakes it.
    signal(&orphan, "-STOP");
    let told = workspace.json("study run-task plan --index 0 --progress none --quiet", "lacuna.study-run-task/1");
    assert_eq!((told["attempt"].as_u64(), told["how"].as_str()), (Some(2), Some("committed")));
    let record =
        || std::fs::read_dir(workspace.path("r")).unwrap().map(|entry| read(entry.unwrap().path())).next().unwrap();
    let committed = record();
    signal(&orphan, "-CONT");
    assert_eq!(workspace.wait(orphan).code, 0);
    assert_eq!(endings(&workspace, 0), ["same", "committed"]);
    assert_eq!(record(), committed, "the first whole result counts");
}

/// The first task done twice, the second time by the portable kernels, which round otherwise; what came of the first
/// attempt, which ends last, after `meanwhile`.
#[cfg(unix)]
fn another_result(workspace: &Workspace, meanwhile: impl FnOnce()) -> Option<Ran> {
    if !avx2() {
        eprintln!("skipped: this processor has one instruction set");
        return None;
    }
    let orphan = begin(workspace, "");
    signal(&orphan, "-STOP");
    workspace.ok("study run-task plan --index 0 --progress none --quiet --isa portable");
    meanwhile();
    signal(&orphan, "-CONT");
    Some(workspace.wait(orphan))
}

fn avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[test]
#[cfg(unix)]
fn a_machine_that_rounds_otherwise_may_differ_a_little() {
    let workspace = planned("");
    let Some(ran) = another_result(&workspace, || {}) else { return };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(endings(&workspace, 0), ["near", "committed"]);
}

#[test]
#[cfg(unix)]
fn two_results_of_machines_that_compute_alike_are_an_alarm() {
    let workspace = planned("");
    // A machine that says it computes as the first does, and does not.
    let lie = || {
        let path = workspace.path("plan/attempts/000000.2.json");
        let [first, second] = [1, 2].map(|number| read(workspace.path(&format!("plan/attempts/000000.{number}.json"))));
        let [first, second] = [first, second].map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let mut lie = second;
        for what in ["isa", "device"] {
            lie["setting"][what] = first["setting"][what].clone();
        }
        std::fs::write(path, serde_json::to_vec(&lie).unwrap()).unwrap();
    };
    let Some(ran) = another_result(&workspace, lie) else { return };
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    for said in ["the result of attempt 2", "alarms/000000.1.json", "the same binary, instruction set and device"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let status = workspace.ok("study status plan");
    assert!(status.contains("ALARM") && status.contains("000000.1.json"), "{status}");
    workspace.fails("study collect plan --quiet", 4, &["000000.1.json", "computes wrongly"]);
}

#[test]
#[cfg(unix)]
fn a_checkpoint_of_another_instruction_set_is_not_gone_on_from() {
    if !avx2() {
        eprintln!("skipped: this processor has one instruction set");
        return;
    }
    let portable = "study run-task plan --index 0 --progress none --quiet --isa portable";
    let models = ["undisturbed", "after another"].map(|how| {
        let workspace = planned("");
        if how == "after another" {
            let child = begin(&workspace, "");
            signal(&child, "-KILL");
            workspace.wait(child);
        }
        workspace.ok(portable);
        let record = std::fs::read_dir(workspace.path("r")).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
        let record: Value = serde_json::from_str(&read(record)).unwrap();
        let horizons = record["horizons"].as_array().unwrap();
        horizons.last().unwrap()["model"].as_str().unwrap().to_string()
    });
    assert_eq!(models[0], models[1], "half of one and half of another is neither's");
}

#[test]
fn a_study_takes_no_record_of_another_instruction_set_for_its_own() {
    if !avx2() {
        eprintln!("skipped: this processor has one instruction set");
        return;
    }
    let workspace = workspace();
    let by = |isa: &str| format!("small.toml --records records --isa {isa}");
    workspace.ok(&format!("study {} --progress none --quiet", by("avx2")));
    let whole = passes_left(&workspace, "small.toml --records none");
    assert_eq!((passes_left(&workspace, &by("avx2")), passes_left(&workspace, &by("portable"))), (0, whole));
    // AVX-512 gives the bytes of AVX2, and so has its records.
    assert_eq!(passes_left(&workspace, "small.toml --records records"), 0);
    workspace.ok(&format!("study {} --progress none --quiet", by("portable")));
    assert_eq!((passes_left(&workspace, &by("avx2")), passes_left(&workspace, &by("portable"))), (0, 0));
    assert_eq!(records(&workspace.path("records")).len(), 6, "an original, a reference and an unlearning of each");
}

#[test]
fn a_pinned_instruction_set_holds_for_every_attempt() {
    let workspace = planned("--isa portable");
    workspace.fails("study run-task plan --index 0 --isa avx2 --quiet", if avx2() { 3 } else { 5 }, &["--isa"]);
    workspace.ok("study run-task plan --index 0 --progress none --quiet");
    let begun: Value = serde_json::from_str(&read(workspace.path("plan/attempts/000000.1.json"))).unwrap();
    assert_eq!(begun["setting"]["isa"], "portable");
}

#[test]
fn a_plan_is_of_one_study_and_stays_as_it_is() {
    let workspace = planned("");
    workspace.fails(
        "study plan small.toml --out plan --records elsewhere --quiet --progress none",
        3,
        &["another folder"],
    );
    write(&workspace, "small.toml", SMALL, &[("train.epochs", "4")]);
    workspace.fails("study run-task plan --index 0 --quiet", 3, &["found:    one that was changed", "plan again"]);
    let text = read(workspace.path("plan/plan.jsonl")).replace("\"seed\":0", "\"seed\":1");
    std::fs::write(workspace.path("plan/plan.jsonl"), text).unwrap();
    workspace.fails("study status plan", 4, &["found:    one that was changed"]);
}

#[test]
fn with_pseudonyms_nobody_is_named_in_a_plan_or_an_attempt() {
    let workspace = planned("--pseudonyms");
    workspace.ok("study submit plan --quiet");
    // A machine with another folder of runs calls people by the same names: all is done, and collected as it is.
    let task = workspace.json("study run-task plan --index 0 --quiet --runs another", "lacuna.study-run-task/1");
    assert_eq!(task["how"], "found", "{task}");
    workspace.ok("study collect plan --quiet --progress none --runs another");
    let tables = results(&last_run(&workspace, "another"));
    assert!(tables.contains("person-") && !tables.contains("phantom-"), "{tables}");
    let key = std::fs::metadata(workspace.path("plan/.lacuna/site.key")).unwrap();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o077, 0);
    for folder in ["plan", "plan/attempts", "r"] {
        for entry in std::fs::read_dir(workspace.path(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                assert!(!read(entry.path()).contains("phantom-"), "{}", entry.path().display());
            }
        }
    }
}

#[test]
fn a_task_of_a_plan_with_pseudonyms_is_done_elsewhere_under_the_same_names_and_never_without_the_key() {
    let workspace = planned("--pseudonyms");
    for index in 0..2 {
        let task = format!("study run-task plan --index {index} --quiet --progress none --runs machine-{index}");
        assert_eq!(workspace.json(&task, "lacuna.study-run-task/1")["how"], "committed");
    }
    let key = workspace.path("plan/.lacuna/site.key");
    std::fs::remove_file(&key).unwrap();
    workspace.fails("study run-task plan --index 0 --quiet", 4, &["site.key", "fix:", "plan again"]);
}

#[test]
fn what_an_engine_would_be_given_is_shown_and_nothing_is_done() {
    let workspace = planned("");
    for (engine, said) in [
        ("local", "train on 2 subjects"),
        ("slurm", "$ sbatch --parsable --dependency=afterok:JOB-0"),
        ("k8s", "\"completionMode\": \"Indexed\""),
        ("hyperqueue", "deps = [4]"),
    ] {
        let shown = workspace.ok(&format!("study submit plan --engine {engine} --dry-run"));
        assert!(shown.contains(said), "{engine}: {shown}");
    }
    assert!(!workspace.path("plan/submit").exists() && !workspace.path("r").exists());
}
