"""See scripts/test-differential, which runs this."""
import argparse
import collections
import pathlib
import random
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import paths
import schema
import sequences
from broker import Broker, fresh_directory
from compare import Known
from judge import Judge
from side import Side
from values import Maker

SETTINGS = {"num.partitions": 1, "group.initial.rebalance.delay.ms": 0, "group.min.session.timeout.ms": 100,
            "offsets.topic.num.partitions": 5, "transaction.state.log.num.partitions": 5,
            # a broker alone; Apache Kafka's defaults are for three
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1}
# Would end the broker's part in its own cluster, or the connection's.
NOT_MADE_UP = {"UnregisterBroker", "AddRaftVoter", "RemoveRaftVoter", "SaslHandshake", "SaslAuthenticate"}
SHOWN_MAX = 3


def main():
    parser = argparse.ArgumentParser(description="Compares Millrace's answers with Apache Kafka's.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=8, help="made-up requests for each API and version")
    parser.add_argument("--only", action="append", metavar="API", help="make up requests of this API alone; may be repeated")
    parser.add_argument("--shards", type=int, default=2)
    options = parser.parse_args()
    directory = fresh_directory("differential")
    brokers = [Broker(kind, paths.FIRST_PORT + 60 + 10 * place, directory / kind, options.shards, SETTINGS) for place, kind in enumerate(("millrace", "kafka"))]
    try:
        for broker in brokers:
            broker.start()
        messages = schema.load(paths.ROOT / "protocol" / "schemas")
        shown = collections.Counter()
        judge = Judge(*(Side(broker.kind, broker.port, messages) for broker in brokers), messages, Known(HERE / "known-differences.txt"), reporter(shown))
        compare_all(judge, messages, options)
        ended = [broker for broker in brokers if not broker.alive()]
        for broker in ended:
            print(f"{broker.kind} ended\n{broker.log_tail()}")
    finally:
        for broker in brokers:
            broker.kill()
    sys.exit(1 if summary(judge) or ended else 0)


def reporter(shown):
    """Shows the first differences of each kind."""
    def report(api, path, line):
        kind = api, re.sub(r"{.*?}", "{}", path)
        shown[kind] += 1
        if shown[kind] <= SHOWN_MAX:
            print(line, flush=True)
    return report


def compare_all(judge, messages, options):
    sequences.fixture(sequences.Run(judge, 0))
    ages = max(len(judge.versions(api)) for api in judge.shared())
    for sequence in sequences.ALL if not options.only else []:
        began = time.monotonic()
        for age in range(ages):
            sequence(sequences.Run(judge, age))
        print(f"{sequence.__name__}, {ages} times: {time.monotonic() - began:.1f} s", flush=True)
    for api in options.only or judge.shared():
        if api in NOT_MADE_UP:
            continue
        maker = Maker(random.Random(f"{options.seed} {api}"), messages["request", judge.keys[api]])
        for version in judge.versions(api):
            for _ in range(options.requests):
                judge.ask(api, version, maker.request(version))
                if api == "JoinGroup":
                    judge.rebalances_end()


def summary(judge):
    """Prints it; returns the number of differences that nothing explains."""
    print(f"{sum(judge.compared.values())} answers compared, {len(judge.shared())} APIs, {len(judge.compared)} versions")
    for (api, reason), count in sorted(judge.explained.items()):
        print(f"explained, {api}, {count} times: {reason}")
    by_path = collections.Counter((api, re.sub(r"{.*?}", "{}", path)) for api, _, path in judge.unexplained)
    for (api, path), count in by_path.most_common():
        print(f"differs, {api} {path}: {count} times")
    failed = len({(api, version) for api, version, _ in judge.unexplained})
    print(f"{len(judge.compared) - failed} passed, {failed} failed")
    return len(judge.unexplained)


main()
