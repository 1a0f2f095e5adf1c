"""What libyaml says about broken text, in words that name the remedy."""

import yaml

from heronwatch.faults import Fault

_REMEDIES = {
    "mapping values are not allowed in this context": (
        "a second ':' in one line or a wrong indentation; put text that holds ': ' in quotes"
    ),
    "found character that cannot start any token": "text that begins with '%', '@' or '`' must be in quotes",
    "could not find expected ':'": "a key without its ':', or text in quotes that does not end",
    "did not find expected key": "the indentation differs from that of the lines above",
    "did not find expected '-' indicator": "the indentation differs from that of the list items above",
    "found unexpected end of stream": "text in quotes does not end",
}
_TABBED = frozenset({"found character that cannot start any token", "found a tab character that violates indentation"})


def syntax_fault(error: yaml.YAMLError, data: bytes, file: str) -> Fault:
    """Return the fault for text that libyaml refuses; `data` is that text."""
    if isinstance(error, yaml.reader.ReaderError):
        return _character_fault(error, data, file)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault(file, 0, "", f"not YAML: {error}")
    problem = (error.problem or "unreadable").strip()
    last = max(1, len(data.splitlines()))
    line = min(error.problem_mark.line + 1, last) if error.problem_mark else 0
    context = f" {error.context}" if error.context else ""
    start = min(error.context_mark.line + 1, last) if error.context_mark else line
    since = f" that began on line {start}" if context and start != line else ""
    remedy = _remedy(problem, data, line)
    return Fault(file, line, "", f"not YAML:{context}{since}{',' if context else ''} {problem}{remedy}")


def _remedy(problem: str, data: bytes, line: int) -> str:
    lines = data.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else b""
    indentation = text[: len(text) - len(text.lstrip())]
    if problem in _TABBED and b"\t" in indentation:
        return " (indent with spaces, not tabs)"
    remedy = _REMEDIES.get(problem)
    return f" ({remedy})" if remedy else ""


def _character_fault(error: yaml.reader.ReaderError, data: bytes, file: str) -> Fault:
    line = data.count(b"\n", 0, error.position) + 1
    code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
    return Fault(file, line, "", f"not YAML: character U+{code:04X} is not allowed")
