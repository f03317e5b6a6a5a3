/* A small C interface for programs that embed sandboxes: create, run, files, kill. C99.
 *
 * Every function that can fail gives 0 for success, else one of OSB_E_*, and if `error` is not NULL an error
 * that the caller frees with osb_error_free. Texts in and out are UTF-8 and end with NUL; what is given out
 * belongs to the caller and is freed with osb_free. A sandbox may be used from several threads. Nothing is
 * thrown and nothing calls exit.
 *
 *     osb_error* error = NULL;
 *     osb_sandbox* sandbox = NULL;
 *     if (osb_sandbox_create(NULL, "host", 600, &sandbox, &error)) { puts(osb_error_message(error)); return
 * 1; } osb_run_result run; osb_run(sandbox, "echo hello", 0, NULL, NULL, &run, &error);
 *     osb_run_result_clear(&run);
 *     osb_sandbox_kill(sandbox, NULL);
 *     osb_sandbox_free(sandbox);
 */
#ifndef OPENSANDBOX_C_API_H
#define OPENSANDBOX_C_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The codes of opensandbox::ErrorCode, from 1. */
enum {
  OSB_OK = 0,
  OSB_E_INVALID_ARGUMENT,
  OSB_E_UNAUTHORIZED,
  OSB_E_NOT_FOUND,
  OSB_E_CONFLICT,
  OSB_E_CAPACITY,
  OSB_E_RATE_LIMITED,
  OSB_E_REFUSED,
  OSB_E_UNREACHABLE,
  OSB_E_TIMEOUT,
  OSB_E_NOT_READY,
  OSB_E_CANCELLED,
  OSB_E_PROTOCOL,
  OSB_E_FAILED,
  OSB_E_POOL_EMPTY,
  OSB_E_INTERNAL,
  OSB_E_UNTRUSTED
};

typedef struct osb_error osb_error;
typedef struct osb_sandbox osb_sandbox;

/* How the server is reached. Members that are NULL or 0 mean the default: the environment, then
 * localhost:8080. */
typedef struct {
  const char* domain; /* "host:port", perhaps with http:// or https:// in front */
  const char* api_key;
  uint32_t request_timeout_ms; /* 0: 30000 */
  int use_server_proxy;
} osb_config;

/* What a command was and printed. */
typedef struct {
  int has_exit_code;  /* 0: it runs in the background, or the daemon did not say */
  int exit_code;      /* -1: a signal ended it */
  char* id;           /* of the execution */
  char* stdout_data;  /* NUL behind it, and perhaps inside */
  size_t stdout_size; /* bytes */
  char* stderr_data;
  size_t stderr_size;
} osb_run_result;

/* Hears output while it comes, on the thread that called osb_run. `stream`: 1 stdout, 2 stderr. What it gives
 * back ends osb_run with OSB_E_CANCELLED unless it is 0; the command goes on. */
typedef int (*osb_output)(void* user, int stream, const char* data, size_t size);

/* `config` may be NULL. `timeout_s` 0: it lives until it is killed. */
int osb_sandbox_create(const osb_config* config, const char* image, uint32_t timeout_s, osb_sandbox** sandbox,
                       osb_error** error);
int osb_sandbox_connect(const osb_config* config, const char* id, osb_sandbox** sandbox, osb_error** error);
/* Valid as long as the sandbox. */
const char* osb_sandbox_id(const osb_sandbox* sandbox);
/* Where a port is reached, "host:port[/path]". */
int osb_sandbox_endpoint(osb_sandbox* sandbox, uint16_t port, char** address, osb_error** error);
int osb_sandbox_kill(osb_sandbox* sandbox, osb_error** error);
/* Lets go of it; it lives on unless it was killed. NULL is fine. */
void osb_sandbox_free(osb_sandbox* sandbox);

/* Runs a text by a shell and waits. `timeout_ms` 0: none. `output` and `result` may be NULL; with `output`
 * the result holds no output. Statuses other than 0 are no errors. */
int osb_run(osb_sandbox* sandbox, const char* command, uint32_t timeout_ms, osb_output output, void* user,
            osb_run_result* result, osb_error** error);
/* Frees what is in it. */
void osb_run_result_clear(osb_run_result* result);

/* `mode` as digits, 644; 0: the default, 755. */
int osb_file_write(osb_sandbox* sandbox, const char* path, const void* data, size_t size, int mode,
                   osb_error** error);
int osb_file_read(osb_sandbox* sandbox, const char* path, char** data, size_t* size, osb_error** error);

int osb_error_code(const osb_error* error);
const char* osb_error_message(const osb_error* error);
/* HTTP status; 0 if there was no answer. */
int osb_error_status(const osb_error* error);
const char* osb_error_request_id(const osb_error* error);
void osb_error_free(osb_error* error);
void osb_free(void* data);

#ifdef __cplusplus
}
#endif

#endif
