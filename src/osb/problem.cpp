#include "osb/problem.h"

#include "osb/text_width.h"

namespace osb::cli {

namespace {

std::string code_line(const Problem& problem) {
  std::string line = visible(problem.code);
  std::string detail;
  if (problem.status) detail = "HTTP " + std::to_string(problem.status);
  if (!problem.request_id.empty())
    detail += (detail.empty() ? "request " : ", request ") + visible(problem.request_id);
  return detail.empty() ? line : line + " (" + detail + ")";
}

}  // namespace

std::string render(const Problem& problem, bool color) {
  std::string out = color ? "\x1b[1;31merror:\x1b[0m " : "error: ";
  out += visible(problem.message) + "\n";
  if (problem.code != "USAGE") out += "  code: " + code_line(problem) + "\n";
  if (!problem.advice.empty()) out += "  try:  " + problem.advice + "\n";
  return out;
}

}  // namespace osb::cli
