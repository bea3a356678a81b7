//! Every page and figure that a verb leaves numbers people: no id of the cohort is in one of them, in titles, names of
//! files, drawings and embedded data neither.

use crate::support::Workspace;
use std::path::{Path, PathBuf};

/// Ids that a drawing, a digest or a style has by no chance.
const PEOPLE: [&str; 4] = ["anna-quist", "ben-quist", "carl-quist", "dora-quist"];

const SETTINGS: &str = r#"
[data]
root = "heads"
labels = "tissue"
[preprocess]
kind = "canonical"
size = [16, 8, 8]
crop = "none"
foreground = "above-zero"
[network.unet]
features_per_stage = [4, 8]
kernel_sizes = [[3, 3, 3], [3, 3, 3]]
strides = [[1, 1, 1], [2, 2, 2]]
n_conv_per_stage = [1, 1]
n_conv_per_stage_decoder = [1]
[train]
epochs = 2
learning_rate = 1e-2
head_multiplier = 1.0
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 16x18x12 --progress none");
    let mut table = "scan\tsubject\n".to_string();
    for (number, who) in PEOPLE.iter().enumerate() {
        for kind in ["images", "labels"] {
            let folder = workspace.path("heads").join(kind);
            let from = folder.join(format!("phantom-00{number}.nii.gz"));
            std::fs::rename(from, folder.join(format!("{who}.nii.gz"))).unwrap();
        }
        table.push_str(&format!("{who}\t{who}\n"));
    }
    std::fs::write(workspace.path("heads/subjects.tsv"), table).unwrap();
    workspace
}

/// What a study and an audit have in common, under a name that holds the id of a subject who is not forgotten.
fn study(more: &str) -> String {
    format!(
        "name = \"all-but-{}\"\n{more}\n{SETTINGS}\n[split]\nheld_out_subjects = [\"{}\"]\nforget = {{ only = [\"{}\"] \
         }}\n",
        PEOPLE[2], PEOPLE[3], PEOPLE[1]
    )
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn is_passed_around(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["html", "svg", "png"].contains(&ending)
}

/// No page or figure below a folder has an id in it or in its name; how many there are.
#[track_caller]
fn check(workspace: &Workspace, folder: &str) -> usize {
    let pages: Vec<PathBuf> =
        files_below(&workspace.path(folder)).into_iter().filter(|path| is_passed_around(path)).collect();
    for page in &pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        let text = String::from_utf8_lossy(&std::fs::read(page).unwrap()).into_owned();
        for who in PEOPLE {
            assert!(!name.contains(who) && !text.contains(who), "{who} is in {}", page.display());
        }
    }
    pages.len()
}

fn run_of(workspace: &Workspace, verb: &str) -> String {
    let run = std::fs::read_dir(workspace.path("runs").join(verb)).unwrap().next().unwrap().unwrap().file_name();
    format!("runs/{verb}/{}", run.to_str().unwrap())
}

#[test]
fn no_verb_leaves_a_page_or_a_figure_that_names_anybody() {
    let workspace = workspace();
    let plain = "[unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n";
    // A recipe of the user's own is called after a person too.
    let own = format!("[[unlearn.variants]]\nstrategy = \"max-{}\"\nrecipe = {{ max_loss = true }}\n", PEOPLE[0]);
    std::fs::write(workspace.path("s.toml"), format!("{}{plain}{own}", study(""))).unwrap();
    workspace.ok("study s.toml --progress none");
    let audit = format!("{}{plain}[controls]\nplanted = \"{}\"\n", study("seeds = [0, 1]"), PEOPLE[1]);
    std::fs::write(workspace.path("a.toml"), audit).unwrap();
    let audited = workspace.run("audit a.toml --progress none");
    assert!([0, 6].contains(&audited.code), "{}", audited.stderr);
    std::fs::write(workspace.path("t.toml"), SETTINGS).unwrap();
    workspace.ok(&format!("train --config t.toml --held-out {} --name base --progress none", PEOPLE[3]));
    let model = format!("{}/model.safetensors", run_of(&workspace, "train"));
    workspace.ok(&format!(
        "unlearn --model {model} --data heads --forget {} --strategy noisy-label --epochs 1 --curve --images all \
         --progress none --name without-{}",
        PEOPLE[1], PEOPLE[1]
    ));
    let audited = workspace.run(&format!("audit a.toml --model {model} --progress none"));
    assert!([0, 4, 6].contains(&audited.code), "{}", audited.stderr);
    assert!(check(&workspace, "runs") >= 4, "study, leaderboard, audit, unlearning");

    for verb in ["study", "audit", "unlearn"] {
        let run = run_of(&workspace, verb);
        let named = format!("{}-{verb}", PEOPLE[0]);
        std::fs::rename(workspace.path(&run), workspace.path(&named)).unwrap();
        workspace.ok(&format!("report {named} --out {verb}/page.html --figures {verb}/figures"));
        check(&workspace, verb);
    }
    let runs = format!("{0}-study {0}-unlearn", PEOPLE[0]);
    workspace.ok(&format!("compare {runs} --out compared/page.html"));
    assert_eq!(check(&workspace, "compared"), 1);
}

#[test]
fn the_curve_of_an_unlearning_is_drawn_in_its_report() {
    let workspace = workspace();
    std::fs::write(workspace.path("t.toml"), SETTINGS).unwrap();
    workspace.ok(&format!("train --config t.toml --held-out {} --name base --progress none", PEOPLE[3]));
    let model = format!("{}/model.safetensors", run_of(&workspace, "train"));
    workspace.ok(&format!(
        "unlearn --model {model} --data heads --forget {} --strategy noisy-label --epochs 2 --curve --progress none",
        PEOPLE[1]
    ));
    let run = run_of(&workspace, "unlearn");
    workspace.ok(&format!("report {run} --out page.html"));
    let page = std::fs::read_to_string(workspace.path("page.html")).unwrap();
    let sheet = page.split("id=\"rows\">").nth(1).unwrap();
    assert!(sheet.split("</script>").next().unwrap().contains("curves"), "the page holds the curve's rows");
}
