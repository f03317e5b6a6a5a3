package osb.worker;

import java.lang.reflect.Method;
import sun.misc.Signal;

/**
 * SIGINT, and what it does to the run under way. Only code of users is disturbed, never the compiler or this worker:
 * their state has to survive. So the thread is marked while it is in such code, under a lock that every disturbance
 * takes.
 */
final class Interrupts {
    private static final long PATIENCE_MILLIS = 300;  // for `finally` blocks, before every check throws

    private Thread runner;        // the thread of the run; null between runs
    private boolean inUserCode;
    private boolean interrupted;  // the run under way
    private boolean stopped;      // Thread.stop was used: once is enough
    private long run;

    void install() {
        Signal.handle(new Signal("INT"), signal -> interrupt());  // in a thread of its own
    }

    synchronized void begin() {
        runner = Thread.currentThread();
        interrupted = false;
        stopped = false;
        ++run;
        Guard.disarm();
    }

    synchronized boolean end() {
        runner = null;
        Guard.disarm();
        Thread.interrupted();
        return interrupted;
    }

    synchronized boolean pending() {
        return interrupted;
    }

    synchronized void enter() {
        if (interrupted) throw new Guard.Stop();
        inUserCode = true;
    }

    /** May itself be hit by what stops the thread, so it goes on until it is done. */
    void leave() {
        while (true) {
            try {
                synchronized (this) {
                    inUserCode = false;
                    Thread.interrupted();
                    return;
                }
            } catch (Throwable late) {
                // again
            }
        }
    }

    private void interrupt() {
        long mine;
        synchronized (this) {
            if (runner == null) return;
            mine = run;
            disturb(interrupted);
            interrupted = true;
        }
        for (int step = 1; step <= 3; ++step) {
            try {
                Thread.sleep(PATIENCE_MILLIS);
            } catch (InterruptedException never) {
                return;
            }
            synchronized (this) {
                if (runner == null || run != mine) return;
                disturb(true);
                if (step > 1) stop();
            }
        }
    }

    private void disturb(boolean again) {
        Guard.arm(runner, again);
        if (inUserCode) runner.interrupt();
    }

    /** For code that neither returns to checked code nor waits. JDKs from 20 on have no means against it. */
    private void stop() {
        if (!inUserCode || stopped) return;
        stopped = true;
        try {
            Method stop = Thread.class.getMethod("stop");
            stop.invoke(runner);
        } catch (ReflectiveOperationException | RuntimeException | Error missing) {
            // a later JDK
        }
    }
}
