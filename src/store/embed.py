"""Writes schema/NNNN-*.sql as C strings, in their order: embed.py OUT SQL..."""
import pathlib
import sys


def main(out, *files):
    lines = ["/* Made of schema/NNNN-*.sql by embed.py. */", "static const char *const migrations[] = {"]
    for number, file in enumerate(files, 1):
        name = pathlib.Path(file).name
        if not name.startswith(f"{number:04}-"):
            sys.exit(f"{name}: schema files are numbered without a gap; this one should be {number:04}-…")
        for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
            quoted = line.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'        "{quoted}\\n"')
        lines.append("        ,")
    lines.append("};")
    pathlib.Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8")


main(*sys.argv[1:])
