"""`heronwatch exporter mib compile|check|tree`: files in, text out; the work is done in mib_*.py and generator.py."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from exporters.snmp.config.snmpyml import SnmpFile
from exporters.snmp.generator.config import GeneratorFile, LookupWish, ModuleWish
from exporters.snmp.generator.fetch import for_0_30
from exporters.snmp.generator.names import GeneratorError
from exporters.snmp.generator.resolve import make_module
from exporters.snmp.mib.library import SYSTEM_FOLDERS, MibLibrary
from exporters.snmp.mib.link import link
from exporters.snmp.mib.module_yaml import dump
from exporters.snmp.mib.tree import MibTree, Node, arcs_of
from heronwatch.commands import EXIT_FAULT, EXIT_OK, EXIT_USAGE
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault

_YAML = {".yml", ".yaml"}


class Read(Struct, frozen=True):
    """The tree, the modules of the files that were named, and what is wrong with these and with others."""

    tree: MibTree
    named: tuple[str, ...]
    faults: tuple[Fault, ...]
    others: tuple[Fault, ...]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add compile, check and tree below `mib`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, help="what to do with them")
    _add_compile(commands)
    check = commands.add_parser(
        "check",
        help="read MIB files and say what is wrong with them",
        description="Exit status 0, or 1 after every fault with its file, line and remedy.",
    )
    _add_files(check)
    check.set_defaults(exporter_run=_run_check)
    tree = commands.add_parser(
        "tree",
        help="show what MIB files define: OID, name, type, index",
        description="One line for each object, in the order of the OIDs. Exit status 1 where a file has faults.",
    )
    _add_files(tree)
    tree.add_argument("--below", default="", metavar="NAME", help="only this name or OID and what is below it")
    tree.set_defaults(exporter_run=_run_tree)


def _add_compile(commands: Any) -> None:
    parser = commands.add_parser(
        "compile",
        help="make modules of snmp.yml from MIB files or from a generator.yml",
        description="MIB files become one module that reads all they define, or what --walk names. A generator.yml "
        "(a file that ends in .yml or .yaml) is read as it is. What the files import is looked up in their folders, in "
        "--mib-dir and where net-snmp keeps its MIBs. Exit status 1 after every fault.",
    )
    _add_files(parser)
    parser.add_argument("--module", default="", metavar="NAME", help="name of the module (default: that of the MIB)")
    parser.add_argument(
        "--walk", action="append", default=[], metavar="NAME", help="a name, MIB::name or OID to read; repeatable"
    )
    parser.add_argument(
        "--lookup",
        action="append",
        default=[],
        type=_lookup,
        metavar="INDEX[,INDEX]=COLUMN",
        help="add a column's text as a label to every table with that index; repeatable",
    )
    parser.add_argument(
        "--for",
        dest="reader",
        choices=("newest", "0.30"),
        default="newest",
        help="snmp_exporter that is to read it, too: 0.30 knows no display_hint and no names of states in look-ups",
    )
    parser.add_argument("--keep-going", action="store_true", help="leave out what cannot be understood, and say so")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: standard output)")
    parser.set_defaults(exporter_run=_run_compile)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="MIB file")
    parser.add_argument(
        "--mib-dir", action="append", default=[], type=Path, metavar="DIR", help="folder with more MIBs; repeatable"
    )
    parser.add_argument("--no-system-mibs", action="store_true", help="do not look where net-snmp keeps its MIBs")


def _lookup(text: str) -> LookupWish:
    sources, _, column = text.partition("=")
    names = tuple(name for name in sources.split(",") if name)
    if not names or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is no look-up, such as ifIndex=ifName")
    return LookupWish(source_indexes=names, lookup=column)


def read(arguments: argparse.Namespace) -> Read:
    """Read the MIB files of the command line and what they import; for a generator.yml all of the folders."""
    mibs = [path for path in arguments.files if path.suffix.lower() not in _YAML]
    folders = [
        *arguments.mib_dir,
        *(path.parent / "mibs" for path in arguments.files if (path.parent / "mibs").is_dir()),
    ]
    folders += [] if arguments.no_system_mibs else [folder for folder in SYSTEM_FOLDERS if folder.is_dir()]
    beside = [path.parent for path in mibs if path.parent.is_dir()]
    missing = [Fault(str(path), 0, "", "no such folder") for path in arguments.mib_dir if not path.is_dir()]
    if missing:
        raise ConfigError(missing)
    library = MibLibrary(list(dict.fromkeys(folders)), beside=list(dict.fromkeys(beside)), progress=_progress())
    named = [name for path in mibs for name in library.add_file(path)]
    others = library.add_everything() if len(mibs) < len(arguments.files) else []
    tree = link(library.complete([*named, *others]))
    chosen = {str(path) for path in mibs}
    faults = sorted({*library.faults, *tree.faults})
    return Read(
        tree,
        tuple(named),
        tuple(fault for fault in faults if fault.file in chosen),
        tuple(fault for fault in faults if fault.file not in chosen),
    )


def _progress() -> Any:
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: _say(f"\r\x1b[K{text}", end="")


def _run_check(arguments: argparse.Namespace) -> int:
    found = read(arguments)
    _end_progress()
    for fault in found.faults:
        _say(fault)
    for name in found.named:
        objects = [node for node in _nodes(found.tree) if node.module == name and node.readable]
        rows = len({node.indexes[0].node for node in objects if node.indexes})
        _print(f"{name}: {len(objects)} objects, {rows} indexes\n")
    return EXIT_FAULT if found.faults else EXIT_OK


def _run_tree(arguments: argparse.Namespace) -> int:
    found = read(arguments)
    _end_progress()
    for fault in found.faults:
        _say(fault)
    nodes = _nodes(found.tree)
    if arguments.below:
        root = found.tree.find(arguments.below)
        arcs = root.arcs if root else arcs_of(arguments.below)
        if arcs is None:
            _say(f"mib tree: {arguments.below!r} is in none of the MIBs")
            return EXIT_FAULT
        nodes = found.tree.below(arcs)
    for node in nodes:
        if arguments.below or node.module in found.named:
            _print(f"{_line(node)}\n")
    return EXIT_FAULT if found.faults else EXIT_OK


def _nodes(tree: MibTree) -> list[Node]:
    return [tree.by_arcs[arcs] for arcs in tree.ordered]


def _line(node: Node) -> str:
    index = ", ".join(part.name for part in node.indexes)
    convention = node.convention if node.kind and node.convention != node.kind else ""
    parts = [node.oid, f"{node.module}::{node.name}", node.kind, convention, f"[{index}]" if index else ""]
    return "  ".join(part for part in parts if part)


def _run_compile(arguments: argparse.Namespace) -> int:
    generators = [path for path in arguments.files if path.suffix.lower() in _YAML]
    if generators and (arguments.walk or arguments.lookup or arguments.module):
        _say("mib compile: --walk, --lookup and --module stand in a generator.yml, not beside one")
        return EXIT_USAGE
    wishes, auths = _wishes_of(generators)
    found = read(arguments)
    _end_progress()
    if found.faults and not arguments.keep_going:
        raise ConfigError(list(found.faults))
    if not generators:
        wishes = {arguments.module or _module_name(found.named): _everything(found, arguments)}
    modules = _made(wishes, found, str(generators[0]) if generators else "")
    modules = {name: for_0_30(module) for name, module in modules.items()} if arguments.reader == "0.30" else modules
    body = dump({"modules": modules})
    loads(body, SnmpFile, file="compiled modules")  # what is written can be read
    text = dump({"auths": auths} if auths else {}, comment=_comment(found, generators)) + body
    if arguments.output:
        arguments.output.write_text(text)
    else:
        _print(text)
    return EXIT_OK


def _wishes_of(paths: Sequence[Path]) -> tuple[dict[str, ModuleWish], dict[str, Any]]:
    """Read generator files. A module's own `version` and `auth` (before 0.23) become an auth of its name."""
    wishes: dict[str, ModuleWish] = {}
    auths: dict[str, Any] = {}
    for path in paths:
        try:
            content = loads(path.read_text(), GeneratorFile, file=str(path)).value
        except OSError as error:
            raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error.strerror}")]) from error
        wishes |= content.modules
        auths |= content.auths
        for name, wish in content.modules.items():
            if wish.auth or wish.version is not None:
                auths[name] = {**wish.auth, "version": wish.version or 2}
    return wishes, auths


def _made(wishes: Mapping[str, ModuleWish], found: Read, file: str) -> dict[str, Any]:
    """Make every module; raises ConfigError with the faults of all, and prints what was left out."""
    modules: dict[str, Any] = {}
    faults: list[Fault] = []
    progress = _progress()
    for name, wish in sorted(wishes.items()):
        progress(f"making {name}")
        try:
            made = make_module(wish, found.tree)
        except GeneratorError as error:
            faults.append(Fault(file or "mib compile", 0, f"modules.{name}.{error.path}", error.message))
            continue
        modules[name] = made.module
        for note in made.notes:
            _say(f"{name}: {note}")
    _end_progress()
    if faults:
        raise ConfigError([*faults, *found.others])
    return modules


def _everything(found: Read, arguments: argparse.Namespace) -> ModuleWish:
    """Wish for what was named, else for every table and scalar of the files."""
    return ModuleWish(walk=tuple(arguments.walk) or roots(found.tree, found.named), lookups=tuple(arguments.lookup))


def roots(tree: MibTree, modules: Sequence[str]) -> tuple[str, ...]:
    """Return the tables and scalars of some modules, as OIDs."""
    found: dict[str, None] = {}
    for node in _nodes(tree):
        if node.module in modules and node.readable:
            arcs = node.arcs[:-2] if node.indexes else node.arcs  # a column is below its row, which is below its table
            found[".".join(map(str, arcs))] = None
    return tuple(found)


def _module_name(names: Sequence[str]) -> str:
    return names[0].lower().replace("-", "_") if names else "module"


def _comment(found: Read, generators: Sequence[Path]) -> str:
    source = ", ".join([*(path.name for path in generators), *found.named])
    return f"Made by `heronwatch exporter mib compile` from {source}."


def _end_progress() -> None:
    if sys.stderr.isatty():
        _say("\r\x1b[K", end="")


def _say(text: object, end: str = "\n") -> None:
    sys.stderr.write(f"{text}{end}")
    sys.stderr.flush()


def _print(text: str) -> None:
    sys.stdout.write(text)
