// The quick start with the released npm client; FLOW_PROXY=1 sends everything through the server.
import assert from "node:assert/strict";
import { ConnectionConfig, Sandbox, SandboxException, SandboxManager } from "@alibaba-group/opensandbox";

const connectionConfig = new ConnectionConfig({
  domain: process.env.OPEN_SANDBOX_DOMAIN,
  apiKey: "your-api-key",
  useServerProxy: process.env.FLOW_PROXY === "1",
});

const sandbox = await Sandbox.create({
  connectionConfig,
  image: "host",
  timeoutSeconds: 600,
  env: { COLOR: "blue" },
  metadata: { team: "js" },
});

const hello = await sandbox.commands.run("echo 'Hello Sandbox!'");
assert.equal(hello.logs.stdout[0].text.trimEnd(), "Hello Sandbox!");
assert.equal(hello.exitCode, 0);

const failed = await sandbox.commands.run("echo $COLOR; echo oops >&2; exit 3");
assert.equal(failed.logs.stdout[0].text.trimEnd(), "blue");
assert.equal(failed.logs.stderr[0].text.trimEnd(), "oops");
assert.equal(failed.error.value, "3");

const seen = [];
await sandbox.commands.run('for i in 1 2 3; do echo "Count $i"; sleep 0.05; done', undefined, {
  onStdout: (message) => seen.push(message.text.trimEnd()),
});
assert.deepEqual(seen, ["Count 1", "Count 2", "Count 3"]);

await sandbox.files.createDirectories([{ path: "/tmp/demo", mode: 755 }]);
await sandbox.files.writeFiles([{ path: "/tmp/demo/hello.txt", data: "Hello World", mode: 644 }]);
assert.equal(await sandbox.files.readFile("/tmp/demo/hello.txt"), "Hello World");
const found = await sandbox.files.search({ path: "/tmp/demo", pattern: "*.txt" });
assert.deepEqual(found.map((f) => f.path), ["/tmp/demo/hello.txt"]);
await sandbox.files.deleteDirectories(["/tmp/demo"]);

assert.equal((await sandbox.getInfo()).status.state, "Running");
assert.ok((await sandbox.getMetrics()).memoryTotalMiB > 0);
await sandbox.pause();
assert.equal((await sandbox.getInfo()).status.state, "Paused");
await assert.rejects(() => sandbox.pause(), SandboxException);
const resumed = await sandbox.resume();
await resumed.renew(30 * 60);

const manager = SandboxManager.create({ connectionConfig });
const list = await manager.listSandboxInfos({ states: ["Running"], metadata: { team: "js" }, pageSize: 10 });
assert.deepEqual(list.items.map((s) => s.id), [sandbox.id]);

await resumed.kill();
const gone = await manager.listSandboxInfos({ metadata: { team: "js" }, pageSize: 10 });
assert.deepEqual(gone.items, []);
await manager.close();
await resumed.close();
await sandbox.close();
console.log("flow ok");
