//! What the page may do: run its own script, show its own style, and nothing else.
//!
//! The page is opened from a disk, where no server sends headers, so the policy is an element of the page. Script and
//! style are named by their digests: a script that a name smuggled in would have another one and would not run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The content security policy of a page with one script and one style.
pub(super) fn policy(script: &str, style: &str) -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(script),
        digest(style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // printf abc | openssl dgst -sha256 -binary | base64
        assert!(policy("abc", "").contains("script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"));
    }
}
