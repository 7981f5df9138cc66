#!/usr/bin/env python3
"""A preprocessor of mdBook: links that leave docs/ lead to the repository on GitHub, because the book does not contain
their targets, and links to a README lead to its page. Reads [context, book] from standard input, and prints the book."""

import json
import posixpath
import re
import sys

REPOSITORY = "https://github.com/latchkey-auth/latchkey/blob/main/"
# The target of a link, or of an image in HTML.
TARGET = re.compile(r'(\]\(|(?:src|srcset|href)=")(?![a-z]+:|#|/)([^)\s"]+)')


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    # mdBook 0.5 calls them items.
    convert_all(book.get("items") or book.get("sections"))
    json.dump(book, sys.stdout)


def convert_all(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            chapter = item["Chapter"]
            chapter["content"] = convert(chapter["content"], chapter["path"] or "")
            convert_all(chapter["sub_items"])


def convert(text, path):
    """`path` is relative to docs/."""
    folder = posixpath.dirname(posixpath.join("docs", path))

    def absolute(match):
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        if not (target.startswith("docs/") and is_copied(target)):
            return match[1] + REPOSITORY + target
        # mdBook calls the page of a README index.html, but does not change links with an anchor.
        return match[0].replace("README.md", "index.md")

    # Every other part is a code block.
    parts = re.split(r"(?ms)(^```.*?^```)", text)
    return "".join(part if i % 2 else TARGET.sub(absolute, part) for i, part in enumerate(parts))


def is_copied(target):
    """mdBook copies all files below docs/, but shows source code only as a download."""
    return re.search(r"\.(md|svg|png)(#.*)?$", target) is not None


if __name__ == "__main__":
    main()
