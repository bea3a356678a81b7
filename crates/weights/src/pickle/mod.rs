//! Python's pickle, read as data.
//!
//! A pickle is a program for a stack machine, and Python's own machine can import and call
//! anything. This one knows the instructions that build data and refuses every other. The name of a
//! class or function becomes a [`Value::Global`], a call of it a [`Value::Call`] that nobody
//! carries out; whoever reads the values decides which few calls mean data to him. There is nothing
//! here that could run, look up or load code.
//!
//! Bounds: time and memory are linear in the pickle's length. Values live in one arena and refer to
//! each other by [`Id`], so that a value that is used a thousand times is held once; a reader that
//! walks them must bound its walk, since values may share parts and may hold themselves.
//!
//! Source: the comments of CPython's `Lib/pickletools.py`, protocols 2 to 5.

mod code;
mod machine;
mod value;

pub(crate) use machine::run;
pub(crate) use value::{Id, Pickle, Value, shortened};
