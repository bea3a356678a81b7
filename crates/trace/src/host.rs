//! What a search needs from the program that runs it.

use lacuna_cohort::Cohort;
use std::path::Path;

/// The program around a search. A search loads no network and prints nothing; it asks here.
pub trait Host {
    /// The digest of the network in a file, by which a copy under another name is recognised; `None` if the file holds no
    /// network that the program can read.
    fn network_digest(&self, path: &Path) -> Option<String>;

    /// Called with each data set that is opened, before anything in it is reported: a program that hides ids on its
    /// screen learns them here.
    fn opened(&self, _cohort: &Cohort) {}
}

/// A program that can read no network: copies of models are recognised by the bytes of their files alone.
#[derive(Clone, Copy, Debug)]
pub struct NoNetworks;

impl Host for NoNetworks {
    fn network_digest(&self, _path: &Path) -> Option<String> {
        None
    }
}
