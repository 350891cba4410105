import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Groups of the Java consumer with the classic protocol, for each assignor, and the Admin calls about them: {@code GroupRoundTrip BOOTSTRAP}. */
public final class GroupRoundTrip {
    private static final int PARTITIONS = 6;
    private static final int EACH = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final String ASSIGNORS = "org.apache.kafka.clients.consumer.";

    private interface Step {
        void run() throws Exception;
    }

    private final String bootstrap;
    private int passed;
    private int failed;

    private GroupRoundTrip(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] arguments) throws Exception {
        GroupRoundTrip trip = new GroupRoundTrip(arguments[0]);
        for (String assignor : List.of("RangeAssignor", "CooperativeStickyAssignor")) {
            trip.group(assignor);
        }
        trip.staticMembers();
        System.out.printf("java-groups: %d passed, %d failed%n", trip.passed, trip.failed);
        System.exit(trip.failed > 0 || trip.passed == 0 ? 1 : 0);
    }

    private void group(String assignor) throws Exception {
        String topic = "java-groups-" + UUID.randomUUID();
        String group = topic + "-group";
        List<KafkaConsumer<byte[], byte[]>> members = new ArrayList<>();
        try (Admin admin = Admin.create(config())) {
            check(assignor + ": a member reads everything and commits", () -> {
                admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
                produce(topic);
                members.add(member(group, topic, assignor, null));
                readAll(members, 0);
                members.get(0).commitSync();
            });
            check(assignor + ": more members share the partitions", () -> {
                members.add(member(group, topic, assignor, null));
                members.add(member(group, topic, assignor, null));
                pollUntil(members, () -> isShared(members));
                produce(topic);
                readAll(members, 1);
                members.forEach(KafkaConsumer::commitSync);
            });
            check(assignor + ": the group is listed and described", () -> describe(admin, group, members.size()));
            check(assignor + ": those that leave give their partitions back", () -> {
                members.remove(2).close();
                members.remove(1).close();
                pollUntil(members, () -> isShared(members));
                produce(topic);
                readAll(members, 2);
                members.get(0).commitSync();
                members.remove(0).close();
            });
            check(assignor + ": a group that comes back goes on where it committed", () -> {
                produce(topic);
                members.add(member(group, topic, assignor, null));
                readAll(members, 3);
                TopicPartition first = new TopicPartition(topic, 0);
                equal("committed", 3L * EACH, members.get(0).committed(Set.of(first)).get(first).offset());
            });
            check(assignor + ": a commit keeps its text and leader epoch", () -> {
                TopicPartition first = new TopicPartition(topic, 0);
                OffsetAndMetadata offset = new OffsetAndMetadata(7, java.util.Optional.of(0), "a text");
                members.get(0).commitSync(Map.of(first, offset));
                equal("committed", offset, members.get(0).committed(Set.of(first)).get(first));
                equal("by admin", offset, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(first));
            });
            check(assignor + ": a member seeks", () -> {
                TopicPartition second = new TopicPartition(topic, 1);
                members.get(0).seek(second, 7);
                List<Long> seen = new ArrayList<>();
                pollUntil(members, () -> seen.size() >= 4 * EACH - 7, record -> seen.add(record.offset()));
                equal("first", 7L, seen.get(0));
                members.remove(0).close();
            });
            check(assignor + ": offsets and then the group are deleted", () -> {
                TopicPartition first = new TopicPartition(topic, 0);
                admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get();
                equal("left", PARTITIONS - 1, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().size());
                admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(3))).all().get();
                equal("altered", 3L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(first).offset());
                admin.deleteConsumerGroups(List.of(group)).all().get();
                equal("listed", false, admin.listGroups().all().get().stream().anyMatch(listed -> listed.groupId().equals(group)));
            });
        }
        members.forEach(KafkaConsumer::close);
    }

    /** A static member that comes back within its session has what it had, and nobody rebalances. */
    private void staticMembers() {
        String topic = "java-groups-" + UUID.randomUUID();
        String group = topic + "-group";
        check("a static member comes back without a rebalance", () -> {
            List<KafkaConsumer<byte[], byte[]>> members = new ArrayList<>();
            try (Admin admin = Admin.create(config())) {
                admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
                produce(topic);
                members.add(member(group, topic, "RangeAssignor", "one"));
                members.add(member(group, topic, "RangeAssignor", "two"));
                pollUntil(members, () -> isShared(members));
                int generation = members.get(0).groupMetadata().generationId();
                Set<TopicPartition> before = members.get(1).assignment();
                members.remove(1).close();
                members.add(member(group, topic, "RangeAssignor", "two"));
                pollUntil(members, () -> isShared(members));
                equal("assignment", before, members.get(1).assignment());
                equal("generation", generation, members.get(0).groupMetadata().generationId());
                equal("generation of who came back", generation, members.get(1).groupMetadata().generationId());
            }
            members.forEach(KafkaConsumer::close);
        });
    }

    private void describe(Admin admin, String group, int members) throws Exception {
        equal("listed", true, admin.listGroups().all().get().stream().anyMatch(listed -> listed.groupId().equals(group)
            && listed.groupState().get() == GroupState.STABLE && listed.type().get().toString().equals("Classic")));
        ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        equal("state", GroupState.STABLE, described.groupState());
        equal("members", members, described.members().size());
        Set<Integer> assigned = new TreeSet<>();
        described.members().forEach(member -> member.assignment().topicPartitions().forEach(p -> assigned.add(p.partition())));
        equal("assigned", PARTITIONS, assigned.size());
        equal("host", "/127.0.0.1", described.members().iterator().next().host());
    }

    private void check(String what, Step step) {
        try {
            step.run();
            passed++;
            System.out.printf("ok   java-groups: %s%n", what);
        } catch (Exception | AssertionError failure) {
            failed++;
            System.out.printf("FAIL java-groups: %s: %s%n", what, failure);
        }
    }

    private void produce(String topic) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config(), new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < PARTITIONS * EACH; i++) {
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, ("value " + i).getBytes()));
            }
        }
    }

    private KafkaConsumer<byte[], byte[]> member(String group, String topic, String assignor, String instance) {
        Map<String, Object> config = config();
        config.put("group.id", group);
        config.put("group.protocol", "classic");
        config.put("partition.assignment.strategy", ASSIGNORS + assignor);
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", false);
        config.put("session.timeout.ms", 10_000);
        config.put("heartbeat.interval.ms", 300);
        if (instance != null) {
            config.put("group.instance.id", instance);
        }
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private static boolean isShared(List<KafkaConsumer<byte[], byte[]>> members) {
        Set<TopicPartition> all = new HashSet<>();
        members.forEach(member -> all.addAll(member.assignment()));
        int sum = members.stream().mapToInt(member -> member.assignment().size()).sum();
        boolean fair = members.stream().allMatch(member -> member.assignment().size() == PARTITIONS / members.size());
        return fair && sum == PARTITIONS && all.size() == PARTITIONS;
    }

    private static void pollUntil(List<KafkaConsumer<byte[], byte[]>> members, BooleanSupplier reached) {
        pollUntil(members, reached, record -> { });
    }

    private static void pollUntil(List<KafkaConsumer<byte[], byte[]>> members, BooleanSupplier reached,
                                  java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> take) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!reached.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not reached: " + members.stream().map(m -> m.assignment().toString()).collect(Collectors.joining(" ")));
            }
            members.forEach(member -> member.poll(Duration.ofMillis(100)).forEach(take));
        }
    }

    /** Every record of a batch, each once and none of another. */
    private static void readAll(List<KafkaConsumer<byte[], byte[]>> members, int batch) {
        List<String> seen = new ArrayList<>();
        pollUntil(members, () -> seen.size() >= PARTITIONS * EACH, record -> seen.add(record.partition() + "@" + record.offset()));
        Set<String> expected = new TreeSet<>();
        for (int i = 0; i < PARTITIONS * EACH; i++) {
            expected.add(i % PARTITIONS + "@" + (batch * EACH + i / PARTITIONS));
        }
        equal("records", PARTITIONS * EACH, seen.size());
        equal("records", expected, new TreeSet<>(seen));
    }

    private Map<String, Object> config() {
        return new HashMap<>(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", 10_000, "default.api.timeout.ms", 90_000));
    }

    private static void equal(String what, Object expected, Object seen) {
        if (expected == null ? seen != null : !expected.equals(seen)) {
            throw new AssertionError(what + ": " + seen + " instead of " + expected);
        }
    }
}
