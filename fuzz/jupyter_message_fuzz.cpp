// The objects of a Jupyter message, with a good signature: no input may crash the reader or the run that gets
// the message, and a run ends exactly once.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "execd/code/jupyter/jupyter_message.h"
#include "execd/code/jupyter/jupyter_run.h"
#include "execd/journal.h"
#include "net/loop.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static osb::net::Loop loop;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto journal = std::make_shared<osb::execd::Journal>(loop.executor());
  osb::execd::JupyterRun run(journal, "r");
  osb::execd::JupyterSession session("key");
  while (!rest.empty()) {  // one message a line: its header, then its content
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::string_view header = line.substr(0, line.find('\t'));
    std::string_view content = line.substr(std::min(header.size() + 1, line.size()));
    std::string_view parts[] = {header, R"({"msg_id":"r"})", "{}", content};
    std::vector<std::string> frames{"<IDS|MSG>", osb::hmac_sha256_hex("key", parts)};
    for (std::string_view part : parts) frames.emplace_back(part);
    try {
      auto message = session.decode(frames);
      if (message.type == "execute_reply")
        run.replied(message);
      else
        run.published(message);
    } catch (const osb::Error&) {}
  }
  run.finish();
  if (!journal->closed()) std::abort();
  return 0;
}
