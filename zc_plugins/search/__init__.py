"""Training-free search under budgets: which architecture to train, found without training any."""

from zc_plugins.search._learned import Training
from zc_plugins.search.az_evolution import AzEvolution
from zc_plugins.search.filter_then_train import FilterThenTrain
from zc_plugins.search.front_evolution import FrontEvolution
from zc_plugins.search.individual import Individual
from zc_plugins.search.random_search import RandomSearch
from zc_plugins.search.result import SearchResult
from zc_plugins.search.search import search
from zc_plugins.search.zen_evolution import ZenEvolution

__all__ = [
    "AzEvolution",
    "FilterThenTrain",
    "FrontEvolution",
    "Individual",
    "RandomSearch",
    "SearchResult",
    "Training",
    "ZenEvolution",
    "search",
]
