// C functions over the C++ ones: each catches everything, and copies what it gives out into memory of malloc.
#include <opensandbox/c_api.h>
#include <opensandbox/sandbox.h>
#include <stdlib.h>
#include <string.h>

#include <new>

struct osb_error {
  opensandbox::Error error;
};

struct osb_sandbox {
  opensandbox::Sandbox sandbox;
};

namespace {

using opensandbox::Error;
using opensandbox::ErrorCode;

int number(ErrorCode code) { return static_cast<int>(code) + 1; }
static_assert(static_cast<int>(ErrorCode::internal) + 1 == OSB_E_INTERNAL);
static_assert(static_cast<int>(ErrorCode::untrusted) + 1 == OSB_E_UNTRUSTED);
static_assert(static_cast<int>(ErrorCode::cancelled) + 1 == OSB_E_CANCELLED);

// Runs `work`; the error that it throws becomes a code and, if it is wanted, an osb_error.
template <class Work>
int guarded(osb_error** error, Work&& work) noexcept {
  if (error) *error = nullptr;
  try {
    try {
      work();
      return OSB_OK;
    } catch (const Error&) {
      throw;
    } catch (const std::exception& other) {
      throw Error(ErrorCode::internal, other.what());
    }
  } catch (const Error& thrown) {
    if (error) *error = new (std::nothrow) osb_error{thrown};
    return number(thrown.code());
  } catch (...) {
    return OSB_E_INTERNAL;
  }
}

char* copied(const std::string& text) {
  char* copy = static_cast<char*>(malloc(text.size() + 1));
  if (!copy) throw std::bad_alloc();
  memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

const char* given(const char* text, const char* what) {
  if (!text) throw Error(ErrorCode::invalid_argument, std::string(what) + " is NULL");
  return text;
}

opensandbox::ConnectionConfig make_config(const osb_config* config) {
  opensandbox::ConnectionConfig made;
  if (!config) return made;
  if (config->domain) made.domain = config->domain;
  if (config->api_key) made.api_key = config->api_key;
  if (config->request_timeout_ms)
    made.request_timeout = opensandbox::Milliseconds(config->request_timeout_ms);
  made.use_server_proxy = config->use_server_proxy != 0;
  return made;
}

void fill(osb_run_result& result, const opensandbox::Execution& run) {
  std::string out = run.stdout_text(), err = run.stderr_text();
  result.has_exit_code = run.exit_code.has_value();
  result.exit_code = run.exit_code.value_or(0);
  result.id = copied(run.id);
  result.stdout_data = copied(out);
  result.stdout_size = out.size();
  result.stderr_data = copied(err);
  result.stderr_size = err.size();
}

}  // namespace

int osb_sandbox_create(const osb_config* config, const char* image, uint32_t timeout_s, osb_sandbox** sandbox,
                       osb_error** error) {
  return guarded(error, [&] {
    opensandbox::CreateOptions options;
    options.image = given(image, "image");
    options.timeout.reset();
    if (timeout_s) options.timeout = opensandbox::Seconds(timeout_s);
    *sandbox = new osb_sandbox{opensandbox::Sandbox::create(options, make_config(config))};
  });
}

int osb_sandbox_connect(const osb_config* config, const char* id, osb_sandbox** sandbox, osb_error** error) {
  return guarded(error, [&] {
    *sandbox = new osb_sandbox{opensandbox::Sandbox::connect(given(id, "id"), make_config(config))};
  });
}

const char* osb_sandbox_id(const osb_sandbox* sandbox) { return sandbox->sandbox.id().c_str(); }

int osb_sandbox_endpoint(osb_sandbox* sandbox, uint16_t port, char** address, osb_error** error) {
  return guarded(error, [&] { *address = copied(sandbox->sandbox.endpoint(port).address); });
}

int osb_sandbox_kill(osb_sandbox* sandbox, osb_error** error) {
  return guarded(error, [&] { sandbox->sandbox.kill(); });
}

void osb_sandbox_free(osb_sandbox* sandbox) { delete sandbox; }

int osb_run(osb_sandbox* sandbox, const char* command, uint32_t timeout_ms, osb_output output, void* user,
            osb_run_result* result, osb_error** error) {
  if (result) memset(result, 0, sizeof(*result));
  return guarded(error, [&] {
    opensandbox::RunOptions options;
    if (timeout_ms) options.timeout = opensandbox::Milliseconds(timeout_ms);
    opensandbox::Handlers handlers;
    auto tell = [&](const opensandbox::Output& piece) {
      if (output(user, piece.is_error ? 2 : 1, piece.text.data(), piece.text.size()) != 0)
        throw Error(ErrorCode::cancelled, "run a command: stopped by the caller");
    };
    if (output) {
      handlers.on_stdout = handlers.on_stderr = tell;
      handlers.keep_output = false;
    }
    auto run = sandbox->sandbox.commands().run(std::string(given(command, "command")), options, handlers);
    if (result) fill(*result, run);
  });
}

void osb_run_result_clear(osb_run_result* result) {
  free(result->id);
  free(result->stdout_data);
  free(result->stderr_data);
  memset(result, 0, sizeof(*result));
}

int osb_file_write(osb_sandbox* sandbox, const char* path, const void* data, size_t size, int mode,
                   osb_error** error) {
  return guarded(error, [&] {
    std::string_view bytes(static_cast<const char*>(data), size);
    sandbox->sandbox.files().write(given(path, "path"), bytes, {.mode = mode ? mode : 755});
  });
}

int osb_file_read(osb_sandbox* sandbox, const char* path, char** data, size_t* size, osb_error** error) {
  return guarded(error, [&] {
    std::string bytes = sandbox->sandbox.files().read(given(path, "path"));
    *data = copied(bytes);
    *size = bytes.size();
  });
}

int osb_error_code(const osb_error* error) { return error ? number(error->error.code()) : OSB_OK; }
const char* osb_error_message(const osb_error* error) { return error ? error->error.what() : ""; }
int osb_error_status(const osb_error* error) { return error ? error->error.status() : 0; }
const char* osb_error_request_id(const osb_error* error) {
  return error ? error->error.request_id().c_str() : "";
}
void osb_error_free(osb_error* error) { delete error; }
void osb_free(void* data) { free(data); }
