# The worker, and the parser and the type stripper it needs: npm packages by the lock file, bundled at build time.
set(javascript_bundles ${CMAKE_CURRENT_BINARY_DIR}/javascript)
find_program(OSB_NPM npm REQUIRED)
find_program(OSB_NODE NAMES node nodejs REQUIRED)
add_custom_command(
  OUTPUT ${javascript_bundles}/acorn.js ${javascript_bundles}/sucrase.js
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_LIST_DIR}/package.json ${CMAKE_CURRENT_LIST_DIR}/package-lock.json
          ${CMAKE_CURRENT_LIST_DIR}/bundle.mjs ${javascript_bundles}/
  COMMAND ${OSB_NPM} ci --prefix ${javascript_bundles} --silent --ignore-scripts --no-audit --no-fund
  COMMAND ${OSB_NODE} ${javascript_bundles}/bundle.mjs ${javascript_bundles}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/package.json ${CMAKE_CURRENT_LIST_DIR}/package-lock.json
          ${CMAKE_CURRENT_LIST_DIR}/bundle.mjs
  COMMENT "Bundling acorn and sucrase"
  VERBATIM)
osb_embed(osb_execd ${CMAKE_CURRENT_LIST_DIR}/worker.js kJavaScriptWorker)
osb_embed(osb_execd ${javascript_bundles}/acorn.js kAcorn)
osb_embed(osb_execd ${javascript_bundles}/sucrase.js kSucrase)

add_custom_target(javascript_bundles DEPENDS ${javascript_bundles}/acorn.js ${javascript_bundles}/sucrase.js)
add_test(NAME javascript_worker
         COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/worker_test.py ${javascript_bundles})
set_tests_properties(javascript_worker PROPERTIES TIMEOUT 300)
