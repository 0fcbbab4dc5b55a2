"""`evaluation.html`: the report of an evaluation for people, in one file without any other."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from avs3d import __version__, labelsets
from avs3d.evaluation.flow import flows, svg

_COSTLY = 25
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --bar: #4a90d9; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin: 2em 0 .4em }
p { margin: .3em 0 } .dim, caption { color: var(--dim) } .warn { color: #b36b00 }
table { border-collapse: collapse; margin: .6em 0 } td, th { padding: .15em .7em; text-align: left }
th { font-weight: 600; border-bottom: 1px solid var(--line); vertical-align: bottom }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tbody tr:hover { background: #8881 }
.why { max-width: 28em; overflow-wrap: anywhere; color: var(--dim); font-size: .9em }
.bar { display: inline-block; height: .65em; background: var(--bar); margin-right: .4em }
.wide { overflow-x: auto } svg { width: 100%; font-size: 12px } svg text { fill: currentColor }
svg .head { fill: var(--dim) } details > summary { cursor: pointer; margin: .6em 0 }
.cm td { font-size: .8em; padding: .1em .35em; border: 1px solid var(--line) }
.cm th { font-size: .8em; padding: .1em .35em } .cm thead th { writing-mode: vertical-rl }
"""
Cell = str | float | int | None


def page(report: dict[str, Any]) -> str:
    """HTML of what `Evaluator.report` gives. Loads nothing, runs nothing."""
    name = "mIoU" if report["words_are"] == "given" else "LAVE mIoU"
    title = f"Evaluation of {', '.join(report['runs'])}"
    scans = f"{report['scans']:,} scan" + ("" if report["scans"] == 1 else "s")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="dim">{scans}, {report["points"]:,} points with a class;'
        f" bundle {escape(str(report['bundle']))}; {escape(report['labelset'])}; words"
        f" {escape(report['words_are'])}, mapped by {escape(report['mapper'])}; avs3d"
        f" {escape(__version__)}</p>",
        _summary(report, name),
        _classes(report),
        _costly(report),
        _flow(report),
        _parts("By condition", "condition", report["conditions"]),
        _parts("By distance from the sensor", "metres", [_ranged(r) for r in report["distance"]]),
        _parts("By group of classes", "group", [
            {"group": group, "miou": value} for group, value in report["groups"].items()
        ]),
        _baselines(report),
        _mappers(report),
        _mapping(report),
        _confusion(report),
        _scans(report),
        _failures(report),
    ]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def _table(
    head: Sequence[str], rows: Sequence[Sequence[Cell]], *, raw: Sequence[int] = (), kind: str = ""
) -> str:
    """Numbers to the right; `raw`: columns that hold HTML already."""
    lines = []
    for row in rows:
        cells = "".join(_cell(value, i in raw, head[i]) for i, value in enumerate(row))
        lines.append(f"<tr>{cells}</tr>")
    texts = {i for row in rows for i, value in enumerate(row) if isinstance(value, str)}
    names = "".join(
        f"<th{'' if i in texts else ' class=n'}>{escape(name)}</th>" for i, name in enumerate(head)
    )
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{names}</tr></thead><tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def _cell(value: Cell, raw: bool, name: str) -> str:
    if isinstance(value, str):
        kind = ' class="why"' if name in ("why", "for example", "error") else ""
        return f"<td{kind}>{value if raw else escape(value)}</td>"
    shown = "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
    return f'<td class="n">{shown}</td>'


def _bar(value: float | None) -> str:
    if value is None:
        return "–"
    bar = f'<span class="bar" style="width:{6 * value:.2f}em"></span>'
    return f"<nobr>{bar}{value:.3f}</nobr>"


def _range(ends: list[float] | None) -> str:
    return "" if ends is None or ends[0] is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _summary(report: dict[str, Any], name: str) -> str:
    words, tpss = report["vocabulary"], report["tpss"]
    others = {row["vocabulary"]: row["tpss"] for row in report["baselines"] or ()}
    controls = ", ".join(
        f"{kind} {others[kind]:.3f}" for kind in ("class names", "random nouns") if kind in others
    )
    size = words["size"]
    rows: list[tuple[str, Cell, str]] = [
        (f"{name}, classes present", report["miou"], _range(report["miou_interval"])),
        (f"{name}, all classes (as published)", report["miou_all"],
         _range(report["miou_all_interval"])),
        ("mean accuracy of the classes", report["accuracy"], ""),
        ("points right", report["points_right"], ""),
        ("points of void words", report["points_void"],
         "counted as wrong" if report["void"] == "wrong" else
         f"void words were removed: {', '.join(report['removed_words']) or 'none'}"),
        ("points without a word", report["points_unlabelled"],
         "left out of IoU" if report["published"] else "counted as wrong"),
        ("TPSS, mean over points", tpss["points"], controls or "no controls: --no-baselines"),
        ("TPSS, mean over scans", tpss["scans"], ""),
        ("words a scan", f"{size['mean']:.1f}", f"{size['least']} to {size['most']};"
         f" {words['distinct']:,} distinct"),
        ("coverage", words["coverage"], "points whose class has a word in their scan"),
        ("excess", words["excess"], "words that mean nothing in their scan"),
        ("redundancy", words["redundancy"], "words for each class that has some"),
    ]  # fmt: skip
    return _table(("", "", ""), rows)


def _classes(report: dict[str, Any]) -> str:
    rows = [
        (r["class"], _bar(r["iou"]), _range(r["interval"]), r["precision"], r["recall"],
         r["points"], r["told"])
        for r in report["classes"]
        if r["points"] or r["told"]
    ]  # fmt: skip
    head = ("class", "IoU", "95 %", "precision", "recall", "points", "told")
    return "<h2>Classes</h2>" + _table(head, rows, raw=(1,))


def _costly(report: dict[str, Any]) -> str:
    rows = [
        (r["word"], r["class"] or "void", _bar(r["cost"]), r["counted"], r["right"],
         f"{r['mostly']} ({r['mostly_points']:,})" if r["mostly"] else "", _why(r))
        for r in report["words"][:_COSTLY]
        if r["cost"]
    ]  # fmt: skip
    head = ("word", "class", "costs", "points", "right", "its wrong points are mostly", "why")
    return (
        "<h2>Words that cost most</h2><p class=dim>By how much mIoU would grow if all points of the"
        " word were right.</p>" + _table(head, rows, raw=(2,))
    )


def _why(row: dict[str, Any]) -> str:
    similar = "" if row["similarity"] is None else f" ({row['similarity']:.2f})"
    return f"{row['why'] or row['mapper']}{similar}"


def _flow(report: dict[str, Any]) -> str:
    picture = svg(flows(report["words"]), labelsets.load(report["labelset"]))
    if not picture:
        return ""
    captions = sum(row["captions"] for row in report["words"])
    from_captions = sum(1 for row in report["words"] if row["captions"])
    said = (
        f"{captions:,} mentions in captions gave {from_captions:,} of the {len(report['words']):,}"
        " words. " if captions else ""
    )  # fmt: skip
    return (
        f"<h2>From captions to words to classes</h2><p class=dim>{said}Bands are points, in the"
        f" colour of their true class; hold the pointer over one.</p>{picture}"
    )


def _ranged(row: dict[str, Any]) -> dict[str, Any]:
    far = f"beyond {row['from']:g}" if row["to"] is None else f"{row['from']:g} to {row['to']:g}"
    return {"metres": far, **row}


def _parts(title: str, name: str, rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    shown = {"scans": "scans", "points": "points", "miou": "mIoU", "miou_interval": "95 %",
             "miou_all": "mIoU, all classes", "accuracy": "accuracy"}  # fmt: skip
    keys = [key for key in shown if key in rows[0]]
    cells = [
        (row[name], *(_range(row[k]) if k == "miou_interval" else row[k] for k in keys))
        for row in rows
    ]
    return f"<h2>{title}</h2>" + _table((name, *(shown[key] for key in keys)), cells)


def _baselines(report: dict[str, Any]) -> str:
    if report["baselines"] is None:
        return ""
    own = (f"this run ({report['words_are']})", report["vocabulary"]["size"]["mean"],
           report["tpss"]["points"], _bar(report["miou"]), report["miou_all"])  # fmt: skip
    rows = [own] + [
        (r["vocabulary"], r["words"], r["tpss"], _bar(r["miou"]), r["miou_all"])
        for r in report["baselines"]
    ]
    head = ("vocabulary", "words a scan", "TPSS", "mIoU", "mIoU, all classes")
    return "<h2>The same scans with other words</h2>" + _table(head, rows, raw=(3,))


def _mappers(report: dict[str, Any]) -> str:
    head = ("mapper", "mIoU", "mIoU, all classes", "void words", "no answer", "same words",
            "same points", "draws agree")  # fmt: skip
    rows = [
        (r["mapper"], _bar(r["miou"]), r["miou_all"], r["void_words"], r["no_answer"],
         r["same_words"], r["same_points"], r["agreement"])
        for r in report["mappers"]
    ]  # fmt: skip
    return "<h2>How the result moves with the mapper</h2>" + _table(head, rows, raw=(1,))


def _mapping(report: dict[str, Any]) -> str:
    head = ("word", "class", "mapper", "why", "similarity", "agree", "points", "right", "scans",
            "captions", "for example")  # fmt: skip
    rows = [
        (r["word"], r["class"] or "void", r["mapper"], r["why"], r["similarity"], r["agreement"],
         r["points"], r["right"], r["scans"], r["captions"], r["example"] or "")
        for r in sorted(report["words"], key=lambda r: (-r["points"], r["word"]))
    ]  # fmt: skip
    return (
        f"<h2>Words and classes</h2><details><summary>All {len(rows):,} words, those with most"
        f" points first</summary>{_table(head, rows)}</details>"
    )


def _confusion(report: dict[str, Any]) -> str:
    names = [row["class"] for row in report["classes"]]
    counts = report["confusion"]
    columns = [i for i in range(len(names) + 2) if any(row[i] for row in counts)]
    heads = [*names, "void", "no word"]
    lines = []
    for name, row in zip(names, counts, strict=True):
        if total := sum(row):
            cells = "".join(
                f'<td class="n" style="background:rgba(74,144,217,{row[i] / total:.2f})"'
                f' title="{escape(name)} told {escape(heads[i])}: {row[i]:,}">'
                f"{100 * row[i] / total:.0f}</td>"
                for i in columns
            )
            lines.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    head = "".join(f"<th>{escape(heads[i])}</th>" for i in columns)
    return (
        "<h2>What each class was taken for</h2><p class=dim>Percent of the points of the true class"
        ' (rows).</p><div class="wide"><table class="cm"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _scans(report: dict[str, Any]) -> str:
    rows = [
        (r["scan"], r["points"], r["miou"], r["tpss"], r["words"], r["coverage"], r["excess"],
         ", ".join(r["conditions"]))
        for r in report["per_scan"]
    ]  # fmt: skip
    head = ("scan", "points", "mIoU", "TPSS", "words", "coverage", "excess", "conditions")
    return (
        f"<h2>Scans</h2><details><summary>All {len(rows):,}</summary>{_table(head, rows)}</details>"
    )


def _failures(report: dict[str, Any]) -> str:
    rows = [(r["scan"], r["error"]) for r in report["failures"]]
    if not rows:
        return ""
    return '<h2 class="warn">Scans that do not count</h2>' + _table(("scan", "error"), rows)
