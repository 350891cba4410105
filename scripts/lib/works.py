"""The works that scripts/compare measures: what is driven, and which figures count with which bars."""
import dataclasses
import typing

PARTITIONS = 16
ONE_RECORD = ["-P", "batch.size=0", "-P", "linger.ms=0", "-P", "max.in.flight.requests.per.connection=1"]
LARGE = ["-P", "batch.size=1048576", "-P", "linger.ms=10", "-P", "max.request.size=1100000"]


@dataclasses.dataclass
class Figure:
    """One figure of a run; `bars` say how many times better than which opponent Millrace must be."""
    name: str
    of: typing.Callable
    more_is_better: bool = True
    bars: dict = dataclasses.field(default_factory=dict)
    limit: float = None  # an absolute one for Millrace alone, the most that is allowed

    def better(self, own, other):
        """How many times better `own` is than `other`."""
        if not own or not other:
            return float("nan")
        return own / other if self.more_is_better else other / own


@dataclasses.dataclass
class Work:
    text: str
    figures: list
    arguments: list = None       # of `millrace-bench run`
    records: int = None          # so many, times the scale
    java: list = None            # settings of the Java ProducerPerformance instead, and the record size
    members: str = None          # what members of groups send one after the other instead: commits or heartbeats
    record_size: int = 1024
    rate_of_kafka: float = None  # at this part of the rate that Kafka sustains


def broker(key):
    return lambda report: report["broker"][key]


def both(shipped, synced):
    return {"kafka": shipped, "kafka-sync": synced}


def latency(kind, quantile):
    return lambda report: report["latency_us"].get(kind, {}).get(quantile, 0) / 1000


def consumed_per_cpu(report):
    return report["consumed_mb_per_second"] * report["seconds"] / report["broker"]["cpu_seconds"]


def produced_per_cpu(report):
    return report["bytes"] / 1e6 / report["broker"]["cpu_seconds"]


RECORDS_PER_CPU = ("records per CPU s", broker("records_per_cpu_second"))
COST = [
    Figure("CPU s per M records", broker("cpu_seconds_per_million_records"), False),
    Figure("CPU s per GB", broker("cpu_seconds_per_gb"), False),
    Figure("records/s", lambda report: report["records_per_second"]),
]


def figure(pair, **more):
    return Figure(pair[0], pair[1], **more)


def throughput(bars=None):
    return Figure("records/s", lambda report: report["records_per_second"], bars=bars or {})


def answers(what):
    """Answered requests of group members; a run counts them as records."""
    return [Figure(f"{what} per CPU s", lambda report: report["records"] / report["broker"]["cpu_seconds"], bars={"kafka": 3}),
            Figure(f"{what}/s", lambda report: report["records_per_second"])]


def tail(consumers):
    return Work(f"consume the tail, {consumers} consumers of one topic",
                [Figure("consumed MB per CPU s", consumed_per_cpu, bars={"kafka": 2})],
                ["--producers", "2", "--subscriptions", str(consumers), "--consumers", "1", "--rate", "20k", "--duration", "10s", "--warm-up", "2s"])


# The cost bar of the first light: the Java client's defaults, and single records from our own client.
COST_WORKS = {
    "small": Work("100 B, Java client defaults", COST, java=[], record_size=100, records=4_000_000),
    "large": Work("1 KiB, Java client, batch.size=1048576 linger.ms=10", COST, java=["batch.size=1048576", "linger.ms=10"], records=1_000_000),
    "singles": Work("one 1 KiB record a request, 500 connections", COST, records=300_000,
                    arguments=["--closed", "--producers", "500", "--partitions", "16", *ONE_RECORD, "-P", "enable.idempotence=false"]),
}

TABLE_WORKS = {
    "small-batches": Work("produce 100 B, 16 KiB batches, 8 producers, 16 partitions, acks=all",
                          [figure(RECORDS_PER_CPU, bars=both(4.5, 8)), throughput()],
                          ["--closed", "--producers", "8", "--record-size", "100"], records=4_000_000),
    "large-batches": Work("produce 1 KiB, 1 MiB batches, 4 producers, 16 partitions",
                          [Figure("MB per CPU s", produced_per_cpu, bars=both(4, 4)), throughput(both(1.3, 1.3)),
                           Figure("disk bytes per byte", broker("write_amplification"), False, limit=1.1)],
                          ["--closed", "--producers", "4", *LARGE], records=1_000_000),
    "one-record": Work("produce 1 KiB, one record a request, 500 producers, 100 partitions",
                       [Figure("requests per CPU s", broker("requests_per_cpu_second"), bars={"kafka": 4.5}), throughput({"kafka-sync": 10}),
                        Figure("disk bytes per byte", broker("write_amplification"), False, limit=2.2)],
                       ["--closed", "--producers", "500", "--partitions", "100", *ONE_RECORD], records=300_000),
    "partitions-16": Work("produce 1 KiB, 16 KiB batches over 16 partitions", [Figure("CPU s per GB", broker("cpu_seconds_per_gb"), False)],
                          ["--closed", "--producers", "10"], records=1_000_000),
    "partitions-10000": Work("the same over 10,000 partitions", [Figure("CPU s per GB", broker("cpu_seconds_per_gb"), False)],
                             ["--closed", "--producers", "1", "--topics", "10", "--partitions", "1000"], records=1_000_000),
    "latency": Work("latency at half of what Kafka sustains: 1 KiB, 100 producers, 100 partitions",
                    [Figure("response p99, ms", latency("response", "p99"), False, both(3, 5)),
                     Figure("response p99.9, ms", latency("response", "p99.9"), False, both(5, 10))],
                    ["--producers", "100", "--partitions", "100", "--duration", "20s", "--warm-up", "5s", "-P", "linger.ms=0"], rate_of_kafka=0.5),
    "end-to-end": Work("end-to-end latency, one record in flight",
                       [Figure("end to end p50, ms", latency("end_to_end", "p50"), False, both(2, 2)),
                        Figure("end to end p99, ms", latency("end_to_end", "p99"), False, both(5, 5))],
                       ["one-in-flight", "--duration", "10s", "--warm-up", "2s"]),
    "tail-1": tail(1),
    "tail-5": tail(5),
    "tail-20": tail(20),
    "cold": Work("consume a backlog of 2 GB while producing",
                 [Figure("consumed MB per CPU s", consumed_per_cpu, bars={"kafka": 2}),
                  Figure("response p99, ms", latency("response", "p99"), False, {"kafka": 5})],
                 ["catch-up", "--backlog", "2GB", "--duration", "50s"]),
    "connections": Work("10,000 idle connections with heartbeats, 1,000 active",
                        [Figure("CPU s", broker("cpu_seconds"), False, {"kafka": 4}),
                         Figure("RSS MiB", lambda report: report["broker"]["rss_bytes"] / 2**20, False)],
                        ["connections", "--duration", "15s"]),
    "group": Work("consumer group of 100 with commits each second", [figure(RECORDS_PER_CPU, bars={"kafka": 3})],
                  ["groups", "--duration", "15s", "--warm-up", "5s"]),
    "commits": Work("offset commits of 500 members, 5 offsets each", answers("commits"), members="commits"),
    "heartbeats": Work("heartbeats of 500 members", answers("heartbeats"), members="heartbeats"),
    "transactions": Work("transactions of 100 records",
                         [Figure("transactions per CPU s",
                                 lambda report: report["transactions_per_second"] * report["seconds"] / report["broker"]["cpu_seconds"],
                                 bars={"kafka": 3})],
                         ["transactions", "--duration", "10s", "--warm-up", "2s"]),
}

WORKS = {**COST_WORKS, **TABLE_WORKS}
