package osb.worker;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Messages from and to execd over the pipes 3 and 4 (kernels/README.md). The pipes are opened anew, as descriptors of
 * the JVM; processes that Java code starts get neither those nor 3 and 4, because the JVM closes all but 0 to 2 there.
 */
final class Channel {
    private static final int FIRST = 1;  // flags of a frame: begins a message, ends one
    private static final int LAST = 2;
    private static final int PART_BYTES = 64 * 1024;
    private static final int MESSAGE_LIMIT = 64 * 1024 * 1024;

    private final DataInputStream in;
    private final FileOutputStream out;

    Channel(int from, int to) throws IOException {
        in = new DataInputStream(new FileInputStream("/proc/self/fd/" + from));
        out = new FileOutputStream("/proc/self/fd/" + to);
    }

    /** The next message; null when execd closed its end. */
    @SuppressWarnings("unchecked")
    Map<String, Object> receive() throws IOException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException end) {
                return null;
            }
            if (length < 1 || length > PART_BYTES + 1) throw new IOException("a frame of " + length + " bytes");
            int flags = in.readByte();
            byte[] part = new byte[length - 1];
            in.readFully(part);
            if ((flags & FIRST) != 0) message.reset();
            message.write(part);
            if (message.size() > MESSAGE_LIMIT) throw new IOException("a message of more than 64 MiB");
            if ((flags & LAST) != 0)
                return (Map<String, Object>) Json.parse(new String(message.toByteArray(), StandardCharsets.UTF_8));
        }
    }

    /** Whether receive() would find something now. */
    boolean hasInput() throws IOException {
        return in.available() > 0;
    }

    /** Members in pairs: name, value. */
    void send(String type, Object... members) throws IOException {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("type", type);
        for (int i = 0; i < members.length; i += 2) message.put((String) members[i], members[i + 1]);
        send(Json.write(message).getBytes(StandardCharsets.UTF_8));
    }

    // Threads of the user may display values.
    private synchronized void send(byte[] text) throws IOException {
        for (int from = 0; from < text.length; from += PART_BYTES) {
            int size = Math.min(PART_BYTES, text.length - from);
            byte[] frame = new byte[5 + size];
            int length = size + 1;
            for (int i = 0; i < 4; ++i) frame[i] = (byte) (length >>> (24 - 8 * i));
            frame[4] = (byte) ((from == 0 ? FIRST : 0) | (from + size == text.length ? LAST : 0));
            System.arraycopy(text, from, frame, 5, size);
            out.write(frame);
        }
    }
}
