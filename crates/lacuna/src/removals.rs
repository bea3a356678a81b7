//! Removals of many files as few lines: one for each kind, with a count.

use lacuna_ledger::{Record, RemovalKind};

/// What becomes one line.
pub enum Part<'a, T> {
    /// An event of its own.
    One(&'a T),
    /// Removals of one kind, of which none is left out; the first one first.
    Removals { how: RemovalKind, events: Vec<&'a T> },
}

/// Events in their order; removals that follow each other, of one request, are put together by kind.
pub fn grouped<T>(events: &[T], record: impl Fn(&T) -> &Record) -> Vec<Part<'_, T>> {
    let removal = |event: &T| match record(event) {
        Record::Removal { request, how, .. } => Some((request.clone(), *how)),
        _ => None,
    };
    let mut parts = Vec::new();
    let request_of = |event: &T| removal(event).map(|(request, _)| request);
    for run in events.chunk_by(|one, next| request_of(one).is_some() && request_of(one) == request_of(next)) {
        if request_of(&run[0]).is_none() {
            parts.push(Part::One(&run[0]));
            continue;
        }
        // Kinds stand in the order in which the first file of each was removed.
        let mut kinds: Vec<(RemovalKind, Vec<&T>)> = Vec::new();
        for event in run {
            let Some((_, how)) = removal(event) else { continue };
            match kinds.iter_mut().find(|(kind, _)| *kind == how) {
                Some((_, events)) => events.push(event),
                None => kinds.push((how, vec![event])),
            }
        }
        parts.extend(kinds.into_iter().map(|(how, events)| Part::Removals { how, events }));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_ledger::{Digest, Holds};

    #[test]
    fn removals_of_one_request_become_a_line_for_each_kind_and_nothing_is_left_out() {
        let removal = |request: &str, how| Record::Removal {
            request: request.to_string(),
            artefact: Digest([0; 32]),
            holds: Holds::Weights,
            bytes: 1,
            how,
        };
        let other = Record::Recipient { request: "a".to_string(), recipient: "r".to_string() };
        let records = [
            removal("a", RemovalKind::Rewritten),
            removal("a", RemovalKind::Quarantined),
            removal("a", RemovalKind::Rewritten),
            removal("b", RemovalKind::Rewritten),
            other.clone(),
            other,
            removal("b", RemovalKind::Deleted),
        ];
        let lines: Vec<String> = grouped(&records, |record| record)
            .iter()
            .map(|part| match part {
                Part::One(_) => "one".to_string(),
                Part::Removals { how, events } => how.in_words(events.len()),
            })
            .collect();
        assert_eq!(
            lines,
            [
                "2 files rewritten with the pseudonym",
                "1 file moved to quarantine",
                "1 file rewritten with the pseudonym",
                "one",
                "one",
                "1 file deleted"
            ]
        );
    }
}
