// A terminal session with somebody else's WebSocket. TERMINAL_ADDRESS is execd's, TERMINAL_HEADERS what it asks for.
import assert from 'node:assert/strict';
import {fetch, WebSocket} from 'undici';

const address = process.env.TERMINAL_ADDRESS;
const headers = JSON.parse(process.env.TERMINAL_HEADERS ?? '{}');

async function rest(method, path, body) {
  return fetch(`http://${address}${path}`, {method, headers, body});
}

async function create(body = {}) {
  const answer = await rest('POST', '/pty', JSON.stringify(body));
  assert.equal(answer.status, 201);
  return (await answer.json()).session_id;
}

class Terminal {
  texts = [];
  chunks = {1: [], 2: [], 3: []};

  constructor(id, query = '') {
    this.socket = new WebSocket(`ws://${address}/pty/${id}/ws${query}`, {headers});
    this.socket.binaryType = 'arraybuffer';
    this.closed = new Promise((resolve) => (this.socket.onclose = resolve));
    this.socket.onmessage = ({data}) => {
      if (typeof data === 'string') this.texts.push(JSON.parse(data));
      else this.chunks[new Uint8Array(data)[0]].push(Buffer.from(data));
      this.wake?.();
    };
  }

  output(kind) {
    return Buffer.concat(this.chunks[kind].map((chunk) => chunk.subarray(kind === 3 ? 9 : 1))).toString('latin1');
  }

  async until(condition) {
    const limit = Date.now() + 30000;
    while (!condition()) {
      assert.ok(Date.now() < limit, `nothing came: ${JSON.stringify(this.texts)} ${this.output(1).slice(-500)}`);
      await new Promise((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, 100);
      });
    }
  }

  async connected() {
    await this.until(() => this.texts.some((text) => text.type === 'connected'));
    return this;
  }

  type(text) {
    this.socket.send(Buffer.from('\0' + text));
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }
}

// A shell: typing, size, an interrupt, the end.
const id = await create();
const shell = await new Terminal(id).connected();
assert.deepEqual(shell.texts[0], {type: 'connected', session_id: id, mode: 'pty', role: 'holder'});
shell.send({type: 'resize', cols: 101, rows: 31});
shell.type('stty size; echo sum-$((40+2)) $TERM\n');
await shell.until(() => /31 101[^]*sum-42 /.test(shell.output(1)));
shell.type('sleep 1000; echo slept\n');
await new Promise((resolve) => setTimeout(resolve, 300));
shell.send({type: 'signal', signal: 'SIGINT'});
shell.type('echo after-$((1+1)); exit 7\n');
const close = await shell.closed;
assert.match(shell.output(1), /after-2/);
assert.deepEqual(shell.texts.at(-1), {type: 'exit', exit_code: 7});
assert.deepEqual([close.code, close.reason, close.wasClean], [1000, 'process exited', true]);

// A viewer sees the same bytes.
const viewer = await new Terminal(id, '?mode=viewer&since=10').connected();
await viewer.closed;
assert.equal(viewer.output(3), shell.output(1).slice(10));

// Pipes, and a large output to its last byte.
const pipe = await new Terminal(await create({command: 'cat; echo bad >&2; head -c 5000000 /dev/zero | tr "\\0" x'}), '?pty=0').connected();
pipe.type('typed\n');
pipe.send({type: 'eof'});
await pipe.closed;
assert.equal(pipe.output(2), 'bad\n');
assert.equal(pipe.output(1), 'typed\n' + 'x'.repeat(5000000));

// Takeover and deletion.
const held = await create();
const first = await new Terminal(held).connected();
const second = await new Terminal(held, '?takeover=1').connected();
const evicted = await first.closed;
assert.deepEqual([evicted.code, evicted.reason], [4001, 'TAKEN_OVER']);
assert.equal((await rest('DELETE', `/pty/${held}`)).status, 200);
assert.equal((await second.closed).code, 1000);
assert.deepEqual(second.texts.at(-1), {type: 'exit', exit_code: -1});
for (const gone of [id, 'none']) await rest('DELETE', `/pty/${gone}`);

console.log('flow ok');
process.exit(0);
