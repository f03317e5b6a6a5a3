package osb.worker;

import java.io.FileDescriptor;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Map;

/**
 * A stateful Java context: one JVM that keeps a JShell and speaks with execd (kernels/README.md). It works with JDK 11
 * and later. What the code prints goes through descriptors 1 and 2, so nothing printed can pass for a message.
 */
public final class Worker {
    private static final int STACK_BYTES = 16 << 20;  // the compiler recurses with the nesting of an expression

    private final Channel channel;
    private final Interrupts interrupts = new Interrupts();
    private final Shell shell;
    private final Display display;
    private final Libraries libraries;
    private final PrintStream out = new Output(FileDescriptor.out);
    private final PrintStream err = new Output(FileDescriptor.err);
    private int count;

    private Worker(Channel channel) {
        this.channel = channel;
        shell = new Shell(interrupts);
        display = new Display(channel, shell);
        libraries = new Libraries(shell);
    }

    public static void main(String[] arguments) throws Exception {
        Channel channel = new Channel(3, 4);
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            channel.send("fatal", "message", "this Java has no module jdk.jshell; a JDK has it, a mere runtime may not");
            return;
        }
        Thread thread = new Thread(null, () -> run(channel), "main", STACK_BYTES);
        thread.start();
    }

    private static void run(Channel channel) {
        try {
            Worker worker = new Worker(channel);
            Thread.currentThread().setContextClassLoader(worker.shell.loader());
            worker.serve();
            System.exit(0);  // threads of the user do not keep the process
        } catch (Throwable error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    private void serve() throws IOException {
        interrupts.install();
        System.setOut(out);
        System.setErr(err);
        libraries.addClasspath(System.getenv("CLASSPATH"));
        channel.send("ready", "pid", ProcessHandle.current().pid(), "version", System.getProperty("java.version"));
        // A context that waits for its first code makes itself ready for it. One with code there does not make it wait.
        if (idle()) display.define();
        if (idle()) shell.warmUp();
        for (Map<String, Object> message; (message = channel.receive()) != null;)
            if (message.get("type").equals("execute_request"))
                execute((Long) message.get("run"), (String) message.get("code"));
    }

    private boolean idle() throws IOException {
        return !channel.hasInput();
    }

    private void execute(long run, String code) throws IOException {
        ++count;
        interrupts.begin();
        channel.send("execute_input", "run", run, "execution_count", count);
        Map<String, Object> data = null;
        Failure failure = null;
        try {
            display.define();
            display.begin(run);
            Object value = shell.run(new Cell(count, libraries.apply(code)));
            if (value != null) data = display.bundle(value);
        } catch (Failure expected) {
            failure = expected;
        } catch (Throwable error) {  // of JShell and its compiler: the context goes on
            failure = Failure.ofCompiler(error);
            shell.renewCompiler();
        }
        flush();
        display.end();
        if (interrupts.end() && failure != null) failure = Failure.interrupted(failure.traceback);
        if (failure != null)
            channel.send("error", "run", run, "ename", failure.name, "evalue", failure.getMessage(),
                         "traceback", failure.traceback);
        else if (data != null)
            channel.send("execute_result", "run", run, "execution_count", count, "data", data);
        channel.send("execute_reply", "run", run, "status", failure == null ? "ok" : "error",
                     "execution_count", count);
    }

    // The streams may be others by now, with code of users in them.
    private void flush() {
        out.flush();
        err.flush();
        if (System.out == out && System.err == err) return;
        try {
            interrupts.enter();
            System.out.flush();
            System.err.flush();
        } catch (Throwable ofTheUser) {
            return;
        } finally {
            interrupts.leave();
        }
        out.flush();
        err.flush();
    }
}
