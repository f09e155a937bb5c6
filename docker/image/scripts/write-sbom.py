"""write-sbom.py SITE-PACKAGES OUTPUT.json: the image's bill of materials, CycloneDX 1.6.

Standard library only, and the same file for the same content: it has no time and no random number, so that
a build that changes nothing makes no new layer. https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

COPIED_PACKAGES = Path("/usr/share/lm-sandbox/packages")
GO_MAGIC = b"\xff Go buildinf:"
GO_HEADER_BYTES = 32
GO_SENTINEL_BYTES = 16

type Component = dict[str, object]


def main() -> None:
    site, output = sys.argv[1:]
    components = sorted(
        [*runtimes(), *debian_packages(), *copied_packages(), *python_libraries(Path(site)), *go_modules()],
        key=lambda component: str(component["bom-ref"]),
    )
    # One of the same reference: a package of the base that was also copied from a stage of it.
    unique = list({str(component["bom-ref"]): component for component in components}.values())
    content = json.dumps(unique, sort_keys=True)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "lm-sandbox", "bom-ref": "lm-sandbox"}},
        "components": unique,
    }
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def component(kind: str, name: str, version: str, purl: str, **more: object) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def runtimes() -> Iterator[Component]:
    """The two model servers, by what they say of themselves."""
    for name, command, pattern, purl in (
        ("ollama", "ollama", r"version is (\S+)", "pkg:github/ollama/ollama@v{}"),
        ("llama.cpp", "llama-server", r"version: (\S+)", "pkg:github/ggml-org/llama.cpp@{}"),
    ):
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
        found = re.search(pattern, said.stdout + said.stderr)
        if found is None:
            sys.exit(f"{command} --version names no version: {said.stdout}{said.stderr}")
        version = found[1].strip()
        yield component("application", name, version, purl.format(quote(version, safe="")))


def debian_packages() -> Iterator[Component]:
    said = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\t${Architecture}\n"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    yield from from_package_list(said.stdout)


def copied_packages() -> Iterator[Component]:
    """Packages of other stages, whose files were copied (record-packages.sh)."""
    for path in sorted(COPIED_PACKAGES.glob("*.tsv")):
        yield from from_package_list(path.read_text("utf-8"))


def from_package_list(listed: str) -> Iterator[Component]:
    distribution = distribution_name()
    for line in listed.splitlines():
        name, version, architecture = line.split("\t")
        purl = f"pkg:deb/{distribution}/{quote(name, safe='')}@{quote(version, safe='')}?arch={architecture}"
        yield component("library", name, version, purl)


def distribution_name() -> str:
    found = re.search(r"^ID=\"?([a-z0-9]+)", Path("/etc/os-release").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "debian"


def python_libraries(site: Path) -> Iterator[Component]:
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        # Older libraries have the whole text of their licence in "License".
        expression = distribution.metadata.get("License-Expression")
        licence: Component = {"licenses": [{"expression": expression}]} if expression else {}
        yield component(
            "library", name, distribution.version, f"pkg:pypi/{name}@{distribution.version}", **licence
        )


def go_modules() -> Iterator[Component]:
    """The Go modules in the program `ollama`, from the list that the compiler puts into every program."""
    path = Path(subprocess.run(["which", "ollama"], capture_output=True, text=True, check=True).stdout.strip())
    program = path.read_bytes()
    start = program.find(GO_MAGIC)
    if start < 0:
        sys.exit(f"{path} has no list of Go modules")
    go_version, rest = go_string(program, start + GO_HEADER_BYTES)
    modules, _ = go_string(program, rest)
    version = go_version.decode().removeprefix("go").split()[0]
    yield component("library", "go", version, f"pkg:generic/go@{quote(version)}")
    for line in modules[GO_SENTINEL_BYTES:-GO_SENTINEL_BYTES].decode().splitlines():
        kind, _, text = line.partition("\t")
        if kind in ("dep", "=>"):
            name, version = text.split("\t")[:2]
            yield component("library", name, version, f"pkg:golang/{quote(name)}@{quote(version, safe='')}")


def go_string(program: bytes, at: int) -> tuple[bytes, int]:
    """A length in base 128, then that many bytes; and where it ends."""
    length = shift = 0
    while True:
        byte = program[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return program[at : at + length], at + length


main()
