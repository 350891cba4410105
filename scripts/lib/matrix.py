"""The table of a run of scripts/test-clients in Markdown: every client with its version, and how many of its checks have passed. *Pure*
but for the files that pin the versions."""
import re

import paths

JAVA = "java/pom.xml", r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+)</version>"
# What it is called, and where its version stands.
CLIENTS = {
    "java": ("Java", *JAVA),
    "confluent-kafka": ("confluent-kafka", "python/requirements.txt", r"confluent-kafka\S*==(.+)"),
    "kafka-python": ("kafka-python", "python/requirements.txt", r"kafka-python==(.+)"),
    "aiokafka": ("aiokafka", "python/requirements.txt", r"aiokafka==(.+)"),
    "franz-go": ("franz-go", "go/go.mod", r"twmb/franz-go v(.+)"),
    "sarama": ("sarama", "go/go.mod", r"IBM/sarama v(.+)"),
    "kafkajs": ("kafkajs", "node/package.json", r'"kafkajs": "(.+)"'),
    "platformatic": ("@platformatic/kafka", "node/package.json", r'"@platformatic/kafka": "(.+)"'),
    "kcat": ("kcat", None, None),
}
TOOLS = {"java-tools": ("Kafka's tools for topics, records, settings and the cluster", *JAVA), "group-tools": ("Kafka's tools for groups", *JAVA)}
COLUMNS = ["round trip", "rebalance", "commit", "seek", "transactions", "administration"]
CHECK = re.compile(r"^(ok  |FAIL|none) ([^ :]+): (.*)$", re.MULTILINE)


def markdown(output):
    """`output` is what the clients have printed."""
    cells = {}
    for result, name, what in CHECK.findall(output):
        row = next((client for client in (*TOOLS, *CLIENTS) if re.match(rf"{client}(-groups|-transactions|-admin)?$", name)), name)
        key = row, "checks" if row in TOOLS else column(name.removeprefix(row)[1:], what)
        cells.setdefault(key, []).append((result.strip(), what))
    return table(CLIENTS, COLUMNS, cells) + "\n" + table(TOOLS, ["checks"], cells)


def column(part, what):
    if part == "groups" and re.search("listed|deleted", what) or what.startswith("admin:"):
        return "administration"
    if part == "groups":
        return next((name for name in ("seek", "commit") if name in what), "rebalance")
    return {"": "round trip", "admin": "administration"}.get(part, part)


def table(rows, columns, cells):
    lines = [" | ".join(["", "version", *columns]), " | ".join(["---"] * (2 + len(columns)))]
    for row, (title, *pin) in rows.items():
        if any((row, name) in cells for name in columns):
            lines.append(" | ".join([title, version(*pin), *(shown(cells.get((row, name), [])) for name in columns)]))
    return "".join(f"| {line} |\n" for line in lines) if len(lines) > 2 else ""


def shown(checks):
    """How many have passed; those that have failed; what the client has no call for."""
    results = [result for result, _ in checks]
    failed, passed = results.count("FAIL"), results.count("ok")
    text = f"**{failed} of {passed + failed} failed**" if failed else f"{passed} passed" if passed else "-"
    return text + "".join(f" (no call: {what.split(':')[0]})" for result, what in checks if result == "none")


def version(file, pattern):
    return re.search(pattern, (paths.SCRIPTS / "clients" / file).read_text())[1] if file else "the system's"
