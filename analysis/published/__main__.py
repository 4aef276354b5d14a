"""Reanalyse a published study of class imbalance.

    python -m analysis.published FOLDER              its tables computed again, and what its runs can show
    python -m analysis.published FOLDER --out DIR    the same, every table as CSV, and the report of the 50 runs

FOLDER holds final_result.csv, train_df.csv and previous_results.csv of the study. Exit code 0 if every table agrees to
the last reported digit, 1 if one does not, 2 if the files are not those of the study.
"""

import argparse
import shutil
import sys
from pathlib import Path

from analysis.published.reanalysis import reanalysis_sections
from analysis.published.reproduced import Section, reproduced
from analysis.published.study_files import NotTheStudy, as_study
from analysis.reporting.terminal import console, rich_table, write
from analysis.reporting.text_tables import frame_text


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.published", description="Reanalyse the published study.")
    parser.add_argument("folder", type=Path, help="folder that holds the study's CSV files")
    parser.add_argument("--out", type=Path, help="write tables (CSV) and the report of the runs here")
    options = parser.parse_args(arguments)
    try:
        again, own = reproduced(options.folder), reanalysis_sections(options.folder)
    except NotTheStudy as error:
        print(f"analysis.published: {error}", file=sys.stderr)
        return 2
    width = min(max(shutil.get_terminal_size((140, 24)).columns, 100), 200)
    print(text("What was published, and what its files give", again, width), end="")
    print(text("What these 50 runs can show", own, width), end="")
    if options.out:
        print(f"Written: {save([*again, *own], options.folder, options.out)}")
    return 0 if all(section.table["agrees"].all() for section in again) else 1


def text(title: str, sections: list[Section], width: int) -> str:
    """Return sections as text for a terminal."""
    out = console(width)
    out.rule(title, characters="=")
    for section in sections:
        out.print(rich_table(frame_text(section.table, section.decimals), section.title))
        for sentence in section.sentences:
            write(out, f"- {sentence}")
        write(out)
    return out.file.getvalue()


def save(sections: list[Section], folder: Path, out: Path) -> Path:
    """Write the tables and the report of the study in *folder* into *out*; return the path of the page."""
    from analysis.reporting.report import write_report

    out.mkdir(parents=True, exist_ok=True)
    for section in sections:
        name = "".join(letter if letter.isalnum() else "_" for letter in section.title.lower())
        section.table.to_csv(out / f"{name}.csv", index=False)
    return write_report(as_study(folder), out / "report")


if __name__ == "__main__":
    sys.exit(main())
