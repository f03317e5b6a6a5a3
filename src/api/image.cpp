#include "api/image.h"

#include "base/json_text.h"

namespace osb::api {

std::string image_json(const ImageEntry& image) {
  std::string out = "{\"name\":" + json_string(image.name);
  if (image.size) out += ",\"size\":" + std::to_string(*image.size);
  if (!image.created_at.empty()) out += ",\"createdAt\":" + json_string(image.created_at);
  if (!image.alias_of.empty()) out += ",\"aliasOf\":" + json_string(image.alias_of);
  return out + "}";
}

std::string image_list_json(const std::vector<ImageEntry>& images) {
  std::string out = "{\"items\":[";
  for (const ImageEntry& image : images) {
    if (out.back() == '}') out += ',';
    out += image_json(image);
  }
  return out + "]}";
}

}  // namespace osb::api
