"""What goes into the application of `StreamsApplication.java`, and what must come out of it.

    streams_data.py create BOOTSTRAP PREFIX
    streams_data.py feed BOOTSTRAP PREFIX BEGIN FIRST COUNT SECONDS   sends orders and payments, spread over this time
    streams_data.py check BOOTSTRAP PREFIX BEGIN COUNT SECONDS        waits until everything has come, and compares all of it
    streams_data.py internal BOOTSTRAP PREFIX                         looks at the topics that the application has made for itself

Everything follows from an order's number, so the expected result is computed here, in nothing but Python."""
import collections
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

PARTITIONS = 3
LIKE_JAVA = {"partitioner": "murmur2_random"}  # the application joins by partition what it and this program have written
CUSTOMERS = 40
REGIONS = ["north", "east", "south", "west", "middle"]
STEP = 20  # milliseconds of event time between two orders
WINDOW = 10_000
# By order number modulo four: how many milliseconds after the order its payments come. Those of another window pay nothing.
PAYMENTS = [[2_000], [], [WINDOW + 1], [-1_000, WINDOW]]
# The topics that the application makes for itself, and how they are cleaned.
POLICIES = {
    "customers-changelog": ["compact"], "totals-changelog": ["compact"], "windows-changelog": ["compact", "delete"],
    "paid-this-join-store-changelog": ["delete"], "paid-other-join-store-changelog": ["delete"],
    "by-customer-repartition": ["delete"], "by-region-repartition": ["delete"],
}


def customer(number):
    return f"customer-{number * 7919 % 104_729 % CUSTOMERS}"


def region(name):
    return REGIONS[int(name.split("-")[1]) % len(REGIONS)]


def amount(number):
    return number * 31 % 1_000


def payments(number):
    return [(after, f"payment-{number}-{place}") for place, after in enumerate(PAYMENTS[number % len(PAYMENTS)])]


def expected(begin, count):
    """By topic and key: the values in their order."""
    totals, windows, paid = (collections.defaultdict(list) for _ in range(3))
    for number in range(count):
        name, value = customer(number), amount(number)
        for values in (totals[region(name)], windows[f"{name}@{(begin + number * STEP) // WINDOW * WINDOW}"]):
            values.append(value)
        paid[f"order-{number}"] += [f"{name} {value} {payment}" for after, payment in payments(number) if abs(after) <= WINDOW]
    return {"totals": totals, "windows": windows, "paid": {key: values for key, values in paid.items() if values}}


def create(bootstrap, prefix):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    names = ("orders", "payments", "customers", "totals", "windows", "paid")
    for done in admin.create_topics([NewTopic(f"{prefix}-{name}", PARTITIONS, 1) for name in names]).values():
        done.result(30)
    producer = Producer({"bootstrap.servers": bootstrap, **LIKE_JAVA})
    for number in range(CUSTOMERS):  # older than the first order, which then finds its customer
        name = f"customer-{number}"
        producer.produce(f"{prefix}-customers", region(name), name, timestamp=int(time.time() * 1000) - 7_200_000)
    assert producer.flush(30) == 0


def feed(bootstrap, prefix, begin, first, count, seconds):
    begin, first, count, seconds = int(begin), int(first), int(count), float(seconds)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "reconnect.backoff.max.ms": 500, "log_level": 0,
                         "linger.ms": 20, **LIKE_JAVA})
    began = time.monotonic()
    for number in range(first, first + count):
        when, order = begin + number * STEP, f"order-{number}"
        producer.produce(f"{prefix}-orders", f"{customer(number)} {amount(number)}", order, timestamp=when)
        for after, payment in payments(number):
            producer.produce(f"{prefix}-payments", payment, order, timestamp=when + after)
        producer.poll(0)
        time.sleep(max(0, began + (number - first) / count * seconds - time.monotonic()))
    assert producer.flush(60) == 0, "not everything was acknowledged"


def check(bootstrap, prefix, begin, count, seconds):
    wanted = expected(int(begin), int(count))
    records = {topic: sum(len(values) for values in keys.values()) for topic, keys in wanted.items()}
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "reconnect.backoff.max.ms": 500, "log_level": 0})
    consumer.assign([TopicPartition(f"{prefix}-{topic}", partition, 0) for topic in wanted for partition in range(PARTITIONS)])
    found = {topic: collections.defaultdict(list) for topic in wanted}
    missing, deadline, settled = sum(records.values()), time.monotonic() + float(seconds), None
    while time.monotonic() < min(deadline, settled or deadline):
        for message in consumer.consume(1_000, 0.3):
            if not message.error():
                found[message.topic()[len(prefix) + 1:]][message.key().decode()].append(message.value().decode())
                missing -= 1
        if missing <= 0 and settled is None:
            settled = time.monotonic() + 2  # a moment longer, for what comes twice
    consumer.close()
    compare(wanted, found)
    print(", ".join(f"{number} of {topic}" for topic, number in records.items()))


def compare(wanted, found):
    """Totals grow by one order at a time, in whatever order the orders came; which amounts they were shows in the differences."""
    problems = []
    for topic in ("totals", "windows"):
        for key in sorted(wanted[topic].keys() | found[topic].keys()):
            steps = [[int(part) for part in value.split()] for value in found[topic][key]]
            sums = [0] + [total for _, total in steps]
            amounts = [after - before for before, after in zip(sums, sums[1:])]
            if [number for number, _ in steps] != list(range(1, len(steps) + 1)):
                problems.append(f"{topic} of {key} are counted {[number for number, _ in steps]}")
            elif sorted(amounts) != sorted(wanted[topic][key]):
                problems.append(f"{topic} of {key} have {len(steps)} of {len(wanted[topic][key])} orders, or others")
    for key in sorted(wanted["paid"].keys() | found["paid"].keys()):
        if sorted(found["paid"][key]) != sorted(wanted["paid"].get(key, [])):
            problems.append(f"paid of {key} is {found['paid'][key]} instead of {wanted['paid'].get(key, [])}")
    assert not problems, f"{len(problems)} differences, the first: " + "; ".join(problem[:300] for problem in problems[:3])


def internal(bootstrap, prefix):
    """Changelogs are compacted, those of windows also age, those of joined streams only do; what was read of a repartition topic is deleted."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = admin.list_topics(timeout=20).topics
    for name, policies in POLICIES.items():
        topic = f"{prefix}-{name}"
        assert topic in topics and len(topics[topic].partitions) == PARTITIONS, f"{topic} is not among {sorted(topics)}"
        resource = ConfigResource(ResourceType.TOPIC, topic)
        (config,) = (done.result(20) for done in admin.describe_configs([resource]).values())
        policy = config["cleanup.policy"].value
        assert sorted(policy.split(",")) == policies, f"{topic} has cleanup.policy={policy}"
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined"})
    topic, deadline = f"{prefix}-by-region-repartition", time.monotonic() + 120
    while not any(consumer.get_watermark_offsets(TopicPartition(topic, index), 20)[0] for index in range(PARTITIONS)):
        assert time.monotonic() < deadline, f"nothing of {topic} was deleted"
        time.sleep(0.3)
    consumer.close()


if __name__ == "__main__":
    {"create": create, "feed": feed, "check": check, "internal": internal}[sys.argv[1]](*sys.argv[2:])
