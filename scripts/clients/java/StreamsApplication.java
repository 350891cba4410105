import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/**
 * One instance of a Streams application with {@code exactly_once_v2}: {@code StreamsApplication BOOTSTRAP PREFIX STATE}, until its
 * standard input ends. {@code streams_data.py} makes its topics, feeds it, and knows what must come out:
 * <ul>
 * <li>orders ("customer amount" by order), repartitioned by customer and joined with the table of customers (a region by customer);
 * <li>PREFIX-totals: repartitioned once more, "count sum" by region after each order;
 * <li>PREFIX-windows: "count sum" by customer and window of ten seconds after each order;
 * <li>PREFIX-paid: orders joined with the payments that came within ten seconds.
 * </ul>
 */
public final class StreamsApplication {
    private static final Duration WINDOW = Duration.ofSeconds(10);
    private static final Duration GRACE = Duration.ofHours(1);
    private static final Serde<String> TEXT = Serdes.String();

    public static void main(String[] arguments) throws Exception {
        KafkaStreams streams = new KafkaStreams(topology(arguments[1]), config(arguments[0], arguments[1], arguments[2]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
        while (System.in.read() >= 0) {
            // only the end counts
        }
        System.exit(streams.close(Duration.ofSeconds(20)) ? 0 : 1);
    }

    private static Topology topology(String prefix) {
        StreamsBuilder builder = new StreamsBuilder();
        Consumed<String, String> texts = Consumed.with(TEXT, TEXT);
        KTable<String, String> customers = builder.table(prefix + "-customers", texts,
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("customers").withKeySerde(TEXT).withValueSerde(TEXT));
        KStream<String, String> orders = builder.stream(prefix + "-orders", texts);
        KStream<String, String> amounts = orders
            .map((order, value) -> KeyValue.pair(value.split(" ")[0], value.split(" ")[1]))
            .repartition(Repartitioned.<String, String>as("by-customer").withKeySerde(TEXT).withValueSerde(TEXT));
        totals(prefix, amounts, customers);
        windows(prefix, amounts);
        paid(prefix, orders, builder.stream(prefix + "-payments", texts));
        return builder.build();
    }

    private static void totals(String prefix, KStream<String, String> amounts, KTable<String, String> customers) {
        amounts.join(customers, (amount, region) -> region + " " + amount, Joined.with(TEXT, TEXT, TEXT))
            .groupBy((customer, value) -> value.split(" ")[0], Grouped.<String, String>as("by-region").withKeySerde(TEXT).withValueSerde(TEXT))
            .aggregate(() -> "0 0", (region, value, total) -> add(total, value.split(" ")[1]),
                Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("totals").withKeySerde(TEXT).withValueSerde(TEXT))
            .toStream().to(prefix + "-totals", Produced.with(TEXT, TEXT));
    }

    private static void windows(String prefix, KStream<String, String> amounts) {
        amounts.groupByKey(Grouped.with(TEXT, TEXT))
            .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
            .aggregate(() -> "0 0", (customer, amount, total) -> add(total, amount),
                Materialized.<String, String, WindowStore<Bytes, byte[]>>as("windows").withKeySerde(TEXT).withValueSerde(TEXT))
            .toStream((window, total) -> window.key() + "@" + window.window().start())
            .to(prefix + "-windows", Produced.with(TEXT, TEXT));
    }

    private static void paid(String prefix, KStream<String, String> orders, KStream<String, String> payments) {
        orders.join(payments, (order, payment) -> order + " " + payment, JoinWindows.ofTimeDifferenceAndGrace(WINDOW, GRACE),
                StreamJoined.<String, String, String>with(TEXT, TEXT, TEXT).withStoreName("paid"))
            .to(prefix + "-paid", Produced.with(TEXT, TEXT));
    }

    private static String add(String total, String amount) {
        String[] parts = total.split(" ");
        return Long.parseLong(parts[0]) + 1 + " " + (Long.parseLong(parts[1]) + Long.parseLong(amount));
    }

    private static Properties config(String bootstrap, String prefix, String state) {
        Map<String, Object> config = new HashMap<>();
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix);
        config.put(StreamsConfig.STATE_DIR_CONFIG, state);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0); // so that every order is an update of its own
        config.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 1_000);
        config.put("reconnect.backoff.max.ms", 500);
        config.put("auto.offset.reset", "earliest");
        config.put("session.timeout.ms", 6_000);
        config.put("heartbeat.interval.ms", 1_000);
        Properties properties = new Properties();
        properties.putAll(config);
        return properties;
    }
}
