"""The one Kafka request that tells whether a broker is up, by hand: no client library, no retries, no caches."""
import socket
import struct
import time

METADATA = 3


def metadata_answer(port, timeout=1.0):
    """Sends Metadata v1 for no topic and returns the number of brokers in the answer; raises OSError when there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.settimeout(timeout)
        body = struct.pack(">hhih5si", METADATA, 1, 7, 5, b"probe", 0)
        connection.sendall(struct.pack(">i", len(body)) + body)
        size = struct.unpack(">i", _exactly(connection, 4))[0]
        answer = _exactly(connection, size)
        correlation, brokers = struct.unpack(">ii", answer[:8])
        if correlation != 7:
            raise OSError(f"correlation id {correlation} instead of 7")
        return brokers


def wait_for_metadata(port, seconds, alive, pause=0.05):
    """Returns when the port answers Metadata with a broker in it; raises when `alive` turns false or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive():
            raise RuntimeError("the broker ended before it answered")
        try:
            if metadata_answer(port) > 0:
                return
        except OSError:
            pass
        time.sleep(pause)
    raise TimeoutError(f"no Metadata answer on port {port} within {seconds} s")


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise OSError("closed in the middle of an answer")
        data += piece
    return data
