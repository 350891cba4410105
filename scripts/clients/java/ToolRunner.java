import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command-line tools one after another in one JVM, since a start costs a second of CPU. Each line of standard input is
 * {"tool": class, "arguments": [...], "data": its standard input}; each line of the answer is {"status": exit status, "out": ..., "err": ...}.
 */
public final class ToolRunner {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Unwinds a tool that has ended itself. */
    private static final class Exited extends Error {
        Exited() {
            super("exited", null, false, false);
        }
    }

    /** What a tool has printed when it ended itself; what it prints while it unwinds does not count. */
    private record End(int status, String out, String err) { }

    private static ByteArrayOutputStream out;
    private static ByteArrayOutputStream err;
    private static End end;
    /** What the tool wants done when its process ends: producers are closed there. */
    private static final List<Runnable> hooks = new ArrayList<>();

    public static void main(String[] unused) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err); // log lines go where the first of them finds it
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Exit.Procedure exit = (status, message) -> {
            noteEnd(status);
            throw new Exited();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            answers.println(JSON.writeValueAsString(run(JSON.readTree(line))));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static Map<String, Object> run(JsonNode request) throws Exception {
        List<String> arguments = new ArrayList<>();
        request.get("arguments").forEach(argument -> arguments.add(argument.asText()));
        Class<?> tool = Class.forName(request.get("tool").asText());
        forgetEarlierRuns(tool);
        out = new ByteArrayOutputStream();
        err = new ByteArrayOutputStream();
        end = null;
        System.setIn(new ByteArrayInputStream(request.get("data").asText().getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            tool.getMethod("main", String[].class).invoke(null, (Object) arguments.toArray(new String[0]));
            noteEnd(0);
        } catch (InvocationTargetException failure) {
            if (end == null) {
                failure.getCause().printStackTrace(System.err);
                noteEnd(1);
            }
        }
        return Map.of("status", end.status, "out", end.out, "err", end.err);
    }

    private static void noteEnd(int status) {
        if (end != null) {
            return;
        }
        List<Runnable> due = new ArrayList<>(hooks);
        hooks.clear();
        due.addAll(takeHooksOfTheVirtualMachine());
        due.forEach(Runnable::run);
        System.out.flush();
        System.err.flush();
        if (end == null) { // a hook may end the tool in its own way
            end = new End(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        }
    }

    /** Some tools do not go through Kafka's `Exit`; this needs `--add-opens java.base/java.lang=ALL-UNNAMED`. */
    private static List<Runnable> takeHooksOfTheVirtualMachine() {
        try {
            Field field = Class.forName("java.lang.ApplicationShutdownHooks").getDeclaredField("hooks");
            field.setAccessible(true);
            List<Runnable> taken = new ArrayList<>();
            for (Object hook : ((Map<?, ?>) field.get(null)).keySet().toArray()) {
                if (((Thread) hook).getName().endsWith("shutdown-hook") && Runtime.getRuntime().removeShutdownHook((Thread) hook)) {
                    taken.add((Thread) hook);
                }
            }
            return taken;
        } catch (ReflectiveOperationException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** The console consumer counts its records in a static field. */
    private static void forgetEarlierRuns(Class<?> tool) throws Exception {
        if (tool.getSimpleName().equals("ConsoleConsumer")) {
            var count = tool.getDeclaredField("messageCount");
            count.setAccessible(true);
            count.setInt(null, 0);
        }
    }
}
