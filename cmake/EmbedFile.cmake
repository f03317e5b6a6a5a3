# The script behind osb_embed() and osb_embed_modules(): INPUTS become a C++ source OUTPUT that defines SYMBOL.
set(bytes "")
set(name "")
foreach(input ${INPUTS})
  if(NAMED)
    get_filename_component(module ${input} NAME_WE)
    string(HEX "${module}" hex)
    string(APPEND bytes "00${hex}0a")
  endif()
  file(READ ${input} hex HEX)
  string(APPEND bytes "${hex}")
  get_filename_component(file ${input} NAME)
  string(APPEND name " ${file}")
endforeach()
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',))" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "// Generated from${name}. Do not edit.
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
