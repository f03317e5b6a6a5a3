# build/kernels/go-kernel, one for all presets: a Go program of 20 MB that depends on nothing else of the build. It needs
# Go 1.22 or later (./dev setup); without one the language Go is left out, and contexts say so.
set(go_kernel ${CMAKE_SOURCE_DIR}/build/kernels/go-kernel)

# The newest of: go in the PATH, what ./dev setup put below build/.
function(osb_find_go result)
  file(GLOB candidates ${CMAKE_SOURCE_DIR}/build/go-modules/golang.org/toolchain@*/bin/go)
  find_program(OSB_GO_IN_PATH go)
  if(OSB_GO_IN_PATH)
    list(APPEND candidates ${OSB_GO_IN_PATH})
  endif()
  foreach(candidate ${candidates})
    execute_process(COMMAND ${CMAKE_COMMAND} -E env GOTOOLCHAIN=local ${candidate} env GOVERSION
                    OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    string(REPLACE "go" "" version "${version}")
    if(version VERSION_GREATER_EQUAL 1.22)
      set(${result} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

osb_find_go(OSB_GO)
if(CMAKE_CROSSCOMPILING OR OSB_FUZZ)
  # no worker
elseif(NOT OSB_GO)
  message(STATUS "no Go 1.22 or later: contexts of the language Go will be missing (./dev setup)")
else()
  file(GLOB go_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.go ${CMAKE_CURRENT_LIST_DIR}/go.mod
                                         ${CMAKE_CURRENT_LIST_DIR}/go.sum)
  # -p 1: beside the compilers of everything else.
  add_custom_command(OUTPUT ${go_kernel}
    COMMAND ${CMAKE_COMMAND} -E env CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
            GOCACHE=${CMAKE_SOURCE_DIR}/build/go-cache
            ${OSB_GO} build -p 1 -trimpath -ldflags "-s -w" -o ${go_kernel} .
    WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}
    DEPENDS ${go_sources} COMMENT "Building kernels/go-kernel" VERBATIM)
  add_custom_target(go_kernel ALL DEPENDS ${go_kernel})
  add_test(NAME go_worker COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/worker_test.py ${go_kernel})
  set_tests_properties(go_worker PROPERTIES TIMEOUT 600)
  if(TARGET osb_execd_test)
    add_dependencies(osb_execd_test go_kernel)
    target_compile_definitions(osb_execd_test PRIVATE OSB_TEST_KERNELS="${CMAKE_SOURCE_DIR}/build/kernels")
  endif()
endif()
