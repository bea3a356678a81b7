//! Events in groups for display: removals of many files become one group for each kind.

use crate::{Record, RemovalKind};

/// The events that one line of a list shows.
pub enum Group<'a, T> {
    /// An event of its own.
    One(&'a T),
    /// Removals of one kind, of which none is left out; the first one first.
    Removals {
        /// The operation on the files.
        how: RemovalKind,
        /// The removals, at least one.
        events: Vec<&'a T>,
    },
}

/// Events in their order; removals that follow each other, of one request, are put together by kind.
pub fn grouped<T>(events: &[T], record: impl Fn(&T) -> &Record) -> Vec<Group<'_, T>> {
    let removal = |event: &T| match record(event) {
        Record::Removal { request, how, .. } => Some((request.clone(), *how)),
        _ => None,
    };
    let mut groups = Vec::new();
    let request_of = |event: &T| removal(event).map(|(request, _)| request);
    for run in events.chunk_by(|one, next| request_of(one).is_some() && request_of(one) == request_of(next)) {
        if request_of(&run[0]).is_none() {
            groups.push(Group::One(&run[0]));
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
        groups.extend(kinds.into_iter().map(|(how, events)| Group::Removals { how, events }));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Holds};

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
            .map(|group| match group {
                Group::One(_) => "one".to_string(),
                Group::Removals { how, events } => how.in_words(events.len()),
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
