# osb_embed(TARGET FILE SYMBOL)
#
# Puts the bytes of FILE into TARGET as `extern const std::string_view SYMBOL` of namespace osb::execd. The source is
# written at build time, so a change of the file rebuilds it (and ccache sees every byte, unlike with .incbin).
function(osb_embed target file symbol)
  osb_embed_command(${target} ${symbol} OFF ${file})
endfunction()

# osb_embed_modules(TARGET SYMBOL FILE...)
#
# The same for several texts in one: a NUL byte, the file's name without its extension, a line feed and its bytes, for
# each FILE.
function(osb_embed_modules target symbol)
  osb_embed_command(${target} ${symbol} ON ${ARGN})
endfunction()

function(osb_embed_command target symbol named)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DINPUTS=${ARGN}" -DOUTPUT=${output} -DSYMBOL=${symbol} -DNAMED=${named}
            -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
