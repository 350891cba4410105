//! Wire bytes made from a schema alone: an encoder of its own, which shares nothing with the
//! generated code but the schema text.

use crate::random::Random;
use crate::schema::{Field, Message, Primitive, Struct, Type, struct_name};

/// What the values are.
pub(crate) enum Style<'a> {
    /// Any values.
    Random(&'a mut Random),
    /// The schema's defaults.
    Defaults,
    /// As little as possible, but so many elements in one array: (structure, field, elements).
    Flood(&'a str, &'a str, usize),
}

/// The message in this version.
pub(crate) fn generate(message: &Message, version: i16, style: Style<'_>) -> Vec<u8> {
    let flexible = message.flexible.contains(version);
    let mut wire = Wire {
        message,
        version,
        flexible,
        style,
        out: Vec::new(),
    };
    wire.structure(&message.structs[0]);
    wire.out
}

struct Wire<'a> {
    message: &'a Message,
    version: i16,
    flexible: bool,
    style: Style<'a>,
    out: Vec<u8>,
}

impl<'a> Wire<'a> {
    fn structure(&mut self, structure: &'a Struct) {
        let version = self.version;
        let mut tagged: Vec<&Field> = Vec::new();
        for field in structure
            .fields
            .iter()
            .filter(|field| field.versions.contains(version))
        {
            if field.tagged.contains(version) {
                tagged.push(field);
            } else {
                self.field(structure, field);
            }
        }
        if self.flexible {
            tagged.sort_by_key(|field| field.tag);
            self.tagged_section(structure, &tagged);
        }
    }

    fn tagged_section(&mut self, structure: &'a Struct, tagged: &[&'a Field]) {
        let mut section = Vec::new();
        let mut count = 0;
        for field in tagged {
            let value = self.detached(structure, field);
            let style = std::mem::replace(&mut self.style, Style::Defaults);
            let default = self.detached(structure, field);
            self.style = style;
            if value != default && self.wants_tag(structure, field) {
                count += 1;
                varint(
                    &mut section,
                    u64::from(field.tag.expect("a tagged field has a tag")),
                );
                varint(&mut section, value.len() as u64);
                section.extend(value);
            }
        }
        varint(&mut self.out, count);
        self.out.extend(section);
    }

    fn wants_tag(&self, structure: &Struct, field: &Field) -> bool {
        match self.style {
            Style::Random(_) => true,
            Style::Defaults => false,
            Style::Flood(..) => self.leads_to_flood(&structure.name, field),
        }
    }

    /// The bytes of the field, not appended.
    fn detached(&mut self, structure: &'a Struct, field: &'a Field) -> Vec<u8> {
        let before = std::mem::take(&mut self.out);
        self.field(structure, field);
        std::mem::replace(&mut self.out, before)
    }

    fn field(&mut self, structure: &'a Struct, field: &'a Field) {
        let nullable = field.nullable.contains(self.version);
        if nullable && self.chooses_null(structure, field) {
            return self.null(field);
        }
        match &field.ty {
            Type::Struct(name) => {
                if nullable {
                    self.out.push(1);
                }
                self.structure(self.message.structure(name));
            }
            Type::Array(element) => {
                let count = self.elements(structure, field);
                self.length(count, 4);
                for _ in 0..count {
                    match &**element {
                        Type::Struct(name) => self.structure(self.message.structure(name)),
                        Type::Primitive(primitive) => self.primitive(*primitive, None),
                        Type::Array(_) => panic!("arrays of arrays do not occur"),
                    }
                }
            }
            Type::Primitive(primitive) => self.primitive(*primitive, field.default.as_deref()),
        }
    }

    fn chooses_null(&mut self, structure: &Struct, field: &Field) -> bool {
        match &mut self.style {
            Style::Random(random) => random.one_in(4),
            Style::Defaults => field.default.as_deref() == Some("null"),
            Style::Flood(..) => !self.leads_to_flood(&structure.name, field),
        }
    }

    fn null(&mut self, field: &Field) {
        match &field.ty {
            Type::Struct(_) if field.tagged.contains(self.version) => self.out.push(0),
            Type::Struct(_) => self.out.push(0xff),
            _ if self.flexible => self.out.push(0),
            Type::Primitive(Primitive::String) => self.out.extend([0xff; 2]),
            Type::Primitive(_) | Type::Array(_) => self.out.extend([0xff; 4]),
        }
    }

    fn elements(&mut self, structure: &Struct, field: &Field) -> usize {
        let leads = self.leads_to_flood(&structure.name, field);
        match &mut self.style {
            Style::Random(random) => random.below(4),
            Style::Defaults => 0,
            Style::Flood(owner, name, count) if *owner == structure.name && *name == field.name => {
                *count
            }
            Style::Flood(..) => usize::from(leads),
        }
    }

    /// True when the flooded array is this field or inside it.
    fn leads_to_flood(&self, owner: &str, field: &Field) -> bool {
        let Style::Flood(structure, name, _) = self.style else {
            return false;
        };
        if owner == structure && field.name == name {
            return true;
        }
        struct_name(&field.ty).is_some_and(|inner| {
            let inner = self.message.structure(inner);
            let fields = inner.fields.iter();
            fields
                .filter(|field| field.versions.contains(self.version))
                .any(|field| self.leads_to_flood(&inner.name, field))
        })
    }

    fn length(&mut self, length: usize, fixed_bytes: usize) {
        let length = length as u64;
        if self.flexible {
            varint(&mut self.out, length + 1);
        } else {
            self.out.extend(&length.to_be_bytes()[8 - fixed_bytes..]);
        }
    }

    fn primitive(&mut self, primitive: Primitive, default: Option<&str>) {
        match primitive {
            Primitive::Bool => {
                let value = self.number(default);
                self.out.push(u8::from(value & 1 == 1));
            }
            Primitive::Int8 => self.integer(1, default),
            Primitive::Int16 | Primitive::Uint16 => self.integer(2, default),
            Primitive::Int32 => self.integer(4, default),
            Primitive::Int64 => self.integer(8, default),
            Primitive::Float64 => {
                // a quarter of the bits as a whole number: any value but NaN would do
                let [high, low, ..] = self.number(default).to_be_bytes();
                let value = f64::from(i16::from_be_bytes([high, low]));
                self.out.extend(value.to_be_bytes());
            }
            Primitive::Uuid => {
                let high = self.number(None);
                let low = self.number(None);
                self.out.extend(high.to_be_bytes());
                self.out.extend(low.to_be_bytes());
            }
            Primitive::String => {
                let text = self.text();
                self.length(text.len(), 2);
                self.out.extend(text.as_bytes());
            }
            Primitive::Bytes => {
                let bytes = match &mut self.style {
                    Style::Random(random) => {
                        let length = random.below(200);
                        random.bytes(length)
                    }
                    Style::Defaults | Style::Flood(..) => Vec::new(),
                };
                self.length(bytes.len(), 4);
                self.out.extend(bytes);
            }
        }
    }

    fn integer(&mut self, bytes: usize, default: Option<&str>) {
        let value = self.number(default);
        self.out.extend(&value.to_be_bytes()[8 - bytes..]);
    }

    fn number(&mut self, default: Option<&str>) -> i64 {
        match &mut self.style {
            Style::Random(random) => match random.below(8) {
                0 => 0,
                1 => -1,
                2 => 1,
                3 => i64::MAX,
                4 => i64::MIN,
                _ => random.next().cast_signed(),
            },
            Style::Defaults | Style::Flood(..) => match default {
                None | Some("false") => 0,
                Some("true") => 1,
                Some(number) => number.parse().expect("a default is a number"),
            },
        }
    }

    fn text(&mut self) -> String {
        let Style::Random(random) = &mut self.style else {
            return String::new();
        };
        let characters = if random.one_in(20) {
            300
        } else {
            random.below(9)
        };
        let alphabet = ['a', 'Z', '0', '.', '-', '_', '/', '\0', 'é', '→', '𝄞'];
        (0..characters)
            .map(|_| alphabet[random.below(alphabet.len())])
            .collect()
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value /= 0x80;
    }
    out.push(value.to_le_bytes()[0]);
}
