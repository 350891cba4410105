"""Apache Kafka's own tools for groups against a broker, with assertions on what they print: `group_tools.py BOOTSTRAP`."""
import re
import subprocess
import sys
import time

import tool_runner
from tool_runner import fresh
import paths
import scenario

GROUPS = "consumer.group.ConsumerGroupCommand"
CONSOLE = ["java", "-Xmx256M", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={tool_runner.HERE}/log4j2.properties", "-cp", paths.JARS,
           "org.apache.kafka.tools.consumer.ConsoleConsumer"]


class GroupTools:
    def __init__(self, runner):
        self.runner = runner
        self.run = runner.run
        self.topic = fresh("group-tools")
        self.group = f"{self.topic}-group"
        self.consumer = None

    def groups(self, *arguments):
        return self.run(GROUPS, *arguments)

    def refusal(self, *arguments):
        """All that the command says when it does not do what it was asked for."""
        return "".join(self.runner.outcome(GROUPS, "--bootstrap-server", self.runner.bootstrap, *arguments, status=None))

    def rows(self, *arguments):
        """What `--describe` prints, as a row of words for each partition or member."""
        shown = self.groups("--describe", "--group", self.group, *arguments)
        lines = [line.split() for line in shown.splitlines() if line.strip()]
        return [line for line in lines if line[0] == self.group]

    def consume(self):
        """A console consumer that stays, and one that reads all and leaves."""
        self.run("TopicCommand", "--create", "--topic", self.topic, "--partitions", "3")
        lines = "".join(f"value {i}\n" for i in range(300))
        keyed = "".join(f"{i}\tvalue {i}\n" for i in range(300))  # so that every partition has many
        self.run("ConsoleProducer", "--topic", self.topic, "--reader-property", "parse.key=true", data=keyed)
        read = self.run("consumer.ConsoleConsumer", "--topic", self.topic, "--group", self.group, "--from-beginning",
                        "--max-messages", "300", "--timeout-ms", "60000")
        assert sorted(read.split("\n")[:-1]) == sorted(lines.split("\n")[:-1]), f"{len(read.splitlines())} lines"
        self.consumer = subprocess.Popen([*CONSOLE, "--bootstrap-server", self.runner.bootstrap, "--topic", self.topic, "--group", self.group],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while "Stable" not in self.groups("--describe", "--group", self.group, "--state"):
            assert time.monotonic() < deadline, "the group is not stable"

    def describe(self):
        rows = self.rows()
        assert len(rows) == 3, rows
        assert all(row[1] == self.topic and row[3] == row[4] and row[5] == "0" for row in rows), rows
        assert all(re.fullmatch(r"console-consumer-[0-9a-f-]{36}", row[6]) and row[7] == "/127.0.0.1" for row in rows), rows
        members = self.rows("--members", "--verbose")
        assert len(members) == 1 and members[0][4] == "3", members
        state = self.rows("--state")
        assert state[0][3:6] == ["range", "Stable", "1"], state

    def listed(self):
        assert self.group in self.groups("--list").split()
        assert re.search(rf"^{self.group}\s+Classic\s+Stable", self.groups("--list", "--state", "Stable", "--type", "classic"), re.MULTILINE) \
            or self.group in self.groups("--list", "--state", "Stable")
        assert self.group not in self.groups("--list", "--state", "Empty").split()

    def kafka_groups(self):
        """Groups of all types in one list, one row each: GROUP TYPE PROTOCOL."""
        row = rf"(?m)^{self.group}\s+Classic\s+consumer\s*$"
        for filters in ([], ["--consumer"], ["--group-type", "classic"], ["--protocol", "consumer"]):
            shown = self.run("GroupsCommand", "--list", *filters)
            assert re.match(r"GROUP\s+TYPE\s+PROTOCOL", shown) and re.search(row, shown), (filters, shown)
        for filters in (["--group-type", "consumer"], ["--protocol", "connect"], ["--share"], ["--streams"]):
            shown = self.run("GroupsCommand", "--list", *filters)
            assert self.group not in shown, (filters, shown)

    def refused(self):
        """A group with members keeps its offsets and its existence."""
        shown = self.refusal("--delete", "--group", self.group)
        assert "GroupNotEmptyException" in shown, shown
        shown = self.refusal("--reset-offsets", "--to-earliest", "--group", self.group, "--topic", self.topic, "--execute")
        assert "inactive" in shown, shown
        shown = self.groups("--delete-offsets", "--group", self.group, "--topic", self.topic)
        assert "actively subscribed" in shown, shown
        self.consumer.terminate()
        self.consumer.wait(30)
        deadline = time.monotonic() + 60
        while "Empty" not in self.groups("--describe", "--group", self.group, "--state"):
            assert time.monotonic() < deadline, "the group is not empty"

    def reset(self):
        ends = {row[2]: row[4] for row in self.rows()}
        for arguments, expected in [
            (["--to-earliest"], "0"),
            (["--to-offset", "5"], "5"),
            (["--shift-by", "2"], "7"),
            (["--to-datetime", "2001-01-01T00:00:00.000"], "0"),
            (["--to-latest"], ends),
            (["--by-duration", "PT1H"], "0"),
            (["--to-offset", "4"], "4"),
            (["--to-current"], "4"),
        ]:
            shown = self.groups("--reset-offsets", "--group", self.group, "--topic", self.topic, *arguments, "--execute")
            rows = [line.split() for line in shown.splitlines() if line.startswith(self.group)]
            planned = {row[2]: row[3] for row in rows}
            assert planned == (expected if isinstance(expected, dict) else dict.fromkeys(ends, expected)), f"{arguments}: {shown}"
        plan = self.groups("--reset-offsets", "--group", self.group, "--topic", f"{self.topic}:1", "--to-offset", "3", "--export", "--dry-run")
        assert f"{self.topic},1,3" in plan.replace('"', ""), plan
        assert {row[3] for row in self.rows()} == {"4"}, "the last reset is not what is committed, or a dry run was"

    def delete(self):
        shown = self.groups("--delete-offsets", "--group", self.group, "--topic", f"{self.topic}:0")
        assert "Successful" in shown, shown
        by_partition = {row[2]: row[3] for row in self.rows()}
        assert by_partition.get("0", "-") == "-" and by_partition["1"] != "-", by_partition
        assert "Deletion of requested consumer groups" in self.groups("--delete", "--group", self.group)
        assert self.group not in self.groups("--list").split()


def main():
    runner = tool_runner.ToolRunner(sys.argv[1])
    tools = GroupTools(runner)
    checks = scenario.Checks("group-tools")
    checks.check("kafka-console-consumer reads as a group", tools.consume)
    checks.check("kafka-consumer-groups describes offsets, members and state", tools.describe)
    checks.check("kafka-consumer-groups lists by state and type", tools.listed)
    checks.check("kafka-groups lists by type and protocol", tools.kafka_groups)
    checks.check("kafka-consumer-groups is refused while there are members", tools.refused)
    checks.check("kafka-consumer-groups resets offsets in every form", tools.reset)
    checks.check("kafka-consumer-groups deletes offsets and the group", tools.delete)
    runner.close()
    checks.finish()


main()
