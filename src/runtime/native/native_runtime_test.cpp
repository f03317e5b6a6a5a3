#include "runtime/native/native_runtime.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "api/boot.h"
#include "base/ids.h"
#include "launcher/launcher_socket.h"
#include "net/loop.h"
#include "sys/tree.h"

namespace osb::runtime {
namespace {

using namespace std::chrono_literals;
using launcher::Reply;
using launcher::Request;

// The other end of the socket, on a thread of its own: keeps a list of sandboxes and does what the test tells
// it.
class FakeLauncher {
 public:
  explicit FakeLauncher(std::string directory) : path_(directory + "/launcher.sock") { start(); }
  ~FakeLauncher() { stop(); }

  void start(uint32_t version = launcher::kProtocolVersion) {
    version_ = version;
    boot_id_ = new_uuid();
    ::unlink(path_.c_str());
    listener_ = Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    ::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
    running_ = true;
    thread_ = std::thread([this] { work(); });
  }
  // As if killed: every sandbox is gone.
  void stop() {
    running_ = false;
    if (thread_.joinable()) thread_.join();
    connection_.reset();
    listener_.reset();
    std::lock_guard lock(mutex_);
    sandboxes_.clear();
  }
  void drop_connection() { drop_ = true; }
  void exit(const std::string& id, int code, bool announce = true) {
    std::lock_guard lock(mutex_);
    launcher::SandboxInfo& info = sandboxes_[id];
    info.state = launcher::SandboxState::exited;
    info.exit_code = code;
    info.exit_reason = "exit status " + std::to_string(code);
    if (announce) events_.push_back(encode(Reply{0, launcher::ExitEvent{info}}));
  }
  std::map<std::string, launcher::SandboxInfo> sandboxes() {
    std::lock_guard lock(mutex_);
    return sandboxes_;
  }
  launcher::CreateRequest last_create() {
    std::lock_guard lock(mutex_);
    return last_create_;
  }

  std::atomic<bool> silent{false};        // takes creates and does not answer them
  std::atomic<bool> exit_at_once{false};  // the sandbox ends with 3 right behind the reply
  std::atomic<int> fail_with{-1};         // ErrorCode of the next creates

 private:
  void work() {
    while (running_) {
      if (drop_.exchange(false)) connection_.reset();
      pollfd items[2] = {{listener_.get(), POLLIN, 0}, {connection_.get(), POLLIN, 0}};
      ::poll(items, connection_ ? 2 : 1, 2);
      if (items[0].revents) {
        connection_ = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        say(encode(Reply{0, launcher::HelloEvent{version_, boot_id_}}));
      }
      if (connection_ && items[1].revents) serve();
      std::lock_guard lock(mutex_);
      if (connection_)
        for (const std::string& event : std::exchange(events_, {})) say(event);
    }
  }
  void say(const std::string& packet) {
    ::send(connection_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
  }
  void serve() {
    try {
      std::optional<std::string> packet = launcher::receive_packet(connection_.get());
      if (packet) answer(launcher::decode_request(*packet));
    } catch (const Error&) {
      connection_.reset();
    }
  }
  void answer(const Request& request) {
    std::lock_guard lock(mutex_);
    auto reply = [&](launcher::ReplyBody body) { say(encode(Reply{request.number, std::move(body)})); };
    if (auto* create = std::get_if<launcher::CreateRequest>(&request.body)) {
      last_create_ = *create;
      if (fail_with >= 0)
        return reply(launcher::ErrorReply{static_cast<ErrorCode>(fail_with.load()), "told to"});
      sandboxes_[create->id] = {.id = create->id, .address = "10.0.0.9", .pid = 7};
      if (silent) return;
      reply(launcher::SandboxReply{sandboxes_[create->id]});
      if (exit_at_once) {
        sandboxes_[create->id].state = launcher::SandboxState::exited;
        sandboxes_[create->id].exit_code = 3;
        say(encode(Reply{0, launcher::ExitEvent{sandboxes_[create->id]}}));
      }
    } else if (auto* destroy = std::get_if<launcher::DestroyRequest>(&request.body)) {
      if (sandboxes_.erase(destroy->id) == 0)
        return reply(launcher::ErrorReply{ErrorCode::not_found, "no such sandbox"});
      reply(launcher::DoneReply{});
    } else if (auto* pause = std::get_if<launcher::PauseRequest>(&request.body)) {
      if (!sandboxes_.contains(pause->id))
        return reply(launcher::ErrorReply{ErrorCode::not_found, "no such sandbox"});
      sandboxes_[pause->id].state = launcher::SandboxState::paused;
      reply(launcher::DoneReply{});
    } else if (auto* resume = std::get_if<launcher::ResumeRequest>(&request.body)) {
      sandboxes_[resume->id].state = launcher::SandboxState::running;
      reply(launcher::DoneReply{});
    } else {  // in parts of two
      launcher::ListReply part;
      for (auto& [id, info] : sandboxes_) {
        if (part.sandboxes.size() == 2) {
          part.more = true;
          reply(part);
          part = {};
        }
        part.sandboxes.push_back(info);
      }
      reply(part);
    }
  }

  std::string path_, boot_id_;
  uint32_t version_ = 0;
  Fd listener_, connection_;
  std::atomic<bool> running_{false}, drop_{false};
  std::mutex mutex_;
  std::map<std::string, launcher::SandboxInfo> sandboxes_;
  launcher::CreateRequest last_create_;
  std::vector<std::string> events_;
  std::thread thread_;
};

class Native : public testing::Test {
 protected:
  Native() {
    char path[] = "/tmp/osb-native-XXXXXX";
    if (!::mkdtemp(path)) throw system_error("creating a test directory");
    path_ = path;
    launcher::ImageStore::open(path_ + "/images");
    fake_ = std::make_unique<FakeLauncher>(path_);
    runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), options());
    runtime_->on_exit([this](const Sandbox& sandbox) { exits_.push_back(sandbox); });
  }
  ~Native() override {
    runtime_.reset();
    fake_.reset();
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sys::remove_tree(tmp.get(), path_.substr(5));
  }
  NativeOptions options() {
    NativeOptions options{.aliases = {{"my-python", "host"}, {"team/tool:1", "alpine:3.20"}}};
    options.link.run_directory = Fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    options.link.launcher_uid = ::geteuid();
    options.link.patience = 300ms;
    options.link.longest_pause = 20ms;
    options.images = Fd(::open((path_ + "/images").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    options.start_limit = 2s;
    options.create_limit = 3s;
    options.call_limit = 3s;
    return options;
  }
  void add_image(const std::string& directory, const std::string& json) {
    Fd images(::open((path_ + "/images").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Fd dir = sys::make_directories(images.get(), directory);
    sys::write_new_file(dir.get(), "image.json", json, 0644);
  }
  SandboxSpec spec(const std::string& id) {
    return {.id = id,
            .image = runtime_->resolve_image("host"),
            .entrypoint = {"sleep", "9"},
            .env = {{"A", "b"}},
            .limits = {.cpu_millis = 500, .memory_bytes = 1 << 20, .pids = 99},
            .access_token = "tok"};
  }
  void run(net::task<> work) { loop_.run_until_done(std::move(work)); }
  // Lets the loop turn until the condition holds.
  static net::task<> until(std::function<bool()> condition) {
    for (int i = 0; i < 5000 && !condition(); ++i) co_await net::sleep_for(1ms);
    EXPECT_TRUE(condition());
  }
  static net::task<> start(NativeRuntime& runtime) { co_await runtime.start(); }
  static net::task<> create(NativeRuntime& runtime, SandboxSpec spec, Sandbox* out = nullptr) {
    Sandbox sandbox = co_await runtime.create(std::move(spec));
    if (out) *out = sandbox;
  }
  static net::task<> list(NativeRuntime& runtime, std::vector<Sandbox>& out) {
    out = co_await runtime.list();
  }
  static net::task<> expect_error(net::task<> work, ErrorCode code) {
    try {
      co_await std::move(work);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(to_string(error.code()), to_string(code)) << error.message();
    }
  }

  std::string path_;
  net::Loop loop_;
  std::unique_ptr<FakeLauncher> fake_;
  std::unique_ptr<NativeRuntime> runtime_;
  std::vector<Sandbox> exits_;
};

TEST_F(Native, CreatesPausesListsAndDestroys) {
  run(start(*runtime_));
  Sandbox made;
  run(create(*runtime_, spec("one"), &made));
  EXPECT_EQ(made.address, "10.0.0.9");
  EXPECT_EQ(made.state, State::running);
  for (const char* id : {"two", "three", "four", "five"}) run(create(*runtime_, spec(id)));
  std::vector<Sandbox> all;
  run(runtime_->pause("two"));
  run(list(*runtime_, all));
  ASSERT_EQ(all.size(), 5u);  // in three packets
  EXPECT_EQ(all[4].id, "two");
  EXPECT_EQ(all[4].state, State::paused);
  run(runtime_->resume("two"));
  EXPECT_EQ(fake_->sandboxes()["two"].state, launcher::SandboxState::running);
  run(expect_error(runtime_->pause("nobody"), ErrorCode::not_found));
  run(runtime_->destroy("one"));
  run(runtime_->destroy("one"));  // unknown is fine
  EXPECT_FALSE(fake_->sandboxes().contains("one"));
  EXPECT_TRUE(exits_.empty());
}

TEST_F(Native, TellsExecdWhatItNeeds) {
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  launcher::CreateRequest request = fake_->last_create();
  EXPECT_EQ(request.image, "");
  EXPECT_EQ(request.cpu_millis, 500);
  EXPECT_EQ(request.memory_bytes, 1 << 20);
  EXPECT_EQ(request.pids, 99);
  api::BootConfig boot = api::parse_boot_config(request.boot);
  EXPECT_EQ(boot.sandbox_id, "one");
  EXPECT_EQ(boot.access_token, "tok");
  EXPECT_EQ(boot.entrypoint, (std::vector<std::string>{"sleep", "9"}));
  EXPECT_EQ(boot.env["A"], "b");
  EXPECT_EQ(boot.env["HOME"], "/root");
  EXPECT_EQ(boot.env["LANG"], "C.UTF-8");
  EXPECT_EQ(boot.env["OPENSANDBOX_ID"], "one");
  EXPECT_EQ(boot.env["PIP_BREAK_SYSTEM_PACKAGES"], "1");
  EXPECT_EQ(boot.env["OPENSANDBOX_IMAGE_KIND"], "host");
  EXPECT_EQ(boot.cpu_millis, 500);
  EXPECT_EQ(boot.memory_bytes, 1 << 20);

  SandboxSpec big = spec("big");
  big.env["X"] = std::string(200'000, 'x');
  run(expect_error(create(*runtime_, std::move(big)), ErrorCode::too_large));
}

TEST_F(Native, ImportedImagesBringTheirOwnSettings) {
  add_image("alpine%3a3.20", R"({"env":{"PATH":"/custom","A":"image"},"entrypoint":["/init"],"cwd":"/srv"})");
  run(start(*runtime_));
  Image image = runtime_->resolve_image("docker.io/library/alpine:3.20");
  EXPECT_EQ(image.name, "alpine:3.20");
  EXPECT_EQ(image.alias_of_request, "");
  SandboxSpec request{.id = "one", .image = image, .env = {{"A", "request"}}};
  run(create(*runtime_, std::move(request)));
  EXPECT_EQ(fake_->last_create().image, "alpine%3a3.20");
  api::BootConfig boot = api::parse_boot_config(fake_->last_create().boot);
  EXPECT_EQ(boot.entrypoint, std::vector<std::string>{"/init"});
  EXPECT_EQ(boot.cwd, "/srv");
  EXPECT_EQ(boot.env["PATH"], "/custom");
  EXPECT_EQ(boot.env["A"], "request");
  EXPECT_EQ(boot.env["HOME"], "/root");
  EXPECT_FALSE(boot.env.contains("PIP_BREAK_SYSTEM_PACKAGES"));
  EXPECT_FALSE(boot.env.contains("OPENSANDBOX_IMAGE_KIND"));
}

TEST_F(Native, ResolvesNamesAndAliases) {
  EXPECT_EQ(runtime_->resolve_image("host").name, "host");
  EXPECT_EQ(runtime_->resolve_image("host").alias_of_request, "");
  EXPECT_TRUE(runtime_->resolve_image("host").env.empty());
  EXPECT_EQ(runtime_->resolve_image("my-python").name, "host");
  EXPECT_EQ(runtime_->resolve_image("my-python:latest").alias_of_request, "my-python:latest");
  for (const char* name : {"opensandbox/code-interpreter", "opensandbox/code-interpreter:v1.0.2",
                           "docker.io/opensandbox/code-interpreter:latest",
                           "reg.example.com:5000/opensandbox/code-interpreter:v1.1.0",
                           "reg.example.com/mirror/opensandbox/code-interpreter:v1"}) {
    EXPECT_EQ(runtime_->resolve_image(name).name, "host") << name;
    EXPECT_EQ(runtime_->resolve_image(name).alias_of_request, name);
    EXPECT_EQ(runtime_->resolve_image(name).env["OPENSANDBOX_INTERPRETER"], "python");
  }
  add_image("opensandbox%2fcode-interpreter%3av2", "{}");
  EXPECT_EQ(runtime_->resolve_image("opensandbox/code-interpreter:v2").name,
            "opensandbox/code-interpreter:v2");
  EXPECT_EQ(runtime_->resolve_image("opensandbox/code-interpreter:v1").name, "host");
  add_image("opensandbox%2fcode-interpreter%3alatest", "{}");
  for (const char* name :
       {"opensandbox/code-interpreter:v1", "reg.example.com/opensandbox/code-interpreter"}) {
    EXPECT_EQ(runtime_->resolve_image(name).name, "opensandbox/code-interpreter:latest") << name;
    EXPECT_EQ(runtime_->resolve_image(name).alias_of_request, name);
  }

  auto code_of = [&](const std::string& name) {
    try {
      runtime_->resolve_image(name);
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + " " + error.wire() + " " + error.message();
    }
    return std::string("found");
  };
  std::string unknown = code_of("alpine");
  EXPECT_TRUE(unknown.starts_with("not_found NATIVE::IMAGE_NOT_FOUND ")) << unknown;
  EXPECT_NE(unknown.find("opensandbox/code-interpreter:v2"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("opensandbox image import"), std::string::npos) << unknown;
  EXPECT_TRUE(code_of("notopensandbox/code-interpreter").starts_with("not_found"));
  EXPECT_TRUE(code_of("team/tool:1").starts_with("not_found"));  // its alias points to nothing
  EXPECT_TRUE(code_of("../etc").starts_with("invalid"));
  EXPECT_TRUE(code_of("").starts_with("invalid"));
}

TEST_F(Native, ReportsExitsOnce) {
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  fake_->exit("one", 5);
  run(until([&] { return !exits_.empty(); }));
  ASSERT_EQ(exits_.size(), 1u);
  EXPECT_EQ(exits_[0].id, "one");
  EXPECT_EQ(exits_[0].exit_code, 5);
  EXPECT_EQ(exits_[0].exit_reason, "exit status 5");
  fake_->exit("one",
              5);  // events arrive in order: once that of "two" is here, a second one for "one" would be, too
  run(create(*runtime_, spec("two")));
  fake_->exit("two", 6);
  run(until([&] { return exits_.size() > 1; }));
  ASSERT_EQ(exits_.size(), 2u);
  EXPECT_EQ(exits_[1].id, "two");
}

TEST_F(Native, ExitIsReportedAfterCreateReturned) {
  fake_->exit_at_once = true;
  run(start(*runtime_));
  struct Case {
    static net::task<> go(NativeRuntime& runtime, SandboxSpec spec, std::vector<Sandbox>& exits,
                          bool& clean) {
      co_await runtime.create(std::move(spec));
      clean = exits.empty();
    }
  };
  for (int i = 0; i < 50; ++i) {
    exits_.clear();
    bool clean = false;
    run(Case::go(*runtime_, spec("s" + std::to_string(i)), exits_, clean));
    EXPECT_TRUE(clean);
    run(until([&] { return !exits_.empty(); }));
    ASSERT_EQ(exits_.size(), 1u);
    EXPECT_EQ(exits_[0].exit_code, 3);
  }
}

TEST_F(Native, ListsEveryNameAndWhatItStandsFor) {
  add_image("alpine%3a3.20", R"({"name":"x","created":"2026-01-02T03:04:05.000000Z","size":77})");
  std::string text;
  for (const ImageEntry& image : runtime_->images())
    text += image.name + " " + (image.size ? std::to_string(*image.size) : "-") + " " + image.created_at +
            " " + image.alias_of + "\n";
  EXPECT_EQ(text,
            "alpine:3.20 77 2026-01-02T03:04:05.000000Z \n"
            "host -  \n"
            "my-python:latest -  host\n"
            "opensandbox/code-interpreter:latest -  host\n"
            "team/tool:1 -  alpine:3.20\n");
}

TEST_F(Native, NamesOfImagesAreChecked) {
  EXPECT_EQ(runtime_->image_name("docker.io/library/alpine"), "alpine:latest");
  for (const char* bad : {"", "..", "../x", "a/../b", "/etc", "A", "a b", "a//b"}) {
    try {
      runtime_->image_name(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid);
      EXPECT_EQ(error.wire(), "IMAGE::INVALID_NAME");
    }
  }
  run(expect_error(runtime_->remove_image("host"), ErrorCode::conflict));
}

TEST_F(Native, DeadLauncherLosesItsSandboxesOnce) {
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  run(create(*runtime_, spec("two")));
  fake_->stop();
  run(expect_error(runtime_->pause("one"), ErrorCode::unavailable));  // after its patience
  EXPECT_TRUE(exits_.empty());                                        // it may just be restarting
  fake_->start();
  run(until([&] { return exits_.size() == 2; }));
  for (const Sandbox& sandbox : exits_) {
    EXPECT_EQ(sandbox.state, State::exited);
    EXPECT_EQ(sandbox.exit_reason, "the launcher died");
    EXPECT_FALSE(sandbox.exit_code);
  }
  run(create(*runtime_, spec("three")));
  fake_->stop();
  fake_->start();
  run(until([&] { return exits_.size() == 3; }));
  EXPECT_EQ(exits_[2].id, "three");
}

TEST_F(Native, LostConnectionKeepsSandboxes) {
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  run(create(*runtime_, spec("two")));
  fake_->exit("two", 7, false);  // while nobody listens
  fake_->drop_connection();
  std::vector<Sandbox> all;
  run(until([&] { return exits_.size() == 1; }));
  run(list(*runtime_, all));
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(exits_.size(), 1u);
  EXPECT_EQ(exits_[0].exit_code, 7);
}

TEST_F(Native, AdoptsWhatRuns) {
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), options());
  runtime_->on_exit([this](const Sandbox& sandbox) { exits_.push_back(sandbox); });
  run(start(*runtime_));
  fake_->exit("one", 0);
  run(until([&] { return exits_.size() == 1; }));
}

TEST_F(Native, FailedCreatesLeaveNothing) {
  run(start(*runtime_));
  fake_->fail_with = static_cast<int>(ErrorCode::invalid);
  run(expect_error(create(*runtime_, spec("one")), ErrorCode::invalid));
  fake_->fail_with = -1;
  // No answer: the sandbox that may exist is destroyed again.
  NativeOptions quick = options();
  quick.create_limit = 50ms;
  runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), std::move(quick));
  run(start(*runtime_));
  fake_->silent = true;
  run(expect_error(create(*runtime_, spec("two")), ErrorCode::timeout));
  run(until([&] { return fake_->sandboxes().empty(); }));
  EXPECT_TRUE(exits_.empty());
}

// Its sandboxes live on while the server is updated; images have to wait.
TEST_F(Native, AnOlderLauncherServesItsSandboxes) {
  fake_->stop();
  fake_->start(launcher::kOldestProtocol);
  run(start(*runtime_));
  run(create(*runtime_, spec("one")));
  run(expect_error(runtime_->remove_image("alpine"), ErrorCode::unsupported));
  run(runtime_->pause("one"));
}

TEST_F(Native, NoLauncherOrAWrongOneIsUnavailable) {
  fake_->stop();
  NativeOptions quick = options();
  quick.start_limit = 100ms;
  runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), std::move(quick));
  run(expect_error(start(*runtime_), ErrorCode::unavailable));
  fake_->start(launcher::kProtocolVersion + 1);
  quick = options();
  quick.start_limit = 100ms;
  runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), std::move(quick));
  run(expect_error(start(*runtime_), ErrorCode::unavailable));
  fake_->stop();
  fake_->start();
  quick = options();
  quick.start_limit = 100ms;
  quick.link.launcher_uid = ::geteuid() + 1;  // somebody else listens
  runtime_ = std::make_unique<NativeRuntime>(loop_.executor(), std::move(quick));
  run(expect_error(start(*runtime_), ErrorCode::unavailable));
}

}  // namespace
}  // namespace osb::runtime
