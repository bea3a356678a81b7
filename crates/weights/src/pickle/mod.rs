//! Reading Python's pickle as data.
//!
//! A pickle is a program for a stack machine, and Python's own machine can import and call anything. This one executes
//! the instructions that build data and rejects every other. The name of a class or function becomes a
//! [`Value::Global`], a call of it a [`Value::Call`] that is not executed; the reader of the values decides which few
//! calls represent data. No code here can run, look up or load code.
//!
//! Limits: time and memory are linear in the pickle's length. Values are stored in one arena and refer to each other by
//! [`Id`], so that a value that is used a thousand times is stored once; a reader that walks them must bound its walk,
//! since values may share parts and may contain themselves.
//!
//! Source: the comments of CPython's `Lib/pickletools.py`, protocols 2 to 5.

mod code;
mod machine;
mod value;

pub(crate) use machine::run;
pub(crate) use value::{Id, Pickle, Value, shortened};
