# Cross toolchain: execd for 64-bit ARM, built on amd64 by the same clang. Debian packages: libstdc++-12-dev-arm64-cross and
# what it depends on; ./dev arm64 installs them.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET aarch64-linux-gnu)
endforeach()
# As on amd64: nothing in the house may depend on it, but nobody tests that either.
set(CMAKE_C_FLAGS_INIT -fsigned-char)
set(CMAKE_CXX_FLAGS_INIT -fsigned-char)
set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=lld)  # already for the checks of the compiler
