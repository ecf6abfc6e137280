"""A tuner or an assessor of NNI by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nni.assessor import Assessor
from nni.tools.package_utils import get_all_algo_meta
from nni.tools.package_utils.tuner_factory import (
    create_builtin_class_instance,
    create_validator_instance,
)
from nni.tuner import Tuner

from zc_plugins.errors import InvalidArgument

KINDS: dict[str, type] = {"tuner": Tuner, "assessor": Assessor}


def named(kind: str, name: str, arguments: Mapping[str, Any] | None) -> Any:
    """A new tuner or assessor, built in or registered.

    Args:
        kind: ``"tuner"`` or ``"assessor"``; the argument that gave the name, too.
        name: as in NNI's configuration, in any case.
        arguments: of its class.

    Raises:
        InvalidArgument: if there is none of the name, or it does not take the arguments.
    """
    algorithms = [meta for meta in get_all_algo_meta() if meta.algo_type == kind]
    names = [meta.name for meta in algorithms if not meta.is_advisor]
    aliases = [meta.alias for meta in algorithms if not meta.is_advisor and meta.alias]
    if str(name).lower() not in {each.lower() for each in (*names, *aliases)}:
        raise InvalidArgument(
            f"{kind}={name!r}: pass one of {sorted(names)}, or register yours with "
            "'nnictl algo register'"
        )
    try:
        given = dict(arguments or {})
        validator = create_validator_instance(f"{kind}s", name) if given else None
        if validator is not None:
            # Some classes only warn of a wrong argument, and go on with another.
            validator.validate_class_args(**given)
        made = create_builtin_class_instance(name, given, f"{kind}s")
    except Exception as error:
        raise InvalidArgument(
            f"{kind}={name!r} cannot be made with {kind}_args={arguments!r} "
            f"({type(error).__name__}: {error}): pass what NNI's documentation of {name} lists"
        ) from error
    if not isinstance(made, KINDS[kind]):
        raise InvalidArgument(f"{kind}={name!r} is {type(made).__name__}: pass a name of a {kind}")
    return made
