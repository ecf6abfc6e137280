"""The run-time checker behind jaxtyping's shapes: an int passes where a float is wanted."""

from __future__ import annotations

import random

from beartype import BeartypeConf, beartype
from beartype._check.code import codemain

# It looks at one random item of each container, and we promise to leave the global state alone.
codemain.getrandbits = random.Random(0).getrandbits
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
