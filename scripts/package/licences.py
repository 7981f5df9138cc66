#!/usr/bin/env python3
"""Prints the licenses of the crates in a CycloneDX file, each text once.

cargo metadata --format-version 1 --locked | licences.py FILE.cdx.json
"""

import json
import re
import sys
from pathlib import Path

NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def main():
    folders = {(package["name"], package["version"]): Path(package["manifest_path"]).parent
               for package in json.load(sys.stdin)["packages"]}
    texts = {}
    print("Libraries in this program, the license of each, and then the texts.\n")
    print("The Rust standard library: MIT OR Apache-2.0")
    for crate in json.loads(Path(sys.argv[1]).read_text())["components"]:
        if crate["bom-ref"].startswith("path+"):
            continue
        name = f"{crate['name']} {crate['version']}"
        print(f"{name}: {' AND '.join(license_of(each) for each in crate['licenses'])}")
        for file in sorted(folders[crate["name"], crate["version"]].iterdir()):
            if NAMES.match(file.name) and file.is_file():
                texts.setdefault(file.read_text(errors="replace").strip(), []).append(name)
    for text, crates in texts.items():
        print(f"\n{'=' * 80}\n{', '.join(dict.fromkeys(crates))}\n{'=' * 80}\n\n{text}")


def license_of(each):
    return each.get("expression") or each["license"].get("id") or each["license"]["name"]


main()
