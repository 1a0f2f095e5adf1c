"""The configuration in force: read at the start, read again on reload, shown with its secrets masked."""

import threading
from collections.abc import Callable, Sequence

from anomaly_detector.config import Config
from heronwatch.config import Loaded, load
from heronwatch.logs import get_logger

log = get_logger(__name__)


class ActiveConfig:
    """What the files said when they were last good."""

    def __init__(self, files: Sequence[str]) -> None:
        """Read the files; raises ConfigError."""
        self._files = tuple(files)
        self._lock = threading.Lock()
        self._loaded = self._read()

    @property
    def value(self) -> Config:
        """The configuration."""
        return self._loaded.value

    def text(self) -> str:
        """Return it as YAML with its secrets masked."""
        return self._loaded.masked()

    def reload(self, use: Callable[[Config], None]) -> None:
        """Read the files again and hand over what they say; raises ConfigError, and then nothing has changed."""
        with self._lock:
            loaded = self._read()
            use(loaded.value)
            self._loaded = loaded

    def _read(self) -> Loaded[Config]:
        loaded = load(self._files, Config)
        for warning in loaded.warnings:
            log.warning("configuration", fault=str(warning))
        return loaded
