package osb.worker;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * What System.out and System.err are: UTF-8, written at once, and still there when the code of users closed it.
 *
 * <p>What one call prints is one write, so that it is one event: a PrintStream writes a text and its line end apart.
 */
final class Output extends PrintStream {
    private static final int BUFFER_BYTES = 8192;

    Output(FileDescriptor to) {
        super(new BufferedOutputStream(new FileOutputStream(to), BUFFER_BYTES), true, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        flush();
    }

    private void line(String text) {
        print(text + System.lineSeparator());
    }

    @Override
    public void println(boolean value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(char value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(int value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(long value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(float value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(double value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(char[] value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(String value) {
        line(String.valueOf(value));
    }

    @Override
    public void println(Object value) {
        line(String.valueOf(value));
    }

    @Override
    public PrintStream format(String format, Object... arguments) {
        print(String.format(format, arguments));
        return this;
    }

    @Override
    public PrintStream format(Locale locale, String format, Object... arguments) {
        print(String.format(locale, format, arguments));
        return this;
    }
}
