// Beside each layer lies <name>.lock. Whoever uses the layer holds it shared; writing and sweeping run under
// the exclusive lock of the whole directory, so a layer cannot vanish between being found and being held.
#include "launcher/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/defer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

constexpr std::string_view kScratch = ".new-";
constexpr std::string_view kLockSuffix = ".lock";

std::string hash_of(const LayerPlan& plan) {
  std::string all;
  auto feed = [&](std::string_view bytes) {
    uint64_t size = bytes.size();
    all.append(reinterpret_cast<const char*>(&size), sizeof size).append(bytes);
  };
  for (const LayerNode& node : plan) {
    feed(std::string(1, static_cast<char>(node.kind)) + std::to_string(node.mode));
    feed(node.path);
    feed(node.content);
  }
  return sha256_hex(all).substr(0, 32);  // 128 bits name a layer well enough
}

void write_node(int root, const LayerNode& node) {
  size_t slash = node.path.rfind('/');
  Fd parent = sys::make_directories(root, slash == node.path.npos ? "." : node.path.substr(0, slash));
  std::string name = slash == node.path.npos ? node.path : node.path.substr(slash + 1);
  std::string doing = "writing " + node.path + " of a layer";
  switch (node.kind) {
    case LayerNode::Kind::directory: {
      Fd made = sys::make_directories(parent.get(), name);
      check(::fchmod(made.get(), node.mode), doing);
      return;
    }
    case LayerNode::Kind::file:
      return sys::write_new_file(parent.get(), name, node.content, node.mode);
    case LayerNode::Kind::symlink:
      check(::symlinkat(node.content.c_str(), parent.get(), name.c_str()), doing);
      return;
    case LayerNode::Kind::hard_link:
      check(::linkat(root, node.content.c_str(), parent.get(), name.c_str(), 0), doing);
      return;
  }
}

void write_layer(int layers, const std::string& name, const LayerPlan& plan) {
  std::string scratch = std::string(kScratch) + new_hex_id();
  Defer clean([&] {
    try {
      sys::remove_tree(layers, scratch);
    } catch (const Error&) {  // the sweep finds it
    }
  });
  {
    mode_t before = ::umask(0);
    Defer restore([&] { ::umask(before); });
    Fd root = sys::make_directories(layers, scratch, 0755);
    for (const LayerNode& node : plan) write_node(root.get(), node);
    check(::syncfs(root.get()), "writing a layer to disk");
  }
  check(::renameat(layers, scratch.c_str(), layers, name.c_str()), "putting layer " + name + " in place");
  clean.dismiss();
}

Fd lock_directory(int layers) {
  Fd lock = sys::open_beneath(layers, ".lock", O_RDWR | O_CREAT, 0600);
  sys::lock_file(lock.get(), sys::Lock::exclusive, true);
  return lock;
}

}  // namespace

InstalledLayer install_layer(int layers, std::string_view kind, const LayerPlan& plan) {
  InstalledLayer layer{.name = std::string(kind) + "-" + hash_of(plan)};
  Fd all = lock_directory(layers);
  layer.lock = sys::open_beneath(layers, layer.name + std::string(kLockSuffix), O_RDWR | O_CREAT, 0600);
  sys::lock_file(layer.lock.get(), sys::Lock::shared, true);
  layer.directory = sys::try_open_beneath(layers, layer.name, O_RDONLY | O_DIRECTORY);
  if (!layer.directory) {
    write_layer(layers, layer.name, plan);
    layer.directory = sys::open_beneath(layers, layer.name, O_RDONLY | O_DIRECTORY);
  }
  return layer;
}

void sweep_layers(int layers) {
  Fd all = lock_directory(layers);
  for (const std::string& entry : sys::list_directory(layers)) {
    if (entry.starts_with(kScratch)) sys::remove_tree(layers, entry);
    if (entry.starts_with('.') || !entry.ends_with(kLockSuffix)) continue;
    Fd lock = sys::open_beneath(layers, entry, O_RDWR);
    if (!sys::lock_file(lock.get(), sys::Lock::exclusive, false)) continue;
    sys::remove_tree(layers, entry.substr(0, entry.size() - kLockSuffix.size()));
    sys::remove_tree(layers, entry);
  }
}

}  // namespace osb::launcher
