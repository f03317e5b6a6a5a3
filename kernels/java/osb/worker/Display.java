package osb.worker;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Values as clients see them: MIME type → text. Users call display(value) or display(text, "text/html"), methods that
 * every context has; those come here by name, because this class is not on the class path of their code.
 */
public final class Display {
    private static final int TEXT_LIMIT = 10_000_000;
    // One method: JShell's methods of the same name do not see each other.
    private static final String DEFINITION =
        "void display(Object value, String... type) {"
        + " try { Class.forName(\"osb.worker.Display\").getMethod(\"show\", Object.class, String.class)"
        + ".invoke(null, value, type.length == 0 ? null : type[0]); }"
        + " catch (java.lang.reflect.InvocationTargetException error) {"
        + " throw error.getCause() instanceof RuntimeException ? (RuntimeException) error.getCause()"
        + " : new IllegalStateException(error.getCause()); }"
        + " catch (ReflectiveOperationException error) { throw new IllegalStateException(error); } }";

    private static Display current;

    private final Channel channel;
    private final Shell shell;
    private final Thread runner = Thread.currentThread();
    private boolean defined;
    private long run;            // 0: none
    private long displays;
    private long acknowledged;

    Display(Channel channel, Shell shell) {
        this.channel = channel;
        this.shell = shell;
        current = this;
    }

    void define() {
        if (defined) return;
        defined = true;
        shell.define(DEFINITION);
    }

    synchronized void begin(long number) {
        run = number;
    }

    synchronized void end() {
        run = 0;
    }

    public static void show(Object value, String type) throws IOException {
        current.send(type == null ? bundle(value, Engine.text(value)) : Map.of(type, limited(Engine.text(value))));
    }

    /** Runs code of the user: the value's toString(). */
    Map<String, Object> bundle(Object value) throws Failure {
        return bundle(value, shell.text(value));
    }

    private static Map<String, Object> bundle(Object value, String text) {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("text/plain", limited(text));
        String picture = Picture.png(value);
        if (picture != null) data.put("image/png", picture);
        return data;
    }

    private static String limited(String text) {
        if (text == null) return "null";  // a toString() of the user
        if (text.length() <= TEXT_LIMIT) return text;
        return text.substring(0, TEXT_LIMIT) + "… (cut: " + text.length() + " characters)";
    }

    // Output and messages travel on different ways: waiting for execd keeps what is printed next behind.
    private void send(Map<String, ?> data) throws IOException {
        System.out.flush();
        System.err.flush();
        boolean wait = Thread.currentThread() == runner;
        long number;
        synchronized (this) {
            number = ++displays;
            channel.send("display_data", "run", run, "data", data, "display", wait ? number : 0);
        }
        while (wait && acknowledged < number) {
            Map<String, Object> message = channel.receive();
            if (message == null) Runtime.getRuntime().halt(1);
            if (message.get("type").equals("display_ack"))
                acknowledged = Math.max(acknowledged, (Long) message.get("display"));
        }
    }
}
