//! From bytes to a value. Every length is checked against what is there, and
//! nesting is bounded, so that a broken file costs nothing but an error.

use super::Value;

/// More objects inside of each other are not read.
const MAX_DEPTH: usize = 200;
/// Holes that are read at most, in all arrays: one may claim any length.
const MAX_HOLES: usize = 100_000;

/// Why bytes are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end early, or hold what V8 does not write.
    #[error("the value is damaged at byte {0}")]
    Damaged(usize),
    /// A newer V8 wrote them.
    #[error("the value has the format {0}, and this version reads up to {NEWEST}")]
    Newer(u32),
    /// They are nested too deeply.
    #[error("the value is nested too deeply to be shown")]
    Deep,
}

/// The newest version of the format that is read.
const NEWEST: u32 = 16;

/// Reads a value.
///
/// # Errors
/// When the bytes are no value of V8, or too much for a tool.
pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader =
        Reader { bytes, at: 0, version: 0, open: Vec::new(), depth: 0, holes: MAX_HOLES };
    reader.header()?;
    reader.value()
}

/// What `js/cloned_errors.js` calls an error.
const STORED_ERROR: &str = "storedError";

/// An error, as its parts are read.
#[derive(Default)]
struct Error {
    is_one: bool,
    name: String,
    message: String,
    properties: Vec<(String, Value)>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    version: u32,
    /// By number, whether an object is still being read.
    open: Vec<bool>,
    depth: usize,
    /// How many may still be read.
    holes: usize,
}

type Result<T, E = DecodeError> = std::result::Result<T, E>;

impl Reader<'_> {
    fn header(&mut self) -> Result<()> {
        if self.byte()? != 0xff {
            return Err(DecodeError::Damaged(0));
        }
        self.version = self.varint()?;
        if self.version > NEWEST { Err(DecodeError::Newer(self.version)) } else { Ok(()) }
    }

    fn value(&mut self) -> Result<Value> {
        let tag = self.tag()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DecodeError::Deep);
        }
        let value = self.tagged(tag)?;
        self.depth -= 1;
        Ok(value)
    }

    fn tagged(&mut self, tag: u8) -> Result<Value> {
        Ok(match tag {
            // The number of objects, which a reader may check.
            b'?' => {
                self.varint()?;
                return self.value();
            }
            b'_' => Value::Undefined,
            b'0' => Value::Null,
            b'T' => Value::Boolean(true),
            b'F' => Value::Boolean(false),
            b'I' => Value::Number(f64::from(self.zigzag()?)),
            b'U' => Value::Number(f64::from(self.varint()?)),
            b'N' => Value::Number(self.double()?),
            b'Z' => Value::BigInt(self.bigint()?),
            b'"' | b'c' | b'S' => Value::String(self.string(tag)?),
            b'^' => self.reference()?,
            b'y' => self.whole(|_| Ok(Value::Boolean(true)))?,
            b'x' => self.whole(|_| Ok(Value::Boolean(false)))?,
            b'n' => self.whole(|reader| Ok(Value::Number(reader.double()?)))?,
            b'z' => self.whole(|reader| Ok(Value::BigInt(reader.bigint()?)))?,
            b's' => self.whole(|reader| Ok(Value::String(reader.any_string()?)))?,
            b'D' => self.whole(|reader| Ok(Value::Date(reader.double()?)))?,
            b'R' => self.whole(Self::reg_exp)?,
            b'o' => self.whole(|reader| Ok(Value::Object(reader.properties(b'{')?)))?,
            b'A' => self.whole(Self::dense_array)?,
            b'a' => self.whole(Self::sparse_array)?,
            b';' => self.whole(Self::map)?,
            b'\'' => self.whole(Self::set)?,
            b'B' | b'C' | b'~' => {
                let buffer = self.whole(|reader| reader.buffer(tag))?;
                self.view_of(buffer)?
            }
            b'r' => self.whole(Self::error)?,
            b'\\' => self.whole(Self::host_object)?,
            _ => return Err(self.damaged()),
        })
    }

    /// An object: it has a number, and is not whole before `read` is done.
    fn whole(&mut self, read: impl FnOnce(&mut Self) -> Result<Value>) -> Result<Value> {
        let number = self.open.len();
        self.open.push(true);
        let value = read(self)?;
        self.open[number] = false;
        Ok(value)
    }

    fn reference(&mut self) -> Result<Value> {
        let number = self.varint()? as usize;
        let is_circular = self.open.get(number).copied().ok_or_else(|| self.damaged())?;
        if self.bytes.get(self.at) == Some(&b'V') {
            // Another view of a buffer that was read.
            self.view()?;
        }
        Ok(Value::Again { is_circular })
    }

    /// Keys and values up to the tag `end`, and how many those were.
    fn properties(&mut self, end: u8) -> Result<Vec<(String, Value)>> {
        let mut properties = Vec::new();
        while !self.ends(end)? {
            let key = match self.value()? {
                Value::String(key) => key,
                Value::Number(index) => index.to_string(),
                _ => return Err(self.damaged()),
            };
            properties.push((key, self.value()?));
            if self.at == self.bytes.len() {
                return Ok(properties);
            }
        }
        self.varint()?;
        Ok(properties)
    }

    fn dense_array(&mut self) -> Result<Value> {
        let length = self.varint()? as usize;
        let mut items = Vec::new();
        for _ in 0..length {
            if self.at == self.bytes.len() && matches!(items.last(), Some(Some(Value::Opaque))) {
                return Ok(Value::Array(items));
            }
            if self.peek()? == b'-' {
                self.at += 1;
                items.push(None);
            } else {
                items.push(Some(self.value()?));
            }
        }
        self.properties(b'$')?;
        self.skip_length();
        Ok(Value::Array(items))
    }

    fn sparse_array(&mut self) -> Result<Value> {
        let length = (self.varint()? as usize).min(self.holes);
        self.holes -= length;
        let mut items: Vec<Option<Value>> = Vec::new();
        items.resize_with(length, || None);
        for (key, value) in self.properties(b'@')? {
            // Other keys are properties of the array, and not its items.
            if let Some(item) = key.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                *item = Some(value);
            }
        }
        self.skip_length();
        Ok(Value::Array(items))
    }

    /// The length that stands once more behind an array. What it held of the
    /// host may have taken it along.
    fn skip_length(&mut self) {
        let _ = self.varint();
    }

    fn map(&mut self) -> Result<Value> {
        let mut entries = Vec::new();
        while !self.ends(b':')? {
            let key = self.value()?;
            entries.push((key, self.value()?));
        }
        self.varint()?;
        Ok(Value::Map(entries))
    }

    fn set(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        while !self.ends(b',')? {
            items.push(self.value()?);
        }
        self.varint()?;
        Ok(Value::Set(items))
    }

    fn reg_exp(&mut self) -> Result<Value> {
        let source = self.any_string()?;
        let bits = self.varint()?;
        // In the order of V8's flags.
        let flags = "gimyusldv".chars().enumerate();
        let flags = flags.filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, flag)| flag);
        let mut flags: Vec<char> = flags.collect();
        flags.sort_unstable();
        Ok(Value::RegExp { source, flags: flags.into_iter().collect() })
    }

    /// An error as V8 writes it, which loses its other properties.
    fn error(&mut self) -> Result<Value> {
        let mut name = "Error";
        let mut message = String::new();
        let mut properties = Vec::new();
        loop {
            match self.byte()? {
                b'E' => name = "EvalError",
                b'R' => name = "RangeError",
                b'F' => name = "ReferenceError",
                b'S' => name = "SyntaxError",
                b'T' => name = "TypeError",
                b'U' => name = "URIError",
                b'm' => message = self.any_string()?,
                b'c' => properties.push(("cause".into(), self.value()?)),
                b's' => properties.push(("stack".into(), Value::String(self.any_string()?))),
                b'.' => return Ok(Value::Error { name: name.into(), message, properties }),
                _ => return Err(self.damaged()),
            }
        }
    }

    /// What the platform writes in place of an object of its own: a value that
    /// tells. Of a host that writes something else, nothing after it can be read.
    fn host_object(&mut self) -> Result<Value> {
        if self.varint()? != u32::MAX {
            self.at = self.bytes.len();
            return Ok(Value::Opaque);
        }
        let Value::Object(entries) = self.value()? else { return Ok(Value::Opaque) };
        let mut error = Error::default();
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("type", Value::String(kind)) => error.is_one = kind == STORED_ERROR,
                ("name", Value::String(name)) => error.name = name,
                ("message", Value::String(message)) => error.message = message,
                ("props", Value::Object(properties)) => error.properties = properties,
                _ => {}
            }
        }
        let Error { is_one, name, message, properties } = error;
        Ok(if is_one { Value::Error { name, message, properties } } else { Value::Opaque })
    }

    fn buffer(&mut self, tag: u8) -> Result<Value> {
        let length = self.size()?;
        if tag == b'~' {
            self.size()?;
        }
        Ok(Value::Bytes { class: "ArrayBuffer", bytes: self.take(length)?.to_vec() })
    }

    /// A buffer may be followed by the view of it that was meant.
    fn view_of(&mut self, buffer: Value) -> Result<Value> {
        if self.bytes.get(self.at) != Some(&b'V') {
            return Ok(buffer);
        }
        let Value::Bytes { bytes, .. } = buffer else { return Ok(buffer) };
        let (class, from, length) = self.view()?;
        let to = from.checked_add(length).ok_or_else(|| self.damaged())?;
        let bytes = bytes.get(from..to).ok_or_else(|| self.damaged())?.to_vec();
        Ok(Value::Bytes { class, bytes })
    }

    /// The class of a view, where it begins, and its length.
    fn view(&mut self) -> Result<(&'static str, usize, usize)> {
        self.at += 1;
        let class = match self.byte()? {
            b'b' => "Int8Array",
            b'B' => "Uint8Array",
            b'C' => "Uint8ClampedArray",
            b'w' => "Int16Array",
            b'W' => "Uint16Array",
            b'd' => "Int32Array",
            b'D' => "Uint32Array",
            b'h' => "Float16Array",
            b'f' => "Float32Array",
            b'F' => "Float64Array",
            b'q' => "BigInt64Array",
            b'Q' => "BigUint64Array",
            b'?' => "DataView",
            _ => return Err(self.damaged()),
        };
        let (from, length) = (self.size()?, self.size()?);
        if self.version >= 14 {
            self.varint()?;
        }
        self.open.push(false);
        Ok((class, from, length))
    }

    fn any_string(&mut self) -> Result<String> {
        let tag = self.tag()?;
        self.string(tag)
    }

    fn string(&mut self, tag: u8) -> Result<String> {
        let length = self.varint()? as usize;
        let bytes = self.take(length)?;
        match tag {
            b'"' => Ok(bytes.iter().copied().map(char::from).collect()),
            b'S' => Ok(String::from_utf8_lossy(bytes).into_owned()),
            b'c' => {
                let units =
                    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                Ok(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
            }
            _ => Err(self.damaged()),
        }
    }

    fn bigint(&mut self) -> Result<String> {
        let bits = self.varint()?;
        let digits = decimal(self.take((bits >> 1) as usize)?);
        Ok(if bits & 1 == 1 && digits != "0" { format!("-{digits}") } else { digits })
    }

    fn ends(&mut self, end: u8) -> Result<bool> {
        self.skip_padding();
        let ends = self.peek()? == end;
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn tag(&mut self) -> Result<u8> {
        self.skip_padding();
        self.byte()
    }

    fn skip_padding(&mut self) {
        while self.bytes.get(self.at) == Some(&0) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8> {
        self.bytes.get(self.at).copied().ok_or_else(|| self.damaged())
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: usize) -> Result<&[u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or(DecodeError::Damaged(self.at))?;
        self.at += length;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u32> {
        u32::try_from(self.size()?).map_err(|_| self.damaged())
    }

    /// A length of bytes: 64 bits of it count, as of version 16.
    fn size(&mut self) -> Result<usize> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| self.damaged());
            }
        }
        Err(self.damaged())
    }

    fn zigzag(&mut self) -> Result<i32> {
        let bits = self.varint()?;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    fn double(&mut self) -> Result<f64> {
        let bytes = self.take(8)?;
        Ok(f64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    fn damaged(&self) -> DecodeError {
        DecodeError::Damaged(self.at)
    }
}

/// The decimal digits of a number whose bytes begin with the lowest. They are
/// shown in full up to 4,096 bits; the time grows with the square.
fn decimal(bytes: &[u8]) -> String {
    const MAX_BYTES: usize = 512;
    const BASE: u64 = 1_000_000_000;
    if bytes.len() > MAX_BYTES {
        return format!("a number of {} bits", bytes.len() * 8);
    }
    // The lowest nine digits first.
    let mut groups: Vec<u64> = vec![0];
    for byte in bytes.iter().rev() {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            let value = *group * 256 + carry;
            *group = value % BASE;
            carry = value / BASE;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut digits = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        digits.push_str(&format!("{group:09}"));
    }
    digits
}
