//! Three numbers on the command line: `64x72x48` or `64,72,48`.

use std::str::FromStr;

/// Numbers of voxels along three axes.
pub fn voxels(text: &str) -> Result<[usize; 3], String> {
    three(text, |&size: &usize| size > 0).ok_or_else(|| format!("expected three numbers as 64x72x48, found `{text}`"))
}

/// Distances between voxels along three axes, in millimetres.
pub fn spacing_mm(text: &str) -> Result<[f64; 3], String> {
    let holds = |&mm: &f64| mm.is_finite() && mm > 0.0;
    three(text, holds).ok_or_else(|| format!("expected three numbers as 0.958x0.958x3, found `{text}`"))
}

fn three<T: FromStr>(text: &str, holds: impl Fn(&T) -> bool) -> Option<[T; 3]> {
    let numbers: Vec<T> = text.split(['x', ',']).map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok().filter(|three: &[T; 3]| three.iter().all(holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_read_and_nothing_else_is() {
        assert_eq!(voxels("64x72x48"), Ok([64, 72, 48]));
        assert_eq!(voxels("64,72, 48"), Ok([64, 72, 48]));
        assert_eq!(spacing_mm("0.958x0.958x3"), Ok([0.958, 0.958, 3.0]));
        for text in ["64", "64x72", "1x2x3x4", "0x1x1", "-1x1x1", "axbxc", ""] {
            assert!(voxels(text).is_err(), "{text}");
        }
        assert!(spacing_mm("1x1xinf").is_err() && spacing_mm("1x1xnan").is_err());
    }
}
