//! A location that is a prefix in a bucket of an object store.
//!
//! An object has two metadata entries besides its bytes: their digest, which every reader checks, and the identity of
//! its writer. If the answer to a conditional put is lost, by a timeout or a server error, the object may or may not
//! have been created. The next try then finds an existing object, and only the writer's entry shows whether this
//! process created it.
//!
//! Retries are made here and not in the client below, which cannot distinguish the two cases.

use crate::ObjectError;
use crate::location::{Listed, Objects};
use crate::retry_policy::RetryPolicy;
use object_store::path::Path as ObjectPath;
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;

/// Letters only: Azure allows no hyphen in such a name, and some servers drop entries with an underscore.
const DIGEST: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("lacunablake3"));
const WRITER: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("lacunawriter"));

/// The object that is created to test whether a store supports conditional puts.
const PROOF: &str = "lacuna-makes-an-object-once";

/// A prefix in a bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    /// The address of the location, for messages.
    address: String,
    runtime: Arc<Runtime>,
    retry_policy: RetryPolicy,
}

/// The result of one try.
enum Tried<T> {
    Done(T),
    /// The try may succeed if it is repeated; the text is the reason.
    Again(String),
    Failed(ObjectError),
}

/// An object with its metadata. One that another tool wrote has no metadata; records and models contain digests of
/// their own.
struct Found {
    bytes: Vec<u8>,
    digest: Option<String>,
    writer: Option<String>,
}

impl Found {
    /// Returns the expected digest and the digest of the bytes, if they differ.
    fn damage(&self) -> Option<(String, String)> {
        let expected = self.digest.clone()?;
        let found = lacuna_disk::digest(&self.bytes);
        (found != expected).then_some((expected, found))
    }
}

impl Bucket {
    /// Creates the location of a prefix in a store.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: ObjectPath, address: String, retry_policy: RetryPolicy) -> Bucket {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime of one thread needs nothing that can be missing"));
        Bucket { store, prefix, address, runtime, retry_policy }
    }

    /// Returns the path of a name, which may contain `/`.
    fn path(&self, name: &str) -> ObjectPath {
        name.split('/').fold(self.prefix.clone(), |prefix, part| prefix.join(part))
    }

    /// Repeats a request until it succeeds, fails permanently, or the tries are used up.
    fn persist<T, F: Future<Output = Tried<T>>>(
        &self,
        name: &str,
        action: &'static str,
        one_try: impl Fn() -> F,
    ) -> Result<T, ObjectError> {
        let RetryPolicy { tries, each, .. } = self.retry_policy;
        self.runtime.block_on(async {
            let mut reason = String::new();
            for failures in 0..tries {
                if failures > 0 {
                    tokio::time::sleep(self.retry_policy.pause_after(failures)).await;
                }
                reason = match tokio::time::timeout(each, one_try()).await {
                    Ok(Tried::Done(value)) => return Ok(value),
                    Ok(Tried::Failed(error)) => return Err(error),
                    Ok(Tried::Again(reason)) => reason,
                    Err(_) => format!("no answer within {} s", each.as_secs_f64()),
                };
            }
            Err(ObjectError::Unreachable { object: self.at(name), action, tries, reason })
        })
    }

    /// Returns an error for a permanent failure, or another try for a transient one.
    fn failed<T>(&self, name: &str, action: &'static str, error: Error) -> Tried<T> {
        match error {
            Error::NotFound { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::InvalidPath { .. }
            | Error::UnknownConfigurationKey { .. } => {
                Tried::Failed(ObjectError::Refused { object: self.at(name), action, reason: in_words(&error) })
            }
            error => Tried::Again(in_words(&error)),
        }
    }

    /// Fetches an object, if it exists.
    async fn get(&self, name: &str, limit_bytes: u64) -> Tried<Option<Found>> {
        let answer = match self.store.get_opts(&self.path(name), GetOptions::default()).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) => return Tried::Done(None),
            Err(error) => return self.failed(name, "read", error),
        };
        if answer.meta.size > limit_bytes {
            let (object, found_bytes) = (self.at(name), answer.meta.size);
            return Tried::Failed(ObjectError::TooLarge { object, found_bytes, limit_bytes });
        }
        let word = |attribute| answer.attributes.get(&attribute).map(|value| value.as_ref().to_string());
        let (digest, writer) = (word(DIGEST), word(WRITER));
        match answer.bytes().await {
            Ok(bytes) => Tried::Done(Some(Found { bytes: bytes.to_vec(), digest, writer })),
            Err(error) => self.failed(name, "read", error),
        }
    }

    async fn put(&self, name: &str, bytes: &[u8], writer: &str, mode: PutMode) -> Result<(), Error> {
        let words = [(DIGEST, lacuna_disk::digest(bytes)), (WRITER, writer.to_string())];
        let attributes = Attributes::from_iter(words);
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let payload = PutPayload::from(bytes.to_vec());
        self.store.put_opts(&self.path(name), payload, options).await.map(drop)
    }

    /// Finds out whether an existing object was created by this writer.
    async fn whose(&self, name: &str, bytes: &[u8], writer: &str) -> Tried<bool> {
        match self.get(name, u64::MAX).await {
            // Two conditional puts conflicted, and neither was executed.
            Tried::Done(None) => Tried::Again("a conflict, and no object".to_string()),
            Tried::Done(Some(found)) if found.writer.as_deref() != Some(writer) => Tried::Done(false),
            Tried::Done(Some(found)) if found.damage().is_none() => Tried::Done(true),
            // This writer's object, of which only a part arrived.
            Tried::Done(Some(_)) => match self.put(name, bytes, writer, PutMode::Overwrite).await {
                Ok(()) => Tried::Done(true),
                Err(error) => self.failed(name, "create", error),
            },
            Tried::Again(reason) => Tried::Again(reason),
            Tried::Failed(error) => Tried::Failed(error),
        }
    }
}

impl Objects for Bucket {
    fn within(&self, part: &str) -> Arc<dyn Objects> {
        Arc::new(Bucket { prefix: self.path(part), address: self.at(part), ..self.clone() })
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        let damage = OnceLock::new();
        let read = self.persist(name, "read", || async {
            let found = match self.get(name, limit_bytes).await {
                Tried::Done(Some(found)) => found,
                Tried::Done(None) => return Tried::Done(None),
                Tried::Again(reason) => return Tried::Again(reason),
                Tried::Failed(error) => return Tried::Failed(error),
            };
            match found.damage() {
                None => Tried::Done(Some(found.bytes)),
                // Damage in transit disappears with the next try; damage of the object does not.
                Some(digests) => {
                    let _ = damage.set(digests);
                    Tried::Again("other bytes than were written".to_string())
                }
            }
        });
        match (read, damage.into_inner()) {
            (Err(ObjectError::Unreachable { object, .. }), Some((expected, found))) => {
                Err(ObjectError::Damaged { object, expected, found })
            }
            (read, _) => read,
        }
    }

    fn has(&self, name: &str) -> Result<bool, ObjectError> {
        self.persist(name, "find", || async {
            match self.store.head(&self.path(name)).await {
                Ok(_) => Tried::Done(true),
                Err(Error::NotFound { .. }) => Tried::Done(false),
                Err(error) => self.failed(name, "find", error),
            }
        })
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError> {
        let writer = writer();
        self.persist(name, "create", || async {
            match self.put(name, bytes, &writer, PutMode::Create).await {
                Ok(()) => Tried::Done(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => self.whose(name, bytes, &writer).await,
                Err(error) => self.failed(name, "create", error),
            }
        })
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        let writer = writer();
        self.persist(name, "write", || async {
            match self.put(name, bytes, &writer, PutMode::Overwrite).await {
                Ok(()) => Tried::Done(()),
                Err(error) => self.failed(name, "write", error),
            }
        })
    }

    fn list(&self) -> Result<Listed, ObjectError> {
        let last = |path: &ObjectPath| path.filename().map(str::to_string);
        self.persist("", "list", || async {
            match self.store.list_with_delimiter(Some(&self.prefix)).await {
                Ok(listed) => Tried::Done(Listed {
                    names: listed.objects.iter().filter_map(|object| last(&object.location)).collect(),
                    parts: listed.common_prefixes.iter().filter_map(last).collect(),
                }),
                Err(error) => self.failed("", "list", error),
            }
        })
    }

    fn prove_creating(&self) -> Result<(), ObjectError> {
        self.create(PROOF, b"")?;
        if self.create(PROOF, b"")? {
            return Err(ObjectError::Replaces { address: self.address.clone() });
        }
        Ok(())
    }

    fn folder(&self) -> Option<&Path> {
        None
    }

    fn at(&self, name: &str) -> String {
        if name.is_empty() { self.address.clone() } else { format!("{}/{name}", self.address) }
    }
}

/// Returns an identity that differs for every writer and every object.
fn writer() -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    static CHANCE: OnceLock<[u64; 2]> = OnceLock::new();
    // A random number of the standard library; only this identity depends on it.
    let [one, other] = CHANCE.get_or_init(|| [(); 2].map(|()| RandomState::new().build_hasher().finish()));
    format!("{one:016x}{other:016x}-{}", WRITTEN.fetch_add(1, Ordering::Relaxed))
}

/// Returns an error with its causes, on one line.
fn in_words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(&format!(": {said}"));
        }
        cause = error.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod laws;
