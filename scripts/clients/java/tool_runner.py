"""Runs Apache Kafka's command-line tools against a broker, all in one JVM (`ToolRunner.java`), and hands back what they print."""
import json
import pathlib
import subprocess
import sys
import threading
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "lib"), str(HERE.parent / "python")]
import paths

TOOLS = "org.apache.kafka.tools."
TOOL_LIMIT = 90  # seconds that one tool may take


class ToolRunner:
    """Tools by the name of their class below `org.apache.kafka.tools`, or by the whole name."""

    def __init__(self, bootstrap=None):
        self.bootstrap = bootstrap
        command = ["java", "-Xmx384M", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--add-opens", "java.base/java.lang=ALL-UNNAMED",
                   f"-Dlog4j2.configurationFile={HERE}/log4j2.properties",
                   "-cp", paths.JARS, "ToolRunner"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self, tool, *arguments, data="", status=0):
        """What the tool prints; it must end with `status`, if that is said."""
        out, _ = self.outcome(tool, "--bootstrap-server", self.bootstrap, *arguments, data=data, status=status)
        return out

    def outcome(self, tool, *arguments, data="", status=0):
        """Standard output and standard error of a tool that is told the broker's address in its arguments."""
        name = tool if "." in tool and tool.split(".")[0] in ("org", "kafka") else TOOLS + tool
        limit = threading.Timer(TOOL_LIMIT, self.process.kill)
        limit.start()
        self.process.stdin.write(json.dumps({"tool": name, "arguments": arguments, "data": data}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        limit.cancel()
        assert line, f"{tool} did not end within {TOOL_LIMIT} s, or took the JVM with it"
        done = json.loads(line)
        assert status in (None, done["status"]), f"{tool} {' '.join(arguments)} ended with {done['status']}: {done['out'][-800:]} {done['err'][-800:]}"
        return done["out"], done["err"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def fresh(name):
    """A name that no earlier run has used."""
    return f"{name}-{uuid.uuid4().hex[:8]}"
