//! The command as its users meet it: the built binary, on small synthetic data in fresh folders.
//!
//! One binary for all of them, since each integration-test binary links everything anew.

mod audit;
mod cache;
mod changed;
mod clock;
mod compare;
mod configuration;
mod convert;
mod data;
mod erase;
mod erase_exact;
mod errors;
mod eval;
mod exact;
mod guide;
mod help;
mod inspect;
mod instructions;
mod label_tables;
mod layouts;
mod ledger;
#[cfg(target_os = "linux")]
mod ledger_disk;
mod next_commands;
mod nnunet;
mod other_data;
mod pages;
mod predict;
mod privacy;
mod redact;
mod registers;
mod report;
mod study;
mod support;
mod trace;
mod trace_after;
mod trace_families;
mod trace_places;
mod train;
mod unlearn;
mod unsafe_code;
mod watch;
mod words;
