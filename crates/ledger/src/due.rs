//! The day by which a request must be answered.
//!
//! GDPR 12(3) gives one month from receipt, and two more where they are needed and the person is informed within the
//! first. Regulation (EEC, Euratom) No 1182/71 defines how a period in months runs: the day of the event is not counted
//! (Art. 3(1)); the period ends on the day of the last month that has the same number, or on that month's last day
//! where there is none (Art. 3(2)(c)); and where that is a Saturday, a Sunday or a public holiday, on the next working
//! day (Art. 3(4)).
//!
//! Public holidays are those of the member state, and this crate has no table of them. Without them the computed day is
//! never too late, only sometimes a day too early.

use crate::LedgerError;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The largest file of holidays in bytes, enough for some decades.
const BYTES_MAX: u64 = 1 << 20;

/// The public holidays that the user supplied.
pub type Holidays = BTreeSet<Date>;

/// The last day of a period, with the days that it was moved over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// The last day; the period ends with its last hour.
    pub day: Date,
    /// The weekend days and holidays that the last day was moved over.
    pub moved_over: Vec<Date>,
}

/// The last day of a period of `months` that begins with an event on the day `event`.
pub fn due_after_months(event: Date, months: i32, holidays: &Holidays) -> Due {
    // jiff clamps to the last day of the month, which is Art. 3(2)(c), second sentence.
    Due::from(event.saturating_add(months.months()), holidays)
}

impl Due {
    /// Returns the period extended by the days for which the time limit was suspended.
    ///
    /// The days are added to the period's last day first, and the result is then moved over weekends and holidays.
    pub fn later_by(&self, days: i32, holidays: &Holidays) -> Due {
        Due::from(self.last_day().saturating_add(days.days()), holidays)
    }

    /// The last day of the period before it was moved over weekends and holidays.
    pub fn last_day(&self) -> Date {
        *self.moved_over.first().unwrap_or(&self.day)
    }

    fn from(mut day: Date, holidays: &Holidays) -> Due {
        let mut moved_over = Vec::new();
        while is_free(day, holidays) {
            moved_over.push(day);
            day = day.saturating_add(1.day());
        }
        Due { day, moved_over }
    }
}

/// Reads holidays from a text file: a date such as `2027-01-01` at the start of each line, `#` before remarks.
///
/// # Errors
/// If the file cannot be read, or a line does not begin with a date.
pub fn read_holidays(path: &Path) -> Result<Holidays, LedgerError> {
    let text = lacuna_disk::read_text(path, BYTES_MAX)?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.split('#').next().unwrap_or("").trim()));
    let days = lines.filter(|(_, line)| !line.is_empty()).map(|(at, line)| {
        let day = line.split_whitespace().next().unwrap_or("");
        day.parse().map_err(|_| LedgerError::Malformed {
            what: format!("{}: line {at}", path.display()),
            expected: "a day such as 2027-01-01".to_string(),
            found: format!("`{day}`"),
        })
    });
    days.collect()
}

fn is_free(day: Date, holidays: &Holidays) -> bool {
    // The last date that jiff can represent is not moved.
    day != Date::MAX && (matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) || holidays.contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(event: &str, months: i32, holidays: &[&str], expected: &str) {
        let holidays = holidays.iter().map(|text| day(text)).collect();
        assert_eq!(due_after_months(day(event), months, &holidays).day, day(expected), "{event} + {months}");
    }

    #[test]
    fn a_month_ends_with_the_day_of_the_same_number() {
        // EDPB guidelines 01/2022, paragraph 160: received on 5 March, to be answered until 5 April (2024: a Friday).
        check("2024-03-05", 1, &[], "2024-04-05");
        check("2024-03-05", 3, &[], "2024-06-05");
        check("2026-12-10", 3, &[], "2027-03-10");
    }

    #[test]
    fn a_month_without_that_day_ends_with_its_last_one() {
        check("2023-01-31", 1, &[], "2023-02-28");
        check("2024-01-31", 1, &[], "2024-02-29");
        check("2024-01-30", 1, &[], "2024-02-29");
        // 31 August + 1 month: 30 September 2026 is a Wednesday. The same guidelines have this case for 31 August.
        check("2026-08-31", 1, &[], "2026-09-30");
        // From 31 January three months at once: 30 April, and not by way of 28 February to the 28th.
        check("2025-01-31", 3, &[], "2025-04-30");
        // 29 February has no fellow in a year without leap day only by years; by months it is an ordinary 29th.
        check("2024-02-29", 1, &[], "2024-03-29");
    }

    #[test]
    fn a_day_off_moves_to_the_next_working_day() {
        // 25 November 2026 + 1 month is Christmas Day, a Friday; the 26th is a Saturday, the 27th a Sunday.
        check("2026-11-25", 1, &[], "2026-12-25");
        check("2026-11-25", 1, &["2026-12-25", "2026-12-26"], "2026-12-28");
        check("2026-11-25", 1, &["2026-12-25", "2026-12-26", "2026-12-28"], "2026-12-29");
        // 28 February 2026 is a Saturday: the period ends in the next month.
        check("2026-01-31", 1, &[], "2026-03-02");
        let due = due_after_months(day("2026-01-31"), 1, &Holidays::new());
        assert_eq!(due.moved_over, [day("2026-02-28"), day("2026-03-01")]);
    }

    #[test]
    fn days_that_stood_still_are_added_before_a_day_off_is_moved_over() {
        // 28 February 2026 is a Saturday, so the answer is due on Monday 2 March. Three days later than the 28th is
        // Tuesday the 3rd, and not Thursday the 5th.
        let due = due_after_months(day("2026-01-31"), 1, &Holidays::new());
        assert_eq!(due.later_by(3, &Holidays::new()).day, day("2026-03-03"));
        assert_eq!(due.later_by(0, &Holidays::new()), due);
        assert_eq!(due.later_by(7, &Holidays::new()).moved_over, [day("2026-03-07"), day("2026-03-08")]);
    }

    #[test]
    fn holidays_are_read_and_a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holidays.txt");
        std::fs::write(&path, "# Spain\n2027-01-01 New Year\n\n2027-01-06\n").unwrap();
        assert_eq!(read_holidays(&path).unwrap(), [day("2027-01-01"), day("2027-01-06")].into());
        std::fs::write(&path, "2027-01-01\n2027-02-30\n").unwrap();
        let message = read_holidays(&path).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("`2027-02-30`"), "{message}");
    }

    proptest! {
        #[test]
        fn the_last_day_is_a_working_day_and_a_later_request_is_never_due_earlier(
            year in 1990i16..2100, ordinal in 0i64..365, months in 1i32..4,
            off in proptest::collection::btree_set(0i64..500, 0..20),
        ) {
            let event = Date::new(year, 1, 1).unwrap().saturating_add(ordinal.days());
            let holidays: Holidays = off.iter().map(|days| event.saturating_add(days.days())).collect();
            let due = due_after_months(event, months, &holidays);
            prop_assert!(!is_free(due.day, &holidays));
            prop_assert!(due.day > event.saturating_add((28 * i64::from(months) - 1).days()));
            prop_assert!(due.moved_over.iter().all(|day| is_free(*day, &holidays)));
            let later = due_after_months(event.saturating_add(1.day()), months, &holidays);
            prop_assert!(later.day >= due.day);
        }
    }
}
