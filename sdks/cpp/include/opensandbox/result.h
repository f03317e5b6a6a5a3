// The face without exceptions: attempt() runs calls and gives what they gave, or the Error that they threw.
#pragma once

#include <opensandbox/error.h>

#include <type_traits>
#include <utility>
#include <variant>

namespace opensandbox {

/// A value or an Error.
///
///     auto sandbox = opensandbox::attempt([] { return opensandbox::Sandbox::create({.image = "host"}); });
///     if (!sandbox) return sandbox.error().status();
///     sandbox->kill();
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return ok(); }
  bool ok() const noexcept { return state_.index() == 0; }
  /// The value; throws the held Error if there is none.
  T& value() & { return ok() ? std::get<0>(state_) : throw std::get<1>(state_); }
  const T& value() const& { return ok() ? std::get<0>(state_) : throw std::get<1>(state_); }
  T&& value() && { return ok() ? std::move(std::get<0>(state_)) : throw std::get<1>(state_); }
  /// The value, or `otherwise`.
  T value_or(T otherwise) const { return ok() ? std::get<0>(state_) : std::move(otherwise); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// The error. Only to be called when there is no value (else std::bad_variant_access).
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const noexcept { return ok(); }
  bool ok() const noexcept { return !error_; }
  /// Throws the held Error, if any.
  void value() const {
    if (error_) throw *error_;
  }
  /// The error. Only to be called when !ok().
  const Error& error() const { return error_.value(); }

 private:
  std::optional<Error> error_;
};

/// Calls `work` and gives what it gave, or the opensandbox::Error that it threw. Other exceptions pass.
template <class Work>
auto attempt(Work&& work) -> Result<std::invoke_result_t<Work>> {
  using T = std::invoke_result_t<Work>;
  try {
    if constexpr (std::is_void_v<T>) {
      std::forward<Work>(work)();
      return {};
    } else {
      return Result<T>(std::forward<Work>(work)());
    }
  } catch (const Error& error) {
    return Result<T>(error);
  }
}

}  // namespace opensandbox
