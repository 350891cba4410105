"""One of the two brokers under comparison: a connection to it, and the names that its own ids stand for."""
import socket
import struct

from schema import Reader

API_VERSIONS = 18
# Not the leader yet, loading, not available, not the coordinator yet, a transaction that still completes.
NOT_YET = {6, 14, 15, 16, 51}
CLOSED = {"": "the connection was closed"}


class Side:
    def __init__(self, name, port, messages):
        self.name, self.port, self.messages = name, port, messages
        self.variables = {}
        self.symbols = {}
        self.connection = None
        self.correlation = 0

    def note(self, variable, value, is_id=True):
        """What this broker calls something that a request names by `Ref(variable)`; an id stands for the same thing in every answer."""
        self.variables[variable] = value
        if is_id and value != -1:
            self.symbols[value] = f"<{variable}>"

    def ask(self, key, version, value, patience=10.0):
        """The decoded answer; CLOSED when the broker closes instead; None for a produce that is never answered."""
        request, response = self.messages["request", key], self.messages["response", key]
        self.correlation += 1
        header = struct.pack(">hhih", key, version, self.correlation, 12) + b"differential" + (b"\x00" if request.is_flexible(version) else b"")
        body = header + request.encode(value, version)
        try:
            connection = self._connected(patience)
            connection.sendall(struct.pack(">i", len(body)) + body)
            if key == 0 and value.get("acks") == 0:
                return None
            answer = Reader(self._exactly(struct.unpack(">i", self._exactly(4))[0]))
        except TimeoutError:
            self.close()
            return {"": f"no answer within {patience} s"}
        except OSError:
            self.close()
            return dict(CLOSED)
        if answer.fixed(">i") != self.correlation:
            raise ValueError(f"{self.name}: an answer to another request")
        if response.is_flexible(version) and key != API_VERSIONS:
            for _ in range(answer.varint()):
                answer.varint()
                answer.take(answer.varint())
        return response.decode(answer.take(answer.left()), version)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def _connected(self, patience):
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), patience)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.settimeout(patience)
        return self.connection

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return bytes(data)


class Ref:
    """Stands in a request for what each broker itself calls this: a topic's id, a member, a producer."""

    def __init__(self, variable, offset=0):
        self.variable, self.offset = variable, offset

    def __repr__(self):
        return f"<{self.variable}>" + (f"{self.offset:+}" if self.offset else "")


def resolved(value, side):
    if isinstance(value, Ref):
        known = side.variables[value.variable]
        return known + value.offset if value.offset else known
    if isinstance(value, dict):
        return {name: resolved(inner, side) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, side) for inner in value]
    return value
