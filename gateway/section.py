"""What every section of the settings shares: no unknown keys, nothing changes after the start, and its small types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """What all sections share: unknown keys are faults, nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Section):
    """TLS to a broker or a web server: PEM files. `ca` is the authority that signs the other side."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
