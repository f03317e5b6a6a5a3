# osb_embed(TARGET FILE SYMBOL)
#
# Puts the bytes of FILE into TARGET as `extern const std::string_view SYMBOL` of namespace osb::execd. The source is
# written at build time, so a change of the file rebuilds it (and ccache sees every byte, unlike with .incbin).
function(osb_embed target file symbol)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DSYMBOL=${symbol}
            -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
