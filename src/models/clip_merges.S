/* The published CLIP merges, as a file of the library. */
    .section .rodata
    .global de_clip_merges
    .hidden de_clip_merges
    .global de_clip_merges_end
    .hidden de_clip_merges_end
de_clip_merges:
    .incbin "data/clip/merges.txt"
de_clip_merges_end:
    .section .note.GNU-stack, "", @progbits
