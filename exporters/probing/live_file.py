"""The live file of a simulator: read when it changes, kept when it breaks."""

from collections.abc import Callable, Mapping
from pathlib import Path

from exporters.probing.tracks import Track, read_tracks
from heronwatch.logs import get_logger


class LiveFile:
    """The tracks in a file, read again whenever its modification time changes; a bad file keeps the last good one."""

    def __init__(self, path: Path | None, check: Callable[[Mapping[str, Track]], None]) -> None:
        self._path = path
        self._check = check
        self._tracks: Mapping[str, Track] = {}
        self._read_at: int | None = None

    def current(self) -> Mapping[str, Track]:
        """Give the tracks; a version of the file that is wrong is logged once, a missing file each time."""
        if self._path is None:
            return {}
        try:
            modified = self._path.stat().st_mtime_ns
            if modified != self._read_at:
                self._read_at = modified
                self._tracks = self._checked(self._path)
        except (OSError, ValueError) as error:
            get_logger("exporters.simulator").warning("live file not used", file=str(self._path), error=str(error))
        return self._tracks

    def _checked(self, path: Path) -> Mapping[str, Track]:
        tracks = read_tracks(path.read_bytes())
        self._check(tracks)
        return tracks
