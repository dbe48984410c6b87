"""What is to be foreseen ends in two lines, an exit code and the command that mends it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.cli._failures import explain
from fastapi_maintenance.cli._hints import note_flags
from tests.controlplane import ports
from tests.unit.commanded import call

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {%s}}]
"""


def kubeconfig(folder: Path, user: str = "token: x", port: int | None = None) -> str:
    """A kubeconfig of a server that is not there."""
    path = folder / "config"
    path.write_text(KUBECONFIG % (port or ports.free_port(), user))
    return str(path)


def test_without_a_cluster_one_is_asked_for() -> None:
    said = call(["on", "orders", "--duration", "5m"], code=1)
    assert said.err.splitlines() == [
        "error: no cluster: not in a Pod, and there is no kubeconfig",
        "  set KUBECONFIG, or name a file: --kubeconfig PATH",
    ]


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = call(["end", "x", "--kubeconfig", kubeconfig(tmp_path)], code=1)
    problem = r"error: the API server can't be reached: 127\.0\.0\.1:\d+: connection refused\n"
    assert re.match(problem, said.err), said
    assert f"kubectl --kubeconfig {tmp_path}/config cluster-info" in said.err


def test_run_that_opens_nothing_says_that_the_command_was_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has tried for some seconds."""
    monkeypatch.setattr("fastapi_maintenance.cli._retrying.PATIENCE", 0.1)
    words = ["run", "orders", "--duration", "5m", "--kubeconfig", kubeconfig(tmp_path)]
    said = call([*words, "--", "true", "head"], code=125)
    first, second, *_ = said.err.splitlines()
    assert " the API server does not answer as it should, trying again: " in first
    assert second.startswith("error: the API server can't be reached: ")
    assert said.err.endswith("\n  true head was not run\n")


def test_a_context_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    words = ["end", "x", "--kubeconfig", kubeconfig(tmp_path), "--context", "there"]
    said = call(words, code=1)
    assert (
        f"{tmp_path}/config (named by --kubeconfig) has no context 'there'; it has: here"
        in said.err
    )
    said = call(["end", "x", "-n", "shop", "--context", "there"], code=1, KUBECONFIG=words[3])
    assert f"{tmp_path}/config (named by KUBECONFIG) has no context 'there'" in said.err


@pytest.mark.parametrize("text", ["", "{", "a: [", "contexts: 3", "{}"])
def test_a_kubeconfig_that_is_none_is_an_error_of_two_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    said = call(["end", "x", "--kubeconfig", str(tmp_path / "config")], code=1)
    assert len(said.err.splitlines()) == 2
    assert "kubectl config get-contexts" in said.err


@pytest.mark.parametrize("place", [(), ("-n", "shop")], ids=["any", "-n"])
@pytest.mark.parametrize("named_by", ["KUBECONFIG", "FASTAPI_MAINTENANCE_KUBECONFIG", "flag"])
def test_a_kubeconfig_that_is_not_there_is_named_with_what_names_it(
    tmp_path: Path, named_by: str, place: tuple[str, ...]
) -> None:
    path = str(tmp_path / "nothing")
    words = ["end", "x", *place, *(["--kubeconfig", path] if named_by == "flag" else [])]
    environment: dict[str, Any] = {} if named_by == "flag" else {named_by: path}
    said = call(words, code=1, **environment)
    name = "--kubeconfig" if named_by == "flag" else named_by
    problem = f"error: the kubeconfig can't be used: {name} names {path}, where no file is"
    assert said.err.splitlines()[0] == problem
    assert len(said.err.splitlines()) == 2


def test_a_context_without_any_kubeconfig_names_the_usual_place(tmp_path: Path) -> None:
    said = call(["end", "x", "--context", "there"], code=1, home=tmp_path)
    assert "the usual place is ~/.kube/config, where no file is" in said.err


def test_a_login_that_fails_is_told_in_the_plugins_words(tmp_path: Path) -> None:
    """kubectl's exec plugins (client.authentication.k8s.io)."""
    user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: /no/such-login}"
    said = call(["end", "x", "--kubeconfig", kubeconfig(tmp_path, user)], code=1)
    assert "no/such-login" in said.err
    assert len(said.err.splitlines()) == 2


def test_a_group_alone_is_nobody(tmp_path: Path) -> None:
    words = ["end", "x", "--kubeconfig", kubeconfig(tmp_path), "--as-group", "admins"]
    assert "--as-group goes with --as" in call(words, code=2).err


WINDOWS, PROCESSES = "maintenancewindows", "maintenanceprocesses"
EVERYWHERE = "at the cluster scope"
FORBIDDEN = (
    'maintenancewindows.fastapi-maintenance.io is forbidden: User "{}" cannot create resource '
    '"maintenancewindows" in API group "fastapi-maintenance.io" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("error", "problem", "mend"),
    [
        (ApiError(401, "Unauthorized"), "does not accept these credentials", "--context NAME"),
        (
            ApiError(403, FORBIDDEN.format("system:serviceaccount:shop:migrate")),
            "a right is missing: maintenancewindows",
            "kubectl -n shop create rolebinding maintenance-migrator "
            "--clusterrole=fastapi-maintenance-migrator --serviceaccount=shop:migrate",
        ),
        (
            ApiError(403, FORBIDDEN.format("system:serviceaccount:ci:deployer")),
            "a right is missing",
            "kubectl -n shop create rolebinding maintenance-migrator "
            "--clusterrole=fastapi-maintenance-migrator --serviceaccount=ci:deployer",
        ),
        (
            ApiError(403, FORBIDDEN.format("bob")),
            "a right is missing",
            "kubectl -n shop create rolebinding maintenance-migrator "
            "--clusterrole=fastapi-maintenance-migrator --user=bob",
        ),
        (
            ApiError(403, FORBIDDEN.format("system:serviceaccount:odd")),
            "a right is missing",
            "--user=system:serviceaccount:odd",
        ),
        (
            ApiError(403, FORBIDDEN.format("bob").replace('in the namespace "shop"', EVERYWHERE)),
            "a right is missing: maintenancewindows",
            "look at one namespace: -n NAMESPACE; or grant it for all: kubectl create "
            "clusterrolebinding maintenance-view --clusterrole=fastapi-maintenance-view --user=bob",
        ),
        (
            ApiError(
                403, FORBIDDEN.format("bob").replace("create", "delete").replace(WINDOWS, PROCESSES)
            ),
            "a right is missing: maintenanceprocesses",
            "no role of the chart lets people strike out a process; administrators may: ask one",
        ),
        (ApiError(404, "404 page not found"), "are not installed here", "crds | kubectl apply"),
        (
            ApiError(404, 'namespaces "shopp" not found'),
            'namespace "shopp" not found',
            "kubectl get namespaces; name one: -n NAMESPACE",
        ),
        (ApiError(422, "spec.apps: Required"), "spec.apps: Required", "kubectl explain"),
        (Unreachable("refused"), "can't be reached: refused", "kubectl cluster-info"),
    ],
)
def test_what_the_api_server_answers_is_told_with_the_command_that_mends_it(
    error: ApiError | Unreachable, problem: str, mend: str
) -> None:
    failure = explain(error)
    assert problem in failure.problem
    assert mend in failure.mend


@pytest.mark.parametrize(
    ("place", "granted"),
    [
        (
            'in the namespace "shop"',
            "kubectl --context 'the far' --kubeconfig /c -n shop create role",
        ),
        (EVERYWHERE, "kubectl --context 'the far' --kubeconfig /c create clusterrolebinding "),
    ],
)
def test_a_right_is_granted_on_the_cluster_that_was_named_but_not_as_who_lacks_it(
    place: str, granted: str
) -> None:
    note_flags(["--context", "the far", "--kubeconfig", "/c", "--as", "bob"])
    try:
        message = FORBIDDEN.format("bob").replace('in the namespace "shop"', place)
        mend = explain(ApiError(403, message)).mend
    finally:
        note_flags([])
    assert granted in mend
    assert "--as " not in mend


def test_what_is_looked_at_and_installed_is_of_the_cluster_that_was_named() -> None:
    note_flags(["--context", "far", "--as", "bob"])
    try:
        mends = [explain(ApiError(404, "404 page not found")).mend, explain(Unreachable("x")).mend]
    finally:
        note_flags([])
    assert "kubectl --context far apply --server-side -f -" in mends[0]
    assert "kubectl --context far cluster-info" in mends[1]


@pytest.mark.skipif(os.name != "posix", reason="`run` needs POSIX")
@pytest.mark.parametrize(
    ("text", "mode", "code", "problem"),
    [
        ("true\n", 0o644, 126, " is not executable\n  make it so: chmod +x "),
        ("true\n", 0o755, 126, ": its first line names no interpreter, such as #!/bin/sh\n"),
        ("", 0o755, 126, ": its first line names no interpreter, such as #!/bin/sh\n"),
        ("#!/bin/sh\r\ntrue\r\n", 0o755, 127, ": its lines end as on Windows\n  convert it: sed "),
        ("#!/no/such/sh\n", 0o755, 127, ": its first line names /no/such/sh, which is not there\n"),
        (None, 0o755, 126, " is a directory\n"),
    ],
)
def test_a_command_that_can_not_be_run_stops_nothing(
    text: str | None, mode: int, code: int, problem: str, tmp_path: Path
) -> None:
    """As a shell has it; no cluster was asked, since none is there."""
    command = tmp_path / "migrate"
    if text is None:
        command.mkdir()
    else:
        command.write_bytes(text.encode())
        command.chmod(mode)
    said = call(["run", "orders", "--duration", "5m", "--", str(command)], code=code)
    assert f"error: {command}{problem}" in said.err
    assert said.err.endswith("nothing was stopped\n")
    if mode == 0o644:
        words = ["run", "orders", "--duration", "5m", "--", "migrate"]
        assert "is not executable" in call(words, code=126, PATH=str(tmp_path)).err
