// Random names. All of them come from getrandom(2) and are safe to use as unguessable identifiers.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace osb {

// Fills the bytes from the kernel's random pool. Throws Error only if the kernel has none.
void fill_random(std::span<unsigned char> bytes);

// UUIDv4 with dashes: sandbox ids, context ids.
std::string new_uuid();
// UUIDv4 without dashes, 32 lower-case hex digits: command ids, request ids.
std::string new_hex_id();
// 24 random bytes, URL-safe base64 without padding (32 characters): access tokens.
std::string new_token();

// Compares without revealing by its duration where the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace osb
