"""The run-time checker behind jaxtyping's shapes: an int passes where a float is wanted."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
