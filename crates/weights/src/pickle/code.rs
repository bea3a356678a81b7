//! The instructions of a pickle that build data; all others are errors.

/// An instruction that this machine executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Proto,
    Frame,
    Stop,
    Mark,
    Pop,
    PopMark,
    Dup,
    None,
    True,
    False,
    /// An integer with this number of bytes, signed if they are four.
    Int(usize),
    /// An integer whose length is given in this number of bytes.
    Long(usize),
    Float,
    /// UTF-8 text whose length is given in this number of bytes.
    Text(usize),
    /// A byte string of Python 2, which is text where it is a name.
    OldText(usize),
    Bytes(usize),
    EmptyList,
    EmptyTuple,
    EmptyDict,
    EmptySet,
    /// A tuple of this number of members.
    Tuple(usize),
    MarkedTuple,
    MarkedList,
    MarkedDict,
    FrozenSet,
    Append,
    Appends,
    SetItem,
    SetItems,
    AddItems,
    /// Fetches a value from the memo; the index is given in this number of bytes.
    Get(usize),
    Put(usize),
    Memoize,
    Global,
    StackGlobal,
    Reduce,
    Build,
    NewObject,
    NewObjectEx,
    Persistent,
}

impl Code {
    /// Returns the instruction of a byte, if it builds data.
    pub fn of(byte: u8) -> Option<Code> {
        Some(match byte {
            0x80 => Code::Proto,
            0x95 => Code::Frame,
            b'.' => Code::Stop,
            b'(' => Code::Mark,
            b'0' => Code::Pop,
            b'1' => Code::PopMark,
            b'2' => Code::Dup,
            b'N' => Code::None,
            0x88 => Code::True,
            0x89 => Code::False,
            b'K' => Code::Int(1),
            b'M' => Code::Int(2),
            b'J' => Code::Int(4),
            0x8a => Code::Long(1),
            0x8b => Code::Long(4),
            b'G' => Code::Float,
            0x8c => Code::Text(1),
            b'X' => Code::Text(4),
            0x8d => Code::Text(8),
            b'U' => Code::OldText(1),
            b'T' => Code::OldText(4),
            b'C' => Code::Bytes(1),
            b'B' => Code::Bytes(4),
            0x8e | 0x96 => Code::Bytes(8),
            b']' => Code::EmptyList,
            b')' => Code::EmptyTuple,
            b'}' => Code::EmptyDict,
            0x8f => Code::EmptySet,
            0x85 => Code::Tuple(1),
            0x86 => Code::Tuple(2),
            0x87 => Code::Tuple(3),
            b't' => Code::MarkedTuple,
            b'l' => Code::MarkedList,
            b'd' => Code::MarkedDict,
            0x91 => Code::FrozenSet,
            b'a' => Code::Append,
            b'e' => Code::Appends,
            b's' => Code::SetItem,
            b'u' => Code::SetItems,
            0x90 => Code::AddItems,
            b'h' => Code::Get(1),
            b'j' => Code::Get(4),
            b'q' => Code::Put(1),
            b'r' => Code::Put(4),
            0x94 => Code::Memoize,
            b'c' => Code::Global,
            0x93 => Code::StackGlobal,
            b'R' => Code::Reduce,
            b'b' => Code::Build,
            0x81 => Code::NewObject,
            0x92 => Code::NewObjectEx,
            b'Q' => Code::Persistent,
            _ => return None,
        })
    }
}

/// Describes the effect that a rejected instruction would have, if that is informative.
pub(crate) fn refused(byte: u8) -> &'static str {
    match byte {
        b'i' | b'o' => "which makes an object of a class",
        0x82..=0x84 => "which fetches registered code",
        b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => "of protocol 0",
        0x97 | 0x98 => "for buffers out of band",
        _ => "which does not exist",
    }
}
