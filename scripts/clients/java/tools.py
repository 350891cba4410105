"""Apache Kafka's own command-line tools against a broker: `tools.py BOOTSTRAP`."""
import pathlib
import subprocess
import sys
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "lib"), str(HERE.parent / "python")]
import paths
import scenario

TOOLS = "org.apache.kafka.tools."


class Tools:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.topic = f"tools-{uuid.uuid4().hex[:8]}"

    def run(self, tool, *arguments, data=None):
        command = ["java", "-Xmx256M", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={HERE}/log4j2.properties", "-cp", paths.JARS,
                   tool, "--bootstrap-server", self.bootstrap, *arguments]
        done = subprocess.run(command, input=data, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, f"{tool} ended with {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}"
        return done.stdout

    def topics(self):
        self.run(TOOLS + "TopicCommand", "--create", "--topic", self.topic, "--partitions", "3", "--config", "retention.ms=777777")
        shown = self.run(TOOLS + "TopicCommand", "--describe", "--topic", self.topic)
        assert "PartitionCount: 3" in shown and "retention.ms=777777" in shown, shown
        assert self.topic in self.run(TOOLS + "TopicCommand", "--list").split()

    def configs(self):
        of_topic = ["--entity-type", "topics", "--entity-name", self.topic]
        self.run("kafka.admin.ConfigCommand", "--alter", *of_topic, "--add-config", "retention.ms=888888")
        shown = self.run("kafka.admin.ConfigCommand", "--describe", *of_topic)
        assert "retention.ms=888888" in shown, shown

    def console(self):
        """Keys and headers; the console producer has no choice of partition, so the consumer reads all three."""
        sent = [f"header:h{i}\tkey{i}\tvalue {i}" for i in range(200)]
        self.run(TOOLS + "ConsoleProducer", "--topic", self.topic, "--compression-codec", "lz4", "--reader-property", "parse.key=true",
                 "--reader-property", "parse.headers=true", data="".join(line + "\n" for line in sent))
        ends = self.offsets("-1")
        assert sum(ends.values()) == len(sent), ends
        lines = []
        for partition, end in ends.items():
            lines += self.consume(partition, "earliest", end)
        assert sorted(lines) == sorted(sent), f"{len(lines)} lines, first {lines[:2]}"
        partition, end = max(ends.items(), key=lambda entry: entry[1])
        assert self.consume(partition, str(end - 3), 3) == self.consume(partition, "earliest", end)[-3:]

    def consume(self, partition, offset, count):
        if count == 0:
            return []
        return self.run(TOOLS + "consumer.ConsoleConsumer", "--topic", self.topic, "--partition", str(partition), "--offset", offset,
                        "--max-messages", str(count), "--timeout-ms", "30000", "--formatter-property", "print.key=true",
                        "--formatter-property", "print.headers=true").splitlines()

    def offsets(self, time):
        lines = self.run(TOOLS + "GetOffsetShell", "--topic", self.topic, "--time", time).split()
        return {int(line.split(":")[1]): int(line.split(":")[2]) for line in lines}

    def performance(self):
        before = sum(self.offsets("-1").values())
        shown = self.run(TOOLS + "ProducerPerformance", "--topic", self.topic, "--num-records", "20000", "--record-size", "100", "--throughput", "-1")
        assert "20000 records sent" in shown, shown
        assert sum(self.offsets("-1").values()) - before == 20000
        assert set(self.offsets("-2").values()) == {0}

    def delete(self):
        self.run(TOOLS + "TopicCommand", "--delete", "--topic", self.topic)


def main():
    tools = Tools(sys.argv[1])
    checks = scenario.Checks("java-tools")
    checks.check("TopicCommand creates, describes and lists", tools.topics)
    checks.check("ConfigCommand alters and describes", tools.configs)
    checks.check("ConsoleProducer and ConsoleConsumer --partition, keys and headers", tools.console)
    checks.check("ProducerPerformance and GetOffsetShell", tools.performance)
    checks.check("TopicCommand deletes", tools.delete)
    checks.finish()


main()
