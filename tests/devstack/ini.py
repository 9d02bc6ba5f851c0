"""DevStack's iniset, iniget and inidelete, as far as the plugin can tell. Usage: ini.py set|get|delete FILE SECTION OPTION [VALUE]"""

import pathlib
import re
import sys


def main(verb, file, section, option, value=""):
    path = pathlib.Path(file)
    lines = path.read_text().split("\n") if path.exists() else []
    start = next((n for n, line in enumerate(lines) if line.strip() == f"[{section}]"), None)
    found = None
    if start is not None:
        for number in range(start + 1, len(lines)):
            if lines[number].startswith("["):
                break
            if re.match(rf"{re.escape(option)}\s*=", lines[number]):
                found = number
                break
    if verb == "get":
        print(lines[found].partition("=")[2].strip() if found is not None else "")
        return
    if verb == "set":
        # DevStack's passes the value through `echo` without quotes.
        line = f"{option} = {' '.join(value.split())}"
        if start is None:
            lines += [f"[{section}]", line, ""]
        elif found is None:
            lines.insert(start + 1, line)
        else:
            lines[found] = line
    elif found is not None:
        del lines[found]
    path.write_text("\n".join(lines))


main(*sys.argv[1:])
