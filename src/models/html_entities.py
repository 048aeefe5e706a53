"""Writes the table of HTML entities that ftfy decodes, as C initialisers sorted by name.

Names that end in a semicolon, and the all-caps forms of lower-case names where those mean nothing
themselves.
"""
import html
import html.entities


def entities():
    table = {}
    for name, text in html.entities.html5.items():
        if not name.endswith(";"):
            continue
        table[name[:-1]] = text
        upper = "&" + name.upper()
        if name == name.lower() and html.unescape(upper) == upper:
            table[name.upper()[:-1]] = text.upper()
    return table


for name, text in sorted(entities().items(), key=lambda entry: entry[0].encode()):
    bytes_of_text = "".join(f"\\{byte:03o}" for byte in text.encode())
    print(f'{{"{name}", "{bytes_of_text}"}},')
