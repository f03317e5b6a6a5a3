file(GLOB modules CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.py)
list(FILTER modules EXCLUDE REGEX "_tests?\\.py$")
osb_embed_modules(osb_execd kPythonWorker ${modules})

# The Python worker's own tests, on every Python that answers.
foreach(version 3 3.8 3.9 3.10 3.11 3.12 3.13 3.14)
  find_program(OSB_PYTHON_${version} python${version})
  file(GLOB candidates $ENV{HOME}/.pyenv/versions/${version}.*/bin/python${version})
  foreach(candidate ${OSB_PYTHON_${version}} ${candidates})
    execute_process(COMMAND ${candidate} -c "" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed AND NOT TEST python_worker_${version})
      add_test(NAME python_worker_${version}
               COMMAND ${candidate} -m unittest discover -s ${CMAKE_CURRENT_LIST_DIR} -p *_test.py)
      set_tests_properties(python_worker_${version} PROPERTIES TIMEOUT 600)
    endif()
  endforeach()
endforeach()
