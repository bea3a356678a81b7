//! What is signed: an in-toto statement, version 1, about the models before and after.

use super::Account;
use crate::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The type of every in-toto statement of version 1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of ours. A name and no address: nothing is to be fetched.
pub const PREDICATE_TYPE: &str = "urn:x-lacuna:erasure:v2";
/// The type of statements without an account of the request, which are still read.
const PREDICATE_TYPE_1: &str = "urn:x-lacuna:erasure:v1";
/// The type of an envelope's payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A statement about models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    /// The files that it is about.
    pub subject: Vec<Artifact>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What is said of them.
    pub predicate: Predicate,
}

/// A file by its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// What it is, not what it is called.
    pub name: String,
    /// By algorithm.
    pub digest: BTreeMap<String, String>,
}

/// SHA-256 of the model files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelDigests {
    /// Of the model that had seen the subject.
    pub before: Digest,
    /// Of the model that is to be used instead.
    pub after: Digest,
}

/// What was done and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// The request's random name.
    pub request: String,
    /// The subject's random name.
    pub subject: String,
    /// The strategy's name.
    pub strategy: String,
    /// What was found.
    pub claim: Claim,
    /// When this was written, in UTC.
    pub at: String,
    /// SHA-256 of every other file of the bundle, by name.
    pub files: BTreeMap<String, Digest>,
    /// The request's course, each model's outcome, what was removed, what is left. Statements of version 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// What was compared with what, and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// In one of the protocol's words.
    pub verdict: String,
    /// The two sides of the comparison.
    pub compared: String,
    /// The difference that would have been let pass, where there is such a margin.
    pub margin: Option<String>,
    /// The difference that would have been seen, with its probability, where that is known.
    pub power: Option<String>,
    /// What this does not show.
    pub does_not_show: Vec<String>,
}

impl Statement {
    /// Of the models of one request, two by two; of several each pair is numbered from 1.
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

    /// Whether it is of a type that this version of lacuna reads.
    pub fn is_ours(&self) -> bool {
        let expected = if self.predicate.account.is_some() { PREDICATE_TYPE } else { PREDICATE_TYPE_1 };
        self.statement_type == STATEMENT_TYPE && self.predicate_type == expected
    }

    /// For people: the request, what came of it, what was removed and what is left, what this does not show.
    pub fn page(&self) -> String {
        super::page::page(self)
    }
}
