// A machine that fails under the program: disks that are full or cannot be written to, no /proc, directories
// that disappear, clients that stall, vanish or come by the thousand. Each fault is an error that says what
// happened, the next request works, and nothing is left over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef OSB_TEST_EXECD

#include <dirent.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "base/json.h"
#include "execd/daemon_fixture.h"
#include "execd/process_for_tests.h"
#include "execd/process_tree.h"
#include "execd/small_file.h"
#include "http/websocket_for_tests.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

void must(bool good) {
  if (!good) ::_exit(96);
}
void make_file_system(const std::string& path, const char* options) {
  must(::mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0);
}
void graft(const std::string& from, const std::string& to) {
  must(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0);
}

struct Setting {
  std::function<void(const std::string& root)> spoil = {};  // in the daemon's mounts, before it starts
  Words environment = {};
  std::string cwd = "/work";
  rlim_t open_files = 0;
};

// The program, in mounts and a root of its own: /work and /tmp on that root, /mnt with room, /full with 64
// KiB and 32 names.
class Machine {
 public:
  explicit Machine(const Setting& setting) : port_(free_port()) {
    root_ = "/tmp/execd_faults_test." + std::to_string(::getpid()) + "." + std::to_string(port_);
    ::mkdir(root_.c_str(), 0755);
    Words environment = {"PATH=/usr/bin:/bin", "HOME=/root", "JUPYTER_PORT=0"};
    environment.insert(environment.end(), setting.environment.begin(), setting.environment.end());
    std::string port = "--port=" + std::to_string(port_);
    std::vector<char*> argv = {const_cast<char*>("/execd"), port.data(),
                               const_cast<char*>("--log-level=error"), nullptr};
    std::vector<char*> env;
    for (std::string& variable : environment) env.push_back(variable.data());
    env.push_back(nullptr);
    pid_ = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
    if (pid_ != 0) return;
    build(setting);
    ::close_range(3, ~0U, 0);  // what other tests left open is not this machine's
    ::execve("/execd", argv.data(), env.data());
    ::_exit(97);
  }
  ~Machine() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::rmdir(root_.c_str());
  }
  uint16_t port() const { return port_; }
  // A path inside, as seen from here.
  std::string inside(const std::string& path) const {
    return "/proc/" + std::to_string(pid_) + "/root" + path;
  }

  size_t descriptors() const {
    auto files = std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }
  // What they are, for messages.
  std::string described_descriptors() const {
    std::string out;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
      out += std::filesystem::read_symlink(entry, gone).string() + " ";
    return out;
  }
  size_t children() const {
    size_t out = 0;
    for (const ProcessStat& process : read_processes()) out += process.parent == pid_;
    return out;
  }
  uint64_t cpu_ticks() const { return read_process(pid_).cpu_ticks; }
  size_t resident_bytes() const {
    return read_process(pid_).resident_pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  }

 private:
  void build(const Setting& setting) const {
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    make_file_system(root_, "size=64m");
    must(::chdir(root_.c_str()) == 0);
    for (const char* name : {"usr", "etc", "proc", "dev", "tmp", "work", "mnt", "full", "root"})
      must(::mkdir(name, 0755) == 0);
    for (const char* name : {"bin", "lib", "lib64", "sbin"})
      must(::symlink(("usr/" + std::string(name)).c_str(), name) == 0);
    for (const char* name : {"usr", "etc", "dev"}) graft("/" + std::string(name), root_ + "/" + name);
    must(::mount("proc", "proc", "proc", 0, nullptr) == 0);
    make_file_system(root_ + "/mnt", "size=64m");
    make_file_system(root_ + "/full", "size=64k,nr_inodes=32");
    std::filesystem::copy_file(OSB_TEST_EXECD, root_ + "/execd");
    if (setting.spoil) setting.spoil(root_);
    must(::chroot(root_.c_str()) == 0 && ::chdir(setting.cwd.c_str()) == 0);
    rlimit limit = {setting.open_files, setting.open_files};
    if (setting.open_files > 0) must(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }

  std::string root_;
  uint16_t port_;
  pid_t pid_ = -1;
};

class Faults : public ::testing::Test {
 protected:
  Faults() : client_(loop_.executor()) { ::signal(SIGPIPE, SIG_IGN); }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for mounts";
  }
  void begin(const Setting& setting = {}) {
    machine_.emplace(setting);
    ASSERT_TRUE(wait_until([&] { return try_get("/ping").status == 200; }));
    run("true");
    before_ = machine_->descriptors();
  }
  void TearDown() override {
    if (!machine_) return;
    EXPECT_THAT(run("echo works"), ElementsAre("stdout:works\n", "execution_complete"));
    EXPECT_TRUE(wait_until([&] {
      return machine_->descriptors() <= before_ + 1 && machine_->children() == 0;
    })) << machine_->descriptors()
        << " descriptors after " << before_ << ", " << machine_->children() << " children";
  }

  bool wait_until(auto condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      loop_.run_until_done(net::sleep_for(milliseconds(10)));
    }
    return false;
  }

  static net::task<> send(Faults* self, http::ClientRequest request, Answer* answer, bool* failed) {
    try {
      auto response =
          co_await self->client_.send({"127.0.0.1", self->machine_->port(), {}}, std::move(request));
      answer->status = response->status();
      answer->body = co_await response->read_all(64 << 20);
    } catch (const Error& error) {
      *failed = true;
    }
  }
  Answer try_get(std::string target) {
    Answer answer;
    bool failed = false;
    loop_.run_until_done(send(this, {.method = "GET", .target = std::move(target)}, &answer, &failed));
    return answer;
  }
  Answer call(std::string method, std::string target, std::string body = {}, std::string type = {}) {
    http::ClientRequest request{.method = std::move(method), .target = std::move(target)};
    request.body = std::move(body);
    if (!type.empty()) request.headers = {{"Content-Type", type}};
    Answer answer;
    bool failed = false;
    loop_.run_until_done(send(this, std::move(request), &answer, &failed));
    EXPECT_FALSE(failed);
    return answer;
  }
  std::string text(const std::string& value) { return json::serialize(json::Value(value)); }
  std::vector<std::string> brief_events(const std::string& body) {
    std::vector<std::string> events = events_of(body);
    events.erase(events.begin(),
                 events.begin() + std::min<ptrdiff_t>(2, static_cast<ptrdiff_t>(events.size())));
    return events;
  }
  std::vector<std::string> run(const std::string& command, const std::string& more = {}) {
    Answer answer = call("POST", "/command", "{\"command\":" + text(command) + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return brief_events(answer.body);
  }
  std::string refusal(const Answer& answer) {
    json::Value body = json::parse(answer.body);
    return std::to_string(answer.status) + " " + std::string(body.at("code").as_string()) + " " +
           std::string(body.at("message").as_string());
  }
  Answer upload(const std::string& path, size_t size) {
    std::string body =
        "--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\nContent-Type: "
        "application/json\r\n\r\n{\"path\":" +
        text(path) +
        "}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: "
        "application/octet-stream\r\n\r\n" +
        std::string(size, 'x') + "\r\n--b--\r\n";
    return call("POST", "/files/upload", std::move(body), "multipart/form-data; boundary=b");
  }
  // What a session prints that starts there.
  std::vector<std::string> session(const std::string& command, const std::string& cwd = {}) {
    Answer made = call("POST", "/session", cwd.empty() ? "" : "{\"cwd\":" + text(cwd) + "}");
    if (made.status != 200) return {refusal(made)};
    std::string path = "/session/" + std::string(json::parse(made.body).at("session_id").as_string());
    auto out = brief_events(call("POST", path + "/run", "{\"command\":" + text(command) + "}").body);
    EXPECT_EQ(call("DELETE", path).status, 200);
    return out;
  }
  // What a terminal prints.
  static net::task<> watch(Faults* self, std::string id, std::string* out) {
    auto peer = co_await http::WebSocketPeer::connect(self->loop_.executor(), self->machine_->port(),
                                                      http::WebSocketPeer::request("/pty/" + id + "/ws", ""));
    while (auto message = co_await peer->next()) {
      if (message->kind == http::Opcode::binary && message->payload[0] == 1)
        *out += message->payload.substr(1);
      if (message->kind != http::Opcode::close) continue;
      co_await peer->send(http::Opcode::close, http::close_payload(http::CloseCode::normal, ""));
    }
  }
  std::string terminal(const std::string& command, const std::string& cwd = {}) {
    Answer made = call("POST", "/pty", "{\"command\":" + text(command) + ",\"cwd\":" + text(cwd) + "}");
    if (made.status != 201) return refusal(made);
    std::string id(json::parse(made.body).at("session_id").as_string());
    std::string out;
    loop_.run_until_done(watch(this, id, &out));
    EXPECT_EQ(call("DELETE", "/pty/" + id).status, 200);
    return out;
  }
  // Starts the interpreter, which then stays: it is no leftover.
  std::string code(const std::string& text_of_code) {
    Answer answer =
        call("POST", "/code", "{\"code\":" + text(text_of_code) + R"(,"context":{"language":"python"}})");
    return answer.body;
  }
  void end_code() {
    EXPECT_EQ(call("DELETE", "/code/contexts?language=python").status, 200);
    ::kill(child(), SIGKILL);  // the warm interpreter
    EXPECT_TRUE(wait_until([&] { return machine_->children() == 0; }));
  }
  pid_t child() const {
    for (const ProcessStat& process : read_processes())
      if (process.parent == machine_pid()) return process.pid;
    return 0;
  }
  pid_t machine_pid() const { return std::stoi(machine_->inside("").substr(6)); }

  net::Loop loop_;
  http::Client client_;
  std::optional<Machine> machine_;
  size_t before_ = 0;
};

TEST_F(Faults, AFullDisk) {
  begin({.environment = {"EXECD_ENVS=/full/envs", "TMPDIR=/full"}, .cwd = "/full"});
  EXPECT_THAT(refusal(upload("/full/large", 1 << 20)), StartsWith("500 DISK_FULL "));
  EXPECT_THAT(run("ls -A /full"), ElementsAre("stdout:envs\n", "execution_complete"))
      << "no part of it stays";
  EXPECT_THAT(run("head -c 40000 /dev/zero | tr '\\0' a > text; head -c 100000 /dev/zero > rest"),
              ElementsAre("stderr:head: error writing 'standard output': No space left on device\n",
                          "error:1/exit status 1"));
  EXPECT_THAT(refusal(call("POST", "/files/replace", R"({"/full/text":{"old":"a","new":"bb"}})")),
              StartsWith("500 DISK_FULL "));
  EXPECT_THAT(run("wc -c < text; rm rest; echo A=1 >> $EXECD_ENVS"),
              ElementsAre("stdout:40000\n", "execution_complete"));
  // Room again, and everything works.
  EXPECT_THAT(run("echo $A"), ElementsAre("stdout:1\n", "execution_complete"));
  EXPECT_EQ(upload("/full/small", 1000).status, 200);
  EXPECT_EQ(call("DELETE", "/files?path=/full/small").status, 200);
}

TEST_F(Faults, ADiskWithoutRoomForANameOrTheEnvironmentFile) {
  begin({.spoil =
             [](const std::string& root) {
               for (int i = 0; ::mkdir((root + "/full/d" + std::to_string(i)).c_str(), 0755) == 0; ++i) {}
             },
         .environment = {"EXECD_ENVS=/full/envs", "TMPDIR=/full", "HOME=/full"},
         .cwd = "/full"});
  EXPECT_THAT(
      run("echo A=1 >> $EXECD_ENVS"),
      ElementsAre("stderr:bash: line 1: /full/envs: No space left on device\n", "error:1/exit status 1"));
  EXPECT_THAT(session("cat <<E\n$PWD\nE"), ElementsAre("stdout:/full\n", "execution_complete"));
  EXPECT_THAT(session("pwd", "/full/new"),
              ElementsAre(StartsWith("500 DISK_FULL making the working directory")));
  EXPECT_THAT(terminal("echo on $PWD"), HasSubstr("on /full"));
  EXPECT_THAT(terminal("pwd", "/full/new"), StartsWith("500 DISK_FULL making the working directory"));
  EXPECT_THAT(refusal(call("POST", "/directories", R"({"/full/new":{}})")), StartsWith("500 DISK_FULL "));
  EXPECT_THAT(refusal(upload("/full/new/f", 10)), StartsWith("500 DISK_FULL "));
  EXPECT_THAT(refusal(call("POST", "/files/mv", R"([{"src":"/execd","dest":"/full/execd"}])")),
              StartsWith("500 DISK_FULL "));
  EXPECT_EQ(::access(machine_->inside("/execd").c_str(), F_OK), 0)
      << "what could not be moved is where it was";
  if (!std::filesystem::exists("/usr/bin/python3")) return;
  EXPECT_THAT(code("print(1 + 1)"), HasSubstr(R"("text":"2\n")"));
  EXPECT_THAT(code("open('new', 'w')"), HasSubstr(R"("ename":"OSError")"));
  EXPECT_THAT(refusal(call("POST", "/code/context", R"({"language":"python","cwd":"/full/new"})")),
              StartsWith("500 DISK_FULL making the working directory"));
  end_code();
}

TEST_F(Faults, AReadOnlyRoot) {
  begin({.spoil = [](const std::string& root) {
    must(::mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  }});
  EXPECT_THAT(run("pwd; cat <<E\nhere\nE\necho x > /mnt/x; echo x > y"),
              ElementsAre("stdout:/work\n", "stdout:here\n",
                          "stderr:bash: line 4: y: Read-only file system\n", "error:1/exit status 1"));
  EXPECT_THAT(session("cd /mnt; X=$(cat <<E\nfrom $PWD\nE\n); echo $X"),
              ElementsAre("stdout:from /mnt\n", "execution_complete"));
  EXPECT_THAT(session("pwd", "/work/new"),
              ElementsAre(HasSubstr("500 RUNTIME_ERROR making the working directory")));
  EXPECT_THAT(terminal("echo on $PWD"), HasSubstr("on /work"));
  EXPECT_EQ(upload("/mnt/f", 100000).status, 200);
  for (const Answer& answer : {upload("/work/f", 100), call("POST", "/directories", R"({"/work/new":{}})"),
                               call("POST", "/files/mv", R"([{"src":"/mnt/f","dest":"/work/f"}])"),
                               call("POST", "/files/replace", R"({"/execd":{"old":"a","new":"b"}})"),
                               call("POST", "/files/permissions", R"({"/execd":{"mode":644}})"),
                               call("DELETE", "/files?path=/execd")})
    EXPECT_THAT(refusal(answer), ::testing::AllOf(StartsWith("500 "), HasSubstr("Read-only file system")));
  EXPECT_EQ(call("GET", "/files/download?path=/mnt/f").body.size(), 100000u);
  Answer background = call("POST", "/command", R"({"command":"echo later","background":true})");
  std::string logs = "/command/" + events_of(background.body).at(0).substr(5) + "/logs";
  EXPECT_TRUE(wait_until([&] { return call("GET", logs).body == "later\n"; }));
  before_ += 1;  // its log
  if (!std::filesystem::exists("/usr/bin/python3")) return;
  EXPECT_THAT(code("print(1 + 1)"), HasSubstr(R"("text":"2\n")"));
  end_code();
}

TEST_F(Faults, NoProc) {
  begin(
      {.spoil = [](const std::string& root) { must(::umount2((root + "/proc").c_str(), MNT_DETACH) == 0); }});
  EXPECT_THAT(run("pwd; ls -A /proc; exit 3"), ElementsAre("stdout:/work\n", "error:3/exit status 3"));
  EXPECT_THAT(run("sleep 1007 & sleep 1008", R"(,"timeout":200)"), ElementsAre("error:-1/signal: killed"));
  EXPECT_THAT(session("X=1; sleep 0; echo $X"), ElementsAre("stdout:1\n", "execution_complete"));
  EXPECT_THAT(terminal("echo on $PWD"), HasSubstr("on /work"));
  EXPECT_EQ(upload("/work/f", 100000).status, 200);
  EXPECT_EQ(call("GET", "/files/download?path=/work/f").body.size(), 100000u);
  EXPECT_EQ(call("POST", "/files/mv", R"([{"src":"/work/f","dest":"/mnt/f"}])").status, 200);
  EXPECT_THAT(call("GET", "/files/search?path=/mnt&pattern=f").body, HasSubstr(R"("path":"/mnt/f")"));
  json::Value metrics = json::parse(call("GET", "/metrics").body);
  EXPECT_GT(metrics.at("mem_total_mib").to_number<double>(), 100);
  EXPECT_GE(metrics.at("cpu_count").as_int64(), 1);
  EXPECT_EQ(call("GET", "/metrics/prometheus").status, 200);
  if (!std::filesystem::exists("/usr/bin/python3")) return;
  EXPECT_THAT(code("print(1 + 1)"), HasSubstr(R"("text":"2\n")"));
  end_code();
}

TEST_F(Faults, DirectoriesThatDisappear) {
  begin();
  std::filesystem::remove_all(machine_->inside("/tmp"));
  std::filesystem::remove_all(machine_->inside("/work"));
  EXPECT_THAT(run("pwd; cat <<E\nhere\nE"), ElementsAre("stdout:/\n", "stdout:here\n", "execution_complete"));
  EXPECT_THAT(refusal(call("POST", "/command", R"({"command":"pwd","cwd":"/work"})")),
              HasSubstr("working directory does not exist: /work"));
  EXPECT_THAT(terminal("pwd"), StartsWith("/"));
  EXPECT_THAT(session("cat <<E\nhere\nE"), ElementsAre("stdout:here\n", "execution_complete"));
  EXPECT_EQ(upload("/mnt/f", 1 << 20).status, 200);
  EXPECT_EQ(call("GET", "/files/info?path=/mnt/f").status, 200);
  Answer background = call("POST", "/command", R"({"command":"echo later","background":true})");
  std::string logs = "/command/" + events_of(background.body).at(0).substr(5) + "/logs";
  EXPECT_TRUE(wait_until([&] { return call("GET", logs).body == "later\n"; }));
  before_ += 1;  // its log
}

// Plain sockets: thousands of streams would measure the test.
class Crowd {
 public:
  explicit Crowd(uint16_t port) : port_(port) {}
  bool add(std::string_view bytes = {}) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_port = htons(port_);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience = {20, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return false;
    if (!bytes.empty() && ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return false;
    sockets_.push_back(std::move(socket));
    return true;
  }
  std::string ask(size_t which) {
    constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
    if (::send(sockets_[which].get(), kPing.data(), kPing.size(), MSG_NOSIGNAL) < 0) return "<gone>";
    return read(which);
  }
  std::string read(size_t which) {
    char buffer[512];
    ssize_t n = ::recv(sockets_[which].get(), buffer, sizeof buffer, 0);
    return n < 0 ? "<gone>" : std::string(buffer, static_cast<size_t>(n));
  }
  size_t size() const { return sockets_.size(); }
  void leave() { sockets_.clear(); }

 private:
  uint16_t port_;
  std::vector<Fd> sockets_;
};

// Their memory is small, and the next crowd finds what the first one left: it does not grow.
TEST_F(Faults, TenThousandIdleConnections) {
  constexpr size_t kCrowd = 10000, kEach = 5 * 1024;
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < kCrowd * 4 / 3 + 500) GTEST_SKIP() << "needs more open files";
  rlimit more = {limit.rlim_max, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &more);
  begin();
  size_t memory = machine_->resident_bytes();
  Crowd crowd(machine_->port());
  for (size_t grown = kCrowd * kEach; grown > 0; grown = grown == kCrowd * kEach ? grown + kCrowd * 256 : 0) {
    for (size_t i = 0; i < kCrowd; ++i) ASSERT_TRUE(crowd.add()) << i;
    EXPECT_THAT(run("echo new"), ElementsAre("stdout:new\n", "execution_complete"));
    EXPECT_GE(machine_->descriptors(), kCrowd);
    for (size_t i : {size_t{0}, kCrowd / 2, kCrowd - 1})
      EXPECT_THAT(crowd.ask(i), StartsWith("HTTP/1.1 200"));
    EXPECT_LT(machine_->resident_bytes(), memory + grown);
    crowd.leave();
    EXPECT_TRUE(wait_until([&] { return machine_->descriptors() <= before_ + 1; }));
  }
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(Faults, ShortOfDescriptorsNewClientsWaitAndOldOnesAreServed) {
  begin({.open_files = 100});
  Crowd idle(machine_->port());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(idle.add());
  // All before it are accepted then. The kept connection of run() gave way to them: not while it is used.
  ASSERT_THAT(idle.ask(299), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(run("echo served"), ElementsAre("stdout:served\n", "execution_complete"))
      << "idle connections make room";
  EXPECT_LE(machine_->descriptors(), 92u) << "a quarter is left for work, less the daemon's own; there are "
                                          << before_ << " and: " << machine_->described_descriptors();
  idle.leave();

  // Nobody gives way who is in the middle of a request.
  Crowd busy(machine_->port());
  ASSERT_TRUE(busy.add("GET /ping HTTP/1.1\r\n"));
  ASSERT_TRUE(wait_until([&] { return machine_->descriptors() <= before_ + 2; }));
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(busy.add("GET /"));
  uint64_t ticks = machine_->cpu_ticks();
  loop_.run_until_done(net::sleep_for(milliseconds(1000)));
  EXPECT_LT(machine_->cpu_ticks() - ticks, 20u) << "it waits, it does not spin";
  busy.leave();
  Crowd last(machine_->port());
  ASSERT_TRUE(last.add());
  EXPECT_THAT(last.ask(0), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace osb::execd

#endif
