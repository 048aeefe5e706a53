"""Writes the assembler file that makes compiled shaders symbols of the library: de_spirv_NAME and
de_spirv_NAME_end for each NAME.spv of the command line."""

import hashlib
import pathlib
import sys

print("    .section .rodata")
for path in map(pathlib.Path, sys.argv[1:]):
    # what is made of this file is made again where only the bytes have changed
    print(f"# {hashlib.sha256(path.read_bytes()).hexdigest()}")
    for label in (f"de_spirv_{path.stem}", f"de_spirv_{path.stem}_end"):
        print(f"    .global {label}\n    .hidden {label}\n    .balign 4\n{label}:")
        if not label.endswith("_end"):
            print(f'    .incbin "{path.resolve()}"')
print('    .section .note.GNU-stack, "", @progbits')
