"""One process of a test with its log: started, looked at, stopped, killed. Brokers and JVM servers are such."""
import os
import pathlib
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One process at a time; it may be spawned again after `stop` or `kill`, and goes on with the same log."""

    def __init__(self, name, log):
        self.name = name
        self.log = pathlib.Path(log)
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def spawn(self):
        """Starts the process without waiting for it."""
        # Both prefixes are settings to Millrace, and one is to Kafka's servers: what is set here must not reach what is under test.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MILLRACE_", "KAFKA_"))}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)

    def command(self):
        raise NotImplementedError

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=30):
        """SIGTERM; returns (exit status, seconds it took). A process that outlives the limit raises TimeoutError."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs {seconds} s after SIGTERM\n{self.dump()}") from None
        return status, time.monotonic() - began

    def kill(self):
        """SIGKILL; returns when the process is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self):
        """User and system time of the process so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def dump(self):
        """What every thread of the process waits for, and the end of its log: for failures that look like a hang."""
        lines = [f"--- threads of {self.name}, pid {self.pid}"]
        for task in sorted(pathlib.Path(f"/proc/{self.pid}/task").glob("*")):
            parts = [_read(task / name).strip() for name in ("comm", "wchan", "syscall")]
            lines.append(f"{task.name} {' | '.join(parts)}")
            lines += [f"    {frame}" for frame in _read(task / "stack").splitlines()]
        return "\n".join(lines + [self.log_tail()])

    def log_tail(self, lines=25):
        return f"--- end of {self.log}\n" + "\n".join(_read(self.log).splitlines()[-lines:])


def _read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError as error:
        return f"({error.strerror})"
