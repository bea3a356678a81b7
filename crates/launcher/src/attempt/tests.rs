//! Attempts side by side and one after the other.

use super::*;
use crate::setting::here;

pub(crate) fn begun() -> Begun {
    Begun { key: "ab".to_string(), at: "2026-11-25T00:00:00Z".to_string(), setting: here() }
}

pub(crate) fn ended(ending: AttemptOutcome) -> Ended {
    Ended { ending, at: "2026-11-25T00:00:09Z".to_string(), seconds: 9.0, exit_code: 0 }
}

fn names() -> [String; 2] {
    ["ab.checkpoint", "ab.partial.json"].map(str::to_string)
}

fn leave(attempt: &Attempt, name: &str, text: &str) {
    lacuna_disk::write_bytes(&attempt.scratch().join(name), text.as_bytes()).unwrap();
}

fn found(attempt: &Attempt, name: &str) -> Option<String> {
    std::fs::read_to_string(attempt.scratch().join(name)).ok()
}

#[test]
fn of_attempts_that_begin_at_once_no_two_have_one_number() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    let mut numbers: Vec<usize> = std::thread::scope(|scope| {
        let begin = || scope.spawn(|| attempts.begin(3, &begun()).unwrap().number);
        let begun: Vec<_> = (0..8).map(|_| begin()).collect();
        begun.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    assert_eq!(attempts.begin(4, &begun()).unwrap().number, 1, "each task counts for itself");
}

#[test]
fn a_later_attempt_goes_on_from_an_earlier_one_that_cannot_touch_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    let first = attempts.begin(0, &begun()).unwrap();
    for (name, text) in [
        ("ab.checkpoint", "epoch 4"),
        ("ab.partial.json", "4"),
        ("ab-2.safetensors", "model"),
        ("cd.checkpoint", "other"),
    ] {
        leave(&first, name, text);
    }
    let second = attempts.begin(0, &begun()).unwrap();
    assert_eq!(second.adopt(&names(), "ab").unwrap(), Some(1));
    let adopted =
        ["ab.checkpoint", "ab.partial.json", "ab-2.safetensors", "cd.checkpoint"].map(|name| found(&second, name));
    assert_eq!(adopted, [Some("epoch 4".into()), Some("4".into()), Some("model".into()), None]);
    // The first attempt was given up for dead but is still alive.
    leave(&first, "ab.checkpoint", "epoch 9");
    assert_eq!(found(&second, "ab.checkpoint").unwrap(), "epoch 4");
    leave(&second, "ab.checkpoint", "epoch 5");
    assert_eq!(found(&first, "ab.checkpoint").unwrap(), "epoch 9");
    let third = attempts.begin(0, &begun()).unwrap();
    assert_eq!(third.adopt(&names(), "ab").unwrap(), Some(2), "the latest counts");
    assert_eq!(found(&third, "ab.checkpoint").unwrap(), "epoch 5");
}

#[test]
fn half_of_what_is_needed_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    let first = attempts.begin(0, &begun()).unwrap();
    leave(&first, "ab.checkpoint", "epoch 4");
    let second = attempts.begin(0, &begun()).unwrap();
    assert_eq!(second.adopt(&names(), "ab").unwrap(), None);
    assert_eq!(found(&second, "ab.checkpoint"), None);
    assert_eq!(attempts.begin(1, &begun()).unwrap().adopt(&names(), "ab").unwrap(), None);
}

#[test]
fn whose_result_counts_is_known_from_its_offer_however_soon_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    let [first, second] = [(); 2].map(|()| attempts.begin(0, &begun()).unwrap());
    first.offer(&Offer { file: "f1".to_string(), outcome: "same".to_string() }).unwrap();
    second.offer(&Offer { file: "f2".to_string(), outcome: "same".to_string() }).unwrap();
    let (winner, offer, setting) = second.winner("f1").unwrap().unwrap();
    assert_eq!((winner.number, offer.outcome.as_str(), setting), (1, "same", here()));
    assert!(second.winner("f3").unwrap().is_none(), "a record that no attempt made");
}

#[test]
fn a_folder_goes_with_a_success_and_stays_where_somebody_may_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    let [stopped, done, alive] = [(); 3].map(|()| attempts.begin(0, &begun()).unwrap());
    for attempt in [&stopped, &done, &alive] {
        leave(attempt, "ab.checkpoint", "x");
    }
    stopped.end(&ended(AttemptOutcome::Stopped)).unwrap();
    done.end(&ended(AttemptOutcome::Committed)).unwrap();
    assert!(stopped.scratch().exists() && !done.scratch().exists() && alive.scratch().exists());
    let last = attempts.begin(0, &begun()).unwrap();
    last.tidy_earlier().unwrap();
    assert!(!stopped.scratch().exists() && alive.scratch().exists());
}

#[test]
fn attempts_read_back_with_how_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::of(folder.path());
    assert!(attempts.all().unwrap().is_empty());
    let one = attempts.begin(0, &begun()).unwrap();
    attempts.begin(12, &begun()).unwrap();
    one.offer(&Offer { file: "f".to_string(), outcome: "o".to_string() }).unwrap();
    one.end(&ended(AttemptOutcome::Near { dice: 0.01 })).unwrap();
    let all: Vec<_> = attempts.all().unwrap().into_iter().collect();
    assert_eq!(
        all,
        [((0, 1), (begun(), Some(ended(AttemptOutcome::Near { dice: 0.01 })))), ((12, 1), (begun(), None))]
    );
    std::fs::write(folder.path().join("attempts/000012.1.json"), "{").unwrap();
    assert!(attempts.all().unwrap_err().to_string().contains("000012.1.json"));
}
