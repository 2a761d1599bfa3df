# SPDX-License-Identifier: MIT
"""manifest.json as a dict."""
import json
import re


def load(fd):
    """The manifest in the file with the descriptor fd, which is closed. None where it is no JSON object."""
    with open(fd, "rb") as file:
        text = file.read().decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        manifest = _without_surrogates(json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _refuse(constant):
    raise ValueError(f"{constant} is no JSON")


def _without_surrogates(value):
    """The same JSON value; lone surrogates of its strings, which can't be encoded, as U+FFFD."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
