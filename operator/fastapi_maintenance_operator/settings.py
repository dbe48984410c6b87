"""What can be set: by a flag, else by an environment variable, else as written here."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "FASTAPI_MAINTENANCE_OPERATOR_"

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_FORMATS = ("text", "json")
_PAGES = ("off", "plain", "full")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_DESCRIPTION = """\
Keep what MaintenanceWindows say true: their status, their Events, and the plan ConfigMap of each
namespace.

In a Pod it uses the service account; elsewhere $KUBECONFIG, else ~/.kube/config. Any number may
run: the one that holds the Lease fastapi-maintenance-operator acts, the others stand by and take
over within 15 seconds of its death. It serves /healthz, /readyz and /metrics.
"""
_EPILOG = f"""\
Each option can be set by an environment variable too, such as {PREFIX}LOG_LEVEL
for --log-level; a flag wins.

examples:
  all namespaces, with the rights of your kubeconfig, as a standby of the chart's:
    %(prog)s --lease-namespace fastapi-maintenance-system
  one namespace, under a Role instead of a ClusterRole:
    %(prog)s --namespace shop
  may it start here? (prints what is missing, and ends)
    %(prog)s --check
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the operator runs; each field is an option of the same name."""

    host: str | None = None
    """Where probes, metrics and the page are served; None: every address, IPv4 and IPv6."""
    port: int = 8080
    namespace: str | None = None
    """The one namespace to look at; all with None."""
    lease_namespace: str | None = None
    """Where the Lease is; with None that of `namespace`, else the operator's own."""
    page: str = "off"
    """Whether a page is served, and whether with descriptions and reasons ("full") or without."""
    page_port: int = 8081
    log_level: str = "INFO"
    log_format: str = "text"
    check: bool = False
    """Only say whether it may start."""


def parse(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of a command line; ends the process where they make no sense, and says why."""
    parser = argparse.ArgumentParser(
        prog="python -m fastapi_maintenance_operator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_options(parser)
    # Text, so that argparse checks what comes from the environment as it checks a flag.
    given = {name: environ.get(PREFIX + name.upper()) for name in Settings.__dataclass_fields__}
    flags = [f"--{n.replace('_', '-')}={v}" for n, v in given.items() if v and n != "check"]
    words = sys.argv[1:] if arguments is None else arguments
    return Settings(**vars(parser.parse_args([*flags, *words])))


def _add_options(parser: argparse.ArgumentParser) -> None:
    def option(name: str, text: str, **more: Any) -> None:
        default = Settings.__dataclass_fields__[name].default
        said = f" (default: {default})" if default is not None else ""
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, default=default, help=text + said, **more)

    option("host", "address that probes, metrics and the page are served on; default: every one")
    option("port", "their port; 0 takes a free one", type=_port)
    option("namespace", "the only namespace to look at; default: all of them", type=_namespace)
    option(
        "lease_namespace",
        "namespace of the Lease; default: that of --namespace, else the operator's own",
        type=_namespace,
    )
    option(
        "page",
        "serve a page to look at, with an iCalendar: plain leaves out descriptions and reasons",
        choices=_PAGES,
    )
    option("page_port", "its port; 0 takes a free one", type=_port)
    option("log_level", "least level that is logged", choices=_LEVELS)
    option("log_format", "one line of text, or one JSON object, for each event", choices=_FORMATS)
    parser.add_argument(
        "--check", action="store_true", help="say whether CRDs and rights are there, and end"
    )


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to 65535")


def _namespace(text: str) -> str:
    if _LABEL.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no namespace: lower-case letters, digits and '-', at most 63 of them"
    )
