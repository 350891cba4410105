"""Where things are, for every script here. Importing it makes nothing."""
import os
import pathlib

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
CACHE = SCRIPTS / ".cache"
JARS = f"{CACHE}/jars/*:{CACHE}/java"
GO_BIN = CACHE / "bin"
VENV_PYTHON = CACHE / "python/bin/python"
# Data of test brokers; on a real disk, since the broker writes with O_DIRECT.
SCRATCH = pathlib.Path(os.environ.get("TEST_DIR", CACHE / "data"))
MILLRACE = pathlib.Path(os.environ.get("TEST_BINARY", ROOT / "target/release/millrace"))
BENCH = pathlib.Path(os.environ.get("TEST_BENCH", ROOT / "target/release/millrace-bench"))
# The tests take ports from here upwards; below those that the system gives to connections (from 32768 on).
FIRST_PORT = int(os.environ.get("TEST_PORT", "19100"))
