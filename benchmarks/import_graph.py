"""The import graph of the package: its parts, on how many levels, and whether it has circles.

    python benchmarks/import_graph.py [CHECKOUT ...]

A part is a module or a package at the top of hardvqa_tf, `records` as a whole, and main.py. An
edge goes from a part to one that it imports, in whatever function, or by a name in a table. A
part's level is one more than the greatest of those that it imports; the parts of a circle share
a level. Circles of single modules are counted, too.
"""

import ast
import collections
import pathlib
import sys

ROOT = pathlib.Path(__file__).parent.parent


def main(argv=None):
    for checkout in (argv if argv is not None else sys.argv[1:]) or [ROOT]:
        report(pathlib.Path(checkout))


def report(checkout):
    edges = read_edges(checkout)
    circles = find_circles(edges)
    of_modules = find_circles(read_edges(checkout, part_of=lambda name: name))
    levels = find_levels(edges, circles)
    number = sum(map(len, edges.values()))
    print(
        f"{checkout}: {len(edges)} parts on {max(levels.values()) + 1} levels, {number} edges, "
        f"{len(circles)} circles; {len(of_modules)} circles of modules"
    )
    for level in range(max(levels.values()) + 1):
        for part in sorted(part for part in edges if levels[part] == level):
            print(f"  {level}  {part:14} {' '.join(sorted(edges[part]))}".rstrip())
    for circle in circles + of_modules:
        print(f"  circle: {' '.join(circle)}")


def part_of(name):
    names = name.split(".")
    return names[1] if names[0] == "hardvqa_tf" else names[0]


def read_edges(checkout, part_of=part_of):
    """{part: set of parts that it imports}."""
    modules = {}  # {full name: path}
    for top in ("main.py", "records", "hardvqa_tf"):
        for path in [checkout / top] if top.endswith(".py") else (checkout / top).rglob("*.py"):
            name = ".".join(path.relative_to(checkout).with_suffix("").parts)
            modules[name.removesuffix(".__init__")] = path
    parts = {name: part_of(name) for name in modules if name != "hardvqa_tf"}
    edges = {part: set() for part in parts.values()}
    for name, part in parts.items():
        for imported in imports_of(modules[name]):
            found = parts.get(imported)
            is_around = f"{name}.".startswith(f"{imported}.")  # a package, of what is in it
            if found and found != part and not is_around:
                edges[part].add(found)
    return edges


def imports_of(path):
    """Full names of modules that a file may import; other names, too, which do no harm."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # as the modules of tasks are named


def find_circles(edges):
    """Lists of parts that reach each other, sorted."""
    reached = {part: _reach(part, edges) for part in edges}
    circles = {
        tuple(sorted(p for p in reached[part] if part in reached[p])) for part in reached
    }
    return sorted(circle for circle in circles if len(circle) > 1)


def _reach(part, edges):
    found, todo = set(), collections.deque(edges[part])
    while todo:
        part = todo.popleft()
        if part not in found:
            found.add(part)
            todo.extend(edges[part])
    return found


def find_levels(edges, circles):
    """{part: level}, 0 for those that import no other part."""
    circle_of = {part: circle for circle in circles for part in circle}
    levels = {}

    def level(part):
        if part not in levels:
            together = circle_of.get(part, (part,))
            below = {p for member in together for p in edges[member]} - set(together)
            found = max((level(p) + 1 for p in below), default=0)
            levels.update(dict.fromkeys(together, found))
        return levels[part]

    for part in edges:
        level(part)
    return levels


if __name__ == "__main__":
    main()
