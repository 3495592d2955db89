bits 64
section .text
global answer
answer:
    mov eax, 42
    ret
section .note.GNU-stack noalloc noexec nowrite progbits
