"""Tools that create topics, write and read: topics, console producer and consumer, offsets, deletion, performance."""
import collections
import json
import tempfile

from tool_runner import fresh

ALL = "-1"
FIRST = "-2"


def checks(runner):
    tools = DataTools(runner)
    return [
        ("kafka-topics creates, describes, lists and alters", tools.topics),
        ("kafka-console-producer and -consumer, keys and headers", tools.console),
        ("kafka-get-offsets", tools.get_offsets),
        ("kafka-delete-records", tools.delete_records),
        ("kafka-producer-perf-test", tools.producer_performance),
        ("kafka-consumer-perf-test", tools.consumer_performance),
        ("kafka-e2e-latency", tools.end_to_end_latency),
        ("kafka-verifiable-producer", tools.verifiable_producer),
        ("kafka-verifiable-consumer, both protocols", tools.verifiable_consumer),
        ("kafka-log-dirs", tools.log_dirs),
        ("kafka-topics deletes", tools.delete),
    ]


class DataTools:
    def __init__(self, runner):
        self.runner = runner
        self.run = runner.run
        self.topic = fresh("tools")
        self.verifiable = fresh("verifiable")

    def topics(self):
        self.run("TopicCommand", "--create", "--topic", self.topic, "--partitions", "2", "--config", "retention.ms=777777")
        shown = self.run("TopicCommand", "--describe", "--topic", self.topic)
        assert "PartitionCount: 2" in shown and "ReplicationFactor: 1" in shown and "retention.ms=777777" in shown, shown
        assert "Leader: 1\tReplicas: 1\tIsr: 1" in shown, shown
        self.run("TopicCommand", "--alter", "--topic", self.topic, "--partitions", "3")
        assert "PartitionCount: 3" in self.run("TopicCommand", "--describe", "--topic", self.topic)
        assert self.topic in self.run("TopicCommand", "--list").split()
        assert self.run("TopicCommand", "--describe", "--under-replicated-partitions") == ""
        twice = self.run("TopicCommand", "--create", "--topic", self.topic, status=1)
        assert f"Topic '{self.topic}' already exists." in twice, twice

    def console(self):
        """The console producer has no choice of partition, so the consumer reads all three."""
        sent = [f"header:h{i}\tkey{i}\tvalue {i}" for i in range(200)]
        self.run("ConsoleProducer", "--topic", self.topic, "--compression-codec", "lz4", "--reader-property", "parse.key=true",
                 "--reader-property", "parse.headers=true", data="".join(line + "\n" for line in sent))
        ends = self.offsets(self.topic, ALL)
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
        return self.run("consumer.ConsoleConsumer", "--topic", self.topic, "--partition", str(partition), "--offset", offset,
                        "--max-messages", str(count), "--timeout-ms", "30000", "--formatter-property", "print.key=true",
                        "--formatter-property", "print.headers=true").splitlines()

    def offsets(self, topic, time):
        lines = self.run("GetOffsetShell", "--topic", topic, "--time", time).split()
        return {int(line.split(":")[1]): int(line.split(":")[2]) for line in lines}

    def get_offsets(self):
        assert self.offsets(self.topic, FIRST) == {0: 0, 1: 0, 2: 0}
        assert self.offsets(self.topic, "earliest") == {0: 0, 1: 0, 2: 0}
        assert self.offsets(self.topic, "latest") == self.offsets(self.topic, ALL)
        only = self.run("GetOffsetShell", "--topic-partitions", f"{self.topic}:1", "--time", "latest")
        assert only.split() == [f"{self.topic}:1:{self.offsets(self.topic, ALL)[1]}"], only

    def delete_records(self):
        topic = fresh("deleted")
        self.run("TopicCommand", "--create", "--topic", topic, "--partitions", "1")
        self.run("ConsoleProducer", "--topic", topic, data="".join(f"{i}\n" for i in range(30)))
        asked = {"partitions": [{"topic": topic, "partition": 0, "offset": 10}], "version": 1}
        assert f"partition: {topic}-0\tlow_watermark: 10" in self.with_file(asked)
        assert self.offsets(topic, FIRST) == {0: 10}
        asked["partitions"][0]["offset"] = -1
        assert f"partition: {topic}-0\tlow_watermark: 30" in self.with_file(asked)
        assert self.offsets(topic, FIRST) == self.offsets(topic, ALL) == {0: 30}
        asked["partitions"][0]["offset"] = 31
        assert "OffsetOutOfRange" in self.with_file(asked)
        self.run("TopicCommand", "--delete", "--topic", topic)

    def with_file(self, asked):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(asked, file)
            file.flush()
            return self.run("DeleteRecordsCommand", "--offset-json-file", file.name)

    def producer_performance(self):
        before = sum(self.offsets(self.topic, ALL).values())
        shown = self.run("ProducerPerformance", "--topic", self.topic, "--num-records", "20000", "--record-size", "100", "--throughput", "-1")
        assert "20000 records sent" in shown, shown
        assert sum(self.offsets(self.topic, ALL).values()) - before == 20000

    def consumer_performance(self):
        count = sum(self.offsets(self.topic, ALL).values())
        shown = self.run("ConsumerPerformance", "--topic", self.topic, "--num-records", str(count), "--timeout", "30000", "--group", fresh("perf"))
        names, values = (line.split(", ") for line in shown.splitlines()[-2:])
        measured = dict(zip(names, values, strict=True))
        assert int(measured["data.consumed.in.nMsg"]) == count and float(measured["data.consumed.in.MB"]) > 1.9, shown

    def end_to_end_latency(self):
        topic = fresh("latency")
        self.run("TopicCommand", "--create", "--topic", topic, "--partitions", "1")
        shown = self.run("EndToEndLatency", "--topic", topic, "--num-records", "200", "--producer-acks", "all", "--record-size", "64")
        assert "Avg latency: " in shown and "Percentiles: 50th = " in shown, shown
        assert self.offsets(topic, ALL) == {0: 200}

    def verifiable_producer(self):
        self.run("TopicCommand", "--create", "--topic", self.verifiable, "--partitions", "1")
        sent = self.events("VerifiableProducer", "--max-messages", "150")
        last = sent["tool_data"][0]
        assert sorted(int(event["value"]) for event in sent["producer_send_success"]) == list(range(150)), last
        assert sorted(event["offset"] for event in sent["producer_send_success"]) == list(range(150)), last
        assert last["acked"] == 150, last

    def verifiable_consumer(self):
        for protocol in ("CLASSIC", "CONSUMER"):
            read = self.events("VerifiableConsumer", "--group-protocol", protocol, "--group-id", fresh("verifiable"), "--max-messages", "150", "--verbose")
            assert [partition["partition"] for partition in read["partitions_assigned"][0]["partitions"]] == [0], read["partitions_assigned"]
            assert [event["offset"] for event in read["record_data"]] == list(range(150)), read.keys()
            assert [event["value"] for event in read["record_data"]] == [str(i) for i in range(150)]
            committed = read["offsets_committed"][-1]
            assert committed["success"] and committed["offsets"][0]["offset"] == 150, committed
            assert read["shutdown_complete"], read.keys()

    def events(self, tool, *arguments):
        """What a verifiable client tells of itself, by the name of the event."""
        events = collections.defaultdict(list)
        for line in self.run(tool, "--topic", self.verifiable, *arguments).splitlines():
            event = json.loads(line)
            events[event["name"]].append(event)
        return events

    def log_dirs(self):
        shown = self.run("LogDirsCommand", "--describe", "--topic-list", self.topic, "--broker-list", "1")
        described = json.loads(next(line for line in shown.splitlines() if line.startswith("{")))
        (broker,) = described["brokers"]
        (directory,) = broker["logDirs"]
        assert broker["broker"] == 1 and directory["error"] is None, described
        sizes = {partition["partition"]: partition["size"] for partition in directory["partitions"]}
        ends = self.offsets(self.topic, ALL)
        assert sizes.keys() == {f"{self.topic}-{i}" for i in range(3)}, sizes
        assert all((sizes[f"{self.topic}-{i}"] > 0) == (ends[i] > 0) for i in range(3)), (sizes, ends)
        assert all(partition["offsetLag"] == 0 and not partition["isFuture"] for partition in directory["partitions"]), directory

    def delete(self):
        self.run("TopicCommand", "--delete", "--topic", self.topic)
        assert self.topic not in self.run("TopicCommand", "--list").split()
