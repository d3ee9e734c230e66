"""`stream-guard check-config`: can everything be used as it is set?"""

from pathlib import Path
from typing import Annotated

import typer

from stream_guard.cli.options import Config, Json, settings_from
from stream_guard.cli.output import show, show_json


def check_config(
    policies: Annotated[
        list[Path] | None, typer.Argument(metavar="[POLICY]...", help="Policies to check as well.")
    ] = None,
    config: Config = None,
    is_json: Json = False,
) -> None:
    """Check settings and policies, and show what they come to.

    Exit code 2, with file, path, value and what was expected, if something can not be used.

    For example:

        stream-guard check-config -c stream-guard.toml

        stream-guard check-config deploy/policies/*.toml
    """
    from stream_guard.bootstrap import build_topology
    from stream_guard.decisions.policy import load_policy
    from stream_guard.records import to_builtins
    from stream_guard.settings import without_secrets

    settings = settings_from(config)
    in_force = load_policy(Path(settings.policy) if settings.policy else None)
    build_topology(settings, in_force)
    loaded = [load_policy(path) for path in policies or []]
    if is_json:
        named = {"policy_in_force": in_force.version, "checked": [policy.version for policy in loaded]}
        show_json([{"settings": to_builtins(without_secrets(settings)), **named}])
        return
    show(f"settings: {config or 'the defaults'}: good")
    show(
        f"policy in force: {settings.policy or 'the shipped one'}: good, {in_force.version}, {in_force.mode}"
    )
    for path, policy in zip(policies or [], loaded, strict=True):
        show(f"policy: {path}: good, {policy.version}, {policy.mode}, {len(policy.rules)} rules")
