"""Two decoded answers, field by field: what every broker chooses for itself is masked, the rest must be equal."""
import fnmatch
import uuid

from kafka.record import MemoryRecords

from values import RECORD_TIME_MS

# Fields whose value is a broker's own affair.
IGNORED = {"throttle_time_ms", "host", "port"}
# Only whether there is something.
PRESENCE = {"error_message", "batch_index_error_message", "cluster_id", "session_id", "log_dir", "documentation", "subscription_id", "client_instance_id",
            "client_host", "directory_id", "replica_directory_id", "voter_directory_id"}
# Only the sign: a time, a size, a counter of the broker's own.
SIGN = {"log_append_time_ms", "finalized_features_epoch", "total_bytes", "usable_bytes", "last_timestamp", "transaction_start_time_ms", "last_fetch_timestamp",
        "last_caught_up_timestamp", "broker_epoch", "expiry_timestamp_ms", "issue_timestamp_ms", "max_timestamp_ms"}
# Ids that a broker made: equal when both stand for the same thing.
NAMED = {"topic_id", "member_id", "producer_id", "leader", "leader_id_text"}
# What tells one element of a list from its neighbours.
IDENTITIES = ("name", "topic", "topic_name", "partition_index", "partition", "index", "group_id", "key", "api_key", "member_id", "node_id", "broker_id",
              "resource_name", "transactional_id", "feature", "user", "group", "topic_id")


def differences(ours, theirs, our_side, their_side):
    """[(path, Millrace's value, Kafka's value)]; inside a part whose error codes differ, nothing else is looked at."""
    found = []
    _compare(found, "", "", masked("", ours, our_side), masked("", theirs, their_side))
    return found


def masked(field, value, side):
    if isinstance(value, dict):
        return {name: masked(name, inner, side) for name, inner in value.items() if name not in IGNORED}
    if isinstance(value, list):
        return [masked(field, inner, side) for inner in value]
    if field in PRESENCE:
        return "<set>" if value not in (None, "", 0, uuid.UUID(int=0)) else value
    if field in SIGN or field == "timestamp" and not _is_of_a_client(value):
        return "<positive>" if value > 0 else value
    if field in NAMED and value not in ("", -1, None, uuid.UUID(int=0)):
        return side.symbols.get(value, "<unnamed>" if field != "member_id" else _member(value))
    if field == "records" and value:
        return _records(value, side)
    return value


def _is_of_a_client(timestamp):
    """Not when a broker wrote a marker."""
    return RECORD_TIME_MS <= timestamp < RECORD_TIME_MS + 1000


def _member(value):
    """A member id that a broker made ends in a UUID; any other is the client's own words."""
    return "<made>" if len(value) >= 36 and value[-36:].count("-") == 4 else value


def _records(data, side):
    """Every batch's place and producer, every record's content; not the bytes: brokers may compress differently."""
    found = []
    batches = MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        producer = side.symbols.get(batch.producer_id, batch.producer_id)
        found.append({"base_offset": batch.base_offset, "attributes": batch.attributes, "producer": producer, "epoch": batch.producer_epoch,
                      "records": [(record.offset, record.key, record.value, record.headers) for record in batch]})
    return found


def _compare(found, path, field, ours, theirs):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        codes = ours.get("error_code"), theirs.get("error_code")
        if codes[0] != codes[1]:
            found.append((f"{path}.error_code".lstrip("."), *codes))
            return
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            _compare(found, f"{path}.{name}".lstrip("."), name, ours.get(name, "<absent>"), theirs.get(name, "<absent>"))
    elif isinstance(ours, list) and isinstance(theirs, list):
        _compare_lists(found, path, field, ours, theirs)
    elif ours != theirs:
        found.append((path, ours, theirs))


def _compare_lists(found, path, field, ours, theirs):
    identity = _identity(ours, theirs)
    if identity is None:
        try:
            ours, theirs = (sorted(ours), sorted(theirs)) if field != "records" else (ours, theirs)
        except TypeError:
            pass  # not comparable: the order counts
        if len(ours) != len(theirs):
            found.append((path, ours, theirs))
            return
        for number, pair in enumerate(zip(ours, theirs)):
            _compare(found, f"{path}{{{number}}}", field, *pair)
        return
    ours, theirs = ({element[identity]: element for element in elements} for elements in (ours, theirs))
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        _compare(found, f"{path}{{{key}}}", field, ours.get(key, "<absent>"), theirs.get(key, "<absent>"))


def _identity(ours, theirs):
    """The field that tells the elements of both lists apart, if there is one."""
    elements = ours + theirs
    if not elements or not all(isinstance(element, dict) for element in elements):
        return None
    for name in IDENTITIES:
        if all(isinstance(element.get(name), (str, int)) for element in elements):
            if all(len({element[name] for element in side}) == len(side) for side in (ours, theirs)):
                return name
    return None


class Known:
    """The differences that stay, each with its reason: lines of `API PATH-PATTERN REASON...`."""

    def __init__(self, path):
        self.entries = []
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                api, pattern, reason = line.split(maxsplit=2)
                self.entries.append((api, pattern, reason))

    def reason(self, api, path):
        for known_api, pattern, reason in self.entries:
            if known_api in (api, "*") and fnmatch.fnmatchcase(path, pattern):
                return reason
        return None
