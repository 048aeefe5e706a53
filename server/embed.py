"""Writes files as an array of C, as they are and compressed: embed.py OUTPUT.c ARRAY FILE..."""
import gzip
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".json": "application/json",
         ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
         ".webmanifest": "application/manifest+json"}


def rows(data):
    for begin in range(0, len(data), 24):
        yield "    " + "".join(f"{byte}," for byte in data[begin:begin + 24])


def main():
    output, array = pathlib.Path(sys.argv[1]), sys.argv[2]
    paths = map(pathlib.Path, sys.argv[3:])
    lines, table = ['#include "embedded.h"', ""], []
    for index, path in enumerate(paths):
        data = path.read_bytes()
        tag = hashlib.sha256(data).hexdigest()[:16]
        packed = gzip.compress(data, mtime=0)
        lines += [f"static const unsigned char file_{index}[] = {{", *rows(data), "};",
                  f"static const unsigned char packed_{index}[] = {{", *rows(packed), "};"]
        table.append(f'    {{"{path.name}", "{TYPES[path.suffix]}", "\\"{tag}\\"", '
                     f"file_{index}, sizeof file_{index}, "
                     f'"\\"{tag}-gzip\\"", packed_{index}, sizeof packed_{index}}},')
    lines += ["", f"extern const embedded_file {array}[];",
              f"const embedded_file {array}[] = {{", *table, "    {0}};", ""]
    output.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
