// The compiler check. g++ 12 (and others) destroy temporaries of co_await expressions twice or too early; the
// cases below crash or miscount there. If this test fails, do not debug the server: change the compiler.
#include <gtest/gtest.h>

#include <coroutine>
#include <exception>
#include <functional>
#include <string>

namespace {

// The smallest lazy task: starts when awaited, resumes its awaiter when done.
template <class T>
struct Task {
  struct promise_type {
    T value{};
    std::coroutine_handle<> awaiter = std::noop_coroutine();
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Resume {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
          return h.promise().awaiter;
        }
        void await_resume() noexcept {}
      };
      return Resume{};
    }
    void return_value(T v) { value = std::move(v); }
    void unhandled_exception() { std::terminate(); }
  };
  explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
  Task(Task&& other) noexcept : handle(std::exchange(other.handle, {})) {}
  ~Task() {
    if (handle) handle.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) {
    handle.promise().awaiter = h;
    return handle;
  }
  T await_resume() { return std::move(handle.promise().value); }
  T run() {
    handle.resume();
    return std::move(handle.promise().value);
  }
  std::coroutine_handle<promise_type> handle;
};

int g_alive = 0;
struct Counted {
  std::string text = "a text longer than the small string buffer of the library";
  Counted() { g_alive++; }
  Counted(const Counted& other) : text(other.text) { g_alive++; }
  Counted(Counted&& other) noexcept : text(std::move(other.text)) { g_alive++; }
  ~Counted() { g_alive--; }
};
struct Aggregate {
  std::string method;
  Counted counted;
};

constexpr const char* kVerdict =
    "this compiler miscompiles coroutines; build with clang++-19 (./dev setup installs it)";

Task<int> by_value(Aggregate a) { co_return int(a.method.size() + a.counted.text.size()); }
Task<int> by_reference(const Aggregate& a) { co_return int(a.method.size() + a.counted.text.size()); }
Task<int> call(std::function<Task<int>()> f) { co_return co_await f(); }
Task<int> take(Counted c) { co_return int(c.text.size()); }

TEST(Toolchain, AggregateTemporaryByValue) {
  auto t = []() -> Task<int> {
    co_return co_await by_value(Aggregate{.method = "a method name that is long enough"});
  };
  EXPECT_EQ(t().run(), 33 + 57) << kVerdict;
  EXPECT_EQ(g_alive, 0) << kVerdict;
}

TEST(Toolchain, AggregateTemporaryByReference) {
  auto t = []() -> Task<int> {
    co_return co_await by_reference(Aggregate{.method = "a method name that is long enough"});
  };
  EXPECT_EQ(t().run(), 33 + 57) << kVerdict;
  EXPECT_EQ(g_alive, 0) << kVerdict;
}

TEST(Toolchain, CapturingLambdaTemporary) {
  auto t = []() -> Task<int> {
    Counted kept;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the case under test
    co_return co_await call([kept]() -> Task<int> { co_return int(kept.text.size()); });
  };
  EXPECT_EQ(t().run(), 57) << kVerdict;
  EXPECT_EQ(g_alive, 0) << kVerdict;
}

TEST(Toolchain, TernaryWithTemporary) {
  auto t = [](bool yes) -> Task<int> { co_return co_await (yes ? take(Counted{}) : take(Counted{})); };
  EXPECT_EQ(t(true).run(), 57) << kVerdict;
  EXPECT_EQ(t(false).run(), 57) << kVerdict;
  EXPECT_EQ(g_alive, 0) << kVerdict;
}

}  // namespace
