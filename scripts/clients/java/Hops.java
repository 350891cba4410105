import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A chain of hops in Java: {@code Hops BOOTSTRAP PREFIX HOPS WORKERS [manual]}, until its standard input ends. Does what hops.py does.
 */
public final class Hops {
    private static final int PARTITIONS = 3;
    private static volatile boolean stopping;
    private final String bootstrap;
    private final String prefix;
    private final boolean manual;
    private final int hop;
    private final int worker;
    private final Random random;

    /** What was under way is given up: begin anew from what is committed. */
    private static final class Begin extends RuntimeException {
    }

    private Hops(String[] arguments, int hop, int worker) {
        this.bootstrap = arguments[0];
        this.prefix = arguments[1];
        this.manual = arguments.length > 4;
        this.hop = hop;
        this.worker = worker;
        this.random = new Random(hop * 100L + worker);
    }

    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int hop = 0; hop < Integer.parseInt(arguments[2]); hop++) {
            for (int worker = 0; worker < Integer.parseInt(arguments[3]); worker++) {
                Hops hops = new Hops(arguments, hop, worker);
                threads.add(new Thread(hops::work));
            }
        }
        threads.forEach(Thread::start);
        while (System.in.read() >= 0) {
            // only the end counts
        }
        stopping = true;
        for (Thread thread : threads) {
            thread.join(20_000);
        }
        System.exit(0);
    }

    private void work() {
        KafkaProducer<byte[], byte[]> producer = null;
        while (!stopping) {
            try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
                if (producer == null) {
                    producer = producer();
                    producer.initTransactions();
                }
                while (!stopping) {
                    passOn(consumer, producer);
                }
            } catch (Begin begin) {
                // goes on
            } catch (KafkaException error) {
                if (producer != null) {
                    producer = ended(producer);
                }
            }
        }
    }

    /** One transaction. */
    private void passOn(KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) {
            return;
        }
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            producer.send(new ProducerRecord<>(prefix + "-" + (hop + 1), record.key(), record.value()));
            ends.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        if (random.nextInt(10) == 0) {
            producer.flush();
            producer.abortTransaction();
            throw new Begin();
        }
        producer.sendOffsetsToTransaction(ends, consumer.groupMetadata());
        producer.commitTransaction();
        if (random.nextInt(50) == 0) {
            throw new Begin(); // leaves the group, and comes back
        }
    }

    /** After an error: the producer if its transaction could be aborted, else none. */
    private static KafkaProducer<byte[], byte[]> ended(KafkaProducer<byte[], byte[]> producer) {
        try {
            producer.abortTransaction();
            return producer;
        } catch (KafkaException error) {
            producer.close(Duration.ZERO);
            return null;
        }
    }

    private KafkaProducer<byte[], byte[]> producer() {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("transactional.id", prefix + "-" + hop + "-" + worker);
        config.put("transaction.timeout.ms", 20_000);
        config.put("max.block.ms", 20_000);
        config.put("delivery.timeout.ms", 15_000);
        config.put("request.timeout.ms", 10_000);
        config.put("reconnect.backoff.max.ms", 500);
        config.put("buffer.memory", 4_000_000L);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("group.id", prefix + "-" + hop);
        config.put("isolation.level", "read_committed");
        config.put("enable.auto.commit", false);
        config.put("auto.offset.reset", "earliest");
        config.put("session.timeout.ms", 6_000);
        config.put("heartbeat.interval.ms", 1_000);
        config.put("max.poll.records", 40);
        config.put("reconnect.backoff.max.ms", 500);
        config.put("default.api.timeout.ms", 20_000);
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        if (manual) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int index = 0; index < PARTITIONS; index++) {
                partitions.add(new TopicPartition(prefix + "-" + hop, index));
            }
            consumer.assign(partitions); // positions begin at what the group has committed
        } else {
            consumer.subscribe(List.of(prefix + "-" + hop));
        }
        return consumer;
    }
}
