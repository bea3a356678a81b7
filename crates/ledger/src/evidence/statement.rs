//! The signed content: an in-toto statement, version 1, about the models before and after.

use super::Account;
use crate::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The type of every in-toto statement of version 1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of lacuna's predicate. It is a name and not an address: nothing is fetched.
pub const PREDICATE_TYPE: &str = "urn:x-lacuna:erasure:v2";
/// The type of version-1 predicates, which have no account of the request; they can still be read.
const PREDICATE_TYPE_1: &str = "urn:x-lacuna:erasure:v1";
/// The type of an envelope's payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A statement about models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    /// The files that the statement is about.
    pub subject: Vec<Artifact>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// The claims about these files.
    pub predicate: Predicate,
}

/// A file by its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The role of the file, not its file name.
    pub name: String,
    /// The digests in hexadecimal, by algorithm.
    pub digest: BTreeMap<String, String>,
}

/// SHA-256 digests of the model files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelDigests {
    /// The digest of the original model, which was trained on the subject.
    pub before: Digest,
    /// The digest of the model that replaces it.
    pub after: Digest,
}

/// The operations and measurements of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// The random name of the request.
    pub request: String,
    /// The pseudonym of the subject.
    pub subject: String,
    /// The name of the strategy.
    pub strategy: String,
    /// The result of the comparison.
    pub claim: Claim,
    /// The time of writing, in UTC.
    pub at: String,
    /// The SHA-256 digest of every other file of the bundle, by name.
    pub files: BTreeMap<String, Digest>,
    /// The account of the request: its course, outcomes, removed and remaining files. Statements of version 1 have
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// A comparison and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The verdict, as one of the protocol's words.
    pub verdict: String,
    /// The two sides of the comparison.
    pub compared: String,
    /// The margin within which a difference is accepted, where there is one.
    pub margin: Option<String>,
    /// The smallest difference that would be detected, with its probability, where that is known.
    pub power: Option<String>,
    /// Statements that the comparison does not support.
    pub does_not_show: Vec<String>,
}

impl Statement {
    /// The statement about the models of one request; if there are several pairs, they are numbered from 1.
    pub fn new(models: &[ModelDigests], predicate: Predicate) -> Statement {
        let artifact = |name: String, digest: Digest| Artifact {
            name,
            digest: BTreeMap::from([("sha256".to_string(), digest.to_string())]),
        };
        let pair = |(at, models_of_run): (usize, &ModelDigests)| {
            let number = if models.len() == 1 { String::new() } else { format!("{}-", at + 1) };
            [
                artifact(format!("model-{number}before"), models_of_run.before),
                artifact(format!("model-{number}after"), models_of_run.after),
            ]
        };
        Statement {
            statement_type: STATEMENT_TYPE.to_string(),
            subject: models.iter().enumerate().flat_map(pair).collect(),
            predicate_type: if predicate.account.is_some() { PREDICATE_TYPE } else { PREDICATE_TYPE_1 }.to_string(),
            predicate,
        }
    }

    /// Whether this version of lacuna can read the statement's type.
    pub fn is_ours(&self) -> bool {
        let expected = if self.predicate.account.is_some() { PREDICATE_TYPE } else { PREDICATE_TYPE_1 };
        self.statement_type == STATEMENT_TYPE && self.predicate_type == expected
    }

    /// Renders the page for readers: request, outcome, removed and remaining files, limits.
    pub fn page(&self) -> String {
        super::page::page(self)
    }
}
