import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The round trip of the Java clients, and the Admin calls that go with it: {@code RoundTrip BOOTSTRAP}. */
public final class RoundTrip {
    private static final int PARTITIONS = 3;
    private static final int COUNT = 60;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private interface Step {
        void run() throws Exception;
    }

    private final String bootstrap;
    private int passed;
    private int failed;

    private RoundTrip(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] arguments) throws Exception {
        RoundTrip trip = new RoundTrip(arguments[0]);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            trip.codec(codec);
        }
        trip.admin();
        System.out.printf("java: %d passed, %d failed%n", trip.passed, trip.failed);
        System.exit(trip.failed > 0 || trip.passed == 0 ? 1 : 0);
    }

    private void codec(String codec) {
        String topic = "java-" + codec + "-" + UUID.randomUUID();
        List<ProducerRecord<byte[], byte[]>> sent = records(topic);
        check(codec + ": create a topic with " + PARTITIONS + " partitions", () -> {
            try (Admin admin = newAdmin()) {
                admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
            }
        });
        check(codec + ": produce " + COUNT + " records", () -> produce(codec, sent));
        check(codec + ": read by assignment from the beginning", () -> compare(topic, sent, Map.of(0, 0L, 1, 0L, 2, 0L)));
        check(codec + ": read from an offset", () -> compare(topic, sent, Map.of(1, 12L)));
        check(codec + ": read from a timestamp", () -> fromTimestamp(topic, sent));
    }

    private void check(String what, Step step) {
        try {
            step.run();
            passed++;
            System.out.printf("ok   java: %s%n", what);
        } catch (Exception | AssertionError failure) {
            failed++;
            System.out.printf("FAIL java: %s: %s%n", what, failure);
        }
    }

    /** Keys and no keys, null values, repeated, empty and null headers, one record of 900 KB, a second between neighbours. */
    private static List<ProducerRecord<byte[], byte[]>> records(String topic) {
        byte[] big = new byte[900_000];
        new Random(7).nextBytes(big);
        long began = System.currentTimeMillis() - 3_600_000;
        List<List<Header>> headers = List.of(
            List.of(),
            List.of(new RecordHeader("one", "header".getBytes())),
            List.of(new RecordHeader("twice", new byte[0]), new RecordHeader("null", (byte[]) null), new RecordHeader("twice", new byte[] {-1, 0})));
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            byte[] key = i % 5 == 4 ? null : ("key " + i).getBytes();
            byte[] value = i == 10 ? big : i % 7 == 6 ? null : ("value " + i + " ").repeat(i + 1).getBytes();
            records.add(new ProducerRecord<>(topic, i % PARTITIONS, began + i * 1000L, key, value, headers.get(i % 4 % 3)));
        }
        return records;
    }

    private void produce(String codec, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        Map<String, Object> config = config();
        config.put("compression.type", codec);
        config.put("linger.ms", 20);
        config.put("delivery.timeout.ms", 90_000);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = records.stream().map(producer::send).collect(Collectors.toList());
            for (int i = 0; i < COUNT; i++) {
                equal("acknowledged offset", (long) (i / PARTITIONS), sent.get(i).get().offset());
            }
        }
    }

    private void compare(String topic, List<ProducerRecord<byte[], byte[]>> sent, Map<Integer, Long> starts) {
        Map<Integer, List<String>> expected = new HashMap<>();
        for (int i = 0; i < COUNT; i++) {
            ProducerRecord<byte[], byte[]> record = sent.get(i);
            if (i / PARTITIONS >= starts.getOrDefault(record.partition(), Long.MAX_VALUE)) {
                expected.computeIfAbsent(record.partition(), p -> new ArrayList<>()).add(
                    show(i / PARTITIONS, record.timestamp(), record.key(), record.value(), record.headers().toArray()));
            }
        }
        int count = expected.values().stream().mapToInt(List::size).sum();
        Map<Integer, List<String>> seen = new HashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = newConsumer()) {
            consumer.assign(starts.keySet().stream().map(p -> new TopicPartition(topic, p)).toList());
            starts.forEach((partition, offset) -> consumer.seek(new TopicPartition(topic, partition), offset));
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            for (int read = 0; read < count && System.nanoTime() < deadline; ) {
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(500))) {
                    seen.computeIfAbsent(r.partition(), p -> new ArrayList<>())
                        .add(show(r.offset(), r.timestamp(), r.key(), r.value(), r.headers().toArray()));
                    read++;
                }
            }
        }
        for (int partition : starts.keySet()) {
            List<String> ours = expected.get(partition);
            List<String> theirs = seen.getOrDefault(partition, List.of());
            equal("records of partition " + partition, ours.size(), theirs.size());
            for (int i = 0; i < ours.size(); i++) {
                equal("partition " + partition, ours.get(i), theirs.get(i));
            }
        }
    }

    private void fromTimestamp(String topic, List<ProducerRecord<byte[], byte[]>> sent) {
        long seventh = sent.get(7 * PARTITIONS + 2).timestamp();
        equal("offset before a record", 7L, offsetAt(topic, seventh - 500).offset());
        equal("offset of a record's own time", 7L, offsetAt(topic, seventh).offset());
        equal("its time", seventh, offsetAt(topic, seventh - 500).timestamp());
        equal("offset behind the last record", null, offsetAt(topic, sent.get(COUNT - 1).timestamp() + 1));
        compare(topic, sent, Map.of(2, 7L));
    }

    private OffsetAndTimestamp offsetAt(String topic, long time) {
        TopicPartition partition = new TopicPartition(topic, 2);
        try (KafkaConsumer<byte[], byte[]> consumer = newConsumer()) {
            return consumer.offsetsForTimes(Map.of(partition, time), PATIENCE).get(partition);
        }
    }

    private void admin() throws Exception {
        String topic = "java-admin-" + UUID.randomUUID();
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = newAdmin()) {
            check("admin: describe the cluster", () -> equal("nodes", 1, admin.describeCluster().nodes().get().size()));
            check("admin: create a topic with a configuration", () -> {
                admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "123456")))).all().get();
                equal("listed", true, admin.listTopics().names().get().contains(topic));
            });
            check("admin: describe the topic", () -> equal("partitions", 2,
                admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size()));
            check("admin: describe its configuration", () -> equal("retention.ms", "123456",
                admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value()));
            check("admin: alter its configuration", () -> {
                AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "654321"), AlterConfigOp.OpType.SET);
                admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
                equal("retention.ms", "654321", admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value());
            });
            check("admin: add partitions", () -> {
                admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
                equal("partitions", 5, admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            });
            check("admin: delete the topic", () -> {
                admin.deleteTopics(List.of(topic)).all().get();
                equal("error", UnknownTopicOrPartitionException.class, errorOfDescribe(admin, topic));
            });
        }
    }

    /** A deletion is acknowledged when it is decided; describing may still find the topic for a moment. */
    private static Class<?> errorOfDescribe(Admin admin, String topic) throws InterruptedException {
        for (int i = 0; i < 50; i++) {
            try {
                admin.describeTopics(List.of(topic)).allTopicNames().get();
            } catch (ExecutionException gone) {
                return gone.getCause().getClass();
            }
            Thread.sleep(100);
        }
        return null;
    }

    private Map<String, Object> config() {
        return new HashMap<>(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", 10_000));
    }

    private Admin newAdmin() {
        Map<String, Object> config = config();
        config.put("default.api.timeout.ms", 90_000);
        return Admin.create(config);
    }

    private KafkaConsumer<byte[], byte[]> newConsumer() {
        Map<String, Object> config = config();
        config.put("auto.offset.reset", "none");
        config.put("check.crcs", "true");
        config.put("default.api.timeout.ms", 90_000);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static String show(long offset, long time, byte[] key, byte[] value, Header[] headers) {
        String flat = Arrays.stream(headers).map(h -> h.key() + "=" + Arrays.toString(h.value())).collect(Collectors.joining(","));
        String body = value != null && value.length > 1000 ? value.length + " bytes, " + Arrays.hashCode(value) : Arrays.toString(value);
        return "offset " + offset + " time " + time + " key " + Arrays.toString(key) + " value " + body + " headers " + flat;
    }

    private static void equal(String what, Object expected, Object seen) {
        if (expected == null ? seen != null : !expected.equals(seen)) {
            throw new AssertionError(what + ": " + seen + " instead of " + expected);
        }
    }
}
