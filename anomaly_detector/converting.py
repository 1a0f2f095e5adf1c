"""A file of vmanomaly as the text of one of ours, for `detector convert`."""

import re

import yaml

from anomaly_detector.config import Config
from anomaly_detector.convert import convert
from anomaly_detector.errors import ConversionError, printable
from heronwatch.config import loads
from heronwatch.errors import ConfigError

VARIABLE = re.compile(r"^ *env: (\w+)$", re.MULTILINE)


def converted_text(theirs: bytes) -> str:
    """Return our configuration as YAML, what was left out as comments; ConversionError when it is none of theirs."""
    try:
        read = yaml.safe_load(theirs)
        converted = convert(read if isinstance(read, dict) else {})
    except RecursionError:
        raise ConversionError("nested too deeply: this is no configuration of vmanomaly") from None
    except (yaml.YAMLError, ValueError) as exc:
        raise ConversionError(printable(str(exc))) from exc
    comments = ["# From a configuration of vmanomaly."]
    comments += [f"# added: {one}" for one in converted.added]
    comments += [f"# not taken over: {one}" for one in converted.left_out]
    return "\n".join(comments) + "\n" + yaml.safe_dump(converted.config, sort_keys=False, allow_unicode=True)


def faults_of(text: str) -> tuple[str, ...]:
    """Return what our check says about a converted configuration, with every variable taken as set."""
    try:
        loads(text, Config, file="converted", env=dict.fromkeys(VARIABLE.findall(text), "set"))
    except ConfigError as exc:
        return tuple(str(fault) for fault in exc.faults)
    return ()
