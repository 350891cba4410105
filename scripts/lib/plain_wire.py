"""Produce, Fetch and a few more requests by hand: a client that retries nothing, keeps what it sent, and sees each error code.

What is read back is compared byte by byte with what was sent, which is more than a checksum."""
import os
import struct
import time

from transaction_wire import CRC32C, Wire, varint

NAMES = {0: "NONE", 1: "OFFSET_OUT_OF_RANGE", 2: "CORRUPT_MESSAGE", 3: "UNKNOWN_TOPIC_OR_PARTITION", 7: "REQUEST_TIMED_OUT",
         15: "COORDINATOR_NOT_AVAILABLE", 16: "NOT_COORDINATOR", 36: "TOPIC_ALREADY_EXISTS", 56: "KAFKA_STORAGE_ERROR", -1: "UNKNOWN_SERVER_ERROR"}
NUMBER_BYTES = 12
# Base offset, length, leader epoch, magic, checksum: what the broker may set, and what frames the rest.
FRONT_BYTES = 21
PADDINGS = [os.urandom(1 << 17) for _ in range(8)]


def name_of(code):
    return NAMES.get(code, str(code))


def crc_state(data, crc=0xFFFFFFFF):
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc


class Batches:
    """Batches of one record, each with a number of its own at its end: the checksum of what precedes it is computed once."""

    def __init__(self):
        self.fronts = {}
        self.number = 0
        self.timestamp = time.time_ns() // 1_000_000

    def next(self, size):
        self.number += 1
        padding = self.number % len(PADDINGS)
        if (size, padding) not in self.fronts:
            front = self._front(size, PADDINGS[padding])
            self.fronts[size, padding] = front, crc_state(front)
        front, state = self.fronts[size, padding]
        end = f"{self.number:{NUMBER_BYTES}d}".encode() + b"\0"  # no headers
        return self._frame(front + end, crc_state(end, state) ^ 0xFFFFFFFF)

    def _front(self, size, padding):
        """From the attributes on, to before the last bytes of the value."""
        record = b"\0\0\0" + varint(-1) + varint(size) + padding[:size - NUMBER_BYTES]
        record = varint(len(record) + NUMBER_BYTES + 1) + record
        return struct.pack(">hiqqqhii", 0, 0, self.timestamp, self.timestamp, -1, -1, -1, 1) + record

    @staticmethod
    def _frame(body, crc):
        return struct.pack(">qiibI", 0, len(body) + 9, 0, 2, crc) + body


def split(data):
    """{base offset: what does not change, from the checksum on} of whole batches."""
    found = {}
    at = 0
    while at + FRONT_BYTES < len(data):
        offset, length = struct.unpack_from(">qi", data, at)
        if length < FRONT_BYTES or at + 12 + length > len(data):
            break
        found[offset] = data[at + 17:at + 12 + length]
        at += 12 + length
    return found


def has_right_checksum(found):
    return struct.unpack(">I", found[:4])[0] == crc_state(found[4:]) ^ 0xFFFFFFFF


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


class PlainWire(Wire):
    """Each request for one partition, or one topic."""

    def _ask(self, key, version, body):
        return self.ask(key, version, body, header_tags=False)

    def _text(self, answer):
        length = answer.take("h")
        if length >= 0:
            answer.skip(length)

    def _begin(self, answer, throttle=True):
        """To the one partition of the answer."""
        if throttle:
            answer.take("i")
        answer.take("i")
        self._text(answer)
        answer.take("ii")

    def create_topic(self, name, partitions, configs):
        body = struct.pack(">i", 1) + text(name) + struct.pack(">ihii", partitions, 1, 0, len(configs))
        body += b"".join(text(key) + text(str(value)) for key, value in configs.items()) + struct.pack(">ib", 10_000, 0)
        answer = self._ask(19, 4, body)
        answer.take("ii")
        self._text(answer)
        return answer.take("h")

    def delete_topic(self, name):
        answer = self._ask(20, 3, struct.pack(">i", 1) + text(name) + struct.pack(">i", 10_000))
        answer.take("ii")
        self._text(answer)
        return answer.take("h")

    def produce(self, topic, partition, batch):
        """Error and offset."""
        body = text(None) + struct.pack(">hii", -1, 30_000, 1) + text(topic) + struct.pack(">iii", 1, partition, len(batch)) + batch
        answer = self._ask(0, 3, body)
        self._begin(answer, throttle=False)
        return answer.take("hq")

    def fetch(self, topic, partition, offset, bytes_max=1 << 20):
        """Error, high watermark and batches."""
        body = struct.pack(">iiiibi", -1, 100, 1, bytes_max, 0, 1) + text(topic) + struct.pack(">iiqi", 1, partition, offset, bytes_max)
        answer = self._ask(1, 4, body)
        self._begin(answer)
        error, high_watermark, _, aborted = answer.take("hqqi")
        answer.skip(16 * max(aborted, 0))
        count = answer.take("i")
        return error, high_watermark, split(answer.data[answer.at:answer.at + max(count, 0)])

    def offset(self, topic, partition, timestamp):
        """Error and offset: -1 for the latest, -2 for the earliest."""
        body = struct.pack(">ii", -1, 1) + text(topic) + struct.pack(">iiq", 1, partition, timestamp)
        answer = self._ask(2, 1, body)
        self._begin(answer, throttle=False)
        error, _, offset = answer.take("hqq")
        return error, offset

    def delete_records(self, topic, partition, before):
        body = struct.pack(">i", 1) + text(topic) + struct.pack(">iiqi", 1, partition, before, 30_000)
        answer = self._ask(21, 0, body)
        self._begin(answer)
        return answer.take("qh")[1]

    def commit_offset(self, group, topic, partition, offset):
        body = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">qi", -1, 1) + text(topic)
        body += struct.pack(">iiq", 1, partition, offset) + text("")
        answer = self._ask(8, 2, body)
        self._begin(answer, throttle=False)
        return answer.take("h")

    def committed_offset(self, group, topic, partition):
        answer = self._ask(9, 1, text(group) + struct.pack(">i", 1) + text(topic) + struct.pack(">ii", 1, partition))
        self._begin(answer, throttle=False)
        offset = answer.take("q")
        self._text(answer)
        return answer.take("h"), offset
