"""Images: what a Dockerfile says, and the same in an archive."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart import CHART, ROOT, render
from tests.images.archive import Config, Layer, write
from tests.images.dockerfile import Dockerfile

if TYPE_CHECKING:
    from pathlib import Path

OPERATOR, EXAMPLE = ROOT / "operator/Dockerfile", ROOT / "examples/03-pods/Dockerfile"
TEXT = """\
# a remark
FROM one@sha256:abc AS build
RUN tools/first.sh python lock.txt /base
USER root

FROM scratch
COPY --from=build /base /
ENV PATH=/bin \\
    MODE="a b"
LABEL title=x
USER 7:7
EXPOSE 80
ENTRYPOINT ["python", "-m", "it"]
"""


def test_the_last_stage_says_how_an_image_is_run() -> None:
    """Continued lines are one instruction; what another stage says does not count."""
    dockerfile = Dockerfile(TEXT)
    assert dockerfile.bases == ["one@sha256:abc", "scratch"]
    assert dockerfile.runs("first.sh") == ["python", "lock.txt", "/base"]
    assert dockerfile.config() == Config(
        user="7:7",
        entrypoint=("python", "-m", "it"),
        environment={"PATH": "/bin", "MODE": "a b"},
        labels={"title": "x"},
        ports=("80/tcp",),
    )


def test_a_script_that_is_not_run_is_an_error() -> None:
    """Else an image would lack what nobody misses."""
    with pytest.raises(ValueError, match="unpack"):
        Dockerfile(TEXT).runs("second.sh")


def test_an_archive_holds_what_the_specification_asks_for(tmp_path: Path) -> None:
    """Every blob is named by its digest; diff_ids are those of the unpacked layers."""
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "motd").write_text("hello")
    layer = Layer.of(tmp_path / "root")
    archive = write(tmp_path / "it.tar", "example.com/it:1", [layer], Config(user="7"))
    files = read(archive)
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "example.com/it:1"
    manifest = blob(files, entry)
    assert blob(files, manifest["config"])["config"]["User"] == "7"
    (packed,) = (files[path(it)] for it in manifest["layers"])
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        assert [(it.name, it.uid, it.mtime) for it in tar] == [("etc", 0, 0), ("etc/motd", 0, 0)]


def test_the_same_contents_give_the_same_archive(tmp_path: Path) -> None:
    """Whenever, and by whomever, they were written."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("same")
        made.append(write(tmp_path / f"{name}.tar", "it:1", [Layer.of(tmp_path / name)], Config()))
    assert made[0].read_bytes() == made[1].read_bytes()


def test_the_operators_image_is_pinned_small_and_runs_as_nobody() -> None:
    """Base by digest, packages by hash; a number as user, so that Kubernetes can see it."""
    dockerfile = Dockerfile.read(OPERATOR)
    first, last = dockerfile.bases
    assert re.fullmatch(r"debian:bookworm-slim@sha256:[0-9a-f]{64}", first)
    assert last == "scratch"
    assert dockerfile.config().user == "65532:65532"
    installs = [it.rest for it in dockerfile.instructions if "pip install" in it.rest]
    assert installs
    assert all("--require-hashes" in it for it in installs)


def test_the_operators_image_carries_the_charts_version_and_command() -> None:
    """One version for chart, image and package; the chart's command is the image's."""
    config = Dockerfile.read(OPERATOR).config()
    version = config.labels["org.opencontainers.image.version"]
    assert f'\nversion = "{version}"\n' in (ROOT / "pyproject.toml").read_text()
    assert f'\nappVersion: "{version}"\n' in (CHART / "Chart.yaml").read_text()
    (container,) = containers()
    assert container["image"].endswith(f":{version}")
    assert tuple(container["command"]) == config.entrypoint


def test_the_example_runs_two_workers_as_its_probes_expect() -> None:
    """Port and user fit the manifest beside it."""
    config = Dockerfile.read(EXAMPLE).config()
    assert config.command[-2:] == ("--workers", "2")
    assert config.ports == ("8000/tcp",)
    assert "containerPort: 8000" in (EXAMPLE.parent / "orders.yaml").read_text()


def containers() -> list[dict[str, Any]]:
    """The containers of the chart's Deployment."""
    (deployment,) = (item for item in render() if item["kind"] == "Deployment")
    found: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    return found


def read(archive: Path) -> dict[str, bytes]:
    """The files of an archive."""
    with tarfile.open(archive) as tar:
        return {it.name: tar.extractfile(it).read() for it in tar}  # type: ignore[union-attr]


def path(descriptor: dict[str, Any]) -> str:
    """Where a blob is."""
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> dict[str, Any]:
    """A blob of JSON."""
    found: dict[str, Any] = json.loads(files[path(descriptor)])
    return found
