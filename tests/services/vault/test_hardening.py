"""A process of the vault cannot be dumped, and others may not look into it."""

import json
import subprocess
import sys

PROGRAM = """
import json, resource
from haat.services.vault.hardening import harden
done = harden()
dumpable = __import__("ctypes").CDLL(None).prctl(3, 0, 0, 0, 0)
print(json.dumps([done["no_core"], done["not_dumpable"], resource.getrlimit(resource.RLIMIT_CORE), dumpable]))
"""


def test_no_core_is_written_and_memory_is_closed():
    said = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
    assert json.loads(said.splitlines()[-1]) == [True, True, [0, 0], 0]
