// A name of an image as GET /images shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace osb::api {

struct ImageEntry {
  std::string name;
  std::optional<int64_t> size;  // bytes of content; of stored images
  std::string created_at;       // RFC 3339; of stored images
  std::string alias_of;         // name of the image that is taken instead
};

// Members without a value are left out.
std::string image_json(const ImageEntry& image);
// {"items":[…]}
std::string image_list_json(const std::vector<ImageEntry>& images);

}  // namespace osb::api
