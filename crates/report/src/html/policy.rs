//! The content security policy of the page: it may run its own script and show its own style, and nothing else.
//!
//! The page is opened from a disk, where no server sends headers, so the policy is an element of the page. Script and
//! style are named by their digests: a script that was injected through a name has another digest and does not run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The content security policy of a page with one script and one style, and with NiiVue's script if it has that.
///
/// NiiVue holds fonts and colour tables as data URLs and fetches them like files; with NiiVue the page may fetch such
/// data, and still nothing else.
pub(super) fn policy(script: &str, style: &str, niivue: Option<&str>) -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let scripts: Vec<String> = [Some(script), niivue].into_iter().flatten().map(digest).collect();
    let own_data = if niivue.is_some() { " connect-src data:; img-src data: blob:;" } else { "" };
    format!(
        "default-src 'none'; script-src {}; style-src {};{own_data} base-uri 'none'; form-action 'none'",
        scripts.join(" "),
        digest(style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // printf abc | openssl dgst -sha256 -binary | base64
        assert!(policy("abc", "", None).contains("script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';"));
    }

    #[test]
    fn only_a_page_with_niivue_may_read_data_and_no_page_a_network() {
        let [plain, with] = [None, Some("abc")].map(|niivue| policy("", "", niivue));
        assert!(!plain.contains("data:") && !plain.contains("connect-src"));
        assert!(
            with.contains("connect-src data:;")
                && with.contains("'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';")
        );
        assert!(
            [plain, with].iter().all(|policy| policy.starts_with("default-src 'none';") && !policy.contains("http"))
        );
    }
}
