"""A disk with faults made to order: one file in a file system of our own (FUSE), behind a loop device.

Below the broker's file system, so that the kernel itself reports what it makes of a fault, to io_uring as to any other caller.
`FaultyDevice` starts this file as a process of its own, and tells it over its standard input which faults to make from now on:
a JSON object a line, answered with the number of requests that each fault has met so far."""
import ctypes
import errno
import json
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time

NAME = "disk.img"
MOUNT_FLAGS = 2 | 4  # nosuid, nodev
REQUEST_BYTES = 1 << 21
WRITE_BYTES_MAX = 1 << 20
DIRECT_IO = 1  # no page cache: a read comes here
INIT_FLAGS = 1 | 1 << 5 | 1 << 22  # asynchronous reads, big writes, many pages
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25
INIT, OPENDIR, RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET = 26, 27, 29, 36, 38, 42
UNANSWERED = (FORGET, INTERRUPT, BATCH_FORGET)
ROOT, FILE = 1, 2
FOREVER = 1 << 30


class FaultyDevice:
    """A loop device on such a file. Faults are dicts: `on` ("read", "write" or "sync"), `do` ("error", "drop", "delay" or "move") and
    `ranges`, where they strike (without: everywhere)."""

    def __init__(self, work, size):
        self.image = work / "image"
        self.image.touch()
        os.truncate(self.image, size)
        self.mount_point = work / "device"
        self.mount_point.mkdir()
        self.process = subprocess.Popen([sys.executable, __file__, str(self.image), str(self.mount_point)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()
        try:
            self.path = _output("losetup", "--find", "--show", self.mount_point / NAME)
        except RuntimeError:
            self._end_process()
            raise

    def set(self, *faults):
        """Replaces the faults; returns how many requests the former ones met."""
        self.process.stdin.write(json.dumps(faults) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.set()
        subprocess.run(["losetup", "--detach", self.path], check=True)
        self._end_process()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the faulty device does not start: see standard error")
        return json.loads(line)

    def _end_process(self):
        for _ in range(100):
            if subprocess.run(["umount", self.mount_point], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        self.process.stdin.close()
        self.process.wait(10)


def _output(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


class Server:
    """Answers the kernel, one request at a time."""

    def __init__(self, image, mount_point):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.faults = []
        self.met = 0
        self.kernel = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.kernel},rootmode=40000,user_id=0,group_id=0"
        if libc.mount(b"faulty", os.fsencode(mount_point), b"fuse", MOUNT_FLAGS, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def serve(self):
        while True:
            try:
                request = os.read(self.kernel, REQUEST_BYTES)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            _, operation, unique, node = struct.unpack_from("<IIQQ", request)
            if operation in UNANSWERED:
                continue
            try:
                answer, code = self.answer(operation, node, request[40:]), 0
            except OSError as error:
                answer, code = b"", -error.errno
            os.write(self.kernel, struct.pack("<IiQ", 16 + len(answer), code, unique) + answer)

    def answer(self, operation, node, body):
        if operation == READ:
            position, count = struct.unpack_from("<QI", body, 8)
            self.strike("read", position, count)
            return os.pread(self.image, count, position)
        if operation == WRITE:
            position, count = struct.unpack_from("<QI", body, 8)
            to = self.strike("write", position, count)
            if to is not None:
                os.pwrite(self.image, body[40:40 + count], to)
            return struct.pack("<II", count, 0)
        if operation == FSYNC:
            self.strike("sync", 0, self.size)
            return b""
        if operation == LOOKUP:
            if body.rstrip(b"\0").decode() != NAME:
                raise OSError(errno.ENOENT, "")
            return struct.pack("<QQQQII", FILE, 0, FOREVER, FOREVER, 0, 0) + self.attributes(FILE)
        if operation in (GETATTR, SETATTR):
            return struct.pack("<QII", FOREVER, 0, 0) + self.attributes(node)
        if operation in (OPEN, OPENDIR):
            return struct.pack("<QIi", node, DIRECT_IO, 0)
        if operation == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, INIT_FLAGS, 16, 12, WRITE_BYTES_MAX, 1, WRITE_BYTES_MAX // 4096, 0, 0)
        if operation == STATFS:
            return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        if operation in (RELEASE, RELEASEDIR, FLUSH, DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "")

    def attributes(self, node):
        mode, size = (0o40755, 0) if node == ROOT else (0o100600, self.size)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def strike(self, on, position, count):
        """Makes the faults that there are for this; returns where a write goes, None when nowhere."""
        to = position
        for fault in self.faults:
            ranges = fault.get("ranges")
            if fault["on"] != on or (ranges and not any(start < position + count and position < end for start, end in ranges)):
                continue
            self.met += 1
            if fault["do"] == "error":
                raise OSError(errno.EIO, "")
            if fault["do"] == "delay":
                time.sleep(fault["seconds"])
            if fault["do"] == "drop":
                to = None
            if fault["do"] == "move" and to is not None:
                to += fault["by"]
        return to


def main():
    server = Server(sys.argv[1], sys.argv[2])
    threading.Thread(target=server.serve, daemon=True).start()
    print(0, flush=True)
    for line in sys.stdin:
        met, server.met, server.faults = server.met, 0, json.loads(line)
        print(met, flush=True)


if __name__ == "__main__":
    main()
