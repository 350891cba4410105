"""Apache Kafka's kafka-dump-log on the files of a broker that has stopped: `dump_log.py DIRECTORY TRANSACTIONAL_ID TOPIC GROUP`.

The transactional id has committed one transaction: one record to partition 0 of the topic, and offset 7 of that for the group."""
import pathlib
import re
import sys

import tool_runner
import scenario


class DumpLog:
    def __init__(self, runner, directory, transactional_id, topic, group):
        self.runner = runner
        self.directory = pathlib.Path(directory)
        self.transactional_id, self.topic, self.group = transactional_id, topic, group

    def dump(self, pattern, *arguments):
        files = sorted(str(path) for path in self.directory.glob(pattern))
        assert files, f"there is no {pattern}"
        out, err = self.runner.outcome("DumpLogSegments", *arguments, "--files", ",".join(files))
        assert "isvalid: false" not in out and not err, f"{out[-500:]} {err[-500:]}"
        return out

    def data(self):
        shown = self.dump(f"{self.topic}-0/*.log", "--print-data-log")
        batch = r"baseOffset: 0 lastOffset: 0 count: 1 baseSequence: 0 .* isTransactional: true isControl: false .* isvalid: true\n"
        assert re.search(batch + r"\| offset: 0 .* payload: v\n", shown), shown
        assert re.search(r"isControl: true .*\n.*endTxnMarker: COMMIT coordinatorEpoch: \d+", shown), shown

    def transactions(self):
        """Every change of the state of a transactional id."""
        shown = self.dump("__transaction_state-*/*.log", "--transaction-log-decoder")
        key = rf'key: {{"type":"0","data":{{"transactionalId":"{self.transactional_id}"}}}}'
        states = [int(state) for state in re.findall(rf'{key} payload: .*?"transactionStatus":(\d)', shown)]
        empty, ongoing, prepare_commit, complete_commit = 0, 1, 2, 4
        assert sorted(set(states), key=states.index) == [empty, ongoing, prepare_commit, complete_commit], states
        assert re.search(rf'{key}.*"topic":"{self.topic}","partitionIds":\[0\]', shown), shown[-2000:]

    def offsets(self):
        shown = self.dump("__consumer_offsets-*/*.log", "--offsets-decoder")
        key = rf'key: {{"type":"1","data":{{"group":"{self.group}","topic":"{self.topic}","partition":0}}}}'
        assert re.search(rf'{key} payload: .*"offset":7,', shown), shown[-2000:]

    def metadata(self):
        shown = self.dump("__cluster_metadata-0/*.log", "--cluster-metadata-decoder")
        assert re.search(rf'"type":"TOPIC_RECORD","version":\d,"data":{{"name":"{self.topic}"', shown), shown[-2000:]
        assert '"type":"PARTITION_RECORD"' in shown and '"type":"REGISTER_BROKER_RECORD"' in shown, shown[-2000:]


def main():
    runner = tool_runner.ToolRunner()
    dump = DumpLog(runner, *sys.argv[1:])
    checks = scenario.Checks("dump-log")
    checks.check("kafka-dump-log --print-data-log", dump.data)
    checks.check("kafka-dump-log --transaction-log-decoder", dump.transactions)
    checks.check("kafka-dump-log --offsets-decoder", dump.offsets)
    checks.check("kafka-dump-log --cluster-metadata-decoder", dump.metadata)
    runner.close()
    checks.finish()


main()
