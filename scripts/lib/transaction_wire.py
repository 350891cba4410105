"""The requests of transactional producers by hand, so that a test can send what no client would."""
import socket
import struct
import time

CRC32C = []
for _value in range(256):
    for _ in range(8):
        _value = _value >> 1 ^ (0x82F63B78 if _value & 1 else 0)
    CRC32C.append(_value)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def uvarint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def varint(number):
    return uvarint(number << 1 if number >= 0 else (-number << 1) - 1)


def string(text):
    """Compact, nullable."""
    return b"\0" if text is None else uvarint(len(text.encode()) + 1) + text.encode()


def array(items, encode):
    return uvarint(len(items) + 1) + b"".join(encode(item) for item in items)


def topics(partitions):
    """{topic: [index]} as name, partitions, tags."""
    return array(list(partitions.items()), lambda item: string(item[0]) + array(item[1], lambda i: struct.pack(">i", i)) + b"\0")


class ProducerId(int):
    """Told apart from other numbers, because each broker gives out its own."""


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def producer(self):
        """Id and epoch."""
        return ProducerId(self.take("q")), self.take("h")

    def uvarint(self):
        number = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return number

    def string(self):
        length = self.uvarint() - 1
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def array(self, decode):
        return [decode() for _ in range(max(self.uvarint() - 1, 0))]

    def tags(self):
        for _ in range(self.uvarint()):
            self.uvarint()
            self.skip(self.uvarint())

    def skip(self, count):
        self.at += count

    def tagged(self, *values):
        self.tags()
        return values


class Wire:
    """One connection. All requests are in flexible versions."""

    def __init__(self, port):
        self.port = port
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), 30)
        self.correlation = 0

    def ask(self, key, version, body, header_tags=True):
        self.correlation += 1
        frame = struct.pack(">hhih", key, version, self.correlation, 4) + b"test" + (b"\0" if header_tags else b"") + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        size = struct.unpack(">i", self.exactly(4))[0]
        answer = Answer(self.exactly(size))
        assert answer.take("i") == self.correlation
        if header_tags:
            answer.tags()
        return answer

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise OSError("the broker closed the connection")
            data += piece
        return data

    def find_coordinator(self, key, kind=1):
        answer = self.ask(10, 4, struct.pack(">b", kind) + array([key], string) + b"\0")
        answer.take("i")
        answer.uvarint()
        answer.string()
        node = answer.take("i")
        answer.string()
        return {"node": node, "port": answer.take("i"), "error": answer.take("h")}

    def init(self, name, timeout_ms=60_000, producer=(-1, -1), version=5):
        body = string(name) + struct.pack(">i", timeout_ms)
        body += struct.pack(">qh", *producer) if version >= 3 else b""
        answer = self.ask(22, version, body + b"\0")
        _, error = answer.take("ih")
        return error, answer.producer()

    def add_partitions(self, name, producer, partitions, version=3):
        body = string(name) + struct.pack(">qh", *producer) + topics(partitions) + b"\0"
        answer = self.ask(24, version, body)
        answer.take("i")
        return self._results(answer)

    def verify(self, name, producer, partitions, only=True, version=5):
        transaction = string(name) + struct.pack(">qhb", *producer, only) + topics(partitions) + b"\0"
        answer = self.ask(24, version, uvarint(2) + transaction + b"\0")
        answer.take("i")
        error = answer.take("h")
        answer.uvarint()
        answer.string()
        return error, self._results(answer)

    def _results(self, answer):
        partition = lambda: answer.tagged(answer.take("i"), answer.take("h"))
        topic = lambda: answer.tagged(answer.string(), answer.array(partition))
        results = {(name, index): error for name, found in answer.array(topic) for index, error in found}
        return dict(sorted(results.items()))

    def add_offsets(self, name, producer, group, version=3):
        answer = self.ask(25, version, string(name) + struct.pack(">qh", *producer) + string(group) + b"\0")
        return answer.take("ih")[1]

    def end(self, name, producer, committed, version=5):
        answer = self.ask(26, version, string(name) + struct.pack(">qhb", *producer, committed) + b"\0")
        _, error = answer.take("ih")
        return (error, answer.producer()) if version >= 5 else (error, None)

    def commit_offsets(self, name, group, producer, offsets, version=5, member=("", -1)):
        partition = lambda item: struct.pack(">iqi", item[0], item[1], -1) + string("") + b"\0"
        of_topic = lambda item: string(item[0]) + array(list(item[1].items()), partition) + b"\0"
        body = string(name) + string(group) + struct.pack(">qh", *producer)
        body += struct.pack(">i", member[1]) + string(member[0]) + string(None)
        answer = self.ask(28, version, body + array(list(offsets.items()), of_topic) + b"\0")
        answer.take("i")
        return self._results(answer)

    def produce(self, name, producer, topic, index, sequence, value=b"v", version=11, transactional=True, acks=-1):
        records = batch(producer, sequence, [value], transactional)
        partition = struct.pack(">i", index) + uvarint(len(records) + 1) + records + b"\0"
        data = uvarint(2) + string(topic) + uvarint(2) + partition + b"\0"
        answer = self.ask(0, version, string(name) + struct.pack(">hi", acks, 30_000) + data + b"\0")
        answer.uvarint()
        answer.string()
        answer.uvarint()
        _, error, offset = answer.take("ihq")
        return error, offset

    def describe(self, name):
        answer = self.ask(65, 0, array([name], string) + b"\0")
        answer.take("i")
        answer.uvarint()
        error = answer.take("h")
        name, state = answer.string(), answer.string()
        timeout_ms, started = answer.take("iq")
        producer = answer.producer()
        topic = lambda: answer.tagged(answer.string(), answer.array(lambda: answer.take("i")))
        found = {topic: sorted(indexes) for topic, indexes in answer.array(topic)}
        return {"error": error, "name": name, "state": state, "timeout_ms": timeout_ms, "started": started > 0, "producer": producer, "topics": found}

    def list(self, states=(), producers=(), longer_than_ms=-1, pattern=None, version=1):
        body = array(list(states), string) + array(list(producers), lambda i: struct.pack(">q", i))
        body += struct.pack(">q", longer_than_ms) if version >= 1 else b""
        body += string(pattern) if version >= 2 else b""
        answer = self.ask(66, version, body + b"\0")
        _, error = answer.take("ih")
        unknown = sorted(answer.array(answer.string))
        state = lambda: answer.tagged(answer.string(), answer.take("q"), answer.string())
        return {"error": error, "unknown": unknown, "listed": sorted((name, state) for name, _, state in answer.array(state))}

    def producers(self, topic, index):
        answer = self.ask(61, 0, topics({topic: [index]}) + b"\0")
        answer.take("i")
        answer.uvarint()
        answer.string()
        answer.uvarint()
        index, error = answer.take("ih")
        message = answer.string()
        producer = lambda: answer.tagged(*answer.take("qiiqiq"))
        found = answer.array(producer)
        return {"error": error, "message": message, "producers": sorted((ProducerId(p[0]), p[1], p[2], p[4], p[5]) for p in found)}

    def marker(self, producer, committed, topic, index, coordinator_epoch=0, version=1, level=0):
        body = uvarint(2) + struct.pack(">qhb", *producer, committed) + topics({topic: [index]}) + struct.pack(">i", coordinator_epoch)
        body += struct.pack(">b", level) if version >= 2 else b""
        answer = self.ask(27, version, body + b"\0\0")
        answer.uvarint()
        answer.take("q")
        return self._results(answer)

    def fetch(self, topic, index, offset, committed=True):
        """All that there is from an offset on; brokers differ in how much of it one answer brings."""
        all_of_it = self.fetch_once(topic, index, offset, committed)
        more = all_of_it["batches"]
        while more and more[-1][0] + 1 < all_of_it["stable" if committed else "watermark"]:
            further = self.fetch_once(topic, index, more[-1][0] + 1, committed)
            more = further["batches"]
            all_of_it["batches"] += more
            if all_of_it["aborted"] is not None and further["aborted"] is not None:
                all_of_it["aborted"] = sorted(set(all_of_it["aborted"] + further["aborted"]), key=lambda aborted: aborted[1])
        return all_of_it

    def fetch_once(self, topic, index, offset, committed=True):
        """Version 4: high watermark, last stable offset, aborted transactions and batch headers."""
        name = struct.pack(">h", len(topic)) + topic.encode()
        body = struct.pack(">iiiib", -1, 0, 0, 10_000_000, committed) + struct.pack(">i", 1) + name
        body += struct.pack(">iiqi", 1, index, offset, 10_000_000)
        answer = self.ask(1, 4, body, header_tags=False)
        answer.take("ii")
        answer.skip(answer.take("h"))
        answer.take("ii")
        error, watermark, stable, count = answer.take("hqqi")
        aborted = None if count < 0 else [(ProducerId(answer.take("q")), answer.take("q")) for _ in range(count)]
        size = answer.take("i")
        return {"error": error, "watermark": watermark, "stable": stable, "aborted": aborted, "batches": batches(answer.data[answer.at:answer.at + size])}

    def list_offset(self, topic, index, timestamp=-1, committed=True):
        name = struct.pack(">h", len(topic)) + topic.encode()
        body = struct.pack(">ibi", -1, committed, 1) + name + struct.pack(">iiq", 1, index, timestamp)
        answer = self.ask(2, 2, body, header_tags=False)
        answer.take("ii")
        answer.skip(answer.take("h"))
        answer.take("i")
        _, error, _, offset = answer.take("ihqq")
        return error, offset


def batch(producer, sequence, values, transactional):
    records = b""
    for delta, value in enumerate(values):
        record = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(record)) + record
    attributes = 0x10 if transactional else 0
    timestamp = time.time_ns() // 1_000_000
    covered = struct.pack(">hiqqqhii", attributes, len(values) - 1, timestamp, timestamp, *producer, sequence, len(values)) + records
    return struct.pack(">qiibI", 0, len(covered) + 9, -1, 2, crc32c(covered)) + covered


def batches(data):
    """Base offset, producer, sequence and kind of each batch."""
    found, at = [], 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        attributes, = struct.unpack_from(">h", data, at + 21)
        producer_id, epoch, sequence = struct.unpack_from(">qhi", data, at + 43)
        kind = "records"
        if attributes & 0x20:
            kind = "commit" if data[at + 61 + 8] else "abort"
        found.append((base, (ProducerId(producer_id), epoch), sequence, kind))
        at += length + 12
    return found
