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
    ("2609-01-01,a.json\n", "is no time"),
    ("".join(f"2024-01-{1 + i // 24:02}T{i % 24:02}:00:00Z,a.json\n" for i in range(256)), "more than 255 models"),
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


@pytest.mark.parametrize("settings", [{"ATS_MODEL_ISA": "portable"}, {"ATS_MODEL_INCREMENTAL": "true"},
                                      {"ATS_MODEL_INCREMENTAL": "true", "ATS_MODEL_BATCH_LIMIT": 1},
                                      *({"ATS_MODEL_BATCH_LIMIT": n} for n in (1, 65, 256)), {"ATS_MODEL_BACKEND": "cpu"}],
                         ids=lambda s: " ".join(f"{k[10:].lower()}={v}" for k, v in s.items()))
def test_how_it_is_scored_changes_no_decision(days, tmp_path, settings):
    if not (days / "standard").exists():
        run(days, "standard", ATS_MODEL_PATH=days / "a.json")
    ats("replay", "-q", "-c", ROOT / "configs/demo.yaml", "--run-dir", tmp_path / "other", days / "two.cap",
        ATS_MODEL_PATH=days / "a.json", **settings)
    standard, other = (json.loads((f / "run.json").read_text()) for f in (days / "standard", tmp_path / "other"))
    assert other["digest"] == standard["digest"] and other["infer"]["rows"] == standard["infer"]["rows"]


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
    shut = run(days, "shut", ATS_MODEL_PATH=path, ATS_STRATEGIES_MODEL_MIN_CONFIDENCE="0.61")
    half = run(days, "half", ATS_MODEL_PATH=path, ATS_STRATEGIES_MODEL_MIN_CONFIDENCE="0.6")
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


class Live:
    """A paced run whose model file may be replaced; events of its log are waited for, never seconds."""

    def __init__(self, days, name, speed="20x"):
        self.model, self.folder, self.days = days / f"{name}-live.json", days / name, days
        self.model.write_bytes((days / "a.json").read_bytes())
        self.process = subprocess.Popen([ATS, "replay", "-q", "-c", ROOT / "configs/demo.yaml", "--speed", speed, "--run-dir",
                                         self.folder, days / "two.cap"], env={**os.environ, "ATS_MODEL_PATH": str(self.model)})

    def events(self, name):
        log = self.folder / "log.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [e for e in map(json.loads, filter(lambda line: line.endswith("}"), lines)) if e["event"] == name]

    def wait_for(self, name, count=1):
        end = time.monotonic() + 120
        while len(self.events(name)) < count:
            assert time.monotonic() < end and self.process.poll() is None, (name, count)
            time.sleep(0.02)

    def swap(self, source, in_place=False):
        """In one step, as the manual asks; or over the file that is being read."""
        count = len(self.events("model.sent")) + len(self.events("model.refused"))
        content = source if isinstance(source, bytes) else (self.days / source).read_bytes()
        if in_place:
            self.model.write_bytes(content)
        else:
            fresh = self.model.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.rename(self.model)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 120
        while len(self.events("model.sent")) + len(self.events("model.refused")) == count:
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.02)

    def end(self):
        """Stops the run as Ctrl-C does, and repeats it."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(120) == 130
        return json.loads((self.folder / "run.json").read_text())


@pytest.fixture
def live(days, request):
    runs = []

    def start(name, **options):
        runs.append(Live(days, name, **options))
        runs[-1].wait_for("run.start")
        return runs[-1]
    yield start
    for run_ in runs:
        run_.process.kill()


def test_a_file_that_is_replaced_takes_over_on_a_signal(days, live):
    run_ = live("swapped")
    run_.swap(b"{}", in_place=True)
    run_.swap("b.json")
    run_.swap("a.json")
    assert len(run_.events("model.refused")) == 1 and "XGBoost" in run_.events("model.refused")[0]["why"]
    assert len(run_.events("model.sent")) == 2
    first = run_.end()
    models = first["infer"]["models"]
    assert [m["id"] for m in models] == [1, 2, 3][:len(models)] and len(models) >= 2
    again = repeat(days, "swapped")
    assert again["digest"] == first["digest"]
    assert [m["rows"] for m in again["infer"]["models"]] == [m["rows"] for m in models]


def test_a_model_of_other_features_is_refused_and_the_run_can_be_repeated(days, live, tmp_path):
    document = json.loads((days / "a.json").read_text())
    document["learner"]["attributes"]["ats_feature_version"] = "0123456789abcdef"
    run_ = live("unfit")
    run_.swap(json.dumps(document).encode())
    run_.swap("b.json")
    assert "0123456789abcdef" in run_.events("model.refused")[0]["why"]
    first = run_.end()
    assert repeat(days, "unfit")["digest"] == first["digest"]


def test_a_file_that_is_written_over_while_it_is_read_ends_nothing(days, live):
    run_ = live("trampled", speed="5x")
    for i in range(20):
        run_.swap(("a.json", "b.json")[i % 2], in_place=True)
        run_.model.write_bytes(b"")
    first = run_.end()
    assert repeat(days, "trampled")["digest"] == first["digest"]


def test_a_signal_before_the_run_begins_waits(days):
    for delay in (0, 0.001, 0.003, 0.01, 0.03):
        process = subprocess.Popen([ATS, "replay", "-q", "-c", ROOT / "configs/demo.yaml", "--run-dir", days / f"early-{delay}",
                                    days / "two.cap"], env={**os.environ, "ATS_MODEL_PATH": str(days / "a.json")})
        end = time.monotonic() + 30
        while "exe" not in os.listdir(f"/proc/{process.pid}") or os.readlink(f"/proc/{process.pid}/exe") != os.path.realpath(ATS):
            assert time.monotonic() < end
        while not int(next(line.split()[1] for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
                           if line.startswith("SigCgt")), 16) & 1 << (signal.SIGUSR1 - 1):
            assert time.monotonic() < end and process.poll() is None  # before main there is no handler to have
        time.sleep(delay)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(120) == 0


def test_what_a_tape_commands_must_be_the_same_file(days):
    (days / "schedule.csv").write_text("2024-01-03,a.json\n2024-01-03T14:35:00Z,b.json\n")
    run(days, "commanding", ATS_MODEL_SCHEDULE=days / "schedule.csv")
    (days / "swapped.csv").write_text("2024-01-03,b.json\n2024-01-03T14:35:00Z,a.json\n")
    other = run(days, "obeying", day="commanding/tape/chain.cap", ATS_MODEL_SCHEDULE=days / "swapped.csv")
    assert other["infer"]["commands_refused"] == 2 and any(w.startswith("model_unknown") for w in other["warnings"])
    kept = next((days / "commanding/models").glob("*.json"))
    kept.write_bytes((days / "a.json").read_bytes() + b"\n")
    done = ats("replay", "-q", "--run", days / "commanding", code=4)
    assert "is not the file that the run used" in done.stderr


def test_a_run_without_a_model_and_one_of_an_older_layout_are_repeated(days):
    first = run(days, "modelless")
    assert repeat(days, "modelless")["digest"] == first["digest"]
    first = run(days, "older", ATS_MODEL_PATH=days / "a.json")
    (days / "older/models/index.csv").unlink()
    assert repeat(days, "older")["digest"] == first["digest"]


def test_a_fifo_is_no_model(days, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    done = ats("models", "show", tmp_path / "pipe.json", code=4)
    assert "not a file" in done.stderr


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
