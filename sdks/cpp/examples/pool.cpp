// Sandboxes that are made ahead: each request gets a fresh one at once.
#include <opensandbox/opensandbox.h>

#include <iostream>

int main() {
  opensandbox::Pool pool({
      .create = {.image = "host"},
      .idle = 2,
      .prepare = [](opensandbox::Sandbox& sandbox) { sandbox.files().write("/tmp/ready", "prepared"); },
  });
  for (int request = 1; request <= 3; request++) {
    auto sandbox = pool.acquire(opensandbox::WhenEmpty::wait);
    std::cout << request << ": " << sandbox.files().read("/tmp/ready") << '\n';
    pool.discard(std::move(sandbox));
  }
}
