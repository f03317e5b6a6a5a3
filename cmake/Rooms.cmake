# osb_room(NAME [DEPS osb_base ...] [DIRS dir ...])
#
# One folder of src/ becomes the static library osb_NAME (every *.cpp but *_test.cpp, those of DIRS too) and, where there are
# *_test.cpp files, the test program osb_NAME_test, registered with ctest as NAME.
function(osb_room name)
  cmake_parse_arguments(ROOM "" "" "DEPS;DIRS" ${ARGN})
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

  if(tests AND NOT CMAKE_CROSSCOMPILING)
    add_executable(osb_${name}_test ${tests})
    target_link_libraries(osb_${name}_test PRIVATE osb_${name} GTest::gmock GTest::gtest_main)
    target_compile_options(osb_${name}_test PRIVATE -O0)  # what is tested is optimised; matchers need not be
    add_test(NAME ${name} COMMAND osb_${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()
