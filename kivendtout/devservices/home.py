"""Where the set-up keeps everything it makes: one folder, `.services/`, under the project's root."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    root: Path = ROOT

    @property
    def services(self) -> Path:
        return self.root / ".services"

    @property
    def env_file(self) -> Path:
        return self.services / "env"

    @property
    def ports_file(self) -> Path:
        return self.services / "ports.json"

    @property
    def logs(self) -> Path:
        return self.services / "log"

    @property
    def run(self) -> Path:
        return self.services / "run"

    @property
    def tools(self) -> Path:
        """User-space programs, fetched where there is no root to install them."""
        return self.services / "tools"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def short_hash(self) -> str:
        """Tells two clones on one machine apart where something has to live outside them."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:10]

    def prepare(self) -> None:
        for folder in (self.services, self.logs, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
