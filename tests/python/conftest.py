"""What the tests share: the program under test, and the recorded data where it is."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("ATS_SHARED_DATA", ROOT.parent / "shared" / "data"))


def ats(*arguments, check=True, **kwargs):
    """Runs the program; the completed process, or a failure that shows its words."""
    program = os.environ.get("ATS", str(ROOT / "build" / "release" / "ats"))
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, **kwargs)
    if check:
        assert done.returncode == 0, f"ats {arguments}: {done.returncode}\n{done.stderr}"
    return done


def data_file(folder, pattern):
    """Recorded files, or a skip that says which are missing."""
    found = sorted((DATA / folder).glob(pattern))
    if not found:
        pytest.skip(f"recorded data is not here: {DATA / folder / pattern}")
    return found


def run_json(directory):
    return json.loads((pathlib.Path(directory) / "run.json").read_text())


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("ats")


@pytest.fixture(scope="session")
def demo_config():
    return (ROOT / "configs" / "demo.yaml").read_text()
