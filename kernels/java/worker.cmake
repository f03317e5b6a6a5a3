# The worker's jar: our classes and the library that Weaver needs.
find_program(OSB_JAVAC javac)
find_file(OSB_ASM_JAR asm.jar PATHS /usr/share/java NO_DEFAULT_PATH)
if(NOT OSB_JAVAC OR NOT OSB_ASM_JAR)
  message(FATAL_ERROR "missing: javac or /usr/share/java/asm.jar (./dev setup installs default-jdk-headless and libasm-java)")
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(java_worker ${CMAKE_CURRENT_BINARY_DIR}/java_worker.jar)
file(GLOB java_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/osb/worker/*.java)
add_custom_command(
  OUTPUT ${java_worker}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/make_jar.py ${OSB_JAVAC} ${OSB_ASM_JAR} ${java_worker}
  DEPENDS ${java_sources} ${CMAKE_CURRENT_LIST_DIR}/make_jar.py ${OSB_ASM_JAR}
  VERBATIM)
osb_embed(osb_execd ${java_worker} kJavaWorker)

# The worker's own tests, with every JDK of the machine.
add_test(NAME java_worker COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/worker_test.py ${java_worker})
set_tests_properties(java_worker PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77)
