# C++20 with clang 19. g++ 12 miscompiles coroutines (temporaries in co_await expressions are destroyed
# twice), so any compiler other than clang >= 19 is refused here; src/base/toolchain_test.cpp runs the cases.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "OpenSandbox needs clang++ 19 or newer (found ${CMAKE_CXX_COMPILER_ID} "
                      "${CMAKE_CXX_COMPILER_VERSION}). Use ./dev build, or cmake --preset release.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

add_compile_options(-Wall -Wextra -Werror -Wno-missing-field-initializers -Wno-unused-parameter
                    -ffunction-sections -fdata-sections -fno-plt)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
add_link_options(-fuse-ld=lld -Wl,--gc-sections)

if(OSB_PRECOMPILE)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp") # ccache gives back files with other times
endif()
if(OSB_SANITIZE)
  add_compile_options(-fsanitize=${OSB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OSB_SANITIZE})
endif()
if(OSB_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(OSB_STATIC AND NOT OSB_SANITIZE AND NOT OSB_FUZZ)
  # glibc warns about getaddrinfo in static programs; src/net resolves numeric addresses only.
  add_link_options(-static)
endif()
