"""Models of a run as a user meets them: a schedule, a model on trial, an ensemble, a file that is replaced while a run goes
on; each repeated from the run's own directory with the same digest."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ATS = os.environ.get("ATS", str(ROOT / "build/release/ats"))
DAY2 = "1704292200"  # 2024-01-03 14:30 UTC


def ats(*arguments, code=0, **environment):
    done = subprocess.run([ATS, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **{k: str(v) for k, v in environment.items()}})
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    ats("synth", "-q", "-o", folder / "one.cap", "--seed", 1, "--duration", "20m", "--signal", 400)
    ats("synth", "-q", "-o", folder / "two.cap", "--seed", 2, "--duration", "10m", "--signal", 400, "--start", DAY2)
    for name, horizon in (("a", "500ms"), ("b", "1s")):
        ats("train", "-q", "-o", folder / f"{name}.json", "--trees", 20, "--horizon", horizon, "--stride", 2, folder / "one.cap")
    return folder


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    monkeypatch.setenv("ATS_CACHE_DIR", "")


def run(folder, name, day="two.cap", speed=None, **environment):
    ats("replay", "-q", "-c", ROOT / "configs/demo.yaml", "--run-dir", folder / name, *(["--speed", speed] if speed else []),
        folder / day, **environment)
    return json.loads((folder / name / "run.json").read_text())


def repeat(folder, name):
    ats("replay", "-q", "--run", folder / name, "--run-dir", folder / f"{name}-again")
    return json.loads((folder / f"{name}-again/run.json").read_text())


def test_a_schedule_changes_the_model_at_its_times(days):
    (days / "schedule.csv").write_text("# when,what\n2024-01-01,a.json\n2024-01-03T14:35:00Z,b.json\n")
    first = run(days, "scheduled", ATS_MODEL_SCHEDULE=days / "schedule.csv")
    models = first["infer"]["models"]
    assert [m["id"] for m in models] == [1, 2] and first["infer"]["model_changes"] == 1
    assert models[1]["from"] == "2024-01-03T14:35:00.000000000Z"
    assert sum(m["rows"] for m in models) == first["infer"]["rows"] == first["decisions"]["signals"]
    assert sum(first["infer"]["batches_by_rows"].values()) > 0
    for again in (repeat(days, "scheduled"), repeat(days, "scheduled-again")):
        assert again["digest"] == first["digest"] and again["infer"]["models"] == models
    one, other = (run(days, f"only-{m}", ATS_MODEL_PATH=days / f"{m}.json") for m in "ab")
    assert len({first["digest"], one["digest"], other["digest"]}) == 3
    fused = json.loads(ats("replay", "--json", "--fused", "-c", ROOT / "configs/demo.yaml", "--run-dir", days / "fused",
                           days / "two.cap", ATS_MODEL_SCHEDULE=days / "schedule.csv").stdout)
    assert fused["digest"] == first["digest"]


def test_the_tape_shows_the_change_where_it_was(days):
    (days / "schedule.csv").write_text("2024-01-03,a.json\n2024-01-03T14:35:00Z,b.json\n")
    run(days, "taped", ATS_MODEL_SCHEDULE=days / "schedule.csv")
    lines = ats("capture", "cat", "--kind", "control", "--jsonl", days / "taped/tape/chain.cap").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["model_id"] for r in records] == [1, 2] and {r["code"] for r in records} == {"model"}
    names = {p.stem for p in (days / "taped/models").glob("*.json")}
    assert {r["model_sha256"] for r in records} == names


@pytest.mark.parametrize("text, says", [
    ("yesterday,a.json\n", "is no time"),
    ("2024-01-03\n", "want a time, a comma and a model file"),
    ("2024-01-03,none.json\n", "No such file"),
    ("2024-01-03,a.json\n2024-01-02,b.json\n", "earlier than the line before"),
    ("# nothing\n", "names no model"),
])
def test_a_schedule_with_a_slip_is_refused(days, text, says):
    (days / "slip.csv").write_text(text)
    done = subprocess.run([ATS, "replay", "-c", ROOT / "configs/demo.yaml", days / "two.cap"], capture_output=True, text=True,
                          env={**os.environ, "ATS_MODEL_SCHEDULE": str(days / "slip.csv")})
    assert done.returncode == 4 and says in done.stderr


def test_a_model_on_trial_is_compared_and_decides_nothing(days):
    alone = run(days, "alone", ATS_MODEL_PATH=days / "a.json")
    beside = run(days, "beside", ATS_MODEL_PATH=days / "a.json", ATS_MODEL_SHADOW=days / "b.json")
    assert alone["shadow"] is None and beside["digest"] == alone["digest"]
    shadow = beside["shadow"]
    assert shadow["rows"] == beside["infer"]["rows"] and shadow["dropped"] == 0
    assert -1 <= shadow["correlation"] < 1 and shadow["both_entries"] <= min(shadow["live_entries"], shadow["shadow_entries"])
    same = run(days, "same", ATS_MODEL_PATH=days / "a.json", ATS_MODEL_SHADOW=days / "a.json")["shadow"]
    assert same["correlation"] == pytest.approx(1) and same["largest_difference"] == 0
    assert same["live_entries"] == same["shadow_entries"] == same["both_entries"] and same["opposed_entries"] == 0
    assert repeat(days, "beside")["shadow"] == shadow
    assert "Model on trial" in (days / "beside/report.html").read_text()


def ensemble(folder, weights, calibration=None):
    members = [{"weight": w, "name": n, "model": base64.b64encode((folder / n).read_bytes()).decode()} for n, w in weights.items()]
    path = folder / "ensemble.json"
    path.write_text(json.dumps({"ats_model": 1, "members": members, **({"calibration": calibration} if calibration else {})}))
    return path


def test_an_ensemble_is_one_file(days):
    both = run(days, "both", ATS_MODEL_PATH=ensemble(days, {"a.json": 2, "b.json": 1}))
    assert both["model"]["members"] == 2 and both["model"]["trees"] == 40 and not both["model"]["calibrated"]
    assert repeat(days, "both")["digest"] == both["digest"]
    alone, twin = run(days, "a", ATS_MODEL_PATH=days / "a.json"), run(days, "twin", ATS_MODEL_PATH=ensemble(days, {"a.json": 5}))
    assert twin["digest"] == alone["digest"], "one member alone scores as it does"


def test_confidence_can_keep_it_out(days):
    table = {"score": [-1.0, 1.0], "chance": [0.4, 0.6]}
    path = ensemble(days, {"a.json": 1}, table)
    free = run(days, "free", ATS_MODEL_PATH=path)
    shut = run(days, "shut", ATS_MODEL_PATH=path, ATS_STRATEGY_MIN_CONFIDENCE="0.61")
    half = run(days, "half", ATS_MODEL_PATH=path, ATS_STRATEGY_MIN_CONFIDENCE="0.6")
    assert free["model"]["calibrated"] and free["decisions"]["orders"] > half["decisions"]["orders"] > 0
    assert shut["decisions"]["orders"] == 0


@pytest.mark.parametrize("change, says", [
    (lambda d: d.update(ats_model=2), "only \"ats_model\": 1"),
    (lambda d: d.update(members=[]), "0 members"),
    (lambda d: d["members"][0].pop("weight"), "no weight"),
    (lambda d: d["members"][0].update(weight=-1), "not above 0"),
    (lambda d: d["members"][0].update(model="!"), "no base64"),
    (lambda d: d["members"][0].update(model="e30="), "cannot be used"),
    (lambda d: d.update(calibration={"score": [0, 0], "chance": [0, 1]}), "no rising table"),
    (lambda d: d.update(calibration={"score": [0], "chance": ["x"]}), "is no number"),
])
def test_a_damaged_ensemble_is_refused(days, change, says):
    document = json.loads(ensemble(days, {"a.json": 1}).read_text())
    change(document)
    (days / "damaged.json").write_text(json.dumps(document))
    done = subprocess.run([ATS, "replay", "-c", ROOT / "configs/demo.yaml", days / "two.cap"], capture_output=True, text=True,
                          env={**os.environ, "ATS_MODEL_PATH": str(days / "damaged.json")})
    assert done.returncode == 4 and says in done.stderr, done.stderr


def test_a_file_that_is_replaced_takes_over_on_a_signal(days):
    live, folder = days / "live.json", days / "swapped"
    live.write_bytes((days / "a.json").read_bytes())
    process = subprocess.Popen([ATS, "replay", "-q", "-c", ROOT / "configs/demo.yaml", "--speed", "60x", "--run-dir", folder,
                                days / "two.cap"], env={**os.environ, "ATS_MODEL_PATH": str(live)})
    try:
        def logged(event):
            log = folder / "log.jsonl"
            return log.exists() and any(json.loads(line)["event"] == event for line in log.read_text().splitlines() if line)

        def wait_for(event):
            end = time.monotonic() + 60
            while not logged(event):
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.05)
        wait_for("run.start")
        time.sleep(1)
        live.write_bytes(b"{}")
        process.send_signal(signal.SIGUSR1)
        wait_for("model.refused")
        live.write_bytes((days / "b.json").read_bytes())
        process.send_signal(signal.SIGUSR1)
        wait_for("model.sent")
        assert process.wait(120) == 0
    finally:
        process.kill()
    first = json.loads((folder / "run.json").read_text())
    assert [m["id"] for m in first["infer"]["models"]] == [1, 2]
    assert all(m["rows"] > 0 for m in first["infer"]["models"])
    again = repeat(days, "swapped")
    assert again["digest"] == first["digest"]
    assert [m["rows"] for m in again["infer"]["models"]] == [m["rows"] for m in first["infer"]["models"]]


def test_a_compiled_model_is_kept_by_its_hash(days, tmp_path):
    def once(name):
        return run(days, name, ATS_MODEL_PATH=ensemble(days, {"a.json": 2, "b.json": 1}), ATS_CACHE_DIR=tmp_path / "deep/cache")
    plain = run(days, "uncached", ATS_MODEL_PATH=ensemble(days, {"a.json": 2, "b.json": 1}))
    first = once("cached-1")
    files = sorted((tmp_path / "deep/cache").iterdir())
    assert len(files) == 2 and all(f.suffix == ".forest" for f in files)
    seconds = {f: f.stat().st_mtime_ns for f in files}
    second = once("cached-2")
    assert {f: f.stat().st_mtime_ns for f in files} == seconds, "nothing was written again"
    assert plain["digest"] == first["digest"] == second["digest"] and second["model"] == plain["model"]
    whole = files[0].read_bytes()
    for damage in (b"", whole[:-64], whole[:100], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
                   bytes(400) + whole[400:], whole + bytes(64)):
        files[0].write_bytes(damage)
        assert once(f"damaged-{len(damage)}-{damage[:1].hex()}")["digest"] == plain["digest"]
        assert files[0].read_bytes() == whole, "made anew"
        subprocess.run(["rm", "-rf", str(days / f"damaged-{len(damage)}-{damage[:1].hex()}")], check=True)


def test_the_cache_forgets_its_oldest(days, tmp_path):
    for i in range(256):
        (tmp_path / f"{i:064x}.forest").write_bytes(b"")
        os.utime(tmp_path / f"{i:064x}.forest", (i + 1, i + 1))
    run(days, "full-cache", ATS_MODEL_PATH=days / "a.json", ATS_CACHE_DIR=tmp_path)
    names = {f.name for f in tmp_path.iterdir()}
    assert len(names) == 256 and f"{0:064x}.forest" not in names and f"{1:064x}.forest" in names


def test_a_cache_that_cannot_be_is_none(days):
    run(days, "no-cache", ATS_MODEL_PATH=days / "a.json", ATS_CACHE_DIR="/proc/none")
