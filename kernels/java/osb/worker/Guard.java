package osb.worker;

/**
 * What the code of users meets of this worker: Weaver puts a call of check() at the beginning of every method and before
 * every jump back, and sends System.exit() here. It is public because that code is in other packages.
 *
 * An interrupt throws once, in the thread of the run, so that `finally` can do its work. Code that goes on all the same
 * gets no further: then every check throws, in every thread.
 */
public final class Guard {
    /** Ends a run. Not an Exception, which code may catch without a thought. */
    static final class Stop extends Error {
        private static final long serialVersionUID = 1;

        Stop() {
            super("interrupted", null, false, false);
        }
    }

    /** System.exit() of code that runs inside this process. */
    static final class Exit extends Error {
        private static final long serialVersionUID = 1;

        Exit(int status) {
            super(Integer.toString(status), null, false, false);
        }
    }

    private static volatile boolean armed;
    private static volatile boolean everywhere;
    private static volatile Thread target;

    private Guard() {}

    public static void check() {
        if (armed) stop();
    }

    private static void stop() {
        if (!everywhere) {
            if (Thread.currentThread() != target) return;
            armed = false;
        }
        throw new Stop();
    }

    static void arm(Thread thread, boolean everyThread) {
        target = thread;
        everywhere = everyThread;
        armed = true;
    }

    static void disarm() {
        armed = false;
        everywhere = false;
    }

    public static void exit(int status) {
        throw new Exit(status);
    }

    public static void exit(Runtime runtime, int status) {
        throw new Exit(status);
    }
}
