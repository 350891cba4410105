"""Tools about the cluster itself: its quorum, features, APIs, leaders and replicas."""
import json
import re
import tempfile

from tool_runner import fresh


def checks(runner):
    tools = ClusterTools(runner)
    return [
        ("kafka-metadata-quorum", tools.quorum),
        ("kafka-features", tools.features),
        ("kafka-broker-api-versions", tools.api_versions),
        ("kafka-cluster", tools.cluster),
        ("kafka-leader-election", tools.election),
        ("kafka-reassign-partitions", tools.reassignment),
    ]


class ClusterTools:
    def __init__(self, runner):
        self.runner = runner
        self.run = runner.run

    def quorum(self):
        shown = self.run("MetadataQuorumCommand", "describe", "--status")
        assert re.search(r"LeaderId:\s+1\n", shown) and re.search(r"MaxFollowerLag:\s+0\n", shown), shown
        assert re.search(r"CurrentVoters:\s+\[\{\"id\": 1,", shown), shown
        table = self.run("MetadataQuorumCommand", "describe", "--replication").splitlines()
        assert table[0].split()[:3] == ["NodeId", "DirectoryId", "LogEndOffset"], table
        assert table[1].split()[0] == "1" and table[1].split()[-1] == "Leader", table

    def features(self):
        shown = self.run("FeatureCommand", "describe")
        levels = dict(re.findall(r"Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)", shown))
        expected = {"metadata.version": "4.3-IV0", "group.version": "1", "transaction.version": "2", "eligible.leader.replicas.version": "1"}
        assert expected.items() <= levels.items(), levels
        dry = self.run("FeatureCommand", "downgrade", "--feature", "group.version=0", "--dry-run")
        assert "group.version can be downgraded to 0." in dry, dry
        refused = "".join(self.runner.outcome("FeatureCommand", "--bootstrap-server", self.runner.bootstrap, "upgrade", "--feature",
                                              "group.version=9", status=1))
        assert "group.version" in refused, refused

    def api_versions(self):
        shown = self.run("BrokerApiVersionsCommand")
        for line in ("Produce(0): 0 to 13", "Fetch(1): 4 to 18", "Metadata(3): 0 to 13", "DescribeLogDirs(35): 1 to 5", "UpdateFeatures(57): 0 to 2"):
            assert line in shown, (line, shown)
        assert "UNSUPPORTED" in shown  # the tool knows APIs that only controllers serve

    def cluster(self):
        assert re.fullmatch(r"Cluster ID: \S{22}\n", self.cluster_tool("cluster-id"))
        shown = self.cluster_tool("list-endpoints")
        assert re.search(r"^1\s+127\.0\.0\.1\s+\d+\s", shown, re.MULTILINE), shown
        _, refused = self.runner.outcome("ClusterTool", "unregister", "--bootstrap-server", self.runner.bootstrap, "--id", "77", status=1)
        assert "77 is not currently registered" in refused, refused

    def cluster_tool(self, command):
        out, _ = self.runner.outcome("ClusterTool", command, "--bootstrap-server", self.runner.bootstrap)
        return out

    def election(self):
        topic = fresh("election")
        self.run("TopicCommand", "--create", "--topic", topic, "--partitions", "2")
        shown = self.run("LeaderElectionCommand", "--election-type", "preferred", "--topic", topic, "--partition", "0")
        assert f"Valid replica already elected for partitions {topic}-0" in shown, shown
        self.run("LeaderElectionCommand", "--election-type", "preferred", "--all-topic-partitions")
        self.run("TopicCommand", "--delete", "--topic", topic)

    def reassignment(self):
        topic = fresh("reassigned")
        self.run("TopicCommand", "--create", "--topic", topic, "--partitions", "2")
        generated = self.with_file({"topics": [{"topic": topic}], "version": 1}, "--topics-to-move-json-file", "--generate", "--broker-list", "1")
        plan = json.loads(generated.rstrip().splitlines()[-1])
        assert [partition["replicas"] for partition in plan["partitions"]] == [[1], [1]], generated
        started = self.with_file(plan, "--reassignment-json-file", "--execute")
        assert f"Successfully started partition reassignments for {topic}-0,{topic}-1" in started, started
        done = self.with_file(plan, "--reassignment-json-file", "--verify")
        assert f"Reassignment of partition {topic}-0 is completed." in done, done
        assert "No partition reassignments found." in self.reassign("--list")
        plan["partitions"][0]["replicas"] = [2]
        del plan["partitions"][0]["log_dirs"]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(plan, file)
            file.flush()
            refused = self.reassign("--execute", "--reassignment-json-file", file.name, status=1)
        assert "Unknown broker id 2" in refused, refused
        self.run("TopicCommand", "--delete", "--topic", topic)

    def with_file(self, content, option, *arguments):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(content, file)
            file.flush()
            return self.reassign(option, file.name, *arguments)

    def reassign(self, *arguments, status=0):
        return self.run("reassign.ReassignPartitionsCommand", *arguments, status=status)
