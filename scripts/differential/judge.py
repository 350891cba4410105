"""Sends one request to both brokers and compares the answers; counts, and remembers what differs."""
import collections
import time

from compare import differences
from side import NOT_YET, resolved

# Asked again for a moment when the answers differ: a broker may still be taking up what was just changed.
READ_ONLY = {"ListOffsets", "Metadata", "FindCoordinator", "DescribeGroups", "ListGroups", "DescribeConfigs", "DescribeLogDirs", "OffsetForLeaderEpoch", "OffsetFetch",
             "DescribeClientQuotas", "DescribeUserScramCredentials", "DescribeQuorum", "DescribeCluster", "DescribeProducers", "DescribeTransactions",
             "ListTransactions", "ConsumerGroupDescribe", "ListConfigResources", "DescribeTopicPartitions", "ListPartitionReassignments", "Fetch"}
# Changes of the cluster's metadata, which a broker takes up a moment after it has answered.
SETTLES = {"CreateTopics", "DeleteTopics", "CreatePartitions", "IncrementalAlterConfigs", "AlterConfigs", "AlterClientQuotas", "AlterUserScramCredentials",
           "UpdateFeatures", "ElectLeaders", "AlterPartitionReassignments"}
PATIENCE_SECONDS = 15.0
# For a broker that says "not yet" while the other one says so too: it may be its last word.
NOT_YET_SECONDS = 1.0
PAUSE_SECONDS = 0.05
REBALANCE_SECONDS = 60.0


class Judge:
    def __init__(self, ours, theirs, messages, known, report):
        self.ours, self.theirs, self.known, self.report = ours, theirs, known, report
        self.keys = {message.name.removesuffix("Request"): key for (kind, key), message in messages.items() if kind == "request"}
        self.ranges = {side: self._ranges(side) for side in (ours, theirs)}
        self.compared = collections.Counter()  # (api, version) -> answers compared
        self.unexplained = []
        self.explained = collections.Counter()

    def versions(self, api):
        """The versions that both serve, newest last."""
        lows, highs = zip(*(self.ranges[side].get(self.keys[api], (1, 0)) for side in (self.ours, self.theirs)))
        return range(max(lows), min(highs) + 1)

    def shared(self):
        """Every API that both serve, in key order."""
        return [api for api, _ in sorted(self.keys.items(), key=lambda entry: entry[1]) if self.versions(api)]

    def ask(self, api, version, request):
        """(our answer, their answer); what differs is reported."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answers = self._answers(api, version, request)
            found = differences(*answers, self.ours, self.theirs) if None not in answers else []
            if not found or api not in READ_ONLY or time.monotonic() > deadline or self._all_known(api, found):
                break
            time.sleep(PAUSE_SECONDS)
        self.compared[api, version] += 1
        for path, ours, theirs in found:
            reason = self.known.reason(api, path)
            if reason:
                self.explained[api, reason] += 1
            else:
                self.unexplained.append((api, version, path))
                self.report(api, path, f"{api} v{version} {path}: Millrace {ours!r}, Kafka {theirs!r}\n    asked: {request}")
        if api in SETTLES:
            time.sleep(PAUSE_SECONDS)
        return answers

    def rebalances_end(self):
        """Waits until no group is in a rebalance: each broker removes who does not go on with it when its own clock says so."""
        deadline = time.monotonic() + REBALANCE_SECONDS
        filters = {"states_filter": ["PreparingRebalance", "CompletingRebalance"]}
        for side in (self.ours, self.theirs):
            while rebalancing := side.ask(self.keys["ListGroups"], 4, filters)["groups"]:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{side.name}: a rebalance without an end: {rebalancing}")
                time.sleep(PAUSE_SECONDS)

    def _all_known(self, api, found):
        return all(self.known.reason(api, path) for path, _, _ in found)

    def _answers(self, api, version, request):
        sides = self.ours, self.theirs
        answers = [self._answer(side, api, version, request, NOT_YET_SECONDS) for side in sides]
        waits = [self._not_yet(answer) for answer in answers]
        if waits[0] != waits[1]:
            place = waits.index(True)
            answers[place] = self._answer(sides[place], api, version, request, PATIENCE_SECONDS)
        return answers

    def _answer(self, side, api, version, request, patience):
        deadline = time.monotonic() + patience
        while True:
            answer = side.ask(self.keys[api], version, resolved(request, side))
            if not self._not_yet(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(PAUSE_SECONDS)

    def _not_yet(self, answer):
        if isinstance(answer, dict):
            return answer.get("error_code") in NOT_YET or any(self._not_yet(inner) for inner in answer.values())
        return isinstance(answer, list) and any(self._not_yet(inner) for inner in answer)

    def _ranges(self, side):
        answer = side.ask(18, 0, {})
        return {entry["api_key"]: (entry["min_version"], entry["max_version"]) for entry in answer["api_keys"]}
