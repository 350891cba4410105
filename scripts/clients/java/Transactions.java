import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What a transactional producer and a consumer of committed records see: {@code Transactions BOOTSTRAP}. The broker must look for
 * transactions that took too long every second.
 */
public final class Transactions {
    private static final int PARTITIONS = 3;
    private final String bootstrap;
    private final Admin admin;
    private int passed;
    private int failed;
    private String topic;

    private interface Step {
        void run() throws Exception;
    }

    private Transactions(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    public static void main(String[] arguments) throws Exception {
        Transactions test = new Transactions(arguments[0]);
        test.check("a commit makes everything visible at once", test::commit);
        test.check("an abort leaves nothing", test::abort);
        test.check("many transactions, every third aborted", test::many);
        test.check("a second producer with the same id fences the first", test::fencing);
        test.check("a transaction that takes too long is aborted", test::timeout);
        test.check("offsets are committed with the transaction, or not", test::offsets);
        test.check("the transaction of a producer that died is aborted by the next", test::takeover);
        test.check("an operator sees and fences transactions", test::operator);
        System.out.printf("java-transactions: %d passed, %d failed%n", test.passed, test.failed);
        System.exit(test.failed == 0 ? 0 : 1);
    }

    private void check(String name, Step step) {
        topic = "transactions-" + UUID.randomUUID();
        try {
            admin.createTopics(Set.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
            step.run();
            passed++;
            System.out.println("ok   java-transactions: " + name);
        } catch (Throwable failure) {
            failed++;
            System.out.println("FAIL java-transactions: " + name + ": " + failure);
            failure.printStackTrace(System.out);
        }
    }

    private KafkaProducer<String, String> producer(String id, int timeoutMs) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("transactional.id", id);
        config.put("transaction.timeout.ms", timeoutMs);
        config.put("max.block.ms", 90_000);
        config.put("linger.ms", 0);
        KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    private void send(KafkaProducer<String, String> producer, String value, int count) {
        for (int number = 0; number < count; number++) {
            producer.send(new ProducerRecord<>(topic, number % PARTITIONS, null, value + number));
        }
    }

    /** All values up to the end that this isolation level has now. */
    private List<String> read(String isolation) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "enable.auto.commit", false);
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int index = 0; index < PARTITIONS; index++) {
                partitions.add(new TopicPartition(topic, index));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.currentTimeMillis() + 20_000;
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
                expect(System.currentTimeMillis() < deadline, "the end was not reached");
            }
        }
        return values;
    }

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private void expectCount(String isolation, int count) {
        List<String> values = read(isolation);
        expect(values.size() == count, values.size() + " records " + isolation + " instead of " + count);
    }

    private void commit() {
        try (KafkaProducer<String, String> producer = producer("commit-" + topic, 60_000)) {
            producer.beginTransaction();
            send(producer, "a", 30);
            producer.flush();
            expectCount("read_committed", 0);
            expectCount("read_uncommitted", 30);
            producer.commitTransaction();
            eventually(() -> expectCount("read_committed", 30));
        }
    }

    private void abort() {
        try (KafkaProducer<String, String> producer = producer("abort-" + topic, 60_000)) {
            producer.beginTransaction();
            send(producer, "a", 30);
            producer.flush();
            producer.abortTransaction();
            producer.beginTransaction();
            send(producer, "b", 3);
            producer.commitTransaction();
            eventually(() -> expectCount("read_committed", 3));
            expect(read("read_committed").stream().allMatch(value -> value.startsWith("b")), "aborted records were read");
            expectCount("read_uncommitted", 33);
        }
    }

    private void many() {
        try (KafkaProducer<String, String> producer = producer("many-" + topic, 60_000)) {
            for (int round = 0; round < 300; round++) {
                producer.beginTransaction();
                send(producer, round % 3 == 2 ? "bad" : "good", 1 + round % 7);
                if (round % 3 == 2) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
            int good = 0;
            for (int round = 0; round < 300; round++) {
                good += round % 3 == 2 ? 0 : 1 + round % 7;
            }
            int expected = good;
            eventually(() -> expectCount("read_committed", expected));
            expect(read("read_committed").stream().allMatch(value -> value.startsWith("good")), "aborted records were read");
        }
    }

    private void fencing() {
        try (KafkaProducer<String, String> first = producer("fencing-" + topic, 60_000)) {
            first.beginTransaction();
            send(first, "first", 3);
            first.flush();
            try (KafkaProducer<String, String> second = producer("fencing-" + topic, 60_000)) {
                try {
                    send(first, "late", 1);
                    first.commitTransaction();
                    throw new AssertionError("the first producer could commit");
                } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                    // as it must be
                } catch (KafkaException error) {
                    expect(error.getCause() instanceof ProducerFencedException || error.getCause() instanceof InvalidProducerEpochException,
                        "fenced with " + error);
                }
                second.beginTransaction();
                send(second, "second", 3);
                second.commitTransaction();
                eventually(() -> expectCount("read_committed", 3));
            }
        }
    }

    private void timeout() throws Exception {
        try (KafkaProducer<String, String> producer = producer("timeout-" + topic, 1_000)) {
            producer.beginTransaction();
            send(producer, "slow", 3);
            producer.flush();
            Thread.sleep(4_000);
            try {
                producer.commitTransaction();
                throw new AssertionError("a transaction that took too long could be committed");
            } catch (KafkaException refused) {
                // which one depends on the version of the protocol
            }
        }
        eventually(() -> expectCount("read_committed", 0));
        expectCount("read_uncommitted", 3);
    }

    private void offsets() throws Exception {
        String group = "group-" + topic;
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = producer("offsets-" + topic, 60_000)) {
            for (int round = 1; round <= 6; round++) {
                producer.beginTransaction();
                send(producer, "a", 3);
                producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(round * 10, "round " + round)), new ConsumerGroupMetadata(group));
                if (round % 2 == 0) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
                int committed = round % 2 == 0 ? round - 1 : round;
                eventually(() -> {
                    OffsetAndMetadata found = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
                    expect(found != null && found.offset() == committed * 10L, "committed " + found + " instead of " + committed * 10);
                    expect(found.metadata().equals("round " + committed), found.metadata());
                });
            }
        }
        eventually(() -> expectCount("read_committed", 9));
    }

    private void takeover() {
        KafkaProducer<String, String> dead = producer("takeover-" + topic, 60_000);
        dead.beginTransaction();
        send(dead, "dead", 30);
        dead.flush();
        dead.close(Duration.ZERO);
        try (KafkaProducer<String, String> next = producer("takeover-" + topic, 60_000)) {
            expectCount("read_committed", 0);
            next.beginTransaction();
            send(next, "next", 3);
            next.commitTransaction();
        }
        eventually(() -> expectCount("read_committed", 3));
    }

    private void operator() throws Exception {
        String id = "operator-" + topic;
        try (KafkaProducer<String, String> producer = producer(id, 60_000)) {
            producer.beginTransaction();
            send(producer, "a", 3);
            producer.flush();
            var described = admin.describeTransactions(List.of(id)).description(id).get();
            expect(described.state().toString().equals("Ongoing"), described.toString());
            expect(described.topicPartitions().size() == PARTITIONS, described.toString());
            var listed = admin.listTransactions(new ListTransactionsOptions().filterProducerIds(Set.of(described.producerId()))).all().get();
            expect(listed.stream().anyMatch(found -> found.transactionalId().equals(id)), listed.toString());
            TopicPartition partition = new TopicPartition(topic, 0);
            var producers = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
            expect(producers.size() == 1 && producers.get(0).currentTransactionStartOffset().getAsLong() == 0, producers.toString());
            admin.fenceProducers(List.of(id)).all().get();
            try {
                producer.commitTransaction();
                throw new AssertionError("a fenced producer could commit");
            } catch (KafkaException fenced) {
                // as it must be
            }
        }
        eventually(() -> expectCount("read_committed", 0));
    }

    /** Markers follow a commit after a moment. */
    private static void eventually(Step step) {
        long deadline = System.currentTimeMillis() + 90_000;
        while (true) {
            try {
                step.run();
                return;
            } catch (AssertionError | Exception failure) {
                if (System.currentTimeMillis() > deadline) {
                    throw new AssertionError(failure.getMessage(), failure);
                }
                try {
                    Thread.sleep(50);
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }
        }
    }
}
