"""Search spaces: what an architecture is, and how it becomes a network."""

from zc_plugins.spaces._space import Priced, SearchSpace, Suggestible

__all__ = ["Priced", "SearchSpace", "Suggestible"]
