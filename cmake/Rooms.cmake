# osb_room(NAME [DEPS osb_base ...] [DIRS dir ...] [COMBINE dir ...])
#
# One folder of src/ becomes the static library osb_NAME (every *.cpp but *_test.cpp, those of DIRS too) and, where there are
# *_test.cpp files, the test program osb_NAME_test, registered with ctest as NAME.
#
# What most files of a room include anyway is read once for the room, which halves the time of a clean build. Headers of ours are not among
# them: a change would rebuild everything. Files still include what they use: the lint preset has no precompiled headers.
set(OSB_COMMON_HEADERS <algorithm> <chrono> <functional> <map> <memory> <optional> <span> <string> <string_view> <vector>
  <boost/describe.hpp> <boost/json/array.hpp> <boost/json/object.hpp> <boost/json/value.hpp>)
set(OSB_LOOP_HEADERS <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp>)
set(OSB_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h>)

function(osb_precompile target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  get_target_property(combined ${target} UNITY_BUILD)
  if(OSB_PRECOMPILE AND (count GREATER 20 OR (count GREATER 3 AND NOT combined)))
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# Most of a source's time goes into templates that its neighbours instantiate too. So `count` sources of a folder are compiled as
# one, and no more: a changed file is to be compiled in seconds. Each still stands alone: the lint preset does not combine.
function(osb_combine target count)
  if(NOT OSB_COMBINE)
    return()
  endif()
  set(folder)
  foreach(source ${ARGN})
    get_filename_component(its_folder ${source} DIRECTORY)
    if(NOT its_folder STREQUAL folder)
      set(folder ${its_folder})
      set(n 0)
    endif()
    math(EXPR group "${n} / ${count}")
    math(EXPR n "${n} + 1")
    string(MD5 id "${folder}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${id}_${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

function(osb_room name)
  cmake_parse_arguments(ROOM "" "" "COMBINE;DEPS;DIRS" ${ARGN})
  set(globs ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(dir ${ROOM_DIRS})
    list(APPEND globs ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cpp)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  add_library(osb_${name} STATIC ${sources})
  target_include_directories(osb_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(osb_${name} PUBLIC ${ROOM_DEPS})
  set(headers ${OSB_COMMON_HEADERS})
  if(name STREQUAL net OR "osb_net" IN_LIST ROOM_DEPS)
    list(APPEND headers ${OSB_LOOP_HEADERS})
  endif()
  foreach(dir ${ROOM_COMBINE})
    set(combined ${sources})
    get_filename_component(folder ${dir} ABSOLUTE)
    list(FILTER combined INCLUDE REGEX "^${folder}/[^/]*$")
    osb_combine(osb_${name} 4 ${combined})
  endforeach()
  osb_precompile(osb_${name} ${headers})

  if(tests AND NOT CMAKE_CROSSCOMPILING)
    add_executable(osb_${name}_test ${tests})
    target_link_libraries(osb_${name}_test PRIVATE osb_${name} GTest::gmock GTest::gtest_main)
    target_compile_options(osb_${name}_test PRIVATE -O0)  # what is tested is optimised; matchers need not be
    osb_combine(osb_${name}_test 6 ${tests})
    osb_precompile(osb_${name}_test ${headers} ${OSB_TEST_HEADERS})
    add_test(NAME ${name} COMMAND osb_${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
