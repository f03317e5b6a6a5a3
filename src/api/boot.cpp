#include "api/boot.h"

#include "base/json.h"

namespace osb::api {

std::string serialize_boot_config(const BootConfig& config) { return json::serialize(json::write(config)); }
BootConfig parse_boot_config(std::string_view text) { return json::read<BootConfig>(json::parse(text)); }

}  // namespace osb::api
