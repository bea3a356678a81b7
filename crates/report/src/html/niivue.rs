//! NiiVue within a page: a three-dimensional view of the scans, if the user supplies NiiVue's file.
//!
//! NiiVue (Taylor, Rorden and others, BSD licence) is 2.3 MB of JavaScript; it is neither part of lacuna nor
//! downloaded. The file is embedded unchanged and named by its digest in the page's content policy, like the page's own
//! script.

use crate::ReportError;
use std::io::Read;
use std::path::Path;

/// The largest file in bytes that is accepted; every version is smaller.
const BYTES_MAX: u64 = 16 << 20;

/// The text of `niivue.umd.js` of the npm package `@niivue/niivue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NiiVue(String);

impl NiiVue {
    /// Reads the file of NiiVue.
    ///
    /// # Errors
    /// [`ReportError::NotNiiVue`] if it is another file, or cannot be embedded in a page.
    pub fn read(path: &Path) -> Result<NiiVue, ReportError> {
        let mut text = String::new();
        let file = std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
        file.map_err(|source| ReportError::NotNiiVue { path: path.to_path_buf(), found: source.to_string() })?;
        NiiVue::of(text).map_err(|found| ReportError::NotNiiVue { path: path.to_path_buf(), found })
    }

    fn of(text: String) -> Result<NiiVue, String> {
        let has = |words: &str| text.to_ascii_lowercase().contains(words);
        match () {
            () if text.len() as u64 > BYTES_MAX => Err(format!("a file of more than {} MiB", BYTES_MAX >> 20)),
            () if !(text.contains(".niivue=") && text.contains(".Niivue=")) => {
                Err("a file that makes no global `niivue`".to_string())
            }
            // `</script` would end the element, and `<!--` can keep the element from ending where it should.
            () if has("</script") || has("<!--") => Err("text that ends a script element".to_string()),
            () if text.contains('\0') => Err("a NUL, which a browser replaces".to_string()),
            // Browsers normalise line ends before they compute the digest, so the text is normalised here too.
            () => Ok(NiiVue(text.replace("\r\n", "\n").replace('\r', "\n"))),
        }
    }

    /// The text of the script.
    pub(super) fn script(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The shortest text that is accepted as NiiVue.
    pub(in crate::html) fn stand_in() -> NiiVue {
        NiiVue::of("self.niivue={};\r\nself.niivue.Niivue=class {};".to_string()).unwrap()
    }

    #[test]
    fn a_file_that_is_something_else_or_ends_its_element_is_refused() {
        assert!(NiiVue::of("alert(1)".to_string()).unwrap_err().contains("no global"));
        for end in ["</script >", "</SCRIPT", "<!-- "] {
            let text = format!("self.niivue={{}};self.niivue.Niivue=1;const end = '{end}';");
            assert!(NiiVue::of(text).unwrap_err().contains("ends a script"), "{end}");
        }
        assert!(NiiVue::of("\0.niivue=.Niivue=".to_string()).unwrap_err().contains("NUL"));
    }

    #[test]
    fn lines_end_as_a_browser_reads_them() {
        assert_eq!(stand_in().script(), "self.niivue={};\nself.niivue.Niivue=class {};");
    }
}
