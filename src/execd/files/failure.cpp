#include "execd/files/failure.h"

#include <errno.h>
#include <string.h>

namespace osb::execd {

Error file_error(std::string_view doing, std::string_view path, int err) {
  std::string message(doing);
  message.append(" ").append(path).append(": ");
  const char* cause = ::strerrordesc_np(err);
  message += cause ? cause : "unknown error";
  switch (err) {
    case ENOENT:
      return Error(ErrorCode::not_found, std::move(message), "FILE_NOT_FOUND");
    case EEXIST:
      return Error(ErrorCode::conflict, std::move(message), "FILE_ALREADY_EXISTS");
    case EACCES:
    case EPERM:
      return Error(ErrorCode::invalid, std::move(message), "PERMISSION_DENIED");
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::internal, std::move(message), "DISK_FULL");
    case ENAMETOOLONG:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case EBUSY:
    case EINVAL:
      return Error(ErrorCode::invalid, std::move(message), "RUNTIME_ERROR");
    default:
      return Error(ErrorCode::internal, std::move(message), "RUNTIME_ERROR");
  }
}

Error file_error(std::string_view doing, std::string_view path) { return file_error(doing, path, errno); }

Error directory_error(std::string_view path, int err) {
  Error error = file_error("making the working directory", path, err);
  bool of_disk = err == ENOSPC || err == EDQUOT || err == EROFS || err == EIO;
  return of_disk ? error : Error(ErrorCode::invalid, error.message(), "INVALID_REQUEST_BODY");
}

Error bad_file(std::string message, std::string wire) {
  return Error(ErrorCode::invalid, std::move(message), std::move(wire));
}

bool is_missing(int err) { return err == ENOENT || err == ENOTDIR; }

}  // namespace osb::execd
