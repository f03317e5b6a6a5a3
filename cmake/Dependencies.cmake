# Third-party code, one interface target each, static archives where Debian has them.
# Why each is here: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED)
find_library(OSB_BOOST_JSON libboost_json.a REQUIRED)

add_library(osb_dep_boost INTERFACE)
target_include_directories(osb_dep_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
# src/net/asio.cpp compiles what is behind these headers, once.
target_compile_definitions(osb_dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_CONCEPTS=0
                           BOOST_ASIO_SEPARATE_COMPILATION)
target_link_libraries(osb_dep_boost INTERFACE Threads::Threads)

add_library(osb_dep_json INTERFACE)
target_link_libraries(osb_dep_json INTERFACE ${OSB_BOOST_JSON} osb_dep_boost)

add_library(osb_dep_fmt INTERFACE)  # headers; src/base/format.cpp compiles what is behind them

find_library(OSB_SQLITE libsqlite3.a REQUIRED)
add_library(osb_dep_sqlite INTERFACE)
target_link_libraries(osb_dep_sqlite INTERFACE ${OSB_SQLITE} m dl Threads::Threads)

find_library(OSB_SECCOMP libseccomp.a REQUIRED)
add_library(osb_dep_seccomp INTERFACE)
target_link_libraries(osb_dep_seccomp INTERFACE ${OSB_SECCOMP})

find_library(OSB_NETTLE libnettle.a REQUIRED)
add_library(osb_dep_nettle INTERFACE)
target_link_libraries(osb_dep_nettle INTERFACE ${OSB_NETTLE})

# The static closure of Debian's libarchive.
add_library(osb_dep_archive INTERFACE)
foreach(lib archive nettle acl lzma zstd lz4 bz2 xml2 icuuc icudata z)
  find_library(OSB_LIB_${lib} lib${lib}.a REQUIRED)
  target_link_libraries(osb_dep_archive INTERFACE ${OSB_LIB_${lib}})
endforeach()
target_link_libraries(osb_dep_archive INTERFACE m dl)

find_package(GTest REQUIRED)
