// Every call of the npm client on commands, sessions and files, each with a look at what it did.
// Its texts come without the ends of lines: it is older than 1.1.1.
import assert from "node:assert/strict";
import { ConnectionConfig, Sandbox, SandboxApiException } from "@alibaba-group/opensandbox";

const connectionConfig = new ConnectionConfig({ domain: process.env.OPEN_SANDBOX_DOMAIN, useServerProxy: process.env.FLOW_PROXY === "1" });
const sandbox = await Sandbox.create({ connectionConfig, image: process.env.FLOW_IMAGE, timeoutSeconds: 600 });
const { commands, files } = sandbox;

const texts = (messages) => messages.map((message) => message.text);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const path = (name) => `/tmp/surface/${name}`;
const info = async (name) => (await files.getFileInfo([path(name)]))[path(name)];

async function until(condition, what) {
  for (let i = 0; i < 400; i++) {
    const value = await condition();
    if (value) return value;
    await sleep(50);
  }
  assert.fail(`waited for ${what}`);
}

const refused = (call, status, code) =>
  assert.rejects(call, (error) => {
    assert.ok(error instanceof SandboxApiException, String(error));
    assert.equal(error.statusCode, status, String(error));
    if (code) assert.equal(error.error.code, code);
    return true;
  });

const parts = {
  async outputAndExitCodes() {
    const run = await commands.run("echo out; echo; printf tail; echo err >&2");
    assert.deepEqual(texts(run.logs.stdout), ["out", "\n", "tail"]);
    assert.deepEqual(texts(run.logs.stderr), ["err"]);
    assert.equal(run.exitCode, 0);
    assert.ok(run.complete.executionTimeMs > 0, JSON.stringify(run.complete));
    assert.match(run.id, /^[0-9a-f]{32}$/);
    const failed = await commands.run("exit 7");
    assert.equal(failed.exitCode, 7);
    assert.deepEqual([failed.error.name, failed.error.value, failed.error.traceback], ["CommandExecError", "7", ["exit status 7"]]);
    assert.equal((await commands.run("kill -9 $$")).exitCode, -1);
  },

  async options() {
    const run = await commands.run("pwd; echo $X; id -u; id -g", { workingDirectory: "/usr", envs: { X: "a b" }, uid: 65534, gid: 65533 });
    assert.deepEqual(texts(run.logs.stdout), ["/usr", "a b", "65534", "65533"]);
    const late = await commands.run("sleep 60", { timeoutSeconds: 1 });
    assert.deepEqual([late.error.value, late.error.traceback], ["-1", ["signal: killed"]]);
    await refused(() => commands.run("true", { workingDirectory: "/none" }), 400, "INVALID_REQUEST_BODY");
  },

  async handlers() {
    const seen = [];
    const note = (name) => (event) => void seen.push([name, event]);
    await commands.run("for i in 1 2 3; do echo $i; sleep 0.05; done; echo e >&2", undefined, {
      onInit: note("init"), onStdout: note("stdout"), onStderr: note("stderr"), onError: note("error"), onExecutionComplete: note("complete"),
    });
    const names = seen.map(([name]) => name);
    assert.equal(names[0], "init");
    assert.equal(names.at(-1), "complete");
    assert.deepEqual(seen.filter(([name]) => name === "stdout").map(([, event]) => event.text), ["1", "2", "3"]);
    assert.deepEqual(seen.filter(([name]) => name === "stderr").map(([, event]) => event.text), ["e"]);
  },

  async rawEvents() {
    const types = [];
    for await (const event of commands.runStream("echo hi; exit 2")) types.push(event.type);
    assert.deepEqual(types.filter((type) => type !== "ping"), ["init", "stdout", "error"]);
  },

  async textsThatAreHardToCarry() {
    const run = await commands.run("printf 'a\\u2028b\\u0085c\\fd\\x1ce\\n'; echo 'Grüße, 世界 🎉'; printf '\\xff\\n'");
    assert.deepEqual(texts(run.logs.stdout), ["a\u2028b\u0085c\fd\x1ce", "Grüße, 世界 🎉", "\ufffd"]);
    const long = await commands.run("head -c 300000 /dev/zero | tr '\\0' x; echo");
    assert.equal(texts(long.logs.stdout).join(""), "x".repeat(300000));
  },

  async background() {
    const run = await commands.run("echo out; echo err >&2; sleep 0.2; echo end; exit 4", { background: true });
    const first = await commands.getCommandStatus(run.id);
    assert.ok(first.running && first.content.startsWith("echo out"), JSON.stringify(first));
    const status = await until(async () => {
      const now = await commands.getCommandStatus(run.id);
      return now.running ? undefined : now;
    }, "the end");
    assert.equal(status.exitCode, 4);
    assert.equal(status.error, "exit status 4");
    assert.ok(status.finishedAt >= status.startedAt);
    assert.deepEqual(await commands.getBackgroundCommandLogs(run.id), { content: "out\nerr\nend\n", cursor: 12 });
    assert.deepEqual(await commands.getBackgroundCommandLogs(run.id, 8), { content: "end\n", cursor: 12 });
    assert.deepEqual(await commands.getBackgroundCommandLogs(run.id, 12), { content: "", cursor: 12 });
  },

  async interrupts() {
    let id;
    const running = commands.run("echo on; sleep 600", undefined, { onInit: (init) => void (id = init.id) });
    await until(async () => id, "init");
    await commands.interrupt(id);
    const run = await running;
    assert.deepEqual([run.exitCode, run.error.traceback], [-1, ["signal: terminated"]]);
    assert.equal((await commands.getCommandStatus(id)).running, false);
    await refused(() => commands.interrupt("none"), 404);
  },

  async clientThatLeaves() {
    const leave = new AbortController();
    let id;
    const run = commands.run("sleep 0.3; touch /tmp/left", undefined, { onInit: (init) => void (id = init.id) }, leave.signal).catch(() => {});
    await until(async () => id, "init");
    leave.abort();
    await run;
    await until(async () => !(await commands.getCommandStatus(id)).running, "the end");
    assert.equal((await files.getFileInfo(["/tmp/left"]))["/tmp/left"].size, 0);
  },

  async unknownCommands() {
    await refused(() => commands.getCommandStatus("none"), 404, "INVALID_REQUEST_BODY");
    await refused(() => commands.getBackgroundCommandLogs("none"), 400, "INVALID_REQUEST_BODY");
  },

  async sessions() {
    const session = await commands.createSession({ workingDirectory: "/tmp" });
    assert.match(session, /^[0-9a-f-]{36}$/);
    const run = await commands.runInSession(session, "pwd; export A=1; b='x y'; f() { echo \"f $1\"; }; cd /usr");
    assert.deepEqual([texts(run.logs.stdout), run.exitCode], [["/tmp"], 0]);
    const seen = [];
    const next = await commands.runInSession(session, 'echo $A "$b"; f z; pwd; echo e >&2', {}, { onStdout: (message) => void seen.push(message.text) });
    assert.deepEqual(seen, ["1 x y", "f z", "/usr"]);
    assert.deepEqual(texts(next.logs.stderr), ["e"]);
    assert.equal((await commands.runInSession(session, "exit 9")).exitCode, 9);
    assert.deepEqual(texts((await commands.runInSession(session, "pwd; echo $b", { workingDirectory: "/etc" })).logs.stdout), ["/etc", "x y"]);
    const late = await commands.runInSession(session, "echo on; sleep 60", { timeoutSeconds: 1 });
    assert.deepEqual([texts(late.logs.stdout), late.error.name, late.error.value], [["on"], "CommandExecError", "-1"]);
    assert.deepEqual(texts((await commands.runInSession(session, "echo $b")).logs.stdout), ["x y"]);
    await commands.deleteSession(session);
    await refused(() => commands.runInSession(session, "true"), 404);
    await refused(() => commands.deleteSession(session), 404, "CONTEXT_NOT_FOUND");
    const plain = await commands.createSession();
    assert.equal((await commands.runInSession(plain, "true")).exitCode, 0);
    await commands.deleteSession(plain);
  },

  async kindsOfData() {
    async function* pieces() {
      for (let i = 0; i < 10; i++) yield new Uint8Array(1000).fill(65 + i);
    }
    await files.writeFiles([
      { path: path("text"), data: "Grüße\r\n", mode: 644 },
      { path: path("bytes"), data: new Uint8Array([0, 255, 13, 10]) },
      { path: path("buffer"), data: new Uint8Array([1, 2]).buffer },
      { path: path("blob"), data: new Blob(["blob"]) },
      { path: path("odd/it's \"odd\" & é.txt"), data: "o" },
      { path: path("empty"), data: "" },
    ]);
    await files.writeFiles([{ path: path("pieces"), data: pieces() }]);
    await files.writeFiles([{ path: path("web"), data: new Blob(["web ", "stream"]).stream() }]);
    assert.equal(await files.readFile(path("text")), "Grüße\r\n");
    assert.deepEqual([...(await files.readBytes(path("bytes")))], [0, 255, 13, 10]);
    assert.deepEqual([...(await files.readBytes(path("buffer")))], [1, 2]);
    assert.equal(await files.readFile(path("blob")), "blob");
    assert.equal(await files.readFile(path("web")), "web stream");
    assert.equal(await files.readFile(path("odd/it's \"odd\" & é.txt")), "o");
    assert.equal(await files.readFile(path("empty")), "");
    assert.equal(await files.readFile(path("pieces")), [..."ABCDEFGHIJ"].map((letter) => letter.repeat(1000)).join(""));
  },

  async rangesAndLines() {
    await files.writeFiles([{ path: path("lines"), data: "one\ntwo\nthree\n" }]);
    assert.equal(await files.readFile(path("lines"), { range: "bytes=4-6" }), "two");
    assert.equal(Buffer.from(await files.readBytes(path("lines"), { range: "bytes=-6" })).toString(), "three\n");
    assert.equal(await files.readFile(path("lines"), { offset: 2, limit: 1 }), "two");
    await refused(() => files.readFile(path("lines"), { range: "bytes=99-" }), 416);
  },

  async streamedDownload() {
    await commands.run(`head -c 1000000 /dev/urandom > ${path("big")}`);
    const parts = [];
    for await (const part of files.readBytesStream(path("big"))) parts.push(part);
    assert.deepEqual(Buffer.concat(parts), Buffer.from(await files.readBytes(path("big"))));
    const some = [];
    for await (const part of files.readBytesStream(path("big"), { range: "bytes=10-99" })) some.push(part);
    assert.deepEqual(Buffer.concat(some), Buffer.concat(parts).subarray(10, 100));
  },

  async infoAndPermissions() {
    await files.writeFiles([{ path: path("f"), data: "12345", mode: 640, owner: "nobody", group: "nogroup" }]);
    const before = await info("f");
    assert.deepEqual([before.size, before.mode, before.owner, before.group, before.type], [5, 640, "nobody", "nogroup", "file"]);
    assert.ok(before.modifiedAt instanceof Date && before.createdAt instanceof Date);
    await files.setPermissions([{ path: path("f"), mode: 600, owner: "root" }]);
    const after = await info("f");
    assert.deepEqual([after.mode, after.owner, after.group], [600, "root", "nogroup"]);
    await refused(() => files.getFileInfo([path("none")]), 404, "FILE_NOT_FOUND");
    await refused(() => files.setPermissions([{ path: path("none"), mode: 600 }]), 404, "FILE_NOT_FOUND");
  },

  async directories() {
    await files.createDirectories([{ path: path("d/sub"), mode: 750 }, { path: path("d/other") }]);
    await files.writeFiles(["d/a.txt", "d/sub/b.txt", "d/sub/c.py"].map((name) => ({ path: path(name), data: "x" })));
    const listed = await files.listDirectory({ path: path("d") });
    assert.deepEqual(listed.map((entry) => [entry.path, entry.type]), [[path("d/a.txt"), "file"], [path("d/other"), "directory"], [path("d/sub"), "directory"]]);
    assert.equal((await files.listDirectory({ path: path("d"), depth: 2 })).length, 5);
    assert.deepEqual((await files.search({ path: path("d"), pattern: "*.txt" })).map((entry) => entry.path), [path("d/a.txt"), path("d/sub/b.txt")]);
    assert.equal((await files.search({ path: path("d") })).length, 3);
    await files.deleteDirectories([path("d"), path("none")]);
    await refused(() => files.listDirectory({ path: path("d") }), 404, "FILE_NOT_FOUND");
    await refused(() => files.search({ path: path("d"), pattern: "*" }), 404, "FILE_NOT_FOUND");
  },

  async replaceMoveDelete() {
    await files.writeFiles([{ path: path("r"), data: "old old" }]);
    await files.replaceContents([{ path: path("r"), oldContent: "old", newContent: "new" }]);
    assert.deepEqual(await files.replaceContentsDetailed([{ path: path("r"), oldContent: "new", newContent: "n" }]), [{ path: path("r"), replacedCount: 2 }]);
    await files.moveFiles([{ src: path("r"), dest: path("new/place") }]);
    assert.equal(await files.readFile(path("new/place")), "n n");
    await refused(() => files.moveFiles([{ src: path("r"), dest: path("x") }]), 404, "FILE_NOT_FOUND");
    await files.deleteFiles([path("new/place"), path("none")]);
    await refused(() => files.readFile(path("new/place")), 404); // this client has no codes for downloads
  },

  async metricsAndHealth() {
    const metrics = await sandbox.getMetrics();
    assert.ok(metrics.cpuCount > 0 && metrics.memoryTotalMiB >= metrics.memoryUsedMiB && metrics.timestamp > 0, JSON.stringify(metrics));
    assert.equal(await sandbox.isHealthy(), true);
  },
};

const failed = [];
for (const [name, part] of Object.entries(parts)) {
  try {
    await part();
  } catch (error) {
    failed.push(name);
    console.error(name, error);
  }
}
await sandbox.kill();
await sandbox.close();
for (const name of failed) console.log("failed:", name);
console.log(failed.length ? "flow failed" : "flow ok");
process.exitCode = failed.length ? 1 : 0;
