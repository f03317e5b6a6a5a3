// From the image name in a request to what this machine has, and the environment that a sandbox of it starts
// with.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "launcher/image_store.h"
#include "runtime/runtime.h"

namespace osb::runtime {

// Every name that a resolver with these images and aliases knows, sorted; of the interpreter's many spellings
// the usual one.
std::vector<ImageEntry> list_images(const std::vector<launcher::ImageInfo>& stored,
                                    const std::map<std::string, std::string>& aliases);

class ImageResolver {
 public:
  // `aliases`: requested name → local image, from the configuration; they beat everything else.
  ImageResolver(launcher::ImageStore store, std::map<std::string, std::string> aliases);

  // An alias, an imported image, or "host". […/]opensandbox/code-interpreter with any tag that is not
  // imported is opensandbox/code-interpreter:latest, or "host" where that is missing, too (logged once per
  // name). Throws Error: invalid (no image
  // name), not_found with wire code NATIVE::IMAGE_NOT_FOUND and the names there are.
  Image resolve(const std::string& requested);

  std::vector<ImageEntry> list() const { return list_images(store_.list(), aliases_); }

 private:
  Image local_image(const std::string& name);
  std::string followed(const std::string& requested) const;
  Error unknown(const std::string& requested) const;

  launcher::ImageStore store_;
  std::map<std::string, std::string> aliases_;  // keys normalised where they are image names
  std::set<std::string> told_;                  // names that were logged, bounded
};

// What the launcher calls it: "" for the host image, else the directory name.
std::string launcher_image(const Image& image);

// Environment below that of image and request. For "host" its PATH finds the language tools of this machine.
std::map<std::string, std::string> base_environment(const Image& image, const std::string& sandbox_id);

// base_environment(), over it the image's, over it the request's.
std::map<std::string, std::string> sandbox_environment(const SandboxSpec& spec);

}  // namespace osb::runtime
