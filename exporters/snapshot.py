"""Copies of the configuration's files, so that a worker that is restarted serves what the others serve.

Between two reloads a person may be in the middle of an edit. A snapshot is taken when a configuration is accepted;
workers read it instead of the files. (Several `--config.file` at once are read where they are.)
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from shutil import copyfile


class Snapshot:
    """A folder of copies; without a folder every file stands for itself."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def take(self, files: Iterable[Path]) -> None:
        """Copy files; raises `OSError`. The folder is for this user only: there may be secrets in them."""
        if self._folder is None:
            return
        self._folder.mkdir(mode=0o700)
        for file in files:
            copyfile(file, self._copy(self._folder, file))

    def of(self, file: Path) -> Path:
        """Return where to read a file: its copy, where there is one."""
        if self._folder is None:
            return file
        copy = self._copy(self._folder, file)
        return copy if copy.exists() else file

    @staticmethod
    def _copy(folder: Path, file: Path) -> Path:
        return folder / (sha256(str(file.absolute()).encode()).hexdigest() + file.suffix)


FILES = Snapshot()
"""The files themselves."""
