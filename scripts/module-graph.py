#!/usr/bin/env python3
"""Prints which modules of each crate use which, and fails if two modules depend on each other.

    scripts/module-graph.py           print the graphs
    scripts/module-graph.py --check   also compare them with the copy in ARCHITECTURE.md
    scripts/module-graph.py --write   replace the copy in ARCHITECTURE.md

Every module is listed above the modules that it uses, unless it uses none. Exit status: 0, or 1 for a cycle, an arrow
that points up, or an outdated copy.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- module-graph: begin -->", "<!-- module-graph: end -->"

# Folder of a crate, path of the module whose children are the nodes, and whether the graph is printed module by module.
GRAPHS = [
    ("auth-server", "", True),
    ("auth-server", "domain", True),
    ("auth-server", "http", False),
    ("auth-server", "store", False),
    ("resource-server", "", False),
    ("server-kit", "", False),
    ("webauthn", "", False),
    ("shared-claims", "", False),
    ("shared-claims", "http", False),
]
# The layers of auth-server, from the top. A layer uses the ones below it only.
LAYERS = ["main", "cli", "server", "app", "http", "domain", "store", "model"]


def code(path):
    """The text of a file without comments and without items marked #[cfg(test)]."""
    text = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)
    item = r"^( *)#\[cfg\(test\)\]\n(?:\1#.*\n)*\1(?:[^\n]*;\n|[^\n]*\{\n[\s\S]*?\n\1\}\n?)"
    return re.sub(item, "", text, flags=re.M)


def modules(source):
    """Module path (a tuple of names) -> file, for every file below `src` that is not a test."""
    found = {}
    for path in sorted(source.rglob("*.rs")):
        parts = path.relative_to(source).with_suffix("").parts
        if "tests" in parts or "bin" in parts:
            continue
        found[() if parts == ("lib",) else parts] = path
    return found


def paths(text):
    """Every path that begins with crate, super or self, with the groups in braces written out."""

    def expand(prefix, rest):
        rest = rest.lstrip()
        if not rest.startswith("{"):
            yield prefix + re.findall(r"^\w+(?:::\w+)*", rest)
            return
        depth, start = 0, 1
        for index, sign in enumerate(rest):
            depth += (sign == "{") - (sign == "}")
            if (sign == "," and depth == 1) or depth == 0:
                part = rest[start:index].strip()
                head = re.match(r"((?:\w+::)*)(.*)", part, re.S)
                yield from expand(prefix + [head[1].rstrip(":")] if head[1] else prefix, head[2])
                start = index + 1
            if depth == 0:
                return

    for match in re.finditer(r"\b((?:crate|super|self)(?:::\w+)*)(::\s*\{)?", text):
        end = match.end()
        expanded = expand([match[1]], text[end - 1 :]) if match[2] else [[match[1]]]
        for parts in expanded:
            yield [name for part in parts for name in part.split("::") if name]


def target(path, module, known):
    """The file that a path leads to from `module`: the longest prefix that is one."""
    here = list(module)
    while path and path[0] in ("crate", "super", "self"):
        here = [] if path[0] == "crate" else here[:-1] if path[0] == "super" else here
        path = path[1:]
    there = (here + path)
    while there and tuple(there) not in known:
        there.pop()
    return tuple(there)


def graph(crate, parent):
    """Child of `parent` -> the other children that it uses."""
    known = modules(ROOT / crate / "src")
    depth = len(parent)
    edges = {module[depth]: set() for module in known if module[:depth] == parent and len(module) > depth}
    for module, file in known.items():
        if module[:depth] != parent or len(module) == depth:
            continue
        for path in paths(code(file)):
            there = target(path, module, known)
            if there[:depth] == parent and len(there) > depth and there[depth] != module[depth]:
                edges[module[depth]].add(there[depth])
    return edges


def order(edges):
    """The modules, each above those that it uses, and the modules that are part of a cycle."""
    remaining, sorted_modules = dict(edges), []
    while remaining:
        used = set().union(*remaining.values())
        top = sorted(set(remaining) - used)
        if not top:
            break
        sorted_modules += top
        for module in top:
            del remaining[module]
    # What is left uses each other, or is used by such modules only.
    while leaves := [module for module, uses in remaining.items() if not uses & set(remaining)]:
        for module in leaves:
            del remaining[module]
            sorted_modules.append(module)
    return sorted_modules, sorted(remaining)


def main():
    lines, wrong = [], []
    for crate, parent, in_full in GRAPHS:
        edges = graph(crate, tuple(filter(None, [parent])))
        name = f"{crate}/src" + (f"/{parent}" if parent else "")
        ordered, cycle = order(edges)
        arrows = sum(map(len, edges.values()))
        summary = f"{name}: {len(edges)} modules, {arrows} arrows{', A CYCLE' if cycle else ''}"
        if in_full or cycle or not lines or lines[-1].startswith(" "):
            lines.append(summary)
        else:
            lines[-1] += " · " + summary
        if cycle:
            wrong.append(f"{name}: a cycle among " + ", ".join(cycle))
        for module in [module for module in ordered + cycle if edges[module]] if in_full else cycle:
            uses = sorted(edges[module], key=(ordered + cycle).index)
            lines.append(f"  {'*' if module in cycle else ' '} {module:<16} -> {' '.join(uses)}".rstrip())
        for module, uses in edges.items() if (crate, parent) == ("auth-server", "") else ():
            for other in uses & set(LAYERS) if module in LAYERS else ():
                if LAYERS.index(other) < LAYERS.index(module):
                    wrong.append(f"{name}: {module} uses {other}, which is above it")
    printed = "\n".join(lines)

    document = DOCUMENT.read_text()
    block = f"{BEGIN}\n```text\n{printed}\n```\n{END}"
    current = re.search(re.escape(BEGIN) + r"[\s\S]*" + re.escape(END), document)
    match sys.argv[1:]:
        case []:
            print(printed)
        case ["--check"]:
            print(printed)
            if not current or current[0] != block:
                wrong.append("ARCHITECTURE.md has another graph: run scripts/module-graph.py --write")
        case ["--write"]:
            DOCUMENT.write_text(document.replace(current[0], block))
        case _:
            sys.exit(__doc__)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
