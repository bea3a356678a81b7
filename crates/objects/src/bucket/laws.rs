//! Tests of the guarantees of a bucket, with every known fault of stores.

use super::*;
use crate::Location;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutResult, Result as Answer,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Status 503: the request is not executed.
    Unavailable,
    /// The request is executed, and the answer is lost.
    AnswerLost,
    /// The request is not executed, and there is no answer.
    Silent,
    /// The request is executed, and there is no answer.
    DoneAndSilent,
    /// Half of the bytes are written, then status 500.
    Partial,
    /// Status 409: another conditional request is running; this one is not executed.
    Conflict,
    /// The bytes received differ from those written.
    Garbled,
}

const FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::Unavailable,
    Fault::AnswerLost,
    Fault::Silent,
    Fault::DoneAndSilent,
    Fault::Partial,
    Fault::Conflict,
    Fault::Garbled,
];

/// A store in memory with these faults, one per request, then `always`.
#[derive(Debug)]
struct Faulty {
    store: Arc<InMemory>,
    faults: Mutex<VecDeque<Fault>>,
    always: Fault,
    requests: AtomicU64,
    /// Whether a conditional put replaces an existing object, as on a server without support for the condition.
    replaces: bool,
}

impl fmt::Display for Faulty {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a faulty store")
    }
}

fn unavailable() -> Error {
    Error::Generic { store: "faulty", source: "503 Slow Down".into() }
}

impl Faulty {
    fn next(&self) -> Fault {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.faults.lock().unwrap().pop_front().unwrap_or(self.always)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &ObjectPath, payload: PutPayload, mut options: PutOptions) -> Answer<PutResult> {
        if self.replaces {
            options.mode = PutMode::Overwrite;
        }
        let bytes: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
        let is_conditional = options.mode == PutMode::Create;
        match self.next() {
            Fault::None | Fault::Garbled => self.store.put_opts(path, payload, options).await,
            Fault::Unavailable => Err(unavailable()),
            Fault::AnswerLost => {
                self.store.put_opts(path, payload, options).await?;
                Err(unavailable())
            }
            Fault::Silent => std::future::pending().await,
            Fault::DoneAndSilent => {
                self.store.put_opts(path, payload, options).await?;
                std::future::pending().await
            }
            Fault::Partial => {
                self.store.put_opts(path, PutPayload::from(bytes[..bytes.len() / 2].to_vec()), options).await?;
                Err(unavailable())
            }
            Fault::Conflict if is_conditional => {
                Err(Error::AlreadyExists { path: path.to_string(), source: "409 Conflict".into() })
            }
            Fault::Conflict => Err(unavailable()),
        }
    }

    async fn get_opts(&self, path: &ObjectPath, options: GetOptions) -> Answer<GetResult> {
        let fault = self.next();
        let head = options.head;
        let mut answer = match fault {
            Fault::None | Fault::Garbled => self.store.get_opts(path, options).await?,
            Fault::Silent | Fault::DoneAndSilent => std::future::pending().await,
            _ => return Err(unavailable()),
        };
        if fault == Fault::Garbled && !head {
            let garbled = futures::stream::once(async { Ok(b"garbled on the way".to_vec().into()) });
            answer.payload = object_store::GetResultPayload::Stream(Box::pin(garbled));
        }
        Ok(answer)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Answer<ListResult> {
        match self.next() {
            Fault::None | Fault::Garbled => self.store.list_with_delimiter(prefix).await,
            Fault::Silent | Fault::DoneAndSilent => std::future::pending().await,
            _ => Err(unavailable()),
        }
    }

    async fn put_multipart_opts(&self, _: &ObjectPath, _: PutMultipartOptions) -> Answer<Box<dyn MultipartUpload>> {
        unreachable!("a bucket writes an object whole")
    }

    fn delete_stream(&self, _: BoxStream<'static, Answer<ObjectPath>>) -> BoxStream<'static, Answer<ObjectPath>> {
        unreachable!("a bucket deletes nothing")
    }

    fn list(&self, _: Option<&ObjectPath>) -> BoxStream<'static, Answer<ObjectMeta>> {
        unreachable!("a bucket lists one level")
    }

    async fn copy_opts(&self, _: &ObjectPath, _: &ObjectPath, _: CopyOptions) -> Answer<()> {
        unreachable!("a bucket copies nothing")
    }
}

/// The largest number of consecutive faults that is tested.
const FAULTS_MAX: usize = 4;

/// More tries than faults can make fail: an operation makes up to two requests per try.
const RETRY_POLICY: RetryPolicy = RetryPolicy {
    tries: FAULTS_MAX + 2,
    each: Duration::from_millis(20),
    pause: Duration::from_micros(100),
    pause_max: Duration::from_millis(1),
};

fn store(memory: &Arc<InMemory>, faults: &[Fault], always: Fault, replaces: bool) -> Arc<Faulty> {
    let faults = Mutex::new(faults.iter().copied().collect());
    Arc::new(Faulty { store: memory.clone(), faults, always, requests: AtomicU64::new(0), replaces })
}

fn bucket_of(store: Arc<Faulty>) -> Bucket {
    Bucket::new(store, ObjectPath::from("study"), "s3://bucket/study".to_string(), RETRY_POLICY)
}

/// Returns a bucket whose first requests have these faults.
pub(crate) fn bucket(memory: &Arc<InMemory>, faults: &[Fault]) -> Bucket {
    bucket_of(store(memory, faults, Fault::None, false))
}

/// Returns the same bucket as a location without faults.
pub(crate) fn location_of(bucket: Bucket) -> Location {
    Location(Arc::new(bucket))
}

pub(crate) fn some_faults() -> impl Strategy<Value = Vec<Fault>> {
    prop::collection::vec(prop::sample::select(&FAULTS[..]), 0..=FAULTS_MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whoever_makes_an_object_is_told_so_and_it_reads_back(faults in some_faults(), later in some_faults()) {
        let memory = Arc::new(InMemory::new());
        let one = bucket(&memory, &faults);
        prop_assert!(one.create("record", b"the first result").unwrap());
        prop_assert!(!bucket(&memory, &later).create("record", b"the first result").unwrap());
        let read = bucket(&memory, &later).read("record", 100).unwrap();
        prop_assert_eq!(read.unwrap(), b"the first result");
        prop_assert!(bucket(&memory, &later).has("record").unwrap());
    }

    #[test]
    fn of_several_who_make_an_object_at_once_one_does(several in prop::collection::vec(some_faults(), 2..6)) {
        let memory = Arc::new(InMemory::new());
        let made: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = several.iter().enumerate().map(|(number, faults)| {
                let bucket = bucket(&memory, faults);
                scope.spawn(move || bucket.create("record", &[number as u8; 64]).unwrap())
            }).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        prop_assert_eq!(made.iter().filter(|made| **made).count(), 1, "{:?}", made);
        let winner = made.iter().position(|made| *made).unwrap() as u8;
        prop_assert_eq!(bucket(&memory, &[]).read("record", 100).unwrap().unwrap(), vec![winner; 64]);
    }

    #[test]
    fn what_is_replaced_and_listed_is_what_was_put_last(faults in some_faults(), later in some_faults()) {
        let memory = Arc::new(InMemory::new());
        bucket(&memory, &faults).replace("model", b"old").unwrap();
        bucket(&memory, &later).replace("model", b"the new one").unwrap();
        prop_assert_eq!(bucket(&memory, &faults).read("model", 100).unwrap().unwrap(), b"the new one");
        prop_assert_eq!(location_of(bucket(&memory, &later)).names().unwrap(), BTreeSet::from(["model".to_string()]));
    }
}

#[test]
fn what_is_not_there_is_none_and_not_an_error() {
    let memory = Arc::new(InMemory::new());
    let bucket = location_of(bucket(&memory, &[Fault::Unavailable]));
    assert_eq!(bucket.read("record", 100).unwrap(), None);
    assert!(!bucket.has("record").unwrap() && bucket.names().unwrap().is_empty());
}

#[test]
fn a_part_of_a_bucket_is_a_prefix_of_its_own() {
    let memory = Arc::new(InMemory::new());
    let all = location_of(bucket(&memory, &[]));
    let part = all.within("plans/ab12");
    assert!(part.create("note", b"one").unwrap() && all.create("note", b"two").unwrap());
    assert_eq!(part.read("note", 9).unwrap().unwrap(), b"one");
    assert_eq!(all.names_below().unwrap(), BTreeSet::from(["note", "plans/ab12/note"].map(str::to_string)));
    assert_eq!((part.at("note"), all.names().unwrap().len()), ("s3://bucket/study/plans/ab12/note".to_string(), 1));
}

#[test]
fn a_store_that_stays_silent_or_down_is_given_up_and_may_be_tried_later() {
    for (fault, said) in [(Fault::Unavailable, "503"), (Fault::Silent, "no answer")] {
        let store = store(&Arc::new(InMemory::new()), &[], fault, false);
        let bucket = bucket_of(store.clone());
        let error = bucket.create("record", b"x").unwrap_err();
        let words = error.to_string();
        assert!(error.is_passing() && words.contains(said) && words.contains("s3://bucket/study/record"), "{words}");
        assert_eq!(store.requests.load(Ordering::Relaxed), RETRY_POLICY.tries as u64);
    }
}

#[test]
fn bytes_that_stay_other_than_written_are_refused_with_both_digests() {
    let memory = Arc::new(InMemory::new());
    bucket(&memory, &[]).create("record", b"the result").unwrap();
    let error = bucket_of(store(&memory, &[], Fault::Garbled, false)).read("record", 100).unwrap_err();
    let words = error.to_string();
    assert!(!error.is_passing() && words.contains(&lacuna_disk::digest(b"the result")), "{words}");
    assert!(words.contains(&lacuna_disk::digest(b"garbled on the way")), "{words}");
}

#[test]
fn an_object_larger_than_its_kind_is_not_read() {
    let memory = Arc::new(InMemory::new());
    bucket(&memory, &[]).create("record", &[0; 101]).unwrap();
    let words = bucket(&memory, &[]).read("record", 100).unwrap_err().to_string();
    assert!(words.contains("at most 100 bytes, found 101"), "{words}");
}

#[test]
fn a_store_that_does_not_know_the_condition_is_found_out() {
    let knows = bucket(&Arc::new(InMemory::new()), &[Fault::AnswerLost]);
    knows.prove_creating().unwrap();
    knows.prove_creating().unwrap();
    let does_not = bucket_of(store(&Arc::new(InMemory::new()), &[], Fault::None, true));
    let words = does_not.prove_creating().unwrap_err().to_string();
    assert!(words.contains("If-None-Match") && words.contains("s3://bucket/study"), "{words}");
}
