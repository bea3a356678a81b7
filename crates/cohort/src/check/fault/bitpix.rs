//! A number of bits that is not that of the voxel type.

use super::Fault;
use crate::check::{Finding, Findings, Severity, seen::Seen};
use lacuna_volume::Notice;

pub(super) static FAULT: Fault = Fault {
    name: "bitpix",
    about: "bitpix is not the number of bits of the datatype, which decides",
    look,
    #[cfg(test)]
    plant: |data| data.patch("images", "a", &[(72, &0i16.to_le_bytes())]),
};

fn look(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    for (path, notice) in seen.notices() {
        if let Notice::OtherBitpix { .. } = notice {
            let finding = Finding {
                severity: Severity::Warning,
                field: "bitpix",
                expected: "the bits of the datatype".into(),
                found: notice.to_string(),
                fix: "set bitpix to the bits of the datatype".into(),
            };
            findings.add(path, finding);
        }
    }
}
