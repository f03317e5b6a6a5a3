# What execd needs of Dependencies.cmake, for another processor: headers are the same for all, and are taken one by one
# because those of the C library beside them are not; the code of Boost.JSON is compiled here.
find_package(Threads REQUIRED)
set(headers ${CMAKE_BINARY_DIR}/headers)
file(MAKE_DIRECTORY ${headers})
foreach(name boost fmt toml++ seccomp.h seccomp-syscalls.h)
  if(NOT EXISTS /usr/include/${name})
    message(FATAL_ERROR "missing header: ${name} (./dev setup installs it)")
  endif()
  file(CREATE_LINK /usr/include/${name} ${headers}/${name} SYMBOLIC)
endforeach()
include_directories(SYSTEM ${headers})

add_library(osb_dep_boost INTERFACE)
target_compile_definitions(osb_dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_CONCEPTS=0
                           BOOST_ASIO_SEPARATE_COMPILATION)
target_link_libraries(osb_dep_boost INTERFACE Threads::Threads)

file(WRITE ${CMAKE_BINARY_DIR}/boost_json.cpp "#include <boost/json/src.hpp>\n")
add_library(osb_boost_json STATIC ${CMAKE_BINARY_DIR}/boost_json.cpp)
add_library(osb_dep_json INTERFACE)
target_link_libraries(osb_dep_json INTERFACE osb_boost_json osb_dep_boost)

add_library(osb_dep_fmt INTERFACE)
add_library(osb_dep_seccomp INTERFACE)  # its names only; what needs the library is not in execd
