// Code that keeps its state, an error that is data, and a state that is gone back to.
#include <opensandbox/opensandbox.h>

#include <iostream>

int main() {
  auto sandbox = opensandbox::Sandbox::create({.image = "opensandbox/code-interpreter:latest"});
  auto codes = sandbox.codes();
  auto context = codes.create_context("python");

  codes.run("total = 40", {.context_id = context.id});
  auto checkpoint = codes.checkpoint(context.id);
  std::cout << codes.run("total += 2\ntotal", {.context_id = context.id}).text() << '\n';
  codes.restore(context.id, checkpoint);
  std::cout << codes.run("total", {.context_id = context.id}).text() << '\n';

  auto failed = codes.run("1 / 0", {.context_id = context.id});
  std::cout << failed.error->name << ": " << failed.error->value << '\n';
  sandbox.kill();
}
