package osb.worker;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jshell.execution.DirectExecutionControl;
import jdk.jshell.spi.SPIResolutionException;

/**
 * Runs compiled snippets in this process and thread, and keeps what JShell would make a text of: the value, and what
 * was thrown.
 */
final class Engine extends DirectExecutionControl {
    private static final Pattern TYPE = Pattern.compile("REPL\\.\\$JShell\\$[^$]+\\$([^$]+)");
    private static final int CAUSES = 20;
    private static final int PROGRAM = Modifier.PUBLIC | Modifier.STATIC;

    private final Interrupts interrupts;
    private Object value;
    private Throwable thrown;    // by the code
    private Throwable refused;   // the class of a snippet could not be loaded
    private final Map<String, String> types = new HashMap<>();  // that snippets declared → the latest class of the name

    Engine(CodeLoader loader, Interrupts interrupts) {
        super(loader);
        this.interrupts = interrupts;
    }

    /** Whether this type of a snippet is a program. */
    boolean hasMain(String type) {
        try {
            Method main = findClass(types.getOrDefault(type, type)).getDeclaredMethod("main", String[].class);
            return (main.getModifiers() & PROGRAM) == PROGRAM;
        } catch (ReflectiveOperationException | LinkageError none) {
            return false;
        }
    }

    /** Forgets the last snippet. */
    void reset() {
        value = null;
        thrown = null;
        refused = null;
    }

    Object value() {
        return value;
    }

    Throwable thrown() {
        return thrown;
    }

    Throwable refused() {
        return refused;
    }

    @Override
    public void load(ClassBytecodes[] classes)
            throws ClassInstallException, NotImplementedException, EngineTerminationException {
        ClassBytecodes[] woven = new ClassBytecodes[classes.length];
        for (int i = 0; i < classes.length; ++i) {
            woven[i] = woven(classes[i]);
            Matcher type = TYPE.matcher(classes[i].name());
            if (type.matches()) types.put(type.group(1), classes[i].name());
        }
        try {
            super.load(woven);
        } catch (ClassInstallException error) {
            refused = error;
            throw error;
        }
    }

    private static ClassBytecodes woven(ClassBytecodes code) {
        try {
            return new ClassBytecodes(code.name(), Weaver.weave(code.bytecodes()));
        } catch (RuntimeException notUnderstood) {
            return code;  // runs, but cannot be interrupted
        }
    }

    @Override
    protected String invoke(Method code) throws Exception {
        RunException failure = null;
        try {
            interrupts.enter();
            try {
                value = code.invoke(null);
            } catch (InvocationTargetException error) {
                thrown = error.getCause();
                if (!isStop(thrown)) failure = described(thrown, CAUSES);
            }
        } catch (Throwable late) {  // while it was described, or an interrupt before it began
            thrown = late;
            if (!isStop(late)) failure = new UserException(null, late.getClass().getName(), new StackTraceElement[0]);
        } finally {
            interrupts.leave();
        }
        // Values have no text here: it may be endless, and JShell asks for those of variables too.
        if (thrown == null) return "";
        throw failure == null ? new StoppedException() : failure;
    }

    // As JShell does it, but messages and causes are code of the user.
    private static RunException described(Throwable error, int causes) {
        if (error instanceof SPIResolutionException)
            return new ResolutionException(((SPIResolutionException) error).id(), error.getStackTrace());
        String message = null;
        Throwable cause = null;
        try {
            message = error.getMessage();
            cause = error.getCause();
        } catch (RuntimeException | LinkageError | AssertionError | StackOverflowError unknown) {
            message = "(its message cannot be had: " + unknown.getClass().getName() + ")";
        }
        UserException user = new UserException(message, error.getClass().getName(), error.getStackTrace());
        user.initCause(cause == null || causes == 0 ? null : described(cause, causes - 1));
        return user;
    }

    @SuppressWarnings({"deprecation", "removal"})
    static boolean isStop(Throwable error) {
        return error instanceof Guard.Stop || error instanceof ThreadDeath;
    }

    /** As JShell shows values, but texts as they are. Runs code of the user. */
    static String text(Object shown) {
        return shown != null && shown.getClass().isArray() ? valueString(shown) : String.valueOf(shown);
    }
}
