"""The image holds what it should; the broker of the compose file is private."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_broker_of_the_compose_file_is_reached_from_this_machine_only() -> None:
    """Its password stands in the repository."""
    service = yaml.safe_load((ROOT / "deploy" / "rabbitmq.compose.yaml").read_text())["services"]["rabbitmq"]

    assert service["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    readme = (ROOT / "deploy" / "README.md").read_text()
    user = service["environment"]
    assert f"amqp://{user['RABBITMQ_DEFAULT_USER']}:{user['RABBITMQ_DEFAULT_PASS']}@127.0.0.1:5672/" in readme


def test_the_image_copies_all_that_the_component_is_made_of() -> None:
    """A module that is left out is missed only when its message comes."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    component = [each.parent.name for each in ROOT.glob("*/*.py")] + [each.name for each in ROOT.glob("*.py")]
    own = set(component) - {"scripts", "tests", "bench", "examples"}
    assert {"actions", "triggers", "rest", "verify_credentials.py"} <= own
    assert [name for name in sorted(own) if f"COPY {name}" not in dockerfile and f" {name} " not in dockerfile] == []
    assert [name for name in sorted(own) if f"!{name}" not in ignored] == []


IGNORE_FILES = [
    ROOT / ".dockerignore",
    *ROOT.glob("examples/*/.dockerignore"),
    *ROOT.glob("lib/**/dot_dockerignore.tmpl"),
]
CREDENTIALS = [
    *(".env", ".env.local", ".env.example", "prod.env", ".envrc", ".netrc", ".npmrc", ".pypirc", ".git/config"),
    *("account.keys.json", "a.keys.json.bak", ".account.keys.json.12-a.tmp", "cfg.json", "credentials.json"),
    *("server.pem", "server.key", "server.p12", "id_rsa", "id_ed25519", "client_secret_1.json", "token.json"),
    *("service-account.json", "session.har", "debug.log", ".send.py.swp", "send.py~", ".vscode/settings.json"),
]


def gets_in(ignore_file: Path, name: str) -> bool:
    """Return whether a file gets into the build: the last pattern that matches the file or one of its folders decides.

    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    is_in = True
    parents = [name, *map(str, PurePosixPath(name).parents)][:-1]  # without the root
    for line in ignore_file.read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern and not pattern.startswith("#"):
            shape = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(shape, each) for each in parents):
                is_in = line.startswith("!")
    return is_in


@pytest.mark.parametrize("file", IGNORE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_credentials_get_into_the_build(file: Path) -> None:
    """Wherever they lie in the folder of the component."""
    folders = ["", "actions/", "triggers/deep/er/", *(["lib/shipmate/"] if file.parent == ROOT else [])]
    assert gets_in(file, "actions/send.py")
    assert [folder + name for folder in folders for name in CREDENTIALS if gets_in(file, folder + name)] == []
    assert not gets_in(file, "README.txt")


@pytest.mark.parametrize("file", [each for each in IGNORE_FILES if each.name == ".dockerignore"])
def test_all_code_of_a_component_gets_into_the_build(file: Path) -> None:
    """No pattern for credentials takes a module, a schema or a template with it."""
    root = file.parent
    wanted = [line[1:] for line in file.read_text().splitlines() if line.startswith("!")]
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files", "--", *wanted], cwd=root, capture_output=True, text=True, check=True)
    files = listed.stdout.splitlines()
    assert len(files) > 5
    assert [name for name in files if not gets_in(file, name)] == []


REQUIREMENTS = [*ROOT.glob("requirements*.txt"), *ROOT.glob("examples/*/requirements.txt")]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_has_a_version_and_hashes(file: Path) -> None:
    """Then pip installs no other file of that name and version."""
    lines = re.sub(r"\\\n", "", file.read_text()).splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert packages
    pinned = re.compile(r"[\w.\[\]-]+==\S+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert [line for line in packages if not pinned.fullmatch(line)] == []


def test_every_package_is_installed_by_its_hash() -> None:
    """Without an isolated build, for which pip fetches packages without hashes."""
    for file in DOCKERFILES:
        installs = re.findall(r"pip install ((?:.|\\\n)+)", file.read_text())
        for each in installs:
            is_local = "--no-deps --no-build-isolation ." in each
            assert is_local or "--require-hashes" in each or "hashed" in each, f"{file}: {each}"


@pytest.mark.parametrize("file", [*ROOT.glob(".github/**/*.yml"), *ROOT.glob("lib/**/dot_github/**/*.tmpl")])
def test_actions_are_named_by_commit(file: Path) -> None:
    """A tag can move to other code."""
    used = re.findall(r"uses: (\S+)", file.read_text())
    others = [name for name in used if not name.startswith("./")]
    assert [name for name in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


DOCKERFILES = [ROOT / "Dockerfile", *ROOT.glob("examples/*/Dockerfile"), *ROOT.glob("lib/**/Dockerfile.tmpl")]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_image_prints_nothing_but_what_its_command_prints(file: Path) -> None:
    """Standard output of ``docker run -i IMAGE shipmate exec ...`` is events; ``tini -v`` writes there as well."""
    text = file.read_text()
    entrypoint, command = (re.findall(rf"^{name} (.+)$", text, re.MULTILINE) for name in ("ENTRYPOINT", "CMD"))
    assert [json.loads(line) for line in entrypoint] == [["tini", "-e", "143", "--"]]
    assert [json.loads(line) for line in command] == [["shipmate", "run"]]


def test_every_image_starts_from_the_same_digest() -> None:
    """In a line that Dependabot renews: it does not look into build arguments."""
    bases = [re.findall(r"^FROM (\S+)(?: AS (\S+))?$", file.read_text(), re.MULTILINE) for file in DOCKERFILES]
    arguments = [re.findall(r"^ARG BASE_IMAGE=(\S+)$", file.read_text(), re.MULTILINE) for file in DOCKERFILES]

    assert arguments == [["pinned-python"]] * len(DOCKERFILES)
    assert {tuple(each) for each in bases} == {
        (bases[0][0], ("${BASE_IMAGE}", "builder"), ("${BASE_IMAGE}", "")),
    }
    assert bases[0][0][1] == "pinned-python"
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", bases[0][0][0])


def test_every_image_has_its_bill_of_materials_where_its_label_says() -> None:
    """Made after the last file was copied."""
    for file in DOCKERFILES:
        text = file.read_text()
        (label,) = re.findall(r'shipmate\.sbom="(\S+)"', text)
        assert label == "/app/sbom.cdx.json"
        assert text.index("WORKDIR /app") < text.rindex("\nCOPY") < text.index("shipmate sbom --output sbom.cdx.json")


def test_a_release_is_published_by_a_job_that_runs_no_code_of_the_repository() -> None:
    """It may sign in at the index: the files come from the job that has checked and attested them."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    publish = jobs["publish"]

    assert (publish["needs"], publish["environment"], publish["if"]) == ("build", "pypi", "github.ref_type == 'tag'")
    assert publish["permissions"] == {"id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact", "pypa/gh-action-pypi-publish",
    ]  # fmt: skip
    assert jobs["build"]["needs"] == "check"
    assert "attest-build-provenance" in str(jobs["build"]["steps"])


@pytest.mark.parametrize("file", [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("lib/**/workflows/*.tmpl")])
def test_a_workflow_may_only_read_unless_a_job_needs_more(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}


def test_all_images_are_looked_at() -> None:
    """Guards the test above: the reference component, the examples, and what ``shipmate new`` writes."""
    assert len(DOCKERFILES) == 4


def test_ci_runs_the_oldest_and_the_newest_python_that_are_promised() -> None:
    """The job of the checks does nothing but ``.ci/run``, which anybody can run."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    promised = [each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each]
    (versions,) = re.findall(r"^ +python: (\[.*\])$", workflow, re.MULTILINE)

    assert json.loads(versions) == [promised[0], promised[-1]]
    assert re.findall(r"^ +- run: (.*)$", workflow.partition("\n  coverage:\n")[0], re.MULTILINE)[-1] == ".ci/run"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
