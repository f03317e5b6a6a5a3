package osb.worker;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What System.out and System.err are: UTF-8, written at once, and still there when the code of users closed it. */
final class Output extends PrintStream {
    private static final int BUFFER_BYTES = 8192;

    Output(FileDescriptor to) {
        super(new BufferedOutputStream(new FileOutputStream(to), BUFFER_BYTES), true, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        flush();
    }
}
