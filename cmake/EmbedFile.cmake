# The script behind osb_embed(): INPUT becomes a C++ source OUTPUT that defines SYMBOL.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',))" "\\1\n" bytes "${bytes}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "// Generated from ${name}. Do not edit.
#include <string_view>

namespace osb::execd {
namespace {
const char bytes[] = {
${bytes}};
}  // namespace

extern const std::string_view ${SYMBOL};
const std::string_view ${SYMBOL}{bytes, sizeof(bytes)};
}  // namespace osb::execd
")
