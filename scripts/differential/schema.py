"""The protocol's messages at every version, read from protocol/schemas: a value is a dict, written and read field by field.

Shares nothing with the broker but the schema text, so that a codec of ours is never judged by itself."""
import dataclasses
import struct
import uuid

ALWAYS_LAST = 32767
ZERO_ID = uuid.UUID(int=0)
FIXED = {"int8": ">b", "int16": ">h", "int32": ">i", "int64": ">q", "uint16": ">H", "float64": ">d"}


@dataclasses.dataclass
class Field:
    name: str
    type: str  # primitive, or the structure's name
    is_array: bool
    versions: tuple
    nullable: tuple = (0, -1)
    tag: int = None
    tagged: tuple = (0, -1)
    default: str = None

    def is_struct(self):
        return self.type[0].isupper()

    def default_value(self, message):
        if self.default == "null":
            return None
        if self.is_array:
            return []
        if self.is_struct():
            return {field.name: field.default_value(message) for field in message.structs[self.type]}
        if self.type == "bool":
            return self.default == "true"
        zero = {"string": "", "bytes": b"", "records": b"", "uuid": ZERO_ID, "float64": 0.0}.get(self.type, 0)
        return zero if self.default is None else type(zero)(self.default)


class Message:
    def __init__(self, kind, name, words):
        self.kind, self.name, self.structs = kind, name, {name: []}
        options = dict(zip(words[::2], words[1::2]))
        self.key = int(options.get("id", -1))
        self.versions = _versions(options["versions"])
        self.flexible = _versions(options.get("flexible", "none"))

    def encode(self, value, version):
        out = bytearray()
        self._write_struct(out, self.name, value, version)
        return bytes(out)

    def decode(self, data, version):
        """The value; fails on bytes that are left over."""
        reader = Reader(data)
        value = self._read_struct(reader, self.name, version)
        if reader.left():
            raise ValueError(f"{self.name} v{version}: {reader.left()} bytes left over")
        return value

    def is_flexible(self, version):
        return _within(version, self.flexible)

    def _write_struct(self, out, name, value, version):
        flexible, tagged = self.is_flexible(version), []
        for field in self.structs[name]:
            if not _within(version, field.versions):
                continue
            content = value.get(field.name, field.default_value(self))
            if _within(version, field.tagged):
                if content != field.default_value(self):
                    tagged.append((field.tag, field, content))
            else:
                self._write_field(out, field, content, version)
        if flexible:
            _write_varint(out, len(tagged))
            for tag, field, content in sorted(tagged, key=lambda entry: entry[0]):
                section = bytearray()
                self._write_field(section, field, content, version)
                _write_varint(out, tag)
                _write_varint(out, len(section))
                out += section

    def _write_field(self, out, field, content, version):
        flexible = self.is_flexible(version)
        if field.is_array:
            _write_length(out, None if content is None else len(content), flexible, ">i")
            for element in content or []:
                self._write_one(out, field, element, version, in_array=True)
        else:
            self._write_one(out, field, content, version, in_array=False)

    def _write_one(self, out, field, content, version, in_array):
        flexible = self.is_flexible(version)
        if field.is_struct():
            if not in_array and _within(version, field.nullable):
                out += b"\xff" if content is None else b"\x01"
            if content is not None:
                self._write_struct(out, field.type, content, version)
        elif field.type == "bool":
            out.append(1 if content else 0)
        elif field.type in FIXED:
            out += struct.pack(FIXED[field.type], content)
        elif field.type == "uuid":
            out += content.bytes
        else:
            data = content.encode() if isinstance(content, str) else content
            _write_length(out, None if data is None else len(data), flexible, ">h" if field.type == "string" else ">i")
            out += data or b""

    def _read_struct(self, reader, name, version):
        value, tagged = {}, {}
        for field in self.structs[name]:
            if not _within(version, field.versions):
                continue
            if _within(version, field.tagged):
                tagged[field.tag] = field
                value[field.name] = field.default_value(self)
            else:
                value[field.name] = self._read_field(reader, field, version)
        if self.is_flexible(version):
            for _ in range(reader.varint()):
                tag, size = reader.varint(), reader.varint()
                section = Reader(reader.take(size))
                if tag in tagged:
                    value[tagged[tag].name] = self._read_field(section, tagged[tag], version)
        return value

    def _read_field(self, reader, field, version):
        if not field.is_array:
            return self._read_one(reader, field, version, in_array=False)
        count = reader.length(self.is_flexible(version), ">i")
        return None if count is None else [self._read_one(reader, field, version, in_array=True) for _ in range(count)]

    def _read_one(self, reader, field, version, in_array):
        if field.is_struct():
            is_tagged = _within(version, field.tagged)
            if not in_array and _within(version, field.nullable) and reader.take(1) in (b"\xff", b"\x00" if is_tagged else b"\xff"):
                return None
            return self._read_struct(reader, field.type, version)
        if field.type == "bool":
            return reader.take(1) != b"\x00"
        if field.type in FIXED:
            return reader.fixed(FIXED[field.type])
        if field.type == "uuid":
            return uuid.UUID(bytes=reader.take(16))
        size = reader.length(self.is_flexible(version), ">h" if field.type == "string" else ">i")
        if size is None:
            return None
        data = reader.take(size)
        return data.decode(errors="replace") if field.type == "string" else data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left():
            raise ValueError(f"{count} bytes wanted, {self.left()} there")
        self.at += count
        return self.data[self.at - count:self.at]

    def fixed(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def length(self, flexible, form):
        """None for null."""
        length = self.varint() - 1 if flexible else self.fixed(form)
        return None if length < 0 else length


def load(directory):
    """{(kind, api key): Message} of every request and response."""
    messages = {}
    for path in sorted(directory.glob("*.schema")):
        for message in _parse(path.read_text()):
            if message.kind in ("request", "response"):
                messages[message.kind, message.key] = message
    return messages


def _parse(text):
    messages, owners = [], []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        indentation = len(line) - len(line.lstrip())
        if indentation == 0:
            messages.append(Message(words[0], words[1], words[2:]))
            owners = [(2, words[1])]
        elif words[0] == "struct" and len(words) == 3:
            messages[-1].structs.setdefault(words[1], [])
            owners = [(4, words[1])]
        else:
            field = _field(words)
            owners = [owner for owner in owners if owner[0] <= indentation]
            messages[-1].structs[owners[-1][1]].append(field)
            if field.is_struct():
                messages[-1].structs.setdefault(field.type, [])
                owners.append((indentation + 2, field.type))
    return messages


def _field(words):
    name, type_, versions, *options = words
    field = Field(name, type_.removeprefix("[]"), type_.startswith("[]"), _versions(versions))
    options = iter(options)
    for option in options:
        if option == "nullable":
            field.nullable = _versions(next(options))
        elif option == "tag":
            field.tag, field.tagged = int(next(options)), field.versions
        elif option == "tagged":
            field.tagged = _versions(next(options))
        elif option == "default":
            field.default = next(options)
    return field


def _versions(text):
    if text == "none":
        return (0, -1)
    if text.endswith("+"):
        return (int(text[:-1]), ALWAYS_LAST)
    first, _, last = text.partition("-")
    return (int(first), int(last or first))


def _within(version, versions):
    return versions[0] <= version <= versions[1]


def _write_varint(out, value):
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_length(out, length, flexible, form):
    if flexible:
        _write_varint(out, 0 if length is None else length + 1)
    else:
        out += struct.pack(form, -1 if length is None else length)
