import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.common.serialization.LongSerializer;

/**
 * Sends 0, 1, 2... to every partition with the Java client's default, idempotent, producer until something arrives on its standard input:
 * {@code IdempotentLoad BOOTSTRAP TOPIC PARTITIONS}. Prints the number of rounds sent, and fails when one record did.
 */
public final class IdempotentLoad {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", arguments[0], "reconnect.backoff.ms", 10,
            "reconnect.backoff.max.ms", 50, "retry.backoff.ms", 10, "linger.ms", 5, "batch.size", 4000, "request.timeout.ms", 5000);
        int partitions = Integer.parseInt(arguments[2]);
        AtomicLong failed = new AtomicLong();
        long rounds = 0;
        try (KafkaProducer<Integer, Long> producer = new KafkaProducer<>(config, new IntegerSerializer(), new LongSerializer())) {
            for (; System.in.available() == 0; rounds++) {
                for (int partition = 0; partition < partitions; partition++) {
                    producer.send(new ProducerRecord<>(arguments[1], partition, partition, rounds), (metadata, error) -> {
                        if (error != null && failed.incrementAndGet() < 10) {
                            System.err.println(error);
                        }
                    });
                }
                if (rounds % 20 == 0) {
                    Thread.sleep(2);
                }
            }
        }
        System.out.printf("{\"rounds\": %d, \"failed\": %d}%n", rounds, failed.get());
        System.exit(failed.get() > 0 ? 1 : 0);
    }
}
