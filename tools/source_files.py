"""The project's own source files and C++ text with comments and literals blanked: shared by the checks."""

import pathlib
import re
import subprocess

CPP = {".cc", ".h"}

_CPP_NOISE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""",
    re.DOTALL,
)


def tracked(root):
    """Paths below root that git tracks or would add; every file where there is no git."""
    root = pathlib.Path(root)
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False,
    )
    if listed.returncode == 0:
        names = [root / line for line in listed.stdout.splitlines()]
    else:
        names = [path for path in root.rglob("*") if path.is_file()]
    return sorted(path for path in names if path.is_file())


def code_only(text):
    """C++ text with comments and string literals replaced by spaces; line numbers stay."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    # Digit separators (1'000) would look like character literals.
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)
    return _CPP_NOISE.sub(blank, text)
