/* The C interface, used from C. Gives 0 when all is as it should be. */
#include <opensandbox/c_api.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, osb_error_message(error)); \
      return 1;                                                                             \
    }                                                                                       \
  } while (0)

static int count(void* user, int stream, const char* data, size_t size) {
  (void)data;
  *(size_t*)user += stream == 1 ? size : 0;
  return 0;
}

static int refuse(void* user, int stream, const char* data, size_t size) {
  (void)user, (void)stream, (void)data, (void)size;
  return 1;
}

int main(void) {
  osb_error* error = NULL;
  osb_sandbox *sandbox = NULL, *same = NULL;
  osb_config config = {.request_timeout_ms = 20000};
  CHECK(osb_sandbox_create(&config, "host", 600, &sandbox, &error) == OSB_OK);
  CHECK(strlen(osb_sandbox_id(sandbox)) > 0);

  osb_run_result run;
  CHECK(osb_run(sandbox, "echo out; echo err >&2; exit 3", 0, NULL, NULL, &run, &error) == OSB_OK);
  CHECK(run.has_exit_code && run.exit_code == 3);
  CHECK(strcmp(run.stdout_data, "out\n") == 0 && run.stdout_size == 4);
  CHECK(strcmp(run.stderr_data, "err\n") == 0);
  osb_run_result_clear(&run);

  size_t size = 0;
  CHECK(osb_run(sandbox, "printf 12345", 0, count, &size, NULL, &error) == OSB_OK);
  CHECK(size == 5);
  CHECK(osb_run(sandbox, "echo x", 0, refuse, NULL, NULL, &error) == OSB_E_CANCELLED);
  osb_error_free(error);

  CHECK(osb_file_write(sandbox, "/tmp/c", "a\0b", 3, 600, &error) == OSB_OK);
  char* data = NULL;
  CHECK(osb_file_read(sandbox, "/tmp/c", &data, &size, &error) == OSB_OK);
  CHECK(size == 3 && memcmp(data, "a\0b", 3) == 0);
  osb_free(data);
  CHECK(osb_file_read(sandbox, "/tmp/none", &data, &size, &error) == OSB_E_NOT_FOUND);
  CHECK(osb_error_code(error) == OSB_E_NOT_FOUND && osb_error_status(error) == 404);
  osb_error_free(error);

  char* address = NULL;
  CHECK(osb_sandbox_endpoint(sandbox, 8000, &address, &error) == OSB_OK);
  CHECK(strstr(address, "8000") != NULL);
  osb_free(address);

  CHECK(osb_sandbox_connect(&config, osb_sandbox_id(sandbox), &same, &error) == OSB_OK);
  CHECK(osb_sandbox_kill(same, &error) == OSB_OK);
  CHECK(osb_sandbox_kill(sandbox, NULL) == OSB_E_NOT_FOUND);
  osb_sandbox_free(same);
  osb_sandbox_free(sandbox);
  CHECK(osb_sandbox_create(&config, NULL, 600, &sandbox, &error) == OSB_E_INVALID_ARGUMENT);
  osb_error_free(error);
  return 0;
}
