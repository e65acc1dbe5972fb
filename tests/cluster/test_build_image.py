#!/usr/bin/env python3
"""tools/build_image.py and its Debian base: what they read, when they build again, and what they say on failure.

Run as root: python3 tests/cluster/test_build_image.py
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import debian_base  # noqa: E402

CONTAINERFILE = """ARG BASE=debian:12-slim
FROM ${BASE} AS build
ARG WORD=none
COPY greeting /in/greeting
RUN test ! -e /in/other && cat /in/greeting /etc/debian_version > /greeting && echo "$WORD" > /word
FROM scratch AS final
COPY --from=build /greeting /word /
USER 65532:65532
FROM final AS unused
COPY missing /
"""


class Sources(unittest.TestCase):
    def read(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "sources.list.d").mkdir()
            for name, text in files.items():
                (Path(folder) / name.replace("__", "/").replace("_", ".")).write_text(text)
            return debian_base.machine_sources(Path(folder))

    def test_one_line_format_with_options_and_comments(self):
        text = ("deb [arch=amd64 signed-by=/k.gpg] http://a.test/debian bookworm main contrib # x\n"
                "deb-src http://a.test/debian bookworm main\n#deb http://b.test/debian bookworm main\n")
        self.assertEqual(self.read(sources_list=text), [("http://a.test/debian", "bookworm", "main contrib")])

    def test_stanzas_and_no_third_party_suites(self):
        text = ("Types: deb\n# a comment\nURIs: http://a.test/debian\nSuites: bookworm bookworm-updates\n"
                "Components: main\n\nTypes: deb\nURIs: http://x.test\nSuites: nodistro cloud-bookworm\n"
                "Components: main\n\nTypes: deb\nEnabled: no\nURIs: http://y.test\nSuites: bookworm\n"
                "Components: main\n")
        self.assertEqual(self.read(sources_list_d__debian_sources=text), [
            ("http://a.test/debian", "bookworm", "main"), ("http://a.test/debian", "bookworm-updates", "main")])

    def test_a_machine_without_debian_12_sources_is_told_what_is_missing(self):
        with self.assertRaisesRegex(debian_base.BaseError, "bookworm"):
            self.read(sources_list="deb http://a.test trixie main\n")


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "greeting").write_text("hello ")
        (self.folder / "other").write_text("not an input")
        (self.folder / "Containerfile").write_text(CONTAINERFILE)

    def build(self, *more):
        return subprocess.run(
            [sys.executable, str(ROOT / "tools/build_image.py"), "--containerfile", str(self.folder / "Containerfile"),
             "--tag", "localhost/build-image-test:x", "--out", str(self.folder / "out.tar"), "--input", "greeting",
             *more],
            capture_output=True, text=True, check=False)

    def content(self):
        with tarfile.open(self.folder / "out.tar") as outer:
            manifest = json.load(outer.extractfile("manifest.json"))[0]
            config = json.load(outer.extractfile(manifest["Config"]))
            files = {}
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                    files.update({member.name.lstrip("./"): inner.extractfile(member).read().decode()
                                  for member in inner if member.isfile()})
        return manifest["RepoTags"], config["config"].get("User"), files

    def test_target_inputs_arguments_and_incremental_builds(self):
        arguments = ["--target", "final", "--build-arg", "WORD=one"]
        done = self.build(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("MB unpacked", done.stdout)
        tags, user, files = self.content()
        self.assertEqual((tags, user), (["localhost/build-image-test:x"], "65532:65532"))
        self.assertEqual(files["word"], "one\n")
        self.assertRegex(files["greeting"], r"^hello 12\.\d+\n$")

        (self.folder / "other").write_text("a file that is no input does not matter")
        self.assertIn("unchanged", self.build(*arguments).stdout)
        (self.folder / "greeting").write_text("good morning ")
        self.assertEqual(self.build(*arguments).returncode, 0)
        self.assertRegex(self.content()[2]["greeting"], r"^good morning 12\.")
        self.assertNotIn("unchanged", self.build("--target", "final", "--build-arg", "WORD=two").stdout)
        self.assertEqual(self.content()[2]["word"], "two\n")

    def test_failures_say_why_and_leave_no_archive(self):
        (self.folder / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo the-reason >&2; exit 3\n")
        done = self.build()
        self.assertEqual(done.returncode, 1)
        self.assertIn("the-reason", done.stderr)
        self.assertFalse((self.folder / "out.tar").exists())
        done = self.build("--input", "absent")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"missing input: \S*/absent")


if __name__ == "__main__":
    unittest.main(verbosity=2)
