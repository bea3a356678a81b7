//! Help texts and what scripts rely on.

use crate::support::Workspace;

/// Every verb with its parts; a test below holds the list against the command's own.
const VERBS: &[&str] = &[
    "demo",
    "doctor",
    "phantom",
    "data",
    "data check",
    "data split",
    "data show",
    "data export",
    "inspect",
    "convert",
    "predict",
    "study",
    "study plan",
    "study run-task",
    "study submit",
    "study status",
    "study collect",
    "study simulate",
    "train",
    "unlearn",
    "eval",
    "audit",
    "audit plan",
    "ledger",
    "ledger request",
    "ledger list",
    "ledger show",
    "ledger accept",
    "ledger refuse",
    "ledger extend",
    "ledger audit",
    "ledger close",
    "ledger verify",
    "ledger export",
    "verify",
    "trace",
    "quarantine",
    "quarantine list",
    "quarantine restore",
    "quarantine delete",
    "erase",
    "report",
    "compare",
    "watch",
    "bench",
    "completions",
    "man",
    "schema",
    "exit-codes",
];

#[test]
fn every_verb_is_known_here() {
    let help = Workspace::new().ok("--help");
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let listed: Vec<&str> = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let tops: Vec<&str> = VERBS.iter().copied().filter(|verb| !verb.contains(' ')).collect();
    assert_eq!(listed.into_iter().filter(|verb| !["", "help"].contains(verb)).collect::<Vec<_>>(), tops);
}

#[test]
fn every_verb_has_help_with_an_example() {
    let workspace = Workspace::new();
    for verb in VERBS {
        for flag in ["-h", "--help"] {
            let help = workspace.ok(&format!("{verb} {flag}"));
            assert!(help.contains("Example") && help.contains(&format!("lacuna {verb}")), "{verb}: {help}");
        }
    }
}

#[test]
fn exit_codes_are_told_in_the_help_and_by_their_own_verb() {
    let workspace = Workspace::new();
    for text in [workspace.ok("--help"), workspace.ok("help exit-codes"), workspace.ok("exit-codes")] {
        for code in ["  2  usage", "  4  data", " 75  try again", "130  interrupted"] {
            assert!(text.contains(code), "{text}");
        }
    }
    let codes = workspace.json("exit-codes", "lacuna.exit-codes/1");
    assert_eq!(codes["exit_codes"].as_array().unwrap().len(), 10);
}

#[test]
fn settings_come_from_the_environment_and_flags_go_before_them() {
    let mut workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace.settings = vec![("LACUNA_RUNS", "elsewhere".to_string()), ("LACUNA_THREADS", "1".to_string())];
    assert_eq!(workspace.json("doctor", "lacuna.doctor/1")["threads"], 1);
    let train = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1";
    workspace.ok(train);
    assert!(workspace.path("elsewhere/train").is_dir() && !workspace.path("runs").exists());
    workspace.ok(&format!("{train} --runs here"));
    assert!(workspace.path("here/train").is_dir());
    let help = workspace.ok("help study");
    for name in ["LACUNA_RUNS", "LACUNA_THREADS", "LACUNA_PROGRESS", "LACUNA_RECORDS", "LACUNA_MODELS"] {
        assert!(help.contains(&format!("[env: {name}=")), "{help}");
    }
    workspace.settings = vec![("LACUNA_THREADS", "many".to_string())];
    workspace.fails("doctor", 2, &["many", "--threads"]);
}

#[test]
fn a_shell_gets_its_completions() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(workspace.ok(&format!("completions {shell}")).contains("phantom"));
    }
    assert_eq!(workspace.json("completions bash", "lacuna.completions/1")["shell"], "bash");
}

#[test]
fn doctor_says_where_this_build_computes() {
    let workspace = Workspace::new();
    let gpu = if cfg!(feature = "vulkan") { "gpu       vulkan: " } else { "gpu       none" };
    assert!(workspace.ok("doctor").contains(gpu));
    assert_eq!(workspace.json("doctor --threads 1", "lacuna.doctor/1")["threads"], 1);
}

#[test]
fn a_benchmark_prints_what_its_peer_prints() {
    let found = Workspace::new().json("bench infer 10 16x16x16 --repeats 3 --threads 1", "lacuna.bench/1");
    assert_eq!(found["seconds"].as_array().unwrap().len(), 3);
    let (least, median) = (found["seconds_min"].as_f64().unwrap(), found["seconds_median"].as_f64().unwrap());
    assert!(0.0 < least && least <= median);
    assert_eq!((&found["mode"], &found["size"], &found["threads"]), (&"infer".into(), &"16x16x16".into(), &1.into()));
}
