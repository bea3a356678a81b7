//! `lacuna report`: a page of results that lie somewhere.

use crate::support::Place;

const GOALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-goals");

#[test]
fn a_page_is_written_where_it_is_asked_for_and_numbers_people() {
    let place = Place::new();
    let written = place.json(&format!("report {GOALS} --out ixi7.html"), "lacuna.report/1");
    let page = std::fs::read_to_string(place.path("ixi7.html")).unwrap();
    assert_eq!(written["report"], "ixi7.html");
    assert_eq!(written["bytes"], page.len());
    assert!(page.contains("1 of 9 runs pass the gate") && page.contains("person-01") && !page.contains("IXI0"));
    place.ok(&format!("report {GOALS}/results.csv --names"));
    assert!(std::fs::read_to_string(place.path("report.html")).unwrap().contains("IXI014-HH-1236"));
}

#[test]
fn the_same_results_twice_are_the_same_page() {
    let place = Place::new();
    place.ok(&format!("report {GOALS} --title t --out once.html"));
    place.ok(&format!("report {GOALS} {GOALS}/results.csv --title t --out twice.html"));
    let page = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(page("once.html"), page("twice.html"));
}

#[test]
fn figures_are_files_of_their_own() {
    let place = Place::new();
    let written = place.json(&format!("report {GOALS} --figures figures"), "lacuna.report/1");
    let figures = written["figures"].as_array().unwrap();
    assert!(figures.iter().any(|path| path.as_str().unwrap().ends_with("match-retrain-tradeoff.svg")));
    for path in figures {
        let svg = std::fs::read_to_string(place.path(path.as_str().unwrap())).unwrap();
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{path}");
    }
    assert!(!place.path("report.html").exists(), "the page was not asked for");
}

#[test]
fn a_folder_without_results_is_told_with_what_to_name() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    place.fails("report empty", 4, &["empty", "results.csv", "fix:", "lacuna study"]);
    place.fails("report nowhere", 4, &["nowhere", "results.csv"]);
}
