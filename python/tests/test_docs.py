"""Every code block of docs/python.md runs."""

import re
from pathlib import Path

from conftest import shell

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_every_block_of_the_page_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    session = {}
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    for language, text in blocks:
        if language == "sh":
            for line in text.splitlines():
                shell(line, tmp_path)
        else:
            exec(compile(text, str(PAGE), "exec"), session)
    assert (tmp_path / "labels.nii.gz").is_file() and (tmp_path / "model.pth").is_file()
    assert session["run"].verb == "train" and session["run"].altered == {}
    assert session["run"].config["train"]["epochs"] == len(session["epochs"]) == 3
    assert session["prediction"].labels.shape == session["image"].shape
    assert "found (4, 4)" in capsys.readouterr().out
