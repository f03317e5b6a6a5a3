#include "execd/code/python_zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <limits>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/log.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kStderrShown = 2000;

// Reads the modules from descriptor 4 and runs the first of them (kernels/python/boot.py).
constexpr const char* kBoot =
    "import os;s={n.decode():t for n,_,t in (p.partition(b'\\n') for p in "
    "os.fdopen(4,'rb').read().split(b'\\0')[1:])};"
    "exec(compile(s['boot'],'<osb worker boot>','exec'),{'__name__':'osb_boot','sources':s})";

std::string start_options(bool eager, const std::vector<std::string>& preload) {
  std::string out = std::string(R"({"eager":)") + (eager ? "true" : "false") + R"(,"preload":[)";
  for (const std::string& name : preload) {
    if (out.back() != '[') out += ',';
    append_json_string(out, name);
  }
  return out += "]}";
}

// The worker's text in an anonymous file: nothing in the sandbox has to hold it.
Fd worker_file() {
  Fd file(check(::memfd_create("osb-python-worker", MFD_CLOEXEC), "making the file of the Python worker"));
  for (size_t at = 0; at < kPythonWorker.size();) {
    std::string_view rest = kPythonWorker.substr(at);
    at += static_cast<size_t>(
        check(::write(file.get(), rest.data(), rest.size()), "writing the Python worker"));
  }
  check(::lseek(file.get(), 0, SEEK_SET), "rewinding the Python worker");
  return file;
}

std::string read_what_is_there(int fd) {
  char buffer[kStderrShown];
  ssize_t size = ::read(fd, buffer, sizeof(buffer));
  return size > 0 ? std::string(buffer, static_cast<size_t>(size)) : std::string();
}

}  // namespace

PythonZygote::PythonZygote(net::asio::any_io_executor executor, Fd channel, Fd errors,
                           std::chrono::milliseconds start_time)
    : executor_(executor),
      channel_(executor, std::move(channel)),
      errors_(std::move(errors)),
      start_time_(start_time),
      changed_(executor) {}

PythonZygote::~PythonZygote() { kill(); }

std::shared_ptr<PythonZygote> PythonZygote::start(net::asio::any_io_executor executor, Reaper& reaper,
                                                  Options options) {
  auto [ours, theirs] = make_channel();
  Pipe errors = make_output_pipe();
  Fd worker = worker_file();
  sys::ChildSpec spec;
  spec.program = options.program;
  spec.argv = {options.program, "-c", kBoot, start_options(options.eager, options.preload)};
  spec.env = std::move(options.env);
  spec.cwd = "/";
  spec.fds = {{2, errors.write.get()}, {3, theirs.get()}, {4, worker.get()}};
  spec.oom_score_adj = options.limits.oom_score_adj;
  spec.open_files = options.limits.open_files;

  std::shared_ptr<PythonZygote> zygote(
      new PythonZygote(executor, std::move(ours), std::move(errors.read), options.limits.start_time));
  sys::Child child = reaper.start(spec, [weak = zygote->weak_from_this()](sys::ExitStatus status) {
    if (auto self = weak.lock()) {
      self->pid_ = -1;
      self->finish(status.text());
    }
  });
  zygote->pid_ = child.pid;
  net::spawn(executor, "python zygote", read_messages(zygote));
  return zygote;
}

net::task<> PythonZygote::ready() {
  auto self = shared_from_this();
  Clock::time_point end = Clock::now() + start_time_;
  while (version_.empty()) {
    if (ended_) {
      std::string said = read_what_is_there(errors_.get());
      throw Error(ErrorCode::unavailable, "starting Python: " + *ended_ + (said.empty() ? "" : ": " + said));
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      kill();
      throw Error(ErrorCode::timeout, "starting Python: the interpreter does not answer");
    }
    co_await changed_.wait_for(left);
  }
  errors_.reset();
}

net::task<std::shared_ptr<WorkerKernel>> PythonZygote::fork(std::string cwd, std::string after_death) {
  auto self = shared_from_this();
  std::string name = std::to_string(++forks_);
  auto request = std::make_shared<Request>();
  request->ends = make_worker_ends();
  request->after_death = std::move(after_death);
  requests_[name] = request;

  try {
    co_await channel_.send(fork_request(name, cwd), request->ends.theirs());
  } catch (const Error& error) {
    kill();
    finish(error.message());
  }
  request->ends.close_theirs();

  Clock::time_point end = Clock::now() + start_time_;
  while (!request->kernel && request->failure.empty()) {
    if (ended_)
      throw Error(ErrorCode::unavailable, "starting a context: the Python process ended (" + *ended_ + ")");
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      kill();
      finish("it did not answer");
      throw Error(ErrorCode::timeout, "starting a context: Python does not answer");
    }
    co_await changed_.wait_for(left);
  }
  if (!request->failure.empty())
    throw Error(ErrorCode::unavailable, "starting a context: " + request->failure);
  Defer give_up([&] { request->kernel->kill(); });
  co_await request->kernel->ready(start_time_);
  give_up.dismiss();
  co_return request->kernel;
}

net::task<> PythonZygote::read_messages(std::shared_ptr<PythonZygote> self) {
  try {
    while (auto text = co_await self->channel_.receive()) self->handle(parse_worker_message(*text));
  } catch (const Error& error) {
    if (!self->ended_) log_warn("the Python process is not understood", {{"error", error.message()}});
  }
  self->kill();
}

void PythonZygote::handle(const WorkerMessage& message) {
  if (message.type == "hello") {
    version_ = message.version.empty() ? "unknown" : message.version;
  } else if (message.type == "forked") {
    auto entry = requests_.extract(message.context);
    if (!entry) return;
    Request& request = *entry.mapped();
    // To kill() other numbers are groups, or everybody.
    if (message.pid <= 1 || message.pid > std::numeric_limits<pid_t>::max()) {
      request.failure = "the Python process names no process: " + std::to_string(message.pid);
      return changed_.notify();
    }
    request.ends.ours.pid = static_cast<pid_t>(message.pid);
    request.kernel =
        WorkerKernel::start(executor_, std::move(request.ends.ours), std::move(request.after_death));
    contexts_[request.kernel->pid()] = request.kernel;
  } else if (message.type == "fork_failed") {
    if (auto entry = requests_.extract(message.context)) entry.mapped()->failure = message.message;
  } else if (message.type == "exited") {
    auto entry = contexts_.extract(static_cast<pid_t>(message.pid));
    auto kernel = entry ? entry.mapped().lock() : nullptr;
    if (kernel) kernel->exited(sys::exit_status_of(static_cast<int>(message.wait_status)));
  }
  changed_.notify();
}

void PythonZygote::finish(std::string how) {
  if (!ended_) ended_ = std::move(how);
  requests_.clear();
  channel_.cancel();
  changed_.notify();
}

void PythonZygote::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

}  // namespace osb::execd
