import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** One member of a group that says what it does, as python/group_member.py does: BOOTSTRAP GROUP TOPIC PROTOCOL. */
public final class GroupMember {
    private static volatile boolean running = true;

    public static void main(String[] arguments) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, arguments[1]);
        settings.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, arguments[3]);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        if (arguments[3].equals("classic")) {
            settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "6000");
            settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, "500");
            settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        }
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            running = false;
            consumer.wakeup();
            try {
                main.join(15_000);
            } catch (InterruptedException interrupted) {
                say("error interrupted");
            }
        }));
        consumer.subscribe(List.of(arguments[2]), new Listener(consumer));
        say("begun");
        try {
            while (running) {
                consume(consumer);
            }
        } catch (WakeupException wakeup) {
            // it was told to leave
        }
        consumer.close();
        say("ended");
    }

    private static void consume(KafkaConsumer<byte[], byte[]> consumer) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
        records.forEach(record -> say("record " + record.topic() + "-" + record.partition() + " " + record.offset()));
        if (!records.isEmpty()) {
            commit(consumer);
        }
    }

    private static void commit(KafkaConsumer<byte[], byte[]> consumer) {
        try {
            consumer.commitSync(Duration.ofSeconds(5));
        } catch (CommitFailedException | RebalanceInProgressException | RetriableException failure) {
            say("uncommitted " + failure.getClass().getSimpleName());
        }
    }

    private static synchronized void say(String event) {
        System.out.printf("%.6f %s%n", System.nanoTime() / 1e9, event);
        System.out.flush();
    }

    private record Listener(KafkaConsumer<byte[], byte[]> consumer) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> say("own " + partition));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> say("lose " + partition));
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            partitions.forEach(partition -> say("lose " + partition));
        }
    }
}
