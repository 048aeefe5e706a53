"""Says in an unpacked wheel which libraries it carries, and under which licences.

    /usr/bin/python3 licences.py UNPACKED PREFIX SOURCES

auditwheel has put them into diffedit.libs/. What each is, and what its authors ask for, is in the
copyright file of its Debian package, or of the source that it was built from into PREFIX. A
library that is under the GPL alone ends this: it would bind the programs that use the package."""
import pathlib
import re
import shutil
import subprocess
import sys

COMMON = pathlib.Path("/usr/share/common-licenses")
# What is built for the wheel, by the name of its source.
BUILT = {"libvips.so": "vips", "libheif.so": "libheif", "libtiff.so": "tiff"}
# Libraries that are not under their source's main licence, by the folder of their files.
FOLDERS = {"libblkid.so": "libblkid/*", "libmount.so": "libmount/*"}
UNNAMED = "see its copyright file"
PAGE = """# Libraries in this wheel

They are Debian's; libvips, libheif and libtiff were built from Debian's sources with fewer formats.
Each is the work of its authors, under the licence named; its source has parts under others, too.
The copyright files and the licences' texts lie beside this page. `apt-get source NAME=VERSION` on
Debian, or snapshot.debian.org, has the source of each. All are files of their own, which can be
replaced.

| file | Debian source | version | licence | in its source |
|---|---|---|---|---|
"""


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def original_name(path):
    """auditwheel writes a part of the file's hash into its name: libgio-2-5eb29a8a.0.so.0."""
    return re.sub(r"-[0-9a-f]{8}(?=\.)", "", path.name, count=1)


def found_in(name, folders):
    for folder in folders:
        if (folder / name).exists():
            return (folder / name).resolve()
    raise SystemExit(f"{name}: is nowhere in {', '.join(map(str, folders))}")


def source_of(name, prefix, sources):
    """(name, version, copyright file) of the source that a library comes from."""
    for stem, source in BUILT.items():
        if name.startswith(stem):
            assert (prefix / "lib" / name).exists(), name
            folder = next(sources.glob(f"{source}-*/"))
            version = run("dpkg-parsechangelog", "-l", str(folder / "debian/changelog"),
                          "-S", "Version").strip()
            return source, version, folder / "debian/copyright"
    path = found_in(name, [pathlib.Path("/usr/lib/x86_64-linux-gnu"), pathlib.Path("/usr/lib"),
                           pathlib.Path("/lib/x86_64-linux-gnu")])
    try:
        said = run("dpkg", "-S", str(path))
    except subprocess.CalledProcessError:  # a package from before /lib became a link to /usr/lib
        said = run("dpkg", "-S", str(path).removeprefix("/usr"))
    package = said.split(": ")[0].split(",")[0]
    fields = run("dpkg-query", "-W", "-f", "${source:Package} ${source:Version}", package).split()
    return *fields, pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright")


def licence_of(name, text):
    """The licence that a copyright file in Debian's form names for a library, or ""."""
    files = next((folder for stem, folder in FOLDERS.items() if name.startswith(stem)), "*")
    for stanza in re.split(r"\n[ \t]*\n", text):
        covered = re.search(r"^Files:(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        licence = re.search(r"^License: *(\S.*)$", stanza, re.MULTILINE)
        if covered and licence and files in covered[1].split():
            return licence[1].strip()
    return ""


def is_gpl_alone(licences):
    """Whether each choice that "A and B or C" leaves asks for the GPL."""
    return all(any(one.strip().startswith("GPL") for one in re.split(r",|\band\b", choice))
               for choice in re.split(r"\bor\b", licences, flags=re.IGNORECASE))


def licences_in(text):
    """The short names of a copyright file in Debian's form; else the common ones that it names."""
    names = re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)
    if not names:
        names = re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", text)
    unique = sorted({name.strip() for name in names}, key=str.lower)
    return ", ".join(unique)


def main():
    unpacked, prefix, sources = map(pathlib.Path, sys.argv[1:])
    target = next(unpacked.glob("*.dist-info")) / "licenses/libraries"
    target.mkdir(parents=True)
    rows, common = [], set()
    for path in sorted((unpacked / "diffedit.libs").iterdir()):
        name = original_name(path)
        source, version, copyright_file = source_of(name, prefix, sources)
        text = copyright_file.read_text(encoding="utf-8", errors="replace")
        common |= set(re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", text))
        shutil.copyfile(copyright_file, target / f"{source}.txt")
        licence = licence_of(name, text)
        if is_gpl_alone(licence):
            raise SystemExit(f"{path.name}: {source} is under {licence}; the wheel carries no "
                             "library that is under the GPL alone")
        rows.append(f"| {path.name} | {source} | {version} | {licence or UNNAMED} | "
                    f"{licences_in(text)} |\n")
    (target / "LIBRARIES.md").write_text(PAGE + "".join(rows), encoding="utf-8")
    for name in sorted(common):
        if (COMMON / name).exists():
            shutil.copyfile(COMMON / name, target / f"{name}.txt")
    print(f"{len(rows)} libraries, {len(common)} common licences")


if __name__ == "__main__":
    main()
