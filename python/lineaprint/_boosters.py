"""Read boosters of XGBoost and LightGBM: the bytes that they save themselves as."""

import json

from ._found import class_of, join, package_of, version_of
from ._tensors import octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._found import Found

#: Lines in the text of LightGBM that state what the trees compute.
_LINES = ("num_class", "num_tree_per_iteration", "max_feature_idx", "objective")


def is_booster(value: object) -> bool:
    kind = type(value)
    return _is_xgboost(kind) or (hasattr(kind, "model_to_string") and hasattr(kind, "num_trees"))


def _is_xgboost(kind: type) -> bool:
    return hasattr(kind, "save_raw") and hasattr(kind, "save_config")


def collect(booster: "Any", found: "Found") -> None:
    found.config = take(booster, "", found)
    found.title = "booster of %s" % package_of(booster)


def take(booster: "Any", name: str, found: "Found") -> "Any":
    """Take the bytes of a booster. Return its class and what the bytes state of the objective."""
    place = join(name, "booster")
    config: "dict[str, Any]" = {"class": class_of(type(booster))}
    if _is_xgboost(type(booster)):
        content = booster.save_raw(raw_format="ubj")
        config.update(_stated_by_xgboost(json.loads(booster.save_config())))
    else:
        written = booster.model_to_string()
        config.update(_stated_by_lightgbm(written))
        content = written.encode("utf-8")
    found.add(octets(place, content))
    remark = "%s: the bytes that %s saves; another version can save the same model in other bytes"
    found.remarks.append(remark % (place, version_of(package_of(booster))))
    return config


def _stated_by_xgboost(settings: "Any") -> "dict[str, Any]":
    learner = settings.get("learner", {})
    parameters = learner.get("learner_model_param", {})
    stated = {name: parameters[name] for name in ("num_class", "num_feature", "num_target") if name in parameters}
    return {"objective": learner.get("objective"), "booster": learner.get("gradient_booster", {}).get("name"), **stated}


def _stated_by_lightgbm(written: str) -> "dict[str, Any]":
    head = written[: written.index("\nTree=")] if "\nTree=" in written else written
    pairs = [line.partition("=") for line in head.splitlines()]
    return {name: value for name, _, value in pairs if name in _LINES}
