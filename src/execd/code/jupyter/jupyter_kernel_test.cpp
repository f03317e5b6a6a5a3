// Kernels that misbehave in every way: a small one in Python, with a ZMTP of its own, that runs what it is
// told to. Real kernels are in guest_kernels_test.cpp.
#include "execd/code/jupyter/jupyter_kernel.h"

#include <sys/stat.h>

#include "execd/code/jupyter/guest_world_for_tests.h"

namespace osb::execd::test {
namespace {

// The code of a run is Python of the kernel itself: say() publishes, `reply` and `idle` are what ends the
// run.
constexpr std::string_view kFakeKernel = R"py(
import hashlib, hmac, json, os, signal, socket, struct, sys, threading, time
first = os.environ.get('FIRST', '')
signal.signal(signal.SIGINT, signal.SIG_IGN)
info = json.load(open(sys.argv[1]))
exec(first)
def listen(name):
  port = info[name]
  if info['transport'] == 'tcp':
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((info['ip'], port))
  else:
    server = socket.socket(socket.AF_UNIX)
    server.bind(info['ip'] + os.environ.get('SEPARATOR', '-') + str(port))
  server.listen()
  return server
def exactly(peer, size):
  data = b''
  while len(data) < size:
    more = peer.recv(size - len(data))
    if not more: raise EOFError
    data += more
  return data
def frame(peer):
  flags = exactly(peer, 1)[0]
  size = struct.unpack('>Q', exactly(peer, 8))[0] if flags & 2 else exactly(peer, 1)[0]
  return flags, exactly(peer, size)
def put(peer, frames):
  out = b''
  for i, body in enumerate(frames):
    out += struct.pack('>BQ', 2 | (i + 1 < len(frames)), len(body)) + body
  peer.sendall(out)
def shake(server, kind):
  peer = server.accept()[0]
  peer.sendall(b'\xff' + bytes(8) + b'\x7f\x03\x01NULL' + bytes(48))
  exactly(peer, 64)
  body = b'\x05READY\x0bSocket-Type' + struct.pack('>I', len(kind)) + kind
  peer.sendall(bytes([4, len(body)]) + body)
  frame(peer)
  return peer
def signed(parts):
  return hmac.new(KEY, b''.join(parts), hashlib.sha256).hexdigest().encode()
def message(kind, content, parent):
  parts = [json.dumps(p).encode() for p in
           ({'msg_id': os.urandom(4).hex(), 'msg_type': kind}, {'msg_id': parent}, {}, content)]
  return [b'<IDS|MSG>', signed(parts)] + parts
KEY = info['key'].encode()
servers = [listen(n) for n in ('shell_port', 'iopub_port', 'stdin_port', 'control_port', 'hb_port')]
shell = shake(servers[0], b'ROUTER')
iopub = shake(servers[1], b'PUB')
stdin = shake(servers[2], b'ROUTER')
control = shake(servers[3], b'ROUTER')
frame(iopub)  # the subscription
def receive(peer):
  frames, more = [], True
  while more:
    flags, body = frame(peer)
    frames.append(body)
    more = flags & 1
  at = frames.index(b'<IDS|MSG>')
  assert signed(frames[at + 2:at + 6]) == frames[at + 1]
  return json.loads(frames[at + 2]), json.loads(frames[at + 5])
parent = ''
def say(kind, about=None, **content):
  put(iopub, [b'topic'] + message(kind, content, parent if about is None else about))
def out(text): say('stream', name='stdout', text=text)
def interrupts():
  while True:
    header, content = receive(control)
    if header['msg_type'] == 'interrupt_request': os.kill(os.getpid(), signal.SIGUSR1)
    elif os.environ.get('STUBBORN'): continue
    else: os._exit(0)
threading.Thread(target=interrupts, daemon=True).start()
def interrupted(*_): raise KeyboardInterrupt
signal.signal(signal.SIGUSR1, interrupted)
count, state = 0, {}
while True:
  try: header, content = receive(shell)
  except EOFError: sys.exit()
  parent = header['msg_id']
  if header['msg_type'] == 'kernel_info_request':
    say('status', execution_state='busy')
    put(shell, message('kernel_info_reply', {'status': 'ok', 'implementation': 'fake', 'implementation_version': '1'}, parent))
    say('status', execution_state='idle')
    continue
  count += 1
  reply, idle = {'status': 'ok', 'execution_count': count}, True
  say('status', execution_state='busy')
  signal.signal(signal.SIGINT, interrupted)
  try:
    say('execute_input', code=content['code'], execution_count=count)
    exec(content['code'])
  except BaseException as error:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reply = {'status': 'error', 'ename': type(error).__name__, 'evalue': str(error), 'traceback': []}
    say('error', **reply)
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  if reply: put(shell, message('execute_reply', reply, parent))
  if idle: say('status', execution_state='idle')
)py";

class JupyterKernelTest : public GuestWorld {
 protected:
  JupyterKernelTest() {
    language_ = "fake";
    std::ofstream(root_ / "kernel.py") << kFakeKernel;
    install_fake();
    reopen();
  }
  void install_fake(const json::Object& more = {}) {
    install("fake-kernel", "Fake", {"python3", "-IS", (root_ / "kernel.py").string(), "{connection_file}"},
            more);
  }
  void with_env(const std::string& name, const std::string& value) {
    json::Object env, more;
    env[name] = value;
    more["env"] = std::move(env);
    install_fake(more);
  }
};

TEST_F(JupyterKernelTest, RunsCode) {
  std::string id = create();
  auto answer = run(id, "out('one'); say('execute_result', data={'text/plain': '2'}, execution_count=count)");
  EXPECT_THAT(answer->types(),
              ElementsAre("init", "stdout", "execution_count", "result", "execution_complete"));
  EXPECT_EQ(answer->result(), "2");
  EXPECT_THAT(run(id, "say('display_data', data={'text/plain': str(count)})")->result(), "2");
  EXPECT_EQ(call("GET", "/code/contexts/" + id)->json().at("language"), "fake");
  EXPECT_EQ(run({}, "say('display_data', data={'text/plain': str(count)})")->result(),
            "1");  // the default one
  EXPECT_EQ(run({}, "say('display_data', data={'text/plain': str(count)})")->result(), "2");
}

TEST_F(JupyterKernelTest, IsCalledByLanguageOrKernelspec) {
  language_ = "fake-kernel";
  EXPECT_EQ(run(create(), "out('on')")->text("stdout"), "on");
  auto answer = call("POST", "/code/context", {}, R"({"language":"klingon"})");
  EXPECT_EQ(answer->status, 400);
  std::string text(answer->json().at("message").as_string());
  EXPECT_THAT(text, HasSubstr("unknown language: klingon; there are "));
  EXPECT_THAT(text, HasSubstr("fake, fake-kernel"));
  EXPECT_THAT(text, HasSubstr("python"));
}

TEST_F(JupyterKernelTest, OursAreNeverGuests) {
  install("mine", "python", {"false"});
  install("python", "other", {"false"});
  language_ = "python";
  EXPECT_EQ(run(create(), "1 + 1")->result(), "2");
}

TEST_F(JupyterKernelTest, AKernelspecMayAppearLater) {
  EXPECT_EQ(call("POST", "/code/context", {}, R"({"language":"late"})")->status, 400);
  install("x", "late", {"python3", (root_ / "kernel.py").string(), "{connection_file}"});
  EXPECT_EQ(call("POST", "/code/context", {}, R"({"language":"late"})")->status, 200);
}

TEST_F(JupyterKernelTest, StartsWhereAndAsItIsTold) {
  json::Object more, env;
  env["GIVEN"] = "${HOME}/x";
  more["env"] = env;
  install_fake(more);
  reopen({{"JPY_PARENT_PID", "1"}});
  auto made = call("POST", "/code/context", {}, context_body((root_ / "work").string()));
  std::string id(made->json().at("id").as_string());
  EXPECT_EQ(run(id, "out(os.getcwd() + ' ' + os.environ['PWD'])")->text("stdout"),
            (root_ / "work").string() + " " + (root_ / "work").string());
  EXPECT_EQ(run(id, "out(os.environ['GIVEN'] + str('JPY_PARENT_PID' in os.environ))")->text("stdout"),
            root_.string() + "/xFalse");
  EXPECT_EQ(run(id, "out(str(os.getsid(0) == os.getpid()) + open('/proc/self/oom_score_adj').read().strip())")
                ->text("stdout"),
            "True500");
}

// Whoever has the key may do anything; so only our user may read it, and not for long.
TEST_F(JupyterKernelTest, TheConnectionIsPrivateAndGoneOnceItStands) {
  with_env("FIRST",
           "s = os.stat(sys.argv[1]); d = os.stat(os.path.dirname(sys.argv[1]))\n"
           "modes = oct(s.st_mode & 0o777), oct(d.st_mode & 0o777), info['transport'], info['key']");
  std::string id = create();
  EXPECT_EQ(run(id, "out(' '.join(modes[:3]))")->text("stdout"), "0o600 0o700 ipc");
  EXPECT_TRUE(removed(run(id, "out(sys.argv[1])")->text("stdout")));
  std::string other = create();
  std::string key = run(id, "out(modes[3])")->text("stdout");
  EXPECT_GE(key.size(), 32u);
  EXPECT_NE(run(other, "out(modes[3])")->text("stdout"), key);
}

TEST_F(JupyterKernelTest, AKernelThatCanOnlyTcpGetsPorts) {
  with_env("FIRST", "if info['transport'] != 'tcp': sys.exit('no such transport')");
  std::string id = create();
  EXPECT_EQ(run(id, "out(info['transport'] + info['ip'])")->text("stdout"), "tcp127.0.0.1");
  EXPECT_EQ(run(create(), "out(info['transport'])")->text("stdout"), "tcp");
}

TEST_F(JupyterKernelTest, AKernelThatWaitsForPortsGetsThem) {
  start_time_ = milliseconds(3000);
  reopen();
  with_env("FIRST", "if info['transport'] != 'tcp': time.sleep(100)");
  EXPECT_EQ(run(create(), "out(info['transport'])")->text("stdout"), "tcp");
}

TEST_F(JupyterKernelTest, SocketsMayHaveAColonInTheirNames) {
  with_env("SEPARATOR", ":");
  EXPECT_EQ(run(create(), "out(info['transport'])")->text("stdout"), "ipc");
}

TEST_F(JupyterKernelTest, WhatStopsAKernelFromStartingIsSaid) {
  std::string place = (root_ / "place").string();
  with_env("FIRST", "open('" + place + "', 'w').write(sys.argv[1]); sys.exit('no licence for today')");
  auto answer = call("POST", "/code/context", {}, context_body("/tmp"));
  EXPECT_EQ(answer->status, 503) << answer->body;
  EXPECT_THAT(answer->body, HasSubstr("exit status 1"));
  EXPECT_THAT(answer->body, HasSubstr("no licence for today"));
  std::string file;
  std::ifstream(place) >> file;
  EXPECT_TRUE(removed(file));
  install("fake-kernel", "fake", {"no-such-program", "{connection_file}"});
  reopen();
  answer = call("POST", "/code/context", {}, context_body("/tmp"));
  EXPECT_EQ(answer->status, 501) << answer->body;
  EXPECT_THAT(answer->body, HasSubstr("no such program"));
}

TEST_F(JupyterKernelTest, AKernelThatNeverAnswersIsEnded) {
  start_time_ = milliseconds(700);
  reopen();
  install("fake-kernel", "fake", {"sh", "-c", "echo $$ >> " + (root_ / "pid").string() + "; exec sleep 100"});
  auto answer = call("POST", "/code/context", {}, context_body("/tmp"));
  EXPECT_EQ(answer->status, 504) << answer->body;
  std::ifstream pids(root_ / "pid");
  int count = 0;
  for (pid_t pid = 0; pids >> pid; ++count) EXPECT_TRUE(gone(pid));
  EXPECT_EQ(count, 2);  // with sockets, then with ports
}

TEST_F(JupyterKernelTest, AWrongKeyIsNotTrusted) {
  with_env("FIRST", "info['key'] = 'another'");
  EXPECT_NE(call("POST", "/code/context", {}, context_body("/tmp"))->status, 200);
  install_fake();
  reopen();
  std::string id = create();
  auto answer = run(id, "KEY = b'another'\nout('forged')");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("signature is wrong"));
  EXPECT_THAT(answer->body, ::testing::Not(HasSubstr("forged")));
}

TEST_F(JupyterKernelTest, NonsenseOnAConnectionIsADeath) {
  auto answer = run(create(), "iopub.sendall(b'\\xff' * 100); time.sleep(60)");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("speaking ZMTP"));
  EXPECT_EQ(run(create(), "shell.shutdown(2); time.sleep(60)")->error("ename"), "KernelDied");
}

TEST_F(JupyterKernelTest, DeathIsToldAtOnceWithTheLastWords) {
  std::string id = create();
  auto answer = run(id, "out('last'); os.write(2, b'oh no'); os.kill(os.getpid(), 9)");
  EXPECT_EQ(answer->text("stdout"), "last");
  EXPECT_EQ(answer->error("ename"), "KernelDied");
  EXPECT_THAT(answer->error("evalue"), HasSubstr("signal: killed: oh no"));
  EXPECT_THAT(answer->error("evalue"), HasSubstr("create a new context"));
  EXPECT_EQ(run(id, "1")->error("ename"), "KernelDied");
  EXPECT_EQ(run({}, "os._exit(3)")->error("ename"), "KernelDied");
  EXPECT_EQ(run({}, "out('afresh')")->text("stdout"), "afresh");
}

TEST_F(JupyterKernelTest, InterruptBySignalReachesTheGroup) {
  std::string id = create();
  run(id, "state['kept'] = 'yes'");
  auto client = start_run(id, "out('on')\nimport subprocess\nsubprocess.run(['sleep', '100'])");
  wait(client, [&] { return client->text("stdout") == "on"; });
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
  EXPECT_EQ(run(id, "out(state['kept'])")->text("stdout"), "yes");
  EXPECT_EQ(call("DELETE", "/code", "id=" + id)->status, 200);  // idle
  EXPECT_EQ(run(id, "out('still')")->text("stdout"), "still");
}

TEST_F(JupyterKernelTest, InterruptByMessage) {
  json::Object more;
  more["interrupt_mode"] = "message";
  install_fake(more);
  std::string id = create();
  auto client = start_run(id, "signal.signal(signal.SIGINT, signal.SIG_IGN)\nout('on')\ntime.sleep(100)");
  wait(client, [&] { return client->text("stdout") == "on"; });
  call("DELETE", "/code", "id=" + id);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
}

TEST_F(JupyterKernelTest, AnInterruptRightBehindTheRequestIsNotLost) {
  std::string id = create();
  auto client = start_run(id, "time.sleep(100)");
  wait(client, [&] { return !client->types().empty(); });
  call("DELETE", "/code", "id=" + id);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KeyboardInterrupt");
}

TEST_F(JupyterKernelTest, OneRunAtATime) {
  std::string id = create();
  auto client = start_run(id, "out('on')\ntime.sleep(100)");
  wait(client, [&] { return client->text("stdout") == "on"; });
  EXPECT_EQ(run(id, "1")->error("ename"), "ContextBusy");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  finish(client);
  EXPECT_EQ(client->error("ename"), "KernelDied");
  EXPECT_THAT(client->error("evalue"), HasSubstr("the context was deleted"));
}

TEST_F(JupyterKernelTest, InputIsAnError) {
  std::string id = create();
  std::string ask = "put(stdin, message('input_request', {'prompt': 'name?', 'password': False}, parent))\n";
  auto answer =
      run(id, "signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + ask + "state['got'] = receive(stdin)");
  EXPECT_EQ(answer->error("ename"), "StdinNotImplementedError");
  EXPECT_THAT(answer->types(), ElementsAre("init", "status", "error"));
  EXPECT_EQ(run(id, "out(state['got'][0]['msg_type'] + repr(state['got'][1]['value']))")->text("stdout"),
            "input_reply''");
  EXPECT_EQ(run(id, ask + "time.sleep(100)")->types().back(), "error");  // interrupted
  // One signal may come just before a kernel begins to wait, and is lost on it.
  std::string loses_one =
      "signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, signal.default_int_handler))\n";
  EXPECT_EQ(run(id, loses_one + ask + "time.sleep(100)")->types().back(), "error");
}

// What a kernel does not say, because it dropped it or never does.
TEST_F(JupyterKernelTest, HalfAnEndIsEnough) {
  std::string id = create();
  EXPECT_EQ(run(id, "out('a'); idle = False")->types().back(), "execution_complete");
  EXPECT_EQ(run(id, "out('b'); reply = None")->types().back(), "execution_complete");
  EXPECT_EQ(run(id, "out('c')")->text("stdout"), "c");
}

TEST_F(JupyterKernelTest, WhatItsProcessWritesIsOutputToo) {
  auto answer = run(create(), "out('a'); time.sleep(0.3); os.write(1, b'b'); out('c'); os.write(2, b'd')");
  EXPECT_EQ(answer->text("stdout"), "abc");
  EXPECT_EQ(answer->text("stderr"), "d");
}

TEST_F(JupyterKernelTest, MessagesMayBeLongButNotEndless) {
  std::string id = create();
  EXPECT_EQ(run(id, "out('x' * 10_000_000)")->text("stdout").size(), 10'000'000u);
  auto answer = run(id, "out('x' * 70_000_000); out('after')");
  EXPECT_EQ(answer->text("stdout"), "after");
  EXPECT_THAT(answer->text("stderr"), HasSubstr("too large"));
  EXPECT_EQ(run(id, std::string(10'000'000, ' ') + "\nout(str(len(content['code'])))")->text("stdout"),
            "10000031");
}

// The fake kernel blocks where a real one drops; that ours is stopped keeps it from either.
TEST_F(JupyterKernelTest, ASlowClientStopsTheKernelAndLosesNothing) {
  std::string id = create();
  pid_t pid = std::stoi(run(id, "out(str(os.getpid()))")->text("stdout"));
  auto client = std::make_shared<Client>(loop_.executor());
  client->slow = true;
  start_run(id, "for i in range(2000): out('%09d' % i * 1000)", client);
  auto state = [&] {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(stat, line);
    return line.empty() ? ' ' : line[line.rfind(')') + 2];
  };
  for (int i = 0; i < 1000 && state() != 'T'; ++i) pass(milliseconds(10));
  EXPECT_EQ(state(), 'T');
  pass(milliseconds(1500));  // a question for its end would not be answered
  EXPECT_FALSE(client->done);
  client->slow = false;
  client->changed.notify();
  finish(client);
  EXPECT_EQ(client->text("stdout").size(), 18'000'000u);
  EXPECT_EQ(client->types().back(), "execution_complete");
  EXPECT_EQ(run(id, "out('on')")->text("stdout"), "on");
}

TEST_F(JupyterKernelTest, EndsInGoodOrder) {
  std::string id = create();
  std::string file = (root_ / "end").string();
  pid_t pid = std::stoi(run(id, "out(str(os.getpid()))")->text("stdout"));
  run(id, "real = os._exit\ndef leave(code):\n  open('" + file +
              "', 'w').write('bye')\n  real(code)\nos._exit = leave");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(pid));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(JupyterKernelTest, AStubbornKernelIsEnded) {
  with_env("STUBBORN", "1");
  std::string id = create();
  std::string both =
      run(id,
          "import subprocess\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nout(str(os.getpid()) "
          "+ ' ' + str(subprocess.Popen(['sleep', '100']).pid))")
          ->text("stdout");
  EXPECT_EQ(call("DELETE", "/code/contexts/" + id)->status, 200);
  EXPECT_TRUE(gone(std::stoi(both)));
  EXPECT_TRUE(gone(std::stoi(both.substr(both.find(' ')))));
}

// Requests under way are destroyed with the loop, after the contexts: for the address sanitizer.
TEST_F(JupyterKernelTest, MayEndWhileKernelsStart) {
  start("POST", "/code/context", {}, context_body("/tmp"));
  pass(milliseconds(30));
  close();
  pass(milliseconds(100));
}

}  // namespace
}  // namespace osb::execd::test
