osb_embed(osb_execd ${CMAKE_CURRENT_LIST_DIR}/worker.py kPythonWorker)

# The Python worker's own tests, on every Python that answers.
foreach(version 3 3.8 3.9 3.10 3.11 3.12 3.13 3.14)
  find_program(OSB_PYTHON_${version} python${version})
  if(OSB_PYTHON_${version})
    execute_process(COMMAND ${OSB_PYTHON_${version}} -c "" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      add_test(NAME python_worker_${version}
               COMMAND ${OSB_PYTHON_${version}} ${CMAKE_CURRENT_LIST_DIR}/worker_test.py)
      set_tests_properties(python_worker_${version} PROPERTIES TIMEOUT 300)
    endif()
  endif()
endforeach()
