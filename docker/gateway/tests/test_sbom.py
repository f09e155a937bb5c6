"""The bill of materials names what is installed. Only in the image, where there is one."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

import pytest

SBOM = Path("/usr/share/lm-sandbox/sbom.json")
SITE = sorted(Path("/opt/lm-sandbox/venv/lib").glob("python3*/site-packages"))

pytestmark = pytest.mark.skipif(not SBOM.exists(), reason="no image: its build writes the bill of materials")


@pytest.fixture(scope="module")
def purls() -> set[str]:
    document = json.loads(SBOM.read_text("utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = [component["purl"] for component in document["components"]]
    assert len(found) == len(set(found)), "a reference must be unique"
    return set(found)


def test_every_python_library_of_the_gateway_is_named_with_its_version(purls: set[str]) -> None:
    installed = {
        f"pkg:pypi/{re.sub('[-_.]+', '-', found.metadata['Name']).lower()}@{found.version}"
        for found in importlib.metadata.distributions(path=[str(SITE[0])])
    }
    assert len(installed) > 10
    assert {purl for purl in purls if purl.startswith("pkg:pypi/")} == installed


def test_every_installed_debian_package_is_named_with_its_version(purls: set[str]) -> None:
    said = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    named = {
        tuple(
            re.split(
                "[@?]", purl.rpartition("/")[2].replace("%2B", "+").replace("%3A", ":").replace("%7E", "~")
            )
        )[:2]
        for purl in purls
        if purl.startswith("pkg:deb/")
    }
    installed = {tuple(line.split(" ")) for line in said.stdout.splitlines()}
    assert len(installed) > 50
    assert installed <= named


def test_the_runtimes_and_what_they_are_made_of_are_named(purls: set[str]) -> None:
    said = subprocess.run(["ollama", "--version"], capture_output=True, text=True, check=True)
    version = said.stdout.split()[-1]
    assert f"pkg:github/ollama/ollama@v{version}" in purls
    assert [purl for purl in purls if purl.startswith("pkg:github/ggml-org/llama.cpp@")]
    assert [purl for purl in purls if purl.startswith("pkg:golang/github.com/gin-gonic/gin@")]
    copied = sorted(Path("/usr/share/lm-sandbox/packages").glob("*.tsv"))
    assert copied
    for line in "".join(path.read_text("utf-8") for path in copied).splitlines():
        name = line.split("\t")[0].replace("+", "%2B")
        assert [purl for purl in purls if f"/{name}@" in purl], line
