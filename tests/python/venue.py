"""A venue server for a test: started on free ports, stopped by its own process id, its last words kept."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

from conftest import ROOT

KEY, SECRET = "PKTEST", "not a secret"


class Venue:
    def __init__(self, process, words):
        self.process, self.words = process, words
        self.rest = re.search(r"^rest +(\S+)$", words, re.M)[1]
        self.stream = re.search(r"^stream +(\S+)/stream,", words, re.M)[1]

    def end(self):
        """Interrupts it; what it has said in all."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        self.words += out
        assert self.process.returncode == 0, self.words + err
        return self.words


@contextlib.contextmanager
def venue(capture, *options):
    program = os.environ.get("ATS", str(ROOT / "build" / "release" / "ats"))
    command = [program, "venue", "--port", "0", "--stream-port", "0", "--key", KEY, "--secret", SECRET]
    process = subprocess.Popen([*command, *map(str, options), str(capture)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    words = ""
    while not re.search(r"^sockets .*\n", words, re.M):
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the venue did not start: {words}{process.communicate()[1]}")
        words += line
    running = Venue(process, words)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
