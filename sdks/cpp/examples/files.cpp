// Files in and out, with progress; changes as they happen.
#include <opensandbox/opensandbox.h>

#include <iostream>

using namespace std::chrono_literals;

int main() {
  auto sandbox = opensandbox::Sandbox::create({.image = "host"});
  auto files = sandbox.files();

  files.write("/tmp/demo/hello.txt", "Hello World\n", {.mode = 644});
  std::cout << files.read("/tmp/demo/hello.txt");

  auto watch = files.watch("/tmp/demo");
  files.write("/tmp/demo/second.txt", std::string(1'000'000, 'x'));
  while (auto change = watch.next(10s))
    if (change->path.ends_with("second.txt") || change->to.ends_with("second.txt")) break;
  std::cout << "seen second.txt\n";

  for (const auto& entry : files.search("/tmp/demo", "*.txt"))
    std::cout << entry.path << ' ' << entry.size << ' ' << entry.mode << '\n';

  auto local = std::filesystem::temp_directory_path() / ("opensandbox-example-" + sandbox.id());
  uint64_t bytes = 0;
  files.download("/tmp/demo/second.txt", local,
                 [&](uint64_t done, std::optional<uint64_t>) { bytes = done; });
  std::cout << "downloaded " << bytes << '\n';
  std::filesystem::remove(local);
  sandbox.kill();
}
