//! Signed payloads in the DSSE format, version 1.
//!
//! The signature is over `PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, so a payload cannot be taken for
//! one of another type. Source: secure-systems-lab, "DSSE: Dead Simple Signing Envelope", protocol.md.

use crate::digest::to_hex;
use crate::{Digest, LedgerError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// A signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    keyid: String,
    sig: String,
}

/// The bytes that are signed, for a payload of this type.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

impl Envelope {
    /// Signs a payload of this type.
    pub fn sign(payload_type: &str, payload: &[u8], key: &SigningKey) -> Envelope {
        let signature = key.sign(&pre_authentication_encoding(payload_type, payload)).to_bytes();
        let signed = Signed { keyid: key_id(&key.verifying_key()), sig: STANDARD.encode(signature) };
        Envelope { payload: STANDARD.encode(payload), payload_type: payload_type.to_string(), signatures: vec![signed] }
    }

    /// The envelope as JSON text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("an envelope is JSON") + "\n"
    }

    /// Returns the payload of an envelope of this type, if this key signed it and the text has the form that
    /// [`Envelope::to_text`] writes.
    ///
    /// # Errors
    /// If the type, the signature or the form is wrong.
    pub fn open(text: &str, payload_type: &str, key: &VerifyingKey) -> Result<Vec<u8>, LedgerError> {
        let envelope: Envelope =
            serde_json::from_str(text).map_err(|error| unproven("a DSSE envelope", &error.to_string()))?;
        if envelope.payload_type != payload_type {
            return Err(unproven(payload_type, &envelope.payload_type));
        }
        let [signed] = &envelope.signatures[..] else {
            return Err(unproven("one signature", &envelope.signatures.len().to_string()));
        };
        if signed.keyid != key_id(key) {
            return Err(unproven(&format!("a signature by the key {}", key_id(key)), &signed.keyid));
        }
        let payload = STANDARD.decode(&envelope.payload).map_err(|error| unproven("base64", &error.to_string()))?;
        let signature = STANDARD.decode(&signed.sig).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        let signature = signature.ok_or_else(|| unproven("a signature of 64 bytes", "something else"))?;
        key.verify_strict(&pre_authentication_encoding(payload_type, &payload), &signature)
            .map_err(|_| unproven("a signature over this payload", "one over another"))?;
        let signatures = vec![Signed { keyid: key_id(key), sig: STANDARD.encode(signature.to_bytes()) }];
        let ours = Envelope { payload: STANDARD.encode(&payload), payload_type: payload_type.to_string(), signatures };
        if ours.to_text() != text {
            return Err(unproven("the form in which it was signed", "another"));
        }
        Ok(payload)
    }
}

/// The id of a key: the first 16 digits of its SHA-256 digest.
pub(super) fn key_id(key: &VerifyingKey) -> String {
    to_hex(&Digest::of(&[key.as_bytes()]).0[..8])
}

fn unproven(expected: &str, found: &str) -> LedgerError {
    let (expected, found) = (expected.to_string(), found.to_string());
    LedgerError::Unproven { what: "envelope".to_string(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_protocols_example() {
        // protocol.md, "Test Vectors": type http://example.com/HelloWorld, body "hello world".
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn what_was_signed_opens_with_the_right_key_and_type_alone() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let text = Envelope::sign("a/b", b"payload", &key).to_text();
        assert_eq!(Envelope::open(&text, "a/b", &key.verifying_key()).unwrap(), b"payload");
        assert!(Envelope::open(&text, "a/c", &key.verifying_key()).is_err());
        assert!(Envelope::open(&text, "a/b", &other.verifying_key()).is_err());
        for other in [text.trim_end().to_string(), text.replace(':', ": "), text.replace("a/b", "a/c")] {
            assert!(Envelope::open(&other, "a/b", &key.verifying_key()).is_err(), "{other}");
        }
    }

    #[test]
    fn ed25519_is_that_of_rfc_8032() {
        // Section 7.1, test 2: the message 0x72.
        let secret: [u8; 32] =
            crate::digest::from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
                .unwrap()
                .try_into()
                .unwrap();
        let key = SigningKey::from_bytes(&secret);
        assert_eq!(
            to_hex(key.verifying_key().as_bytes()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(to_hex(&key.sign(&[0x72]).to_bytes()), signature);
    }
}
