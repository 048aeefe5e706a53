"""Writes the C source of the extension `diffedit._native`: the public headers, for Python.

    python3 native.py OUTPUT.c HEADER...

The declarations that cffi reads are the headers' own; nothing is declared twice."""
import re
import sys

import cffi

# What the library calls back, in Python (diffedit/_calls.py).
CALLBACKS = """
extern "Python" {
    int diffedit_python_progress(void *user, diffedit_stage_id stage, int done, int total);
    void diffedit_python_log(void *user, diffedit_log_level level, const char *line);
}
"""


def declarations(text):
    """What is left of a header for a parser that has no preprocessor."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    return text.replace("DIFFEDIT_API", "")


def main():
    output, *headers = sys.argv[1:]
    builder = cffi.FFI()
    for path in headers:
        with open(path, encoding="utf-8") as header:
            builder.cdef(declarations(header.read()))
    builder.cdef(CALLBACKS)
    builder.set_source("diffedit._native", "#include <diffedit/diffedit.h>", py_limited_api=True)
    builder.emit_c_code(output)


if __name__ == "__main__":
    main()
