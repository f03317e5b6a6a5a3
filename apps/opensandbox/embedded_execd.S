// The stripped execd of the same build, as read-only data.
  .section .rodata.embedded_execd, "a", @progbits
  .balign 64
  .global osb_embedded_execd
  .global osb_embedded_execd_end
osb_embedded_execd:
  .incbin "execd"
osb_embedded_execd_end:
  .section .note.GNU-stack, "", @progbits
