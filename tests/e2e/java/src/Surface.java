import com.alibaba.opensandbox.sandbox.Sandbox;
import com.alibaba.opensandbox.sandbox.config.ConnectionConfig;
import com.alibaba.opensandbox.sandbox.domain.exceptions.SandboxApiException;
import com.alibaba.opensandbox.sandbox.domain.models.execd.executions.Execution;
import com.alibaba.opensandbox.sandbox.domain.models.execd.executions.ExecutionHandlers;
import com.alibaba.opensandbox.sandbox.domain.models.execd.executions.OutputMessage;
import com.alibaba.opensandbox.sandbox.domain.models.execd.executions.RunCommandRequest;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.ContentReplaceEntry;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.EntryInfo;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.MoveEntry;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.SearchEntry;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.SetPermissionEntry;
import com.alibaba.opensandbox.sandbox.domain.models.execd.filesystem.WriteEntry;
import com.alibaba.opensandbox.sandbox.domain.services.Commands;
import com.alibaba.opensandbox.sandbox.domain.services.Filesystem;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Every call of the Java client 1.0.0 on commands and files, each with a look at what it did. This release has neither
 * sessions nor status and logs of background commands. Its texts come without the ends of lines.
 */
public class Surface {
  interface Part {
    void run() throws Exception;
  }

  // Of this run alone: without a sandbox around execd it lies on the machine itself.
  private static final String DIRECTORY = "/tmp/surface-" + ProcessHandle.current().pid();

  private final Sandbox sandbox;
  private final Commands commands;
  private final Filesystem files;
  private final Map<String, Part> parts = new LinkedHashMap<>();

  Surface(Sandbox sandbox) {
    this.sandbox = sandbox;
    commands = sandbox.commands();
    files = sandbox.files();
    parts.put("outputAndExitCodes", this::outputAndExitCodes);
    parts.put("options", this::options);
    parts.put("handlers", this::handlers);
    parts.put("textsThatAreHardToCarry", this::textsThatAreHardToCarry);
    parts.put("background", this::background);
    parts.put("interrupts", this::interrupts);
    parts.put("kindsOfData", this::kindsOfData);
    parts.put("ranges", this::ranges);
    parts.put("infoAndPermissions", this::infoAndPermissions);
    parts.put("directories", this::directories);
    parts.put("replaceMoveDelete", this::replaceMoveDelete);
    parts.put("metricsAndHealth", this::metricsAndHealth);
  }

  static void equal(Object came, Object wanted) {
    if (!Objects.equals(came, wanted)) throw new AssertionError(came + " came, " + wanted + " was expected");
  }

  static void check(boolean holds, Object what) {
    if (!holds) throw new AssertionError(String.valueOf(what));
  }

  static List<String> texts(List<OutputMessage> messages) {
    return messages.stream().map(OutputMessage::getText).toList();
  }

  static void refused(int status, Part call) throws Exception {
    try {
      call.run();
    } catch (SandboxApiException error) {
      equal(error.getStatusCode(), status);
      return;
    }
    throw new AssertionError("status " + status + " was expected");
  }

  static String path(String name) {
    return DIRECTORY + "/" + name;
  }

  EntryInfo info(String name) {
    return files.readFileInfo(List.of(path(name))).get(path(name));
  }

  void write(String name, Object data) {
    files.writeFile(path(name), data);
  }

  void outputAndExitCodes() {
    Execution run = commands.run("echo out; echo; printf tail; echo err >&2");
    equal(texts(run.getLogs().getStdout()), List.of("out", "\n", "tail"));
    equal(texts(run.getLogs().getStderr()), List.of("err"));
    check(run.getId().matches("[0-9a-f]{32}"), run.getId());
    equal(run.getError(), null);
    Execution failed = commands.run("exit 7");
    equal(failed.getError().getName(), "CommandExecError");
    equal(failed.getError().getValue(), "7");
    equal(failed.getError().getTraceback(), List.of("exit status 7"));
    equal(commands.run("kill -9 $$").getError().getValue(), "-1");
  }

  void options() throws Exception {
    Execution run = commands.run(RunCommandRequest.builder().command("pwd").workingDirectory("/usr").build());
    equal(texts(run.getLogs().getStdout()), List.of("/usr"));
    refused(400, () -> commands.run(RunCommandRequest.builder().command("pwd").workingDirectory("/none").build()));
  }

  void handlers() {
    List<String> seen = new ArrayList<>();
    ExecutionHandlers handlers = ExecutionHandlers.builder()
        .onInit(init -> seen.add("init " + init.getId().length()))
        .onStdout(message -> seen.add("out " + message.getText()))
        .onStderr(message -> seen.add("err " + message.getText()))
        .onError(error -> seen.add("error " + error.getValue()))
        .onExecutionComplete(end -> seen.add("complete " + (end.getExecutionTimeInMillis() >= 100)))
        .build();
    commands.run(RunCommandRequest.builder().command("for i in 1 2; do echo $i; sleep 0.06; done; echo e >&2").handlers(handlers).build());
    equal(seen, List.of("init 32", "out 1", "out 2", "err e", "complete true"));
    seen.clear();
    commands.run(RunCommandRequest.builder().command("exit 2").handlers(handlers).build());
    equal(seen, List.of("init 32", "error 2"));
  }

  void textsThatAreHardToCarry() {
    Execution run = commands.run("printf 'a\\u2028b\\u0085c\\fd\\x1ce\\n'; echo 'Grüße, 世界 🎉'; printf '\\xff\\n'");
    equal(texts(run.getLogs().getStdout()), List.of("a\u2028b\u0085c\fd\u001ce", "Grüße, 世界 🎉", "\ufffd"));
    Execution longLine = commands.run("head -c 300000 /dev/zero | tr '\\0' x; echo");
    equal(String.join("", texts(longLine.getLogs().getStdout())), "x".repeat(300000));
  }

  void background() throws Exception {
    write("kept", "");
    String command = "sleep 0.3; echo done > " + path("done");
    Execution run = commands.run(RunCommandRequest.builder().command(command).background(true).build());
    check(run.getId().matches("[0-9a-f]{32}"), run.getId());
    equal(run.getLogs().getStdout().size(), 0);
    for (int i = 0; i < 400; i++) {
      try {
        equal(files.readFile(path("done")), "done\n");
        return;
      } catch (SandboxApiException error) {
        equal(error.getStatusCode(), 404);
        Thread.sleep(50);
      }
    }
    throw new AssertionError("waited for the command");
  }

  void interrupts() throws Exception {
    CompletableFuture<String> id = new CompletableFuture<>();
    ExecutionHandlers handlers = ExecutionHandlers.builder().onInit(init -> id.complete(init.getId())).build();
    CompletableFuture<Execution> running = CompletableFuture.supplyAsync(
        () -> commands.run(RunCommandRequest.builder().command("echo on; sleep 600").handlers(handlers).build()));
    CompletableFuture.anyOf(id, running).get(30, TimeUnit.SECONDS); // fails at once if the command does
    commands.interrupt(id.get());
    Execution run = running.get(30, TimeUnit.SECONDS);
    equal(run.getError().getTraceback(), List.of("signal: terminated"));
    refused(404, () -> commands.interrupt("none"));
  }

  void kindsOfData() throws Exception {
    byte[] bytes = {0, -1, 13, 10};
    write("text", "Grüße\r\n");
    write("bytes", bytes);
    files.write(List.of(
        WriteEntry.builder().path(path("many/a")).data("a").mode(640).owner("nobody").group("nogroup").build(),
        WriteEntry.builder().path(path("many/b")).data(new ByteArrayInputStream(new byte[100000])).build(),
        WriteEntry.builder().path(path("many/it's & é.txt")).data("odd").build(),
        WriteEntry.builder().path(path("many/latin")).data("Grüße").encoding("ISO-8859-1").build()));
    equal(files.readFile(path("text")), "Grüße\r\n");
    check(Arrays.equals(files.readByteArray(path("bytes")), bytes), "bytes");
    equal(files.readByteArray(path("many/b")).length, 100000);
    equal(files.readFile(path("many/it's & é.txt")), "odd");
    equal(files.readFile(path("many/latin"), "ISO-8859-1", null), "Grüße");
    equal(info("many/a").getOwner() + " " + info("many/a").getGroup() + " " + info("many/a").getMode(), "nobody nogroup 640");
    try (InputStream stream = files.readStream(path("text"))) {
      equal(new String(stream.readAllBytes(), StandardCharsets.UTF_8), "Grüße\r\n");
    }
    write("text", "short");
    equal(files.readFile(path("text")), "short");
  }

  void ranges() throws Exception {
    write("digits", "0123456789");
    equal(files.readFile(path("digits"), "UTF-8", "bytes=2-4"), "234");
    equal(new String(files.readByteArray(path("digits"), "bytes=-3"), StandardCharsets.UTF_8), "789");
    try (InputStream stream = files.readStream(path("digits"), "bytes=5-")) {
      equal(new String(stream.readAllBytes(), StandardCharsets.UTF_8), "56789");
    }
    refused(416, () -> files.readFile(path("digits"), "UTF-8", "bytes=99-"));
  }

  void infoAndPermissions() throws Exception {
    write("f", "12345");
    EntryInfo before = info("f");
    equal(before.getPath() + " " + before.getSize() + " " + before.getOwner(), path("f") + " 5 root");
    check(before.getModifiedAt() != null && before.getCreatedAt() != null, "times");
    files.setPermissions(List.of(SetPermissionEntry.builder().path(path("f")).mode(600).owner("nobody").group("nogroup").build()));
    equal(info("f").getMode() + " " + info("f").getOwner() + " " + info("f").getGroup(), "600 nobody nogroup");
    refused(404, () -> info("none"));
  }

  void directories() throws Exception {
    files.createDirectories(List.of(WriteEntry.builder().path(path("d/sub")).mode(750).build()));
    equal(info("d/sub").getMode(), 750);
    write("d/a.txt", "x");
    write("d/sub/b.txt", "x");
    List<EntryInfo> found = files.search(SearchEntry.builder().path(path("d")).pattern("*.txt").build());
    equal(found.stream().map(EntryInfo::getPath).toList(), List.of(path("d/a.txt"), path("d/sub/b.txt")));
    files.deleteDirectories(List.of(path("d"), path("none")));
    refused(404, () -> info("d"));
    refused(404, () -> files.search(SearchEntry.builder().path(path("d")).pattern("*").build()));
  }

  void replaceMoveDelete() throws Exception {
    write("r", "old old");
    files.replaceContents(List.of(ContentReplaceEntry.builder().path(path("r")).oldContent("old").newContent("new").build()));
    equal(files.readFile(path("r")), "new new");
    files.moveFiles(List.of(MoveEntry.builder().src(path("r")).dest(path("new/place")).build()));
    equal(files.readFile(path("new/place")), "new new");
    refused(404, () -> files.moveFiles(List.of(MoveEntry.builder().src(path("r")).dest(path("x")).build())));
    files.deleteFiles(List.of(path("new/place"), path("none")));
    refused(404, () -> files.readFile(path("new/place")));
  }

  void metricsAndHealth() {
    check(sandbox.getMetrics().getCpuCount() > 0 && sandbox.getMetrics().getMemoryTotalInMiB() > 0, sandbox.getMetrics());
    check(sandbox.isHealthy(), "health");
  }

  public static void main(String[] arguments) {
    ConnectionConfig config = ConnectionConfig.builder().domain(System.getenv("OPEN_SANDBOX_DOMAIN")).apiKey("your-api-key").build();
    List<String> failed = new ArrayList<>();
    try (Sandbox sandbox = Sandbox.builder().image(System.getenv("FLOW_IMAGE")).connectionConfig(config).build()) {
      for (Map.Entry<String, Part> part : new Surface(sandbox).parts.entrySet()) {
        try {
          part.getValue().run();
        } catch (Throwable error) {
          failed.add(part.getKey());
          System.err.print(part.getKey() + ": ");
          error.printStackTrace();
        }
      }
      try {
        sandbox.files().deleteDirectories(List.of(DIRECTORY));
      } finally {
        sandbox.kill();
      }
    }
    failed.forEach(name -> System.out.println("failed: " + name));
    System.out.println(failed.isEmpty() ? "flow ok" : "flow failed");
    System.exit(failed.isEmpty() ? 0 : 1);
  }
}
