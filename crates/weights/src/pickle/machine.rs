//! The stack machine that reads a pickle.

use super::code::{Code, refused};
use super::value::{Id, Pickle, Value};
use crate::error::Fault;
use std::collections::BTreeMap;

/// The largest number of values of one pickle, and of positions on its stack: a checkpoint of the largest network with
/// its optimiser has about ten thousand.
const VALUES_MAX: usize = 1 << 22;

/// The largest length in bytes of the name of a class or of its module.
const NAME_BYTES_MAX: usize = 512;

/// The newest supported protocol.
const PROTOCOL_MAX: u8 = 5;

/// Executes the pickle at the start of `bytes`; `location` names it in errors.
pub(crate) fn run(bytes: &[u8], location: &str) -> Result<Pickle, Fault> {
    let mut machine = Machine {
        bytes,
        location,
        at: 0,
        began: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        values: Vec::new(),
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Pickle { values: machine.values, root, length: machine.at });
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    location: &'a str,
    at: usize,
    /// The offset of the current instruction.
    began: usize,
    stack: Vec<Id>,
    /// The marks as heights of the stack; values below the last are not accessible until it is removed.
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
    values: Vec<Value>,
}

impl<'a> Machine<'a> {
    /// Executes one instruction; returns the root after the last one.
    fn step(&mut self) -> Result<Option<Id>, Fault> {
        self.began = self.at;
        let byte = self.take(1)?[0];
        let Some(code) = Code::of(byte) else {
            let found = format!("instruction 0x{byte:02x}, {}", refused(byte));
            return Err(Fault::foreign(self.here(), "an instruction that builds data", found));
        };
        match code {
            Code::Stop => return self.pop().map(Some),
            Code::Proto => self.protocol()?,
            Code::Frame => drop(self.take(8)?),
            Code::Mark => self.mark()?,
            Code::Pop => drop(self.pop()?),
            Code::PopMark => drop(self.pop_mark()?),
            Code::Dup => self.dup()?,
            Code::Get(width) => self.get(width)?,
            Code::Put(width) => self.put(width)?,
            Code::Memoize => self.memoize()?,
            Code::Append | Code::Appends | Code::AddItems | Code::SetItem | Code::SetItems => self.extend(code)?,
            Code::Build => self.build()?,
            _ => self.push_new(code)?,
        }
        Ok(None)
    }

    fn push_new(&mut self, code: Code) -> Result<(), Fault> {
        let value = match code {
            Code::None => Value::None,
            Code::True => Value::Bool(true),
            Code::False => Value::Bool(false),
            Code::Int(width) => self.int(width)?,
            Code::Long(width) => self.long(width)?,
            Code::Float => Value::Float(f64::from_be_bytes(self.take(8)?.try_into().expect("eight bytes"))),
            Code::Text(width) => {
                let bytes = self.counted(width)?;
                Value::Text(self.utf8(bytes)?)
            }
            Code::OldText(width) => {
                let bytes = self.counted(width)?;
                String::from_utf8(bytes.to_vec()).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Text)
            }
            Code::Bytes(width) => Value::Bytes(self.counted(width)?.to_vec()),
            Code::EmptyList => Value::List(Vec::new()),
            Code::EmptyTuple => Value::Tuple(Vec::new()),
            Code::EmptyDict => Value::Dict(Vec::new()),
            Code::EmptySet => Value::Set(Vec::new()),
            Code::Tuple(count) => Value::Tuple(self.pop_many(count)?),
            Code::MarkedTuple => Value::Tuple(self.pop_mark()?),
            Code::MarkedList => Value::List(self.pop_mark()?),
            Code::FrozenSet => Value::Set(self.pop_mark()?),
            Code::MarkedDict => {
                let flat = self.pop_mark()?;
                Value::Dict(self.pairs(flat)?)
            }
            Code::Global => Value::Global { module: self.line()?, name: self.line()? },
            Code::StackGlobal => self.stack_global()?,
            Code::Reduce | Code::NewObject => self.call()?,
            Code::NewObjectEx => {
                self.pop()?;
                self.call()?
            }
            Code::Persistent => Value::Persistent(self.pop()?),
            _ => unreachable!("`step` keeps the instructions that push nothing new"),
        };
        let id = self.store(value)?;
        self.push(id)
    }

    fn protocol(&mut self) -> Result<(), Fault> {
        let found = self.take(1)?[0];
        if found <= PROTOCOL_MAX {
            return Ok(());
        }
        Err(Fault::foreign(self.here(), format!("a pickle of protocol {PROTOCOL_MAX} at most"), format!("{found}")))
    }

    fn int(&mut self, width: usize) -> Result<Value, Fault> {
        let bytes = self.take(width)?;
        Ok(Value::Int(match *bytes {
            [a] => i128::from(a),
            [a, b] => i128::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => i128::from(i32::from_le_bytes([a, b, c, d])),
            _ => unreachable!("an integer has 1, 2 or 4 bytes"),
        }))
    }

    /// Reads an integer of any length in two's complement, little-endian.
    fn long(&mut self, width: usize) -> Result<Value, Fault> {
        let bytes = self.counted(width)?;
        if bytes.len() > 16 {
            return Ok(Value::HugeInt);
        }
        let negative = bytes.last().is_some_and(|&top| top >= 0x80);
        let mut all = [if negative { 0xff } else { 0 }; 16];
        all[..bytes.len()].copy_from_slice(bytes);
        Ok(Value::Int(i128::from_le_bytes(all)))
    }

    /// Records a call without executing it, except Python's ordered dictionary, which becomes a dictionary.
    fn call(&mut self) -> Result<Value, Fault> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let is_ordered_dict = matches!(&self.values[function.0 as usize],
            Value::Global { module, name } if module == "collections" && name == "OrderedDict");
        if is_ordered_dict {
            self.ordered_dict(arguments)
        } else {
            Ok(Value::Call { function, arguments, changed: false })
        }
    }

    /// Reads `OrderedDict()`, or as written by Python 2, `OrderedDict([[key, value], …])`.
    fn ordered_dict(&self, arguments: Id) -> Result<Value, Fault> {
        let members = |id: Id| match &self.values[id.0 as usize] {
            Value::Tuple(members) | Value::List(members) => Some(members.as_slice()),
            _ => None,
        };
        let items = match members(arguments) {
            Some([]) => Some(Vec::new()),
            Some([list]) => members(*list).and_then(|pairs| {
                let pair = |&id: &Id| <[Id; 2]>::try_from(members(id)?).ok().map(|[key, value]| (key, value));
                pairs.iter().map(pair).collect()
            }),
            _ => None,
        };
        let expected = "an OrderedDict of nothing or of pairs";
        items.map(Value::Dict).ok_or_else(|| Fault::damaged(self.here(), expected, "other arguments"))
    }

    fn stack_global(&mut self) -> Result<Value, Fault> {
        let parts = self.pop_many(2)?;
        match [&self.values[parts[0].0 as usize], &self.values[parts[1].0 as usize]] {
            [Value::Text(module), Value::Text(name)] if module.len().max(name.len()) <= NAME_BYTES_MAX => {
                Ok(Value::Global { module: module.clone(), name: name.clone() })
            }
            _ => Err(Fault::damaged(self.here(), "the names of a module and of a class in it", "other values")),
        }
    }

    /// Handles state that Python would put into an object. Since no call is executed, only its presence is recorded.
    fn build(&mut self) -> Result<(), Fault> {
        self.pop()?;
        let into = self.top()?.0 as usize;
        self.note_change(into);
        Ok(())
    }

    fn note_change(&mut self, at: usize) {
        if let Value::Call { changed, .. } = &mut self.values[at] {
            *changed = true;
        }
    }

    /// Adds members to the list, set or dictionary below them on the stack; for a recorded call only their presence is
    /// recorded.
    fn extend(&mut self, code: Code) -> Result<(), Fault> {
        let members = match code {
            Code::Append => self.pop_many(1)?,
            Code::SetItem => self.pop_many(2)?,
            _ => self.pop_mark()?,
        };
        let into = self.top()?.0 as usize;
        let keyed = matches!(code, Code::SetItem | Code::SetItems);
        let pairs = if keyed { self.pairs(members.clone())? } else { Vec::new() };
        match &mut self.values[into] {
            Value::List(list) if !keyed => list.extend(members),
            Value::Set(set) if !keyed => set.extend(members),
            Value::Dict(items) if keyed => items.extend(pairs),
            Value::Call { .. } => self.note_change(into),
            _ => return Err(Fault::damaged(self.here(), "a container to put members into", "another value")),
        }
        Ok(())
    }

    fn pairs(&self, flat: Vec<Id>) -> Result<Vec<(Id, Id)>, Fault> {
        let (pairs, rest) = flat.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Fault::damaged(self.here(), "keys and values in turn", "a key without a value"));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn mark(&mut self) -> Result<(), Fault> {
        self.check_room(self.marks.len())?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn dup(&mut self) -> Result<(), Fault> {
        let top = self.top()?;
        self.push(top)
    }

    fn get(&mut self, width: usize) -> Result<(), Fault> {
        let index = self.number(width)?;
        match self.memo.get(&index) {
            Some(&id) => self.push(id),
            None => Err(Fault::damaged(self.here(), "a value remembered before", format!("none at place {index}"))),
        }
    }

    fn put(&mut self, width: usize) -> Result<(), Fault> {
        let index = self.number(width)?;
        self.remember(index)
    }

    fn memoize(&mut self) -> Result<(), Fault> {
        self.remember(self.memo.len() as u64)
    }

    fn remember(&mut self, index: u64) -> Result<(), Fault> {
        self.check_room(self.memo.len())?;
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn store(&mut self, value: Value) -> Result<Id, Fault> {
        self.check_room(self.values.len())?;
        self.values.push(value);
        Ok(Id(self.values.len() as u32 - 1))
    }

    fn push(&mut self, id: Id) -> Result<(), Fault> {
        self.check_room(self.stack.len())?;
        self.stack.push(id);
        Ok(())
    }

    fn check_room(&self, used: usize) -> Result<(), Fault> {
        if used < VALUES_MAX {
            return Ok(());
        }
        Err(Fault::foreign(self.here(), format!("at most {VALUES_MAX} values"), "more"))
    }

    fn top(&self) -> Result<Id, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or_else(|| self.nothing_there())
    }

    fn pop(&mut self) -> Result<Id, Fault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(from) if from >= floor => Ok(self.stack.split_off(from)),
            _ => Err(self.nothing_there()),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let from = self.marks.pop().ok_or_else(|| Fault::damaged(self.here(), "a mark before", "none"))?;
        Ok(self.stack.split_off(from))
    }

    fn nothing_there(&self) -> Fault {
        Fault::damaged(self.here(), "a value on the stack", "none")
    }

    /// Reads an unsigned integer of 1, 4 or 8 bytes.
    fn number(&mut self, width: usize) -> Result<u64, Fault> {
        let bytes = self.take(width)?;
        let mut all = [0; 8];
        all[..width].copy_from_slice(bytes);
        Ok(u64::from_le_bytes(all))
    }

    /// Reads bytes that are preceded by their number.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], Fault> {
        let count = self.number(width)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.take(count)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else {
            let expected = format!("{count} more bytes");
            return Err(Fault::damaged(self.here(), expected, format!("the end after {}", rest.len())));
        };
        self.at += count;
        Ok(taken)
    }

    /// Reads text up to the end of the line, and the line's end.
    fn line(&mut self) -> Result<String, Fault> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().take(NAME_BYTES_MAX).position(|&byte| byte == b'\n') else {
            return Err(Fault::damaged(self.here(), "a name that ends with its line", "no end of line"));
        };
        self.at += length + 1;
        self.utf8(&rest[..length])
    }

    fn utf8(&self, bytes: &[u8]) -> Result<String, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::damaged(self.here(), "UTF-8 text", "other bytes"))?;
        Ok(text.to_string())
    }

    fn here(&self) -> String {
        format!("{}, byte {}", self.location, self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the value as Python would print it.
    fn shown(pickle: &Pickle, id: Id) -> String {
        let list = |ids: &[Id]| ids.iter().map(|&id| shown(pickle, id)).collect::<Vec<_>>().join(", ");
        match pickle.get(id) {
            Value::Tuple(ids) => format!("({})", list(ids)),
            Value::List(ids) => format!("[{}]", list(ids)),
            Value::Set(ids) => format!("{{{}}}", list(ids)),
            Value::Dict(items) => {
                let item = |&(key, value): &(Id, Id)| format!("{}: {}", shown(pickle, key), shown(pickle, value));
                format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(", "))
            }
            Value::Call { function, arguments, .. } => {
                format!("{}{}", shown(pickle, *function), shown(pickle, *arguments))
            }
            Value::Global { module, name } => format!("{module}.{name}"),
            Value::Text(text) => format!("'{text}'"),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Persistent(id) => format!("<{}>", shown(pickle, *id)),
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let pickle = run(bytes, "test").unwrap();
        assert_eq!(shown(&pickle, pickle.root), expected);
        assert_eq!(pickle.length, bytes.len());
    }

    #[track_caller]
    fn refuses(bytes: &[u8], said: &str) {
        let fault = run(bytes, "test").unwrap_err();
        let message = format!("{}: expected {}, found {}", fault.location, fault.expected, fault.found);
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn data_of_protocol_2_is_read() {
        // pickle.dumps({"a": [1, 300, -2, 2**40], "b": (1.5, None, True)}, 2)
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01M,\x01J\xfe\xff\xff\xff\x8a\x06\x00\x00\x00\x00\x00\x01e\
            X\x01\x00\x00\x00bq\x03G?\xf8\x00\x00\x00\x00\x00\x00N\x88\x87q\x04u.";
        check(bytes, "{'a': [1, 300, -2, 1099511627776], 'b': (1.5, None, Bool(true))}");
    }

    #[test]
    fn data_of_protocol_4_is_read() {
        // pickle.dumps({"a", }, 4), and a name taken from the stack.
        check(b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8f\x94(\x8c\x01a\x94\x90.", "{'a'}");
        check(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system");
    }

    #[test]
    fn a_call_is_kept_as_a_name_and_its_arguments() {
        // `os.system("touch owned")` in a hostile pickle.
        check(b"cos\nsystem\n(X\x0b\x00\x00\x00touch ownedtR.", "os.system('touch owned')");
    }

    #[test]
    fn an_ordered_dictionary_is_a_dictionary() {
        check(b"ccollections\nOrderedDict\n)RX\x01\x00\x00\x00aK\x01s.", "{'a': 1}");
        // OrderedDict([[1, 2]]), as written by Python 2.
        check(b"ccollections\nOrderedDict\n](](K\x01K\x02ee\x85R.", "{1: 2}");
    }

    #[test]
    fn a_value_may_hold_itself() {
        // l = []; l.append(l)
        let pickle = run(b"]q\x00h\x00a.", "test").unwrap();
        assert_eq!(pickle.root(), &Value::List(vec![pickle.root]));
    }

    #[test]
    fn long_integers_are_twos_complement() {
        check(b"\x8a\x00.", "0");
        check(b"\x8a\x01\xff.", "-1");
        check(b"\x8a\x02\xff\x00.", "255");
        check(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "119547037146038801333356");
    }

    #[test]
    fn instructions_that_make_objects_are_refused_with_their_place() {
        refuses(
            b"\x80\x02(ios\nsystem\n.",
            "test, byte 3: expected an instruction that builds data, found instruction 0x69",
        );
        refuses(b"I1\n.", "protocol 0");
        refuses(b"\x82\x01.", "registered code");
    }

    #[test]
    fn contradictions_are_refused() {
        refuses(b"", "the end after 0");
        refuses(b".", "a value on the stack");
        refuses(b"N(.", "a value on the stack");
        refuses(b"h\x05.", "none at place 5");
        refuses(b"X\xff\xff\xff\xffa.", "4294967295 more bytes");
        refuses(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffa.", "more bytes");
        refuses(b"X\x01\x00\x00\x00\xff.", "UTF-8");
        refuses(b"}(K\x01u.", "a key without a value");
        refuses(b"NK\x01a.", "a container");
        refuses(b"t.", "a mark");
        refuses(b"\x80\x09N.", "protocol 5");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_values_never_outnumber_them(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(pickle) = run(&bytes, "test") {
                prop_assert!(pickle.values.len() <= bytes.len());
            }
        }

        #[test]
        fn no_sequence_of_known_instructions_makes_it_panic(codes in prop::collection::vec(
            prop::sample::select(b"(012NKJGX]){}\x85\x86\x87tldaesuhqRbQ\x81\x8f\x90\x91\x92\x93\x94.".to_vec()), 0..200))
        {
            if let Ok(pickle) = run(&codes, "test") {
                prop_assert!(pickle.values.len() <= codes.len());
            }
        }
    }
}
